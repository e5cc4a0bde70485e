package zone

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// noon is the instant at which the tests judge.
var noon = time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)

const child holdfast.Name = "example."

// entry is an exchange before it is packed; a nil message is no reply.
type entry struct {
	holdfast.Exchange
	message *wire.Message
}

// world is a measurement under construction. healthy makes one that no check
// has anything to say about; tests break it.
type world struct {
	t       testing.TB
	entries []*entry
	subject holdfast.Subject
}

func server(name, address string) holdfast.Server {
	return holdfast.Server{Name: holdfast.Name(name), Address: netip.MustParseAddr(address)}
}

var (
	rootA  = server("a.root.test.", "198.51.100.1")
	rootA6 = server("a.root.test.", "2001:db8:a::1")
	rootB  = server("b.root.test.", "198.51.100.2")
	ns1    = server("ns1.example.", "192.0.2.1")
	ns1v6  = server("ns1.example.", "2001:db8::1")
	ns2    = server("ns2.example.", "203.0.113.2")
	ns2v6  = server("ns2.example.", "2001:db8:2::2")
	own    = []holdfast.Server{ns1, ns1v6, ns2, ns2v6}
	roots  = []holdfast.Server{rootA, rootA6, rootB}
)

func record(t testing.TB, text string) wire.Record {
	t.Helper()
	r, err := wire.ParseRecord(text)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (w *world) records(texts ...string) []wire.Record {
	w.t.Helper()
	var out []wire.Record
	for _, text := range texts {
		out = append(out, record(w.t, text))
	}
	return out
}

// add puts a question and, unless message is nil, its reply.
func (w *world) add(zone holdfast.Name, purpose holdfast.Purpose, s holdfast.Server, name holdfast.Name, t wire.Type, message *wire.Message) *entry {
	e := &entry{Exchange: holdfast.Exchange{
		Zone: zone, Purpose: purpose, Server: s, Question: holdfast.Question{Name: name, Type: uint16(t)},
		Transport: holdfast.UDP, Sent: noon.Add(-time.Minute), RTT: 20 * time.Millisecond, Tries: 1, Outcome: holdfast.Answered,
	}, message: message}
	if purpose == holdfast.PurposeSOATCP {
		e.Transport = holdfast.TCP
	}
	w.entries = append(w.entries, e)
	return e
}

const (
	soaText  = "example. 3600 IN SOA ns1.example. hostmaster.nic.example. 2026080107 14400 3600 1209600 300"
	sigText  = "example. 3600 IN RRSIG SOA 13 1 3600 20260815000000 20260801000000 4711 example. AAAA"
	rootSOA  = ". 86400 IN SOA a.root.test. nstld.root.test. 2026080100 1800 900 604800 86400"
	rootSig  = ". 86400 IN RRSIG SOA 8 0 86400 20260814000000 20260801050000 57780 . AAAA"
	dsText   = "example. 86400 IN DS 4711 13 2 00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF"
	keyText  = "example. 3600 IN DNSKEY 257 3 13 mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ=="
	paramTxt = "example. 0 IN NSEC3PARAM 1 0 0 -"
)

var nsTexts = []string{"example. 3600 IN NS ns1.example.", "example. 3600 IN NS ns2.example."}

var glueTexts = []string{
	"ns1.example. 3600 IN A 192.0.2.1", "ns1.example. 3600 IN AAAA 2001:db8::1",
	"ns2.example. 3600 IN A 203.0.113.2", "ns2.example. 3600 IN AAAA 2001:db8:2::2",
}

func healthy(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, subject: holdfast.Subject{Zone: child}}
	for _, s := range roots {
		w.add(holdfast.Root, holdfast.PurposeSOA, s, holdfast.Root, wire.TypeSOA,
			&wire.Message{Authoritative: true, Answer: w.records(rootSOA, rootSig)})
		w.add(holdfast.Root, holdfast.PurposeReferral, s, child, wire.TypeNS,
			&wire.Message{Authority: w.records(nsTexts...), Additional: w.records(glueTexts...)})
		w.add(holdfast.Root, holdfast.PurposeDS, s, child, wire.TypeDS,
			&wire.Message{Authoritative: true, Answer: w.records(dsText)})
	}
	for _, text := range glueTexts {
		r := record(t, text)
		w.add(child, holdfast.PurposeAddress, ns1, r.Name, r.Type, &wire.Message{Authoritative: true, Answer: []wire.Record{r}})
	}
	for _, s := range own {
		apex := func(purpose holdfast.Purpose, t wire.Type, texts ...string) {
			m := &wire.Message{Authoritative: true, Answer: w.records(texts...)}
			if len(texts) == 0 {
				m.Authority = w.records(soaText)
			}
			w.add(child, purpose, s, child, t, m)
		}
		apex(holdfast.PurposeSOA, wire.TypeSOA, soaText, sigText)
		apex(holdfast.PurposeNS, wire.TypeNS, nsTexts...)
		apex(holdfast.PurposeSOATCP, wire.TypeSOA, soaText, sigText)
		apex(holdfast.PurposeDNSKEY, wire.TypeDNSKEY, keyText)
		apex(holdfast.PurposeNSEC3PARAM, wire.TypeNSEC3PARAM, paramTxt)
		apex(holdfast.PurposeCDS, wire.TypeCDS)
		apex(holdfast.PurposeCDNSKEY, wire.TypeCDNSKEY)
	}
	return w
}

