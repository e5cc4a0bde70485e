package zonefile

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"

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

// Fetch reads the file.
func (f File) Fetch(context.Context) (source.Zone, error) {
	fetched := f.Clock.Now()
	// A copy's age is its file's, not that of our reading it.
	if info, err := os.Stat(f.Path); f.Path != "-" && err == nil {
		fetched = info.ModTime().UTC()
	}
	return gather(f.String(), fetched, func(yield func(wire.Record) error) (Summary, error) {
		return ReadFile(f.Path, f.Stdin, f.Origin, f.Limits, yield)
	})
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

// Fetch transfers the zone.
func (x Axfr) Fetch(ctx context.Context) (source.Zone, error) {
	return gather(x.String(), x.Clock.Now(), func(yield func(wire.Record) error) (Summary, error) {
		return Transfer(ctx, x.Dial, x.Server, x.Zone, x.Limits, yield)
	})
}

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
func (w Web) Fetch(ctx context.Context) (source.Zone, error) {
	ctx, cancel := context.WithTimeout(ctx, w.Limits.withDefaults().Timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, w.URL, nil)
	if err != nil {
		return source.Zone{}, fmt.Errorf("fetch zone: %w", err)
	}
	if w.UserAgent != "" {
		request.Header.Set("User-Agent", w.UserAgent)
	}
	response, err := w.Client.Do(request)
	if err != nil {
		return source.Zone{}, fmt.Errorf("fetch zone: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return source.Zone{}, fmt.Errorf("fetch zone %s: the server says %s", w.URL, response.Status)
	}
	return gather(w.URL, w.Clock.Now(), func(yield func(wire.Record) error) (Summary, error) {
		return Read(response.Body, w.URL, "", w.Limits, yield)
	})
}
