package app

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/lab"
	"github.com/holdfastdns/holdfast/internal/record"
)

// ownWatch is a watch over a lab of six zones, by a clock that moves as it is
// told.
type ownWatch struct {
	testing.TB
	*house
	subjects []holdfast.Subject
	internet *lab.Internet
	clock    *lab.Clock
}

func newOwnWatch(t *testing.T, change ...func(*Config)) *ownWatch {
	t.Helper()
	var text strings.Builder
	text.WriteString("clock 2026-08-01T12:00:00Z\nroot\n  ns a.root-servers.net. 198.41.0.4\n  ns b.root-servers.net. 170.247.170.2\n")
	for n := range 6 {
		fmt.Fprintf(&text, "zone zone%d.\n  ns ns1.zone%d. 100.50.%d.1\n  ns ns2.zone%d. 102.60.%d.2\n", n, n, n, n, n)
	}
	plan, err := lab.Parse(strings.NewReader(text.String()), "own", nil)
	if err != nil {
		t.Fatal(err)
	}
	w := &ownWatch{TB: t, clock: lab.NewClock(plan.Start, 1e-9)}
	w.house, w.subjects, w.internet = watchOver(t, plan, w.clock, change...)
	w.self.free = func(string) (int64, error) { return 1 << 40, nil }
	return w
}

// sweep looks at all zones in full and then at ourselves, five minutes later.
func (w *ownWatch) sweep() {
	w.Helper()
	w.clock.Advance(5 * time.Minute)
	if _, err := w.scan.Once(context.Background(), w.subjects, holdfast.Full, nil); err != nil {
		w.Fatal(err)
	}
	w.look()
}

func (w *ownWatch) look() {
	w.Helper()
	if err := w.self.look(context.Background()); err != nil {
		w.Fatal(err)
	}
}

// order has all servers show the signatures over SOA and DNSKEY of a zone in
// another light; the function ends it.
func (w *ownWatch) order(kind lab.Kind, at time.Duration, zone holdfast.Name) func() {
	w.Helper()
	number, err := w.internet.Order(lab.Fault{Server: lab.Everywhere, Kind: kind, Zone: zone,
		Classes: []holdfast.Class{holdfast.ClassSOA, holdfast.ClassDNSKEY}, At: w.clock.Now().Add(at)})
	if err != nil {
		w.Fatal(err)
	}
	return func() { w.internet.Repair(number) }
}

// standing are the codes and severities of what stands against ourselves, and
// of incidents of zones their names.
func (w *ownWatch) standing() string {
	w.Helper()
	all, err := w.record.Incidents(context.Background(), record.IncidentFilter{States: []holdfast.State{holdfast.StatePending, holdfast.StateOpen}})
	if err != nil {
		w.Fatal(err)
	}
	var out []string
	for _, i := range all {
		if i.Trouble == holdfast.TroubleSelf {
			out = append(out, i.Findings[0].Code+" "+i.Severity.String())
		} else {
			out = append(out, fmt.Sprint(i.Zones))
		}
	}
	return strings.Join(out, ", ")
}

func (w *ownWatch) want(standing string) {
	w.Helper()
	if got := w.standing(); got != standing {
		w.Errorf("stands %q, want %q", got, standing)
	}
}

// verdicts counts the zones by status, as the record has them.
func (w *ownWatch) verdicts() map[holdfast.Status]int {
	w.Helper()
	all, err := w.record.Statuses(context.Background())
	if err != nil {
		w.Fatal(err)
	}
	out := map[holdfast.Status]int{}
	for _, s := range all {
		out[s.Verdict.Status]++
	}
	return out
}

// A clock that is slow meets signatures of the future everywhere, one that is
// far ahead expired ones: we are told, and no zone is blamed.
func TestWrongClockBlamesNobody(t *testing.T) {
	for kind, at := range map[lab.Kind]time.Duration{lab.NotYet: 36 * time.Hour, lab.Expire: -36 * time.Hour} {
		t.Run(string(kind), func(t *testing.T) {
			w := newOwnWatch(t)
			w.sweep()
			w.want("")
			repair := w.order(kind, at, lab.Everywhere)
			w.sweep()
			w.want("SELF-CLOCK critical")
			w.sweep()
			w.want("SELF-CLOCK critical")
			if v := w.verdicts(); v[holdfast.Secure] != 7 {
				t.Errorf("verdicts %v: want those of before", v)
			}
			if n, err := w.line.Recover(context.Background()); err != nil || n != 0 {
				t.Errorf("%d looks were left to be judged: %v", n, err)
			}
			repair()
			w.sweep()
			w.sweep()
			w.want("")
		})
	}
}

