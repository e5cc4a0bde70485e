FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=0.1.0
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X github.com/holdfastdns/holdfast/internal/app.Version=${VERSION}" -o /holdfast ./cmd/holdfast

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /holdfast /holdfast
USER 65534:65534
VOLUME /var/lib/holdfast
EXPOSE 8053
ENTRYPOINT ["/holdfast"]
CMD ["watch", "--config", "/etc/holdfast/holdfast.toml"]
