# An image of the one static binary. The database is a volume, the configuration
# is mounted; docs/operating.md has the commands.
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=0.1.0
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X github.com/holdfastdns/holdfast/internal/app.Version=${VERSION}" -o /holdfast ./cmd/holdfast
RUN mkdir -p /image/var/lib/holdfast /image/tmp && chmod 1777 /image/tmp

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build --chown=65534:65534 /image/ /
COPY --from=build /holdfast /holdfast
USER 65534:65534
WORKDIR /var/lib/holdfast
VOLUME /var/lib/holdfast
EXPOSE 8053
ENTRYPOINT ["/holdfast"]
CMD ["watch", "--config", "/etc/holdfast/holdfast.toml"]
