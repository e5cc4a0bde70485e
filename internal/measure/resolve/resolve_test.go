package resolve

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/lab"
	"github.com/holdfastdns/holdfast/internal/measure/ask"
	"github.com/holdfastdns/holdfast/internal/wire"
)

func TestMain(m *testing.M) {
	// The timers that end the wait for slow servers run out by themselves.
	goleak.VerifyTestMain(m)
}

const world = `
clock 2026-08-01T12:00:00Z
root
  ns a.root-servers.arena. 198.41.0.4 2001:503:ba3e::2:30
zone arena.
  ns ns1.nic.arena. 192.0.2.1 2001:db8::1
  ns ns2.nic.arena. 192.0.2.2
  ns ns3.nic.arena. 192.0.2.3
  ns ns4.nic.arena. 192.0.2.4
zone example.arena.
  ns ns1.example.arena. 192.0.2.11
  ns ns2.example.arena. 192.0.2.12
  record www A 192.0.2.80
  record alias CNAME www
zone other.
  ns ns1.nic.other. 192.0.2.21
zone hosted.arena.
  ns ns1.nic.other.
  record www A 192.0.2.80
`

func walked(t *testing.T, text string, config Config, name string, kind wire.Type) holdfast.Measurement {
	t.Helper()
	plan, err := lab.Parse(strings.NewReader(text), "world", nil)
	if err != nil {
		t.Fatal(err)
	}
	internet, err := lab.New(plan, lab.NewClock(plan.Start, 1e-9))
	if err != nil {
		t.Fatal(err)
	}
	wait := holdfast.Duration(200 * time.Millisecond)
	asker, err := ask.New(ask.Config{Rate: -1, UDPWait: wait, TCPWait: wait}, internet, internet.Clock())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { asker.Close() })
	config.Roots = internet.RootHints()
	m, err := Measure(t.Context(), config, asker, internet.Clock(), holdfast.Question{Name: holdfast.Name(name), Type: uint16(kind)})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// asked lists the questions of a measurement by zone, purpose and name, with
// how many servers each was put to.
func asked(m holdfast.Measurement) string {
	var out []string
	count := map[string]int{}
	for _, e := range m.Exchanges {
		key := fmt.Sprintf("%s %s %s", e.Zone, e.Purpose, e.Question.Name)
		if count[key]++; count[key] == 1 {
			out = append(out, key)
		}
	}
	for i, key := range out {
		out[i] = fmt.Sprintf("%s x%d", key, count[key])
	}
	return strings.Join(out, "\n")
}

// TestWay: what is asked, of how many, in which order.
func TestWay(t *testing.T) {
	only4 := Config{IPv4: true}
	want := `. dnskey . x1
. name www.example.arena. x1
. parent-ds arena. x1
arena. dnskey arena. x3
arena. name www.example.arena. x3
arena. parent-ds example.arena. x3
example.arena. dnskey example.arena. x2
example.arena. name www.example.arena. x2`
	if got := asked(walked(t, world, only4, "www.example.arena.", wire.TypeA)); got != want {
		t.Errorf("asked\n%s\nwant\n%s", got, want)
	}
	every := asked(walked(t, world, Config{EveryServer: true}, "www.example.arena.", wire.TypeA))
	if !strings.Contains(every, ". name www.example.arena. x2") || !strings.Contains(every, "arena. name www.example.arena. x5") {
		t.Errorf("every server:\n%s", every)
	}
	alias := asked(walked(t, world, only4, "alias.example.arena.", wire.TypeA))
	if !strings.HasSuffix(alias, "example.arena. name alias.example.arena. x2\nexample.arena. name www.example.arena. x2") {
		t.Errorf("an alias goes on where it stands:\n%s", alias)
	}
	if hosted := asked(walked(t, world, only4, "www.hosted.arena.", wire.TypeA)); !strings.Contains(hosted, "address ns1.nic.other.") || !strings.HasSuffix(hosted, "hosted.arena. name www.hosted.arena. x1") {
		t.Errorf("without glue:\n%s", hosted)
	}
	if ds := asked(walked(t, world, only4, "example.arena.", wire.TypeDS)); strings.Contains(ds, "example.arena. dnskey") {
		t.Errorf("DS was asked of the child:\n%s", ds)
	}
}

// TestDeadServers: a dead server costs a moment and stops nothing.
func TestDeadServers(t *testing.T) {
	began := time.Now()
	m := walked(t, world+"fault 192.0.2.11 timeout example.arena.\nfault 192.0.2.1 timeout *\nfault 192.0.2.2 timeout *\nfault 192.0.2.3 timeout *\n", Config{IPv4: true}, "www.example.arena.", wire.TypeA)
	last := m.Exchanges[len(m.Exchanges)-1]
	if m.Cut || last.Zone != "example.arena." || last.Purpose != holdfast.PurposeName {
		t.Errorf("ended at %s %s, cut %v", last.Zone, last.Purpose, m.Cut)
	}
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("took %s", took)
	}
	short := walked(t, world+"fault * slow 100ms *\n", Config{IPv4: true, Budget: 250 * time.Millisecond}, "www.example.arena.", wire.TypeA)
	if !short.Cut {
		t.Error("the budget ran out, and it does not say so")
	}
}

// TestMeasureUnable: what we cannot do is an error, and nobody's fault.
func TestMeasureUnable(t *testing.T) {
	asker, err := ask.New(ask.Config{}, ask.LoopbackOnly{Base: ask.System{}}, lab.NewClock(time.Now(), 1))
	if err != nil {
		t.Fatal(err)
	}
	defer asker.Close()
	clock := lab.NewClock(time.Now(), 1)
	q := holdfast.Question{Name: "a.", Type: 1}
	if _, err := Measure(t.Context(), Config{}, asker, clock, q); err == nil || !strings.Contains(err.Error(), "no root server") {
		t.Errorf("no roots: %v", err)
	}
	away := Config{Roots: []holdfast.Server{{Name: "a.", Address: netip.MustParseAddr("192.0.2.1")}}}
	if _, err := Measure(t.Context(), away, asker, clock, q); err == nil {
		t.Error("a forbidden network is no error")
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Measure(ended, away, asker, clock, q); err == nil {
		t.Error("an ended context is no error")
	}
}

// TestReading: the little that is read from replies.
func TestReading(t *testing.T) {
	for _, c := range []struct{ name, owner, target, want holdfast.Name }{
		{"a.b.example.", "example.", "test.", "a.b.test."},
		{"a.", ".", "test.", "a.test."},
		{"a.example.", "example.", ".", "a."},
		{"a.example.", "example.", holdfast.Name(strings.Repeat("a.", 127)), ""},
	} {
		if got := wire.Redirect(c.name, c.owner, c.target); got != c.want {
			t.Errorf("%s from %s to %s: %q, want %q", c.name, c.owner, c.target, got, c.want)
		}
	}
	if got := between("b.c.", "x.a.b.c."); len(got) != 2 || got[0] != "a.b.c." || got[1] != "x.a.b.c." {
		t.Errorf("between: %v", got)
	}
	long := holdfast.Name(strings.Repeat("a.", 100))
	if got := between(".", long); len(got) != maxProbes {
		t.Errorf("%d names are probed, want %d", len(got), maxProbes)
	}
}
