package walk

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/measure/ask"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// by are the exchanges of a purpose.
func by(m holdfast.Measurement, purpose holdfast.Purpose) []holdfast.Exchange {
	return slices.DeleteFunc(slices.Clone(m.Exchanges), func(e holdfast.Exchange) bool { return e.Purpose != purpose })
}

// asked are the names and types of the questions of a purpose.
func asked(m holdfast.Measurement, purpose holdfast.Purpose) []string {
	var out []string
	for _, e := range by(m, purpose) {
		out = append(out, string(e.Question.Name)+" "+wire.Type(e.Question.Type).String())
	}
	return out
}

// Three addresses of two names: behaviour is asked of each address, or of one
// address of each name; a healthy server is asked nothing one by one.
func TestUnusualQuestions(t *testing.T) {
	b := build(t, world, ask.Config{}, Config{})
	m := b.measure(t, "example.")
	wantCounts(t, m, map[string]int{
		"example. manners answered": 3, "example. edns-version answered": 3,
		"example. foreign answered": 3, "example. version answered": 3, "example. identity answered": 3,
		"example. any answered": 2, "example. qdcount answered": 2, "example. axfr answered": 2, "example. nxdomain-deep answered": 2,
		"example. apex answered": 3 + 2 + 5*scoutsWanted, // AAAA; HTTPS; and what the first two were asked for in vain
		"example. tls answered":  0,
	})
	for _, purpose := range []holdfast.Purpose{holdfast.PurposeCase, holdfast.PurposeEDNSOption, holdfast.PurposeEDNSFlag, holdfast.PurposeSignal} {
		if n := len(by(m, purpose)); n > 0 {
			t.Errorf("%s was asked %d times", purpose, n)
		}
	}
	for _, e := range by(m, holdfast.PurposeManners) {
		opt, ok := wire.ReadOPT(e.Query)
		_, option := opt.Option(UnknownOption)
		_, version := opt.Option(wire.OptionZoneVersion)
		if !ok || !option || !version || opt.Flags&UnknownFlag == 0 || string(wire.Spelling(e.Query)) != "\x07ExAmPlE\x00" {
			t.Errorf("manners are asked for by % x", e.Query)
		}
	}
	for _, e := range by(m, holdfast.PurposeForeign) {
		opt, _ := wire.ReadOPT(e.Query)
		cookie, _ := opt.Option(wire.OptionCookie)
		if e.Query[2]&1 == 0 || string(cookie) != ClientCookie || e.Question.Name != ForeignName {
			t.Errorf("a foreign name is asked for by % x", e.Query)
		}
	}
	for _, e := range by(m, holdfast.PurposeNXDeep) {
		if below := e.Question.Name.Parent().Parent(); below.Parent() != "example." {
			t.Errorf("the deep probe is %s", e.Question.Name)
		}
	}
}

func TestCoreLookAsksNothingUnusual(t *testing.T) {
	b := build(t, world, ask.Config{}, Config{})
	sweep := b.walker.NewSweep("s1")
	if _, err := sweep.Measure(t.Context(), holdfast.Subject{Zone: "example."}, holdfast.Full); err != nil {
		t.Fatal(err)
	}
	m, err := sweep.Measure(t.Context(), holdfast.Subject{Zone: "example."}, holdfast.Core)
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Exchanges) != 2*3 {
		t.Errorf("a core look has %v", count(m))
	}
}

// What a server does not take all at once, it is asked one by one; a server
// that answers nothing is not asked anything unusual.
func TestMannersOneByOne(t *testing.T) {
	b := build(t, world+`
fault ns1.example. edns-option-formerr *
fault ns2.example. timeout *
`, ask.Config{}, Config{})
	m := b.measure(t, "example.")
	wantCounts(t, m, map[string]int{
		"example. manners answered": 2, "example. case answered": 2, "example. edns-option answered": 2, "example. edns-flag answered": 2,
	})
	for _, e := range m.Exchanges {
		if e.Server.Name == "ns2.example." && e.Purpose == holdfast.PurposeManners {
			t.Errorf("%s is dead, and was asked for its manners", e.Server)
		}
	}
}

