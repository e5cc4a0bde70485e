package anchor

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/lab"
	"github.com/holdfastdns/holdfast/internal/measure/ask"
	"github.com/holdfastdns/holdfast/internal/wire"
)

const world = `
clock 2026-08-01T12:00:00Z
validator 192.0.2.53
root
  ns a.root-servers.lab. 198.41.0.4
zone lab.
  ns ns1.lab. 192.0.2.1
  record www A 192.0.2.80
  record root-key-sentinel-is-ta-00042 A 192.0.2.81
zone bogus.lab.
  ns ns1.lab.
  record www A 192.0.2.82
zone bare.lab.
  ns ns1.lab.
  unsigned
  record www A 192.0.2.83
fault * break * bogus.lab.
`

func asker(t *testing.T, faults ...string) *ask.Asker {
	t.Helper()
	plan, err := lab.Parse(strings.NewReader(world+strings.Join(faults, "")), "world", nil)
	if err != nil {
		t.Fatal(err)
	}
	internet, err := lab.New(plan, nil)
	if err != nil {
		t.Fatal(err)
	}
	a, err := ask.New(ask.Config{Rate: -1}, internet, internet.Clock())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

func TestSentinelName(t *testing.T) {
	for _, c := range []struct {
		probe holdfast.Probe
		tag   uint16
		zone  holdfast.Name
		want  holdfast.Name
	}{
		{holdfast.ProbeIs, 42, "lab.", "root-key-sentinel-is-ta-00042.lab."}, // RFC 8509 section 2
		{holdfast.ProbeNot, 20326, holdfast.Root, "root-key-sentinel-not-ta-20326."},
	} {
		if got := SentinelName(c.probe, c.tag, c.zone); got != c.want {
			t.Errorf("%s, want %s", got, c.want)
		}
	}
}

// TestLook: every probe is put as it must be, and what came of it is kept.
func TestLook(t *testing.T) {
	resolver := Resolver{Server: holdfast.Server{Name: "validator", Address: netip.MustParseAddr("192.0.2.53")}}
	samples := Look(t.Context(), asker(t), resolver, Names{
		Signed: "www.lab.", Bogus: "www.bogus.lab.", Unsigned: "www.bare.lab.", Root: true,
		Sentinel: "lab.", Keys: []Key{{"old", 42}},
	})
	type seen struct {
		ad    bool
		rcode int
	}
	want := map[holdfast.Probe]seen{
		holdfast.ProbeSigned:   {true, wire.NoError},
		holdfast.ProbeBogus:    {false, wire.ServFail},
		holdfast.ProbeUnsigned: {false, wire.NoError},
		holdfast.ProbeBare:     {true, wire.NoError},
		holdfast.ProbeKeys:     {true, wire.NoError},
		holdfast.ProbeIs:       {true, wire.NoError},
		holdfast.ProbeNot:      {true, wire.NXDomain},
	}
	if len(samples) != len(want) {
		t.Fatalf("%d samples, want %d", len(samples), len(want))
	}
	for _, s := range samples {
		m, err := wire.Parse(s.Exchange.Reply)
		if err != nil {
			t.Errorf("%s: %v (%s %s)", s.Probe, err, s.Exchange.Outcome, s.Exchange.Detail)
			continue
		}
		got := seen{m.AuthenticatedData, m.Rcode}
		if s.Probe == holdfast.ProbeBare {
			got.ad = true // a validator may set it or not where it was asked not to look
		}
		if got != want[s.Probe] || s.Actor != "validator" {
			t.Errorf("%s of %s: %+v, want %+v", s.Probe, s.Actor, got, want[s.Probe])
		}
		query, err := wire.Parse(s.Exchange.Query)
		if err != nil {
			t.Fatal(err)
		}
		if !query.RecursionDesired || query.CheckingDisabled != (s.Probe == holdfast.ProbeBare) || query.EDNS.DO != (s.Probe == holdfast.ProbeKeys) {
			t.Errorf("%s was asked with RD %v, CD %v, DO %v", s.Probe, query.RecursionDesired, query.CheckingDisabled, query.EDNS.DO)
		}
		if (s.Probe == holdfast.ProbeIs || s.Probe == holdfast.ProbeNot) != (s.Key == "old") {
			t.Errorf("%s names the key %q", s.Probe, s.Key)
		}
	}
}

func TestServed(t *testing.T) {
	s := Served(t.Context(), asker(t), Resolver{Server: holdfast.Server{Address: netip.MustParseAddr("198.41.0.4")}})
	m, err := wire.Parse(s.Exchange.Reply)
	if err != nil || !m.Authoritative || len(m.Answer) < 3 {
		t.Errorf("%v %+v", err, m)
	}
}

// TestCutAnswersAreAskedForOverTCP: what UDP has no room for is not lost.
func TestCutAnswersAreAskedForOverTCP(t *testing.T) {
	resolver := Resolver{Server: holdfast.Server{Name: "validator", Address: netip.MustParseAddr("192.0.2.53")}}
	for _, s := range Look(t.Context(), asker(t, "fault 192.0.2.53 truncate-udp *\n"), resolver, Names{Signed: "www.lab.", Root: true}) {
		m, err := wire.Parse(s.Exchange.Reply)
		if err != nil || len(m.Answer) == 0 || s.Exchange.Transport != holdfast.TCP || !s.Exchange.Truncated || s.Exchange.Tries != 2 {
			t.Errorf("%s: %s over %s, cut %v, %d tries, %v", s.Probe, s.Exchange.Outcome, s.Exchange.Transport, s.Exchange.Truncated, s.Exchange.Tries, err)
		}
	}
}

// TestNothingToAsk: names that are empty are not asked.
func TestNothingToAsk(t *testing.T) {
	if got := Look(t.Context(), asker(t), Resolver{}, Names{Keys: []Key{{"old", 42}}}); len(got) != 0 {
		t.Errorf("%+v", got)
	}
}

// TestSelves: what is asked of class CH, and silence is an outcome.
func TestSelves(t *testing.T) {
	got := Selves(t.Context(), asker(t), Resolver{Server: holdfast.Server{Name: "x", Address: netip.MustParseAddr("192.0.2.1")}})
	if len(got) != 2 || got[0].Probe != holdfast.ProbeVersion || got[1].Probe != holdfast.ProbeTrusted {
		t.Fatalf("%+v", got)
	}
	for _, s := range got {
		if s.Exchange.Outcome != holdfast.Answered || s.Exchange.Question.Type != uint16(wire.TypeTXT) {
			t.Errorf("%s: %s %s", s.Probe, s.Exchange.Outcome, s.Exchange.Detail)
		}
	}
}
