// Package api is the watch as programs look at it: JSON under /api/v1/ with
// its own description (OpenAPI 3.1), figures for Prometheus at /metrics, and
// /healthz and /readyz for whoever keeps the process running.
//
// Mail addresses are given to staff only. Everything else is public: whoever
// can reach the port may read it.
package api

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/klauspost/compress/gzhttp"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/record"
)

// prefix of all JSON; a change that breaks clients gets another.
const prefix = "/api/v1"

// Config is how the API is set up. The zero value serves the public part.
type Config struct {
	// Version of the program and of its check catalogue, for the description
	// and for the metric holdfast_build_info.
	Version   string
	Catalogue string
	// Anchors are the trust anchors that verdicts rest on, DS or DNSKEY records
	// in presentation format; they go into evidence files.
	Anchors []string
	// StaffToken is the bearer token of staff. Empty: nobody is staff.
	StaffToken string
	// Decode writes a DNS message as dig prints it. Nil: bytes only.
	Decode func(message []byte) (string, error)
	// ReadyAge is the age of the last finished sweep from which /readyz says
	// no; 0: 15 minutes.
	ReadyAge time.Duration
	// Root answers what is known of the root's keys; nil: nothing is.
	Root func(context.Context) (holdfast.RootState, error)
	// Log takes what could not be done; nil: nowhere.
	Log *slog.Logger
}

// api answers from the record.
type api struct {
	config Config
	record *record.Record
	clock  holdfast.Clock
	huma   huma.API
}

// New makes the handler of /api/v1/, /metrics, /healthz and /readyz.
func New(config Config, rec *record.Record, clock holdfast.Clock) http.Handler {
	if config.ReadyAge == 0 {
		config.ReadyAge = 15 * time.Minute
	}
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	a := &api{config: config, record: rec, clock: clock}
	routes := http.NewServeMux()
	a.huma = humago.New(routes, description(config))
	a.watchRoutes()
	a.rootRoutes()
	a.incidentRoutes()
	a.evidenceRoutes()
	a.staffRoutes()
	widenIntegers(a.huma.OpenAPI())

	mux := http.NewServeMux()
	mux.Handle(prefix+"/", gzhttp.GzipHandler(secured(known(routes))))
	mux.Handle("GET /metrics", secured(newMetrics(a)))
	mux.Handle("GET /healthz", secured(http.HandlerFunc(serveHealth)))
	mux.Handle("GET /readyz", secured(http.HandlerFunc(a.serveReady)))
	return mux
}

// description is the frame of the OpenAPI document; operations are added as
// they are registered. It refers to nothing outside itself.
func description(config Config) huma.Config {
	version := config.Version
	if version == "" {
		version = "unversioned"
	}
	d := huma.DefaultConfig("Holdfast", version)
	d.Info.Description = "The watch over DNS zones and their signatures. Instants are RFC 3339 in UTC, durations are nanoseconds where a field's name ends in _ns, octets are base64. A zone is named in A-labels, with or without the final dot; the root is \"@\" in a path. Problems are answered as RFC 9457 describes."
	d.OpenAPIPath, d.DocsPath, d.SchemasPath = prefix+"/openapi", "", ""
	d.CreateHooks = nil // they would add links to schemas that are not served
	d.Components.SecuritySchemes = map[string]*huma.SecurityScheme{"staff": {Type: "http", Scheme: "bearer", Description: "the staff token of the configuration"}}
	describe(d.Components.Schemas)
	return d
}

// widenIntegers tells the truth about unsigned 32-bit numbers (serials, TTLs):
// the generator calls them int32, which half of them do not fit into.
func widenIntegers(document *huma.OpenAPI) {
	var widen func(s *huma.Schema)
	widen = func(s *huma.Schema) {
		if s == nil {
			return
		}
		if s.Format == "int32" && s.Minimum != nil && *s.Minimum == 0 {
			s.Format = "int64"
		}
		widen(s.Items)
		if more, ok := s.AdditionalProperties.(*huma.Schema); ok {
			widen(more)
		}
		for _, property := range s.Properties {
			widen(property)
		}
	}
	for _, s := range document.Components.Schemas.Map() {
		widen(s)
	}
}

