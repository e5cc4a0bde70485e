// Package web is the page: the watch as people look at it, rendered here and
// whole without JavaScript. It speaks from the record and changes nothing in
// it, but for the notices that staff release or drop.
//
// Two things are absent by design. No page loads anything from elsewhere. And
// no page shows a mail address to anybody who has not signed in as staff.
package web

import (
	"crypto/rand"
	"embed"
	"errors"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/record"
)

//go:embed assets
var assets embed.FS

// Config is how the page is set up. The zero value is a page without staff.
type Config struct {
	// Title stands at the head of every page; empty: "Holdfast".
	Title string
	// Version of the program, for the foot of the page.
	Version string
	// StaffToken is what staff sign in with. Empty: nobody can sign in. It
	// should be long and random: there is no limit on tries.
	StaffToken string
	// StaffOpen makes everybody staff who reaches the page under a loopback
	// name (localhost, 127.0.0.1, [::1]). It is for a demo on one machine;
	// never set it where others can connect.
	StaffOpen bool
	// Links are further pages for the bar at the top; whoever lists one serves it.
	Links []Link
	// Checks holds the pages of docs/checks as markdown files; nil: no such pages.
	Checks fs.FS
	// Decode writes a DNS message as dig prints it. Nil: bytes only.
	Decode func(message []byte) (string, error)
	// Habit says how a class of records is usually signed anew; false where its
	// past says too little. Nil: no habits are shown.
	Habit func(holdfast.SigningPast) (Habit, bool)
	// StaleAfter is the age of the last finished sweep from which the page
	// says that it shows the past; 0: 15 minutes.
	StaleAfter time.Duration
	// ClockRate is how many seconds pass on the clock in one of the visitor's,
	// so that countdowns keep pace with a lab's fast clock; 0: one.
	ClockRate float64
	// Refresh is how often an open page looks for news, where JavaScript runs;
	// 0: 30 seconds.
	Refresh time.Duration
	// Root answers what is known of the root's keys; nil: there is no page of them.
	Root RootKeys
	// Signals gives the body of the page of key tag signals; nil: there is none.
	Signals Signals
	// Testbed runs test zones; nil: there are no pages of them.
	Testbed Testbed
	// Sentinel is the test of root keys in the visitor's browser; nil: none.
	Sentinel *Sentinel
	// TestbedOnly leaves out what belongs to a watch: the bar has no links to its
	// pages, and the front page leads to the test zones.
	TestbedOnly bool
	// Proxied says that a proxy stands before the site and names the visitor
	// last in X-Forwarded-For: limits are kept by that address.
	Proxied bool
	// Log takes what could not be done; nil: nowhere.
	Log *slog.Logger
}

// Link is a page by its path and its name for people.
type Link struct {
	Path string
	Text string
}

// Site answers requests for pages. It holds no state of the watch but the
// last rendering of the front page.
type Site struct {
	config Config
	record *record.Record
	clock  holdfast.Clock
	pages  *template.Template
	style  asset
	script asset
	icon   asset
	// sentinel is the script of the test pages alone
	sentinel asset
	mux      *http.ServeMux
	guard    http.Handler
	front    frontCache
	key      []byte // seals sessions and forms
}

// New makes the site. It panics only where the embedded templates are broken,
// which every test would show.
func New(config Config, rec *record.Record, clock holdfast.Clock) *Site {
	if config.Title == "" {
		config.Title = "Holdfast"
	}
	if config.StaleAfter == 0 {
		config.StaleAfter = 15 * time.Minute
	}
	if config.ClockRate == 0 {
		config.ClockRate = 1
	}
	if config.Refresh == 0 {
		config.Refresh = 30 * time.Second
	}
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	key := []byte(config.StaffToken)
	if len(key) == 0 {
		key = []byte(rand.Text()) // forms of an open site are sealed too
	}
	s := &Site{
		key:    key,
		config: config, record: rec, clock: clock,
		pages:    template.Must(template.New("").Funcs(functions).ParseFS(assets, "assets/*.html")),
		style:    newAsset("style", "css", "text/css; charset=utf-8"),
		script:   newAsset("page", "js", "text/javascript; charset=utf-8"),
		icon:     newAsset("icon", "svg", "image/svg+xml"),
		sentinel: newAsset("sentinel", "js", "text/javascript; charset=utf-8"),
		mux:      http.NewServeMux(),
	}
	s.routes()
	// A form that another site makes a visitor's browser send is refused here,
	// whatever cookies came with it.
	s.guard = http.NewCrossOriginProtection().Handler(s.mux)
	return s
}