// The root's signatures alone are the root's trouble, whatever it costs; so are
// those of zones the root's of which are in time.
func TestBrokenSignaturesAreNotOurClock(t *testing.T) {
	for _, zone := range []holdfast.Name{holdfast.Root, "zone3."} {
		for kind, at := range map[lab.Kind]time.Duration{lab.NotYet: 36 * time.Hour, lab.Expire: -36 * time.Hour} {
			t.Run(fmt.Sprint(zone, kind), func(t *testing.T) {
				w := newOwnWatch(t)
				w.sweep()
				w.order(kind, at, zone)
				w.sweep()
				w.sweep()
				w.sweep()
				if got := w.standing(); !strings.Contains(got, string(zone)) || strings.Contains(got, "SELF") {
					t.Errorf("stands %q, want an incident of %s", got, zone)
				}
			})
		}
	}
}

func TestKernelsWordOnItsClock(t *testing.T) {
	kept := Kept{Synchronised: true}
	w := newOwnWatch(t)
	w.self.kept = func() (Kept, bool) { return kept, true }
	w.sweep()
	w.want("")
	kept.Synchronised = false
	w.sweep()
	w.want("SELF-CLOCK warning")
	if _, err := w.internet.Order(lab.Fault{Server: lab.Everywhere, Kind: lab.Strip, Zone: "zone3.", Classes: []holdfast.Class{holdfast.ClassDNSKEY}}); err != nil {
		t.Fatal(err)
	}
	w.sweep()
	if v := w.verdicts(); v[holdfast.Bogus] != 1 {
		t.Errorf("verdicts %v, want one bogus: they go on", v)
	}
	kept = Kept{Synchronised: true, MaxError: 6 * time.Second}
	w.look()
	if got := w.standing(); !strings.Contains(got, "SELF-CLOCK warning") {
		t.Errorf("stands %q", got)
	}
	kept.MaxError = time.Second
	w.look()
	w.look()
	if got := w.standing(); strings.Contains(got, "SELF") {
		t.Errorf("stands %q", got)
	}
	w.self.kept = func() (Kept, bool) { return Kept{}, false } // a sandbox that does not let us ask
	w.look()
	if got := w.standing(); strings.Contains(got, "SELF") {
		t.Errorf("stands %q", got)
	}
}

func TestStrictClockWithholds(t *testing.T) {
	w := newOwnWatch(t, func(c *Config) { c.Self.StrictClock = true })
	kept := Kept{}
	w.self.kept = func() (Kept, bool) { return kept, true }
	w.line.clock.strict = w.self.kept
	w.sweep()
	w.want("SELF-CLOCK critical")
	if v := w.verdicts(); v[holdfast.Secure] != 0 {
		t.Errorf("verdicts %v by a clock that nobody keeps", v)
	}
	kept.Synchronised = true
	w.sweep()
	w.sweep()
	w.want("")
	if v := w.verdicts(); v[holdfast.Secure] != 7 {
		t.Errorf("verdicts %v", v)
	}
}

func TestLooksBehind(t *testing.T) {
	w := newOwnWatch(t)
	w.look() // begun just now: nobody has been looked at
	w.want("")
	w.sweep()
	w.clock.Advance(9 * time.Minute)
	w.look()
	w.want("")
	w.clock.Advance(2 * time.Minute)
	w.look()
	w.want("SELF-LATE error")
	w.clock.Advance(time.Minute)
	w.look()
	w.want("SELF-LATE error")
	w.sweep()
	w.look()
	w.want("")
	// Core looks alone do not do.
	for range 30 {
		w.clock.Advance(5 * time.Minute)
		if _, err := w.scan.Once(context.Background(), w.subjects, holdfast.Core, nil); err != nil {
			t.Fatal(err)
		}
	}
	w.look()
	w.want("SELF-LATE error")
}

func TestDataAge(t *testing.T) {
	w := newOwnWatch(t)
	w.sweep()
	w.clock.Advance(71 * time.Hour)
	w.sweep()
	w.want("")
	w.clock.Advance(2 * time.Hour)
	w.sweep()
	w.want("SELF-STALE warning")
	w = newOwnWatch(t, func(c *Config) { c.Self.RosterAge = hours(24 * 9999) })
	w.clock.Advance(500 * 24 * time.Hour) // to December 2027; the files are of November 2026
	w.sweep()
	w.want("")
	w.clock.Advance(60 * 24 * time.Hour)
	w.sweep()
	w.want("SELF-STALE warning")
}

func TestDiskNearlyFull(t *testing.T) {
	w := newOwnWatch(t)
	free := int64(1_000_000_000)
	w.self.free = func(string) (int64, error) { return free, nil }
	w.look()
	w.want("")
	free--
	w.look()
	w.want("SELF-DISK warning")
	free = 99_000_000
	w.look()
	w.want("SELF-DISK critical")
	free = 2_000_000_000
	w.look()
	w.look()
	w.want("")
	w.self.free = func(string) (int64, error) { return 0, fmt.Errorf("nobody knows") }
	w.look()
	w.want("")
	if n, err := diskFree(t.TempDir()); err != nil || n <= 0 {
		t.Errorf("%d octets are free here: %v", n, err)
	}
}
