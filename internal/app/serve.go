package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/docs"
	"github.com/holdfastdns/holdfast/internal/judge/rootkey"
	"github.com/holdfastdns/holdfast/internal/record"
	"github.com/holdfastdns/holdfast/internal/tell/api"
	"github.com/holdfastdns/holdfast/internal/tell/web"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// WebConfig is the section [web] of the configuration.
type WebConfig struct {
	// Listen is the address and port of the page and the API; "off" serves
	// nothing. "127.0.0.1:8053" where empty.
	Listen string `toml:"listen"`
	// StaffToken opens the pages and calls that show contacts and release
	// notices. Without one Holdfast refuses to listen off loopback.
	StaffToken string `toml:"staff_token"`
	// StaffTokenFile holds the token in place of StaffToken.
	StaffTokenFile string `toml:"staff_token_file"`
}

const defaultListen = "127.0.0.1:8053"

func (c WebConfig) listen() string {
	if c.Listen == "" {
		return defaultListen
	}
	return c.Listen
}

// check refuses what would show the staff's side to the world.
func (c WebConfig) check() error {
	if c.listen() == "off" {
		return nil
	}
	host, _, err := net.SplitHostPort(c.listen())
	if err != nil {
		return fmt.Errorf("web.listen is %q: want ADDRESS:PORT, or \"off\"", c.Listen)
	}
	if c.StaffToken == "" && c.StaffTokenFile == "" && !loopbackHost(host) {
		return fmt.Errorf("web.listen is %q: refusing to listen off loopback without a staff token; set web.staff_token or web.staff_token_file", c.Listen)
	}
	if c.StaffToken != "" && len(c.StaffToken) < 16 {
		return errors.New("web.staff_token is short: use 16 characters or more, such as `openssl rand -hex 16` prints")
	}
	return nil
}

func loopbackHost(host string) bool {
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}

func (c WebConfig) token() (string, error) {
	if c.StaffTokenFile == "" {
		return c.StaffToken, nil
	}
	text, err := os.ReadFile(c.StaffTokenFile)
	if err != nil {
		return "", fmt.Errorf("web.staff_token_file: %w", err)
	}
	token := strings.TrimSpace(string(text))
	if len(token) < 16 {
		return "", fmt.Errorf("web.staff_token_file %s: the token is short: use 16 characters or more", c.StaffTokenFile)
	}
	return token, nil
}

// listenWeb opens the page's port, and says what to do where it is taken.
func listenWeb(address string) (net.Listener, error) {
	listener, err := net.Listen("tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, advise(fmt.Errorf("serve the page: %w", err), "Another program has that port, perhaps another watch: stop it, or set web.listen (for the demo: --listen).")
	}
	if err != nil {
		return nil, fmt.Errorf("serve the page: %w", err)
	}
	return listener, nil
}

// site is the page's set-up as the watch and the demo give it.
type site struct {
	record *record.Record
	clock  holdfast.Clock
	log    *slog.Logger
	token  string
	stale  time.Duration
	// adjust changes the page's configuration, for the demo; nil: not.
	adjust func(*web.Config)
	// root answers what is known of the root's keys; nil: by the program's own calendar.
	root web.RootKeys
	// signals gives the page of key tag signals; nil: by the same.
	signals web.Signals
	// more are further pages, given the page's shell; nil: none.
	more func(*web.Site, *http.ServeMux)
}

func (s site) handler() http.Handler {
	config := web.Config{
		Version: Version, StaffToken: s.token, Checks: docs.Checks(), Decode: wire.Dig, Habit: habitOf, StaleAfter: s.stale, Log: s.log,
	}
	if s.adjust != nil {
		s.adjust(&config)
	}
	if s.root == nil {
		s.root = rootKeys(s.record, s.clock, rootkey.Calendar(), nil)
	}
	if config.Root == nil {
		config.Root = s.root
	}
	if s.signals == nil {
		s.signals = signalsPage(s.record, s.clock, rootkey.Calendar())
	}
	config.Signals = s.signals
	pages := web.New(config, s.record, s.clock)
	calls := api.New(api.Config{
		Version: Version, Catalogue: CatalogueVersion, StaffToken: s.token, Decode: wire.Dig, ReadyAge: s.stale, Root: s.root, Log: s.log,
	}, s.record, s.clock)
	mux := http.NewServeMux()
	for _, path := range []string{"/api/", "/metrics", "/healthz", "/readyz"} {
		mux.Handle(path, calls)
	}
	mux.Handle("/", pages)
	if s.more != nil {
		s.more(pages, mux)
	}
	return mux
}

// serveHTTP serves until the context ends, then lets requests finish.
func serveHTTP(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second,
		WriteTimeout: 60 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 32 << 10,
	}
	finished := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(finished)
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if server.Shutdown(grace) != nil {
			server.Close()
		}
	})
	err := server.Serve(listener)
	if !stop() {
		<-finished
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serve the page: %w", err)
}