// each changes the entries that fit: of these servers (any, if none) and this
// purpose (any, if empty).
func (w *world) each(purpose holdfast.Purpose, change func(*entry), servers ...holdfast.Server) *world {
	w.t.Helper()
	n := 0
	for _, e := range w.entries {
		if (purpose == "" || e.Purpose == purpose) && (len(servers) == 0 || slices.Contains(servers, e.Server)) {
			change(e)
			n++
		}
	}
	if n == 0 {
		w.t.Fatalf("no entry for %q at %v", purpose, servers)
	}
	return w
}

func drop(e *entry) { e.Outcome, e.message, e.RTT = holdfast.Timeout, nil, 0 }

// answer replaces the answer section.
func (w *world) answer(texts ...string) func(*entry) {
	return func(e *entry) { e.message = &wire.Message{Authoritative: true, Answer: w.records(texts...)} }
}

func rcode(code int) func(*entry) {
	return func(e *entry) { e.message = &wire.Message{Rcode: code} }
}

func (w *world) measurement() holdfast.Measurement {
	w.t.Helper()
	m := holdfast.Measurement{ID: "test", Subject: w.subject, Depth: holdfast.Full, Started: noon.Add(-time.Minute), Finished: noon}
	for _, e := range w.entries {
		exchange := e.Exchange
		if e.message != nil {
			e.message.Response = true
			e.message.Question = []holdfast.Question{e.Question}
			packet, err := e.message.Pack()
			if err != nil {
				w.t.Fatal(err)
			}
			exchange.Reply = packet
		}
		m.Exchanges = append(m.Exchanges, exchange)
	}
	return m
}

// verdict judges the world by the checks of this room.
func (w *world) verdict() holdfast.Verdict {
	return judge.Catalogue{Version: "test", Checks: Checks()}.Judge(w.measurement(), noon)
}

// findings are those of one check, alone.
func (w *world) findings(code string) []holdfast.Finding {
	w.t.Helper()
	for _, check := range Checks() {
		if check.Code == code {
			check.Unless = nil
			return judge.Catalogue{Checks: []judge.Check{check}}.Judge(w.measurement(), noon).Findings
		}
	}
	w.t.Fatalf("no check %s", code)
	return nil
}

// expect is a finding as a test wants it; a zero server is the zone itself.
type expect struct {
	severity holdfast.Severity
	server   holdfast.Server
	text     string
}

func (w *world) expect(code string, want ...expect) {
	w.t.Helper()
	got := w.findings(code)
	var seen []expect
	for _, f := range got {
		seen = append(seen, expect{f.Severity, f.Server, f.Text})
		if f.Code != code {
			w.t.Errorf("%s: finding %s %q", code, f.Code, f.Text)
		}
		for _, i := range f.Evidence {
			if i < 0 || i >= len(w.entries) {
				w.t.Errorf("%s: evidence %d is not an exchange", code, i)
			}
		}
	}
	if !slices.Equal(seen, want) {
		w.t.Errorf("%s:\n got %+v\nwant %+v", code, seen, want)
	}
}

func TestHealthyZoneIsSilent(t *testing.T) {
	for _, f := range healthy(t).verdict().Findings {
		t.Errorf("%s: %s", f.Code, f.Text)
	}
}