// secured adds the headers that keep an answer from being taken for a page.
func secured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// known answers what no route matches as a problem, like all other errors: the
// mux would write plain text.
func known(routes *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler, pattern := routes.Handler(r)
		if pattern != "" {
			routes.ServeHTTP(w, r)
			return
		}
		refused := refusal{header: http.Header{}}
		handler.ServeHTTP(&refused, r)
		for _, header := range []string{"Allow", "Location"} {
			if value := refused.header.Get(header); value != "" {
				w.Header().Set(header, value)
			}
		}
		writeProblem(w, refused.status, http.StatusText(refused.status))
	})
}

// refusal takes what the mux would have answered, without its text.
type refusal struct {
	header http.Header
	status int
}

func (r *refusal) Header() http.Header            { return r.header }
func (r *refusal) WriteHeader(status int)         { r.status = status }
func (r *refusal) Write(text []byte) (int, error) { return len(text), nil }

// problem is the one place where errors become answers. What went wrong inside
// is for the log, not for the client.
func (a *api) problem(ctx context.Context, err error) error {
	var said huma.StatusError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &said):
		return said
	case errors.Is(err, record.ErrNotFound):
		return huma.Error404NotFound("the record knows nothing of it; it may have been pruned by age")
	case errors.Is(err, record.ErrState):
		return huma.Error409Conflict("the notice is not in a state that allows it")
	case ctx.Err() != nil:
		return huma.Error503ServiceUnavailable("the request ended before its answer was there")
	}
	a.config.Log.Error("cannot answer", "error", err)
	return huma.Error500InternalServerError("the answer could not be made; the reason is in the program's log")
}

// body wraps what is answered, as the generator wants it.
type body[T any] struct{ Body T }

// register adds an operation whose errors pass through problem.
func register[I, O any](a *api, operation huma.Operation, answer func(context.Context, *I) (O, error)) {
	operation.Path = prefix + operation.Path
	operation.MaxBodyBytes = 16 << 10
	operation.Errors = append(operation.Errors, http.StatusUnprocessableEntity, http.StatusInternalServerError, http.StatusServiceUnavailable)
	huma.Register(a.huma, operation, func(ctx context.Context, in *I) (*body[O], error) {
		out, err := answer(ctx, in)
		if err != nil {
			return nil, a.problem(ctx, err)
		}
		return &body[O]{out}, nil
	})
}

// forStaff marks an operation as one that needs the token.
func (a *api) forStaff(operation huma.Operation) huma.Operation {
	operation.Security = []map[string][]string{{"staff": {}}}
	operation.Errors = append(operation.Errors, http.StatusUnauthorized)
	operation.Middlewares = huma.Middlewares{func(ctx huma.Context, next func(huma.Context)) {
		if !a.isStaff(ctx.Header("Authorization")) {
			ctx.SetHeader("WWW-Authenticate", `Bearer realm="holdfast"`)
			// WriteErr reports a client that has gone; nothing is to be done.
			_ = huma.WriteErr(a.huma, ctx, http.StatusUnauthorized, "this is for staff: send the staff token as a bearer token")
			return
		}
		next(ctx)
	}}
	return operation
}

// isStaff compares in constant time; hashing first hides the length too.
func (a *api) isStaff(authorization string) bool {
	token, ok := strings.CutPrefix(authorization, "Bearer ")
	if !ok || a.config.StaffToken == "" {
		return false
	}
	want, got := sha256.Sum256([]byte(a.config.StaffToken)), sha256.Sum256([]byte(token))
	return subtle.ConstantTimeCompare(want[:], got[:]) == 1
}