func (s *Site) routes() {
	if s.config.Testbed != nil {
		s.serve(s.testbedRoutes())
	}
	s.serve(map[string]page{
		"GET /{$}":                               s.serveFront,
		"GET /zone/{zone}":                       s.serveZone,
		"GET /evidence/{measurement}":            s.serveMeasurement,
		"GET /evidence/{measurement}/{n}":        s.serveExchange,
		"GET /incidents":                         s.serveIncidents,
		"GET /incidents/{id}":                    s.serveIncident,
		"GET /sweeps":                            s.serveSweeps,
		"GET /forecast":                          s.serveForecast,
		"GET /checks":                            s.serveChecks,
		"GET /checks/{code}":                     s.serveCheck,
		"GET /sign-in":                           s.serveSignIn,
		"POST /sign-in":                          s.signIn,
		"POST /sign-out":                         s.signOut,
		"GET /notices":                           s.staffOnly(s.serveNotices),
		"GET /notices/{id}":                      s.staffOnly(s.serveNotice),
		"POST /notices/{id}/{verb}":              s.staffOnly(s.settleNotice),
		"GET /contacts":                          s.staffOnly(s.serveContacts),
		"GET /evidence/{measurement}/{n}/{file}": s.serveBytes,
		"/":                                      s.serveNothing,
	})
	if s.config.Root != nil {
		s.serve(map[string]page{"GET " + rootPath: s.serveRoot})
	}
	if s.config.Signals != nil {
		s.serve(map[string]page{"GET " + signalsPath: s.serveSignals})
	}
	if s.config.Sentinel != nil {
		s.serve(s.sentinelRoutes())
	}
	for _, a := range []asset{s.style, s.script, s.icon, s.sentinel} {
		s.mux.Handle("GET "+a.path, a)
	}
}

// serve puts pages into the site by their patterns.
func (s *Site) serve(pages map[string]page) {
	for pattern, serve := range pages {
		s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if err := serve(w, r); err != nil {
				s.fail(w, r, err)
			}
		})
	}
}

// page answers a request or says why it could not.
type page func(http.ResponseWriter, *http.Request) error

// ServeHTTP answers a request. Every answer, also a refusal, carries headers
// that keep a browser from loading anything from elsewhere.
func (s *Site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
	s.guard.ServeHTTP(w, r)
}

// refusal is an error that the visitor is to read, with its HTTP status.
type refusal struct {
	status int
	text   string
}

func (r refusal) Error() string { return r.text }

func notFound(text string) error { return refusal{http.StatusNotFound, text} }

// fail shows an error as a page. What went wrong inside is for the log, not
// for the visitor.
func (s *Site) fail(w http.ResponseWriter, r *http.Request, err error) {
	var said refusal
	switch {
	case errors.As(err, &said):
	case errors.Is(err, record.ErrNotFound):
		said = refusal{http.StatusNotFound, "The record knows nothing under this address. It may have been pruned by age, or never have been there."}
	case errors.Is(err, record.ErrState):
		said = refusal{http.StatusConflict, "The notice has moved on in the meantime: it is no longer in a state that allows this."}
	case r.Context().Err() != nil:
		return // the visitor has gone
	default:
		s.config.Log.Error("cannot show page", "path", r.URL.Path, "error", err)
		said = refusal{http.StatusInternalServerError, "The page could not be made. The reason is in the program's log."}
	}
	body, err := s.render("failure", struct{ Status, Text string }{http.StatusText(said.status), said.text})
	if err != nil {
		http.Error(w, said.text, said.status)
		return
	}
	s.send(w, r, said.status, shell{Title: http.StatusText(said.status), Body: body})
}

func (s *Site) serveNothing(http.ResponseWriter, *http.Request) error {
	return notFound("There is no page at this address.")
}
