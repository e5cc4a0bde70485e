package rehearsal

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/lab/resolvers"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// anchorsLast is where the file of trust anchors is served.
const anchorsLast = 18

// publisher serves root-anchors.xml and its signature over HTTPS, as IANA does, in
// the form that an act wants.
type publisher struct {
	at      netip.AddrPort
	ca      string // file
	keys    []publishedKey
	trusted authority // whose certificate is pinned
	unknown authority // another, which nobody knows

	mu             sync.Mutex
	xml, signature []byte // owned by mu; nil until an act has asked for a form
}

// publishedKey is a key-signing key of the play, and until when it may be trusted.
type publishedKey struct {
	key   wire.DNSKEY
	until time.Duration // of the play; zero where it is still there at the end
}

// publishes says whether a play has acts that fetch trust anchors.
func publishes(play holdfast.Play) bool {
	for _, step := range play.Steps {
		if slices.ContainsFunc(step.Acts, func(a holdfast.PlayAct) bool { return a.Do == holdfast.ActBootstrap }) {
			return true
		}
	}
	return false
}

func newPublisher(s *stage) (*publisher, error) {
	p := &publisher{at: netip.AddrPortFrom(resolverAddress(anchorsLast).Addr(), 443), ca: filepath.Join(s.job.Folder, "authority.pem")}
	now := s.clock.Now()
	var err error
	if p.trusted, err = newAuthority("Holdfast rehearsal authority", now); err != nil {
		return nil, err
	}
	if p.unknown, err = newAuthority("An authority that nobody knows", now); err != nil {
		return nil, err
	}
	for _, k := range s.set.Play.Keys {
		if !k.KSK {
			continue
		}
		r, err := wire.ParseRecord(s.set.Public[k.Name])
		if err != nil {
			return nil, err
		}
		key, err := r.DNSKEY()
		if err != nil {
			return nil, err
		}
		p.keys = append(p.keys, lifeOf(s.set.Play, k.Name, key))
	}
	return p, os.WriteFile(p.ca, p.trusted.pem(), 0o644)
}

// lifeOf finds until when a key may be trusted: the step in which it is gone.
func lifeOf(play holdfast.Play, name string, key wire.DNSKEY) publishedKey {
	out := publishedKey{key: key}
	for _, step := range play.Steps {
		switch there := slices.Contains(step.Publish, name) && !slices.Contains(step.Revoke, name); {
		case there:
			out.until = 0
		case out.until == 0:
			out.until = max(step.At, time.Nanosecond)
		}
	}
	return out
}

// serve answers until ctx ends.
func (p *publisher) serve(ctx context.Context) error {
	certificate, err := p.trusted.serverCertificate(p.at.Addr())
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", p.at.String())
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler: p, ReadHeaderTimeout: replyWait, ErrorLog: log.New(io.Discard, "", 0), // resolvers that break off are no news
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate}},
	}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	go func() { _ = server.ServeTLS(listener, "", "") }() // ends with ctx
	return nil
}

func (p *publisher) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	xml, signature := p.xml, p.signature
	p.mu.Unlock()
	switch path := strings.TrimPrefix(r.URL.Path, "/"); {
	case path == resolvers.AnchorsPath && xml != nil:
		w.Header().Set("Content-Type", "text/xml")
		_, _ = w.Write(xml) // a resolver that breaks off is its own loss
	case path == resolvers.SignaturePath && signature != nil:
		w.Header().Set("Content-Type", "application/pkcs7-signature")
		_, _ = w.Write(signature)
	default:
		http.NotFound(w, r)
	}
}

// Forms in which the file of trust anchors is published.
const (
	formOld     = "rfc7958"
	formNew     = "rfc9718"
	formMixed   = "mixed"
	formUnknown = "unknown-ca"
	formExpired = "expired-signer"
)

// publish makes the file in a form, as of an instant of a play that began at begin.
func (p *publisher) publish(form string, begin, now time.Time) error {
	signer, from, until := p.trusted, begin.Add(-24*time.Hour), begin.Add(365*24*time.Hour)
	whole := func(int) bool { return false }
	switch form {
	case formOld:
	case formNew:
		whole = func(int) bool { return true }
	case formMixed: // as IANA's file is: the oldest key by its digest only
		whole = func(i int) bool { return i > 0 }
	case formUnknown:
		signer = p.unknown
	case formExpired:
		from, until = now.Add(-48*time.Hour), now.Add(-24*time.Hour)
	default:
		return fmt.Errorf("bootstrap %q: it is not known how", form)
	}
	xml, err := anchorsXML(p.keys, begin, whole)
	if err != nil {
		return err
	}
	signature, err := signer.sign(xml, from, until)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.xml, p.signature = xml, signature
	return nil
}

// anchorsXML is root-anchors.xml (RFC 7958 section 2.1.1); where whole says so, a
// key is in it with PublicKey and Flags (RFC 9718 section 2.1).
func anchorsXML(keys []publishedKey, begin time.Time, whole func(int) bool) ([]byte, error) {
	const layout = "2006-01-02T15:04:05+00:00"
	var b strings.Builder
	b.WriteString("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<TrustAnchor id=\"00000000-0000-4000-8000-000000000001\" source=\"http://data.iana.org/root-anchors/root-anchors.xml\">\n<Zone>.</Zone>\n")
	for i, k := range keys {
		ds, err := k.key.Digest(holdfast.Root, 2)
		if err != nil {
			return nil, err
		}
		until := ""
		if k.until != 0 {
			until = fmt.Sprintf(" validUntil=%q", begin.Add(k.until).UTC().Format(layout))
		}
		fmt.Fprintf(&b, "<KeyDigest id=\"Kplay%02d\" validFrom=%q%s>\n<KeyTag>%d</KeyTag>\n<Algorithm>%d</Algorithm>\n<DigestType>2</DigestType>\n<Digest>%X</Digest>\n",
			i, begin.Add(-time.Hour).UTC().Format(layout), until, ds.KeyTag, ds.Algorithm, ds.Digest)
		if whole(i) {
			fmt.Fprintf(&b, "<PublicKey>%s</PublicKey>\n<Flags>%d</Flags>\n", base64.StdEncoding.EncodeToString(k.key.PublicKey), k.key.Flags)
		}
		b.WriteString("</KeyDigest>\n")
	}
	b.WriteString("</TrustAnchor>\n")
	return []byte(b.String()), nil
}

// bootstrap has the resolver's helper fetch the file of trust anchors.
func (a *actor) bootstrap(ctx context.Context, form string, acted *holdfast.Acted) error {
	s := a.stage
	if s.publisher == nil {
		return errors.New("nobody publishes trust anchors")
	}
	if err := s.publisher.publish(form, s.begin, s.clock.Now()); err != nil {
		return err
	}
	exit, said, err := a.daemon.Bootstrap(ctx)
	if errors.Is(err, resolvers.ErrNoBootstrap) {
		return errNotForIt
	}
	acted.Exit, acted.Said = exit, said[max(0, len(said)-maxActSaid):]
	return err
}

// maxActSaid bounds what is kept of what an act's program said.
const maxActSaid = 4000
