package walk

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/lab"
	"github.com/holdfastdns/holdfast/internal/measure/ask"
)

// planned is what a look asked of whom, without the names that are drawn for
// each sweep.
func planned(m holdfast.Measurement) string {
	var out []string
	for _, e := range m.Exchanges {
		name := e.Question.Name
		switch e.Purpose {
		case holdfast.PurposeNXDomain, holdfast.PurposeNXDeep, holdfast.PurposeSample:
			name = ""
		}
		out = append(out, fmt.Sprint(e.Zone, e.Purpose, e.Server, name, e.Question.Type))
	}
	return strings.Join(out, "\n")
}

// Sweeps of one day ask the same of the same servers, in whatever order the
// questions go out and come back; those of the next day may not.
func TestSweepsOfADayAskAlike(t *testing.T) {
	text := world + `
zone example.
  record @ TXT "hello"
zone many.
  ns a.ns.many. 192.0.2.11
  ns b.ns.many. 192.0.2.12
  ns c.ns.many. 192.0.2.13
  ns d.ns.many. 192.0.2.14
  ns e.ns.many. 192.0.2.15
  ns f.elsewhere. 192.0.2.16
zone elsewhere.
  ns g.elsewhere. 192.0.2.17
  ns h.elsewhere. 192.0.2.18
`
	for _, zone := range []holdfast.Name{"example.", "many.", "elsewhere."} {
		plans := map[string]int{}
		for seed := range uint64(6) {
			b := build(t, text, ask.Config{}, Config{Seed: seed + 1})
			b.walker.clock = lab.NewClock(time.Date(2026, 11, 21, 3*int(seed), 30, 0, 0, time.UTC), 1)
			m, err := b.walker.NewSweep(fmt.Sprint("sweep ", seed)).Measure(t.Context(), holdfast.Subject{Zone: zone}, holdfast.Full)
			if err != nil {
				t.Fatal(err)
			}
			plans[planned(m)]++
		}
		if len(plans) != 1 {
			t.Errorf("%s was asked about in %d ways", zone, len(plans))
		}
	}
}

// In the course of days each server has its turn.
func TestLotsGoRound(t *testing.T) {
	b := build(t, world, ask.Config{}, Config{})
	servers := []holdfast.Server{{Name: "a."}, {Name: "b."}, {Name: "c."}, {Name: "d."}}
	first := map[holdfast.Server]int{}
	const days = 400
	for day := range days {
		b.walker.clock = lab.NewClock(time.Date(2026, 1, 1+day, 0, 0, 0, 0, time.UTC), 1)
		l := newLook(t.Context(), b.walker.NewSweep("s"), holdfast.Subject{Zone: "example."})
		drawn := serverLots(l, "about", servers)
		slices.Reverse(servers)
		if again := serverLots(l, "about", servers); !slices.Equal(drawn, again) {
			t.Fatalf("drawn %v, then %v", drawn, again)
		}
		first[drawn[0]]++
	}
	for _, s := range servers {
		if first[s] < days/8 {
			t.Errorf("%s came first on %d days of %d", s, first[s], days)
		}
	}
}