// Two zones on one server have the questions about it in common: each lists
// the answer under its own name, and it was asked once.
func TestServersOfSeveralZones(t *testing.T) {
	b := build(t, world+`
zone other.
  ns ns.other. 192.0.2.1
`, ask.Config{}, Config{})
	sweep := b.walker.NewSweep("s1")
	ids := map[string]bool{}
	for _, zone := range []holdfast.Name{"example.", "other."} {
		m, err := sweep.Measure(t.Context(), holdfast.Subject{Zone: zone}, holdfast.Full)
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for _, e := range by(m, holdfast.PurposeForeign) {
			if e.Server.Address == netip.MustParseAddr("192.0.2.1") {
				found++
				ids[string(e.Query[:2])+e.Sent.String()] = true
				if e.Zone != zone || !e.Server.Name.IsSubdomainOf(zone) {
					t.Errorf("in the measurement of %s: %s of %s", zone, e.Zone, e.Server)
				}
			}
		}
		if found != 1 {
			t.Errorf("%s lists the foreign name %d times", zone, found)
		}
	}
	if len(ids) != 1 {
		t.Errorf("the server was asked %d times", len(ids))
	}
}

// A type that two servers have is asked of all.
func TestApexTypesAreAskedOfAllWhereSomeHaveThem(t *testing.T) {
	b := build(t, world+`
zone example.
  record @ TXT "hello"
`, ask.Config{}, Config{})
	m := b.measure(t, "example.")
	types := map[string]int{}
	for _, question := range asked(m, holdfast.PurposeApex) {
		types[question]++
	}
	if types["example. TXT"] != 3 || types["example. MX"] != scoutsWanted || types["example. AAAA"] != 3 {
		t.Errorf("asked %v", types)
	}
}

// Without an answer from a scout the next server is asked.
func TestScoutsThatFailAreReplaced(t *testing.T) {
	l := newLook(t.Context(), build(t, world, ask.Config{}, Config{}).walker.NewSweep("s"), holdfast.Subject{Zone: "example."})
	l.deep = true
	l.once("sample")
	servers := []holdfast.Server{{Name: "a."}, {Name: "b."}, {Name: "c."}, {Name: "d."}, {Name: "e."}}
	sc := &scout{waiting: slices.Clone(servers[2:])}
	l.scouts[wire.TypeMX] = sc
	mx := l.apex(servers[0], holdfast.PurposeApex, wire.TypeMX)
	l.scouted(mx, &wire.Message{Authoritative: true})
	l.scouted(mx, nil) // silence
	if next := l.lastQuestions(); len(next) != 1 || len(sc.waiting) != 2 {
		t.Errorf("after a plain no and a silence %d are asked, %d wait", len(next), len(sc.waiting))
	}
	l.scouted(mx, &wire.Message{Authoritative: true})
	if next := l.lastQuestions(); len(next) != 0 {
		t.Errorf("after two plain noes %d are asked", len(next))
	}
	l.scouted(mx, &wire.Message{Answer: []wire.Record{wire.NewRecord("example.", wire.TypeMX, 60, []byte{0, 0, 0})}})
	if len(sc.waiting) != 0 || !sc.found {
		t.Errorf("after a yes %d wait", len(sc.waiting))
	}
	l.home()
}

func TestEncryptedWhereConfigured(t *testing.T) {
	b := build(t, world+"fault ns1.example. dot *\n", ask.Config{TCPWait: holdfast.Duration(5e9)}, Config{Encrypted: true})
	m := b.measure(t, "example.")
	taken := 0
	for _, e := range by(m, holdfast.PurposeTLS) {
		if e.Transport != holdfast.TLS || (e.Outcome == holdfast.Answered) != (e.Server.Name == "ns1.example.") {
			t.Errorf("%s: %s over %s: %s", e.Server, e.Outcome, e.Transport, e.Detail)
		}
		taken++
	}
	if taken != 3 {
		t.Errorf("%d addresses were tried", taken)
	}
}
