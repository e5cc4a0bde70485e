package zonefile

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/source"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// RootURL is IANA's copy of the root zone over HTTPS.
const RootURL = "https://www.internic.net/domain/root.zone"

// RootTransferServers give the root zone by AXFR to anyone: ICANN's two that
// are kept for it, and two root servers (RFC 8806 appendix A).
func RootTransferServers() []string {
	return []string{"lax.xfr.dns.icann.org:53", "iad.xfr.dns.icann.org:53", "b.root-servers.net:53", "f.root-servers.net:53"}
}

// Means are what fetching takes; app gives them.
type Means struct {
	Dial      source.DialContext
	Client    *http.Client
	UserAgent string
	Stdin     io.Reader
	Clock     holdfast.Clock
	Limits    Limits
}

// Source is a place where a zone is to be had.
type Source interface {
	source.Fetcher
	// Stream hands over record after record and holds none.
	Stream(ctx context.Context, yield func(wire.Record) error) (Summary, error)
}

// Place reads where a zone is to be had from, as configuration writes it:
//
//	axfr:HOST or axfr:HOST:PORT    a transfer from that server (port 53)
//	https://...                    a zone file on the web (http:// as well:
//	                               the zone is verified, whatever brought it)
//	- or a path                    a zone file, plain or compressed
func Place(text string, zone holdfast.Name, means Means) (Source, error) {
	server, isTransfer := strings.CutPrefix(text, "axfr:")
	switch {
	case text == "" || isTransfer && server == "":
		return nil, fmt.Errorf("zone source %q: want axfr:HOST[:PORT], a URL or a file", text)
	case isTransfer:
		if _, _, err := net.SplitHostPort(server); err != nil {
			server = net.JoinHostPort(strings.Trim(server, "[]"), "53")
		}
		return Axfr{Zone: zone, Server: server, Dial: means.Dial, Limits: means.Limits, Clock: means.Clock}, nil
	case strings.HasPrefix(text, "https://") || strings.HasPrefix(text, "http://"):
		return Web{URL: text, Client: means.Client, UserAgent: means.UserAgent, Limits: means.Limits, Clock: means.Clock}, nil
	case strings.Contains(text, "://"):
		return nil, fmt.Errorf("zone source %q: want axfr:HOST[:PORT], a URL of https or a file", text)
	}
	return File{Path: text, Stdin: means.Stdin, Origin: zone, Limits: means.Limits, Clock: means.Clock}, nil
}

// File is a zone in a file; it is read anew at each fetch.
type File struct {
	Path   string        // "-": Stdin
	Stdin  io.Reader     // read once, where Path is "-"
	Origin holdfast.Name // of relative names; empty: the root
	Limits Limits
	Clock  holdfast.Clock
}

func (f File) String() string {
	if f.Path == "-" {
		return "standard input"
	}
	return f.Path
}

// Stream reads the file.
func (f File) Stream(_ context.Context, yield func(wire.Record) error) (Summary, error) {
	return ReadFile(f.Path, f.Stdin, f.Origin, f.Limits, yield)
}

// Fetch reads the file.
func (f File) Fetch(ctx context.Context) (source.Zone, error) {
	fetched := f.Clock.Now()
	// A copy's age is its file's, not that of our reading it.
	if info, err := os.Stat(f.Path); f.Path != "-" && err == nil {
		fetched = info.ModTime().UTC()
	}
	return gather(ctx, f, fetched)
}

// Axfr is a zone at a server that gives transfers.
type Axfr struct {
	Zone   holdfast.Name
	Server string // "host:port"
	Dial   source.DialContext
	Limits Limits
	Clock  holdfast.Clock
}

func (x Axfr) String() string { return "AXFR from " + x.Server }

// Stream transfers the zone.
func (x Axfr) Stream(ctx context.Context, yield func(wire.Record) error) (Summary, error) {
	return Transfer(ctx, x.Dial, x.Server, x.Zone, x.Limits, yield)
}

// Fetch transfers the zone.
func (x Axfr) Fetch(ctx context.Context) (source.Zone, error) { return gather(ctx, x, x.Clock.Now()) }

// Web is a zone file at a URL.
type Web struct {
	URL       string
	Client    *http.Client // app's, with its dialer
	UserAgent string
	Limits    Limits
	Clock     holdfast.Clock
}

func (w Web) String() string { return w.URL }

// Fetch downloads and reads the zone.
func (w Web) Fetch(ctx context.Context) (source.Zone, error) { return gather(ctx, w, w.Clock.Now()) }

// Stream downloads the zone.
func (w Web) Stream(ctx context.Context, yield func(wire.Record) error) (Summary, error) {
	ctx, cancel := context.WithTimeout(ctx, w.Limits.withDefaults().Timeout.Of())
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, w.URL, nil)
	if err != nil {
		return Summary{}, fmt.Errorf("fetch zone: %w", err)
	}
	if w.UserAgent != "" {
		request.Header.Set("User-Agent", w.UserAgent)
	}
	response, err := w.Client.Do(request)
	if err != nil {
		return Summary{}, fmt.Errorf("fetch zone: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return Summary{}, fmt.Errorf("fetch zone %s: the server says %s", w.URL, response.Status)
	}
	return Read(response.Body, w.URL, "", w.Limits, yield)
}
