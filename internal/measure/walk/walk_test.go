package walk

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/lab"
	"github.com/holdfastdns/holdfast/internal/measure"
	"github.com/holdfastdns/holdfast/internal/measure/ask"
	"github.com/holdfastdns/holdfast/internal/wire"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var _ measure.Instrument = (*Sweep)(nil)

const world = `
clock 2026-08-01T12:00:00Z
root
  ns a.root-servers.test. 198.41.0.4 2001:503:ba3e::2:30
  ns b.root-servers.test. 170.247.170.2
zone test.
  ns ns.test. 203.0.113.9
zone root-servers.test.
  ns a.root-servers.test.
  ns b.root-servers.test.
zone example.
  ns ns1.example. 192.0.2.1 2001:db8::1
  ns ns2.example. 192.0.2.2
zone uk.
  ns ns1.nic.uk. 192.0.2.11
  ns ns2.nic.uk. 192.0.2.12 2001:db8::12
zone co.uk.
  ns ns1.nic.uk.
  ns ns3.nic.uk. 192.0.2.13
zone example.co.uk.
  ns ns.hosted.example.
  ns ns.example.co.uk. 192.0.2.20
zone hosted.example.
  ns ns.hosted.example. 192.0.2.30 2001:db8::30
`

// built is a lab, an asker for it and a walker.
type built struct {
	lab    *lab.Internet
	asker  *ask.Asker
	walker *Walker
}

func build(t testing.TB, text string, asking ask.Config, walking Config) built {
	t.Helper()
	plan, err := lab.Parse(strings.NewReader(text), "world", nil)
	if err != nil {
		t.Fatal(err)
	}
	internet, err := lab.New(plan, nil)
	if err != nil {
		t.Fatal(err)
	}
	if asking.Rate == 0 {
		asking.Rate = -1
	}
	if asking.UDPWait == 0 {
		asking.UDPWait = holdfast.Duration(100 * time.Millisecond)
	}
	if asking.TCPWait == 0 {
		asking.TCPWait = holdfast.Duration(100 * time.Millisecond)
	}
	asker, err := ask.New(asking, internet, internet.Clock())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { asker.Close() })
	walking.Roots = internet.Servers(holdfast.Root)
	if walking.Seed == 0 {
		walking.Seed = 7
	}
	return built{internet, asker, New(walking, asker, internet.Clock(), "here")}
}

func (b built) measure(t testing.TB, zone holdfast.Name) holdfast.Measurement {
	t.Helper()
	m, err := b.walker.NewSweep("s1").Measure(t.Context(), holdfast.Subject{Zone: zone}, holdfast.Full)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// count counts exchanges by zone, purpose and outcome.
func count(m holdfast.Measurement) map[string]int {
	out := make(map[string]int)
	for _, e := range m.Exchanges {
		out[fmt.Sprintf("%s %s %s", e.Zone, e.Purpose, e.Outcome)]++
	}
	return out
}

func wantCounts(t *testing.T, m holdfast.Measurement, want map[string]int) {
	t.Helper()
	got := count(m)
	for place, n := range want {
		if got[place] != n {
			t.Errorf("%q: %d exchanges, want %d", place, got[place], n)
		}
	}
	if t.Failed() {
		t.Logf("all: %v", got)
	}
}

func serversOf(m holdfast.Measurement) map[holdfast.Server]int {
	out := make(map[holdfast.Server]int)
	for _, e := range m.Exchanges {
		if e.Zone == m.Subject.Zone && e.Purpose.Plain() {
			out[e.Server]++
		}
	}
	return out
}

// Issue 2, part 3: each parent server is asked for referral and DS, each name
// server on each address gets nine questions.
func TestFullLookAtTopLevelDomain(t *testing.T) {
	b := build(t, world, ask.Config{}, Config{})
	m := b.measure(t, "example.")
	wantCounts(t, m, map[string]int{
		". referral answered": 3, ". parent-ds answered": 3, ". dnskey answered": 2,
		"example. address answered": 4, // A and AAAA of two names
		"example. soa answered":     3, "example. soa-tcp answered": 3, "example. ns answered": 3,
		"example. dnskey answered": 3, "example. nsec3param answered": 3, "example. cds answered": 3,
		"example. cdnskey answered": 3, "example. nxdomain answered": 3, "example. nodata answered": 3,
	})
	if m.Cut || m.Depth != holdfast.Full || m.Sweep != "s1" || m.Vantage != "here" || m.ID == "" {
		t.Errorf("measurement says %+v", m)
	}
	for _, e := range m.Exchanges {
		if e.Outcome != holdfast.Answered {
			continue // an unusual question, on a busy machine: those counted above were
		}
		message, err := wire.Parse(e.Reply)
		if err != nil {
			t.Fatal(err)
		}
		switch e.Purpose {
		case holdfast.PurposeSOATCP:
			if e.Transport != holdfast.TCP {
				t.Errorf("%s: transport %s", e.Purpose, e.Transport)
			}
		case holdfast.PurposeNXDomain:
			if message.Rcode != wire.NXDomain {
				t.Errorf("probe %s: %s", e.Question.Name, wire.RcodeName(message.Rcode))
			}
		case holdfast.PurposeNoData:
			if message.Rcode != wire.NoError || len(message.Answer) != 0 {
				t.Errorf("type %d at the apex has data", e.Question.Type)
			}
		}
	}
}

// The way down has cuts at uk and co.uk; the zone's servers are one within and
// one in another tree.
func TestFullLookFarDown(t *testing.T) {
	b := build(t, world, ask.Config{}, Config{})
	m := b.measure(t, "example.co.uk.")
	wantCounts(t, m, map[string]int{
		". dnskey answered": 2, ". referral answered": 2, ". parent-ds answered": 2, // for uk, and for example, which holds a name server
		"uk. dnskey answered": 2, "uk. referral answered": 1, "uk. parent-ds answered": 1,
		"co.uk. dnskey answered": 2, "co.uk. referral answered": 2, "co.uk. parent-ds answered": 2,
		"hosted.example. address answered": 2, "example.co.uk. address answered": 2,
		"example.co.uk. soa answered": 3, "example.co.uk. nodata answered": 3,
	})
	servers := serversOf(m)
	for _, want := range []holdfast.Server{
		{Name: "ns.example.co.uk.", Address: netip.MustParseAddr("192.0.2.20")},
		{Name: "ns.hosted.example.", Address: netip.MustParseAddr("192.0.2.30")},
		{Name: "ns.hosted.example.", Address: netip.MustParseAddr("2001:db8::30")},
	} {
		if servers[want] != 9 {
			t.Errorf("%s was asked %d questions, want 9", want, servers[want])
		}
	}
	if len(servers) != 3 {
		t.Errorf("servers %v", servers)
	}
}

func TestRoot(t *testing.T) {
	b := build(t, world, ask.Config{}, Config{})
	m := b.measure(t, holdfast.Root)
	wantCounts(t, m, map[string]int{
		". soa answered": 3, ". dnskey answered": 3, ". ns answered": 3, ". soa-tcp answered": 3,
		". nxdomain answered": 3, ". referral answered": 1, // for test, where the root's servers have their names
		"root-servers.test. address answered": 4,
	})
}

func TestFamilies(t *testing.T) {
	b := build(t, world, ask.Config{}, Config{IPv4: true})
	for s := range serversOf(b.measure(t, "example.")) {
		if !s.Address.Is4() {
			t.Errorf("asked %s", s)
		}
	}
	b = build(t, world, ask.Config{}, Config{IPv6: true})
	servers := serversOf(b.measure(t, "example."))
	if len(servers) != 1 {
		t.Errorf("over IPv6 asked %v", servers)
	}
}

func TestDelegationByHand(t *testing.T) {
	b := build(t, world, ask.Config{}, Config{})
	subject := holdfast.Subject{Zone: "example.", Delegation: &holdfast.Delegation{ByHand: true,
		NS:   []holdfast.Name{"new.example.", "ns.hosted.example."},
		Glue: map[holdfast.Name][]netip.Addr{"new.example.": {netip.MustParseAddr("192.0.2.1")}},
	}}
	m, err := b.walker.NewSweep("").Measure(t.Context(), subject, holdfast.Full)
	if err != nil {
		t.Fatal(err)
	}
	wantCounts(t, m, map[string]int{". referral answered": 0, ". parent-ds answered": 0, ". dnskey answered": 0})
	servers := serversOf(m)
	if servers[holdfast.Server{Name: "new.example.", Address: netip.MustParseAddr("192.0.2.1")}] != 9 ||
		servers[holdfast.Server{Name: "ns.hosted.example.", Address: netip.MustParseAddr("2001:db8::30")}] != 9 {
		t.Errorf("servers %v", servers)
	}
}

// A core look asks the servers of the last full one, and nobody else; where
// none are known it is a full one.
func TestCoreLook(t *testing.T) {
	b := build(t, world, ask.Config{}, Config{})
	sweep := b.walker.NewSweep("")
	subject := holdfast.Subject{Zone: "example."}
	first, err := sweep.Measure(t.Context(), subject, holdfast.Core)
	if err != nil || first.Depth != holdfast.Full {
		t.Fatalf("depth %s, %v", first.Depth, err)
	}
	second, err := sweep.Measure(t.Context(), subject, holdfast.Core)
	if err != nil || second.Depth != holdfast.Core || len(second.Exchanges) != 6 {
		t.Fatalf("depth %s, %d exchanges, %v", second.Depth, len(second.Exchanges), err)
	}
	wantCounts(t, second, map[string]int{"example. soa answered": 3, "example. dnskey answered": 3})
}

func TestCoreLookFromGlueAndMemory(t *testing.T) {
	b := build(t, world, ask.Config{}, Config{})
	glue := holdfast.Subject{Zone: "example.", Delegation: &holdfast.Delegation{NS: []holdfast.Name{"ns1.example."},
		Glue: map[holdfast.Name][]netip.Addr{"ns1.example.": {netip.MustParseAddr("192.0.2.1")}}}}
	m, err := b.walker.NewSweep("").Measure(t.Context(), glue, holdfast.Core)
	if err != nil || m.Depth != holdfast.Core || len(m.Exchanges) != 2 {
		t.Fatalf("from glue: depth %s, %d exchanges, %v", m.Depth, len(m.Exchanges), err)
	}
	full := b.measure(t, "uk.")
	other := build(t, world, ask.Config{}, Config{})
	other.walker.Remember(full)
	m, err = other.walker.NewSweep("").Measure(t.Context(), full.Subject, holdfast.Core)
	if err != nil || m.Depth != holdfast.Core || len(m.Exchanges) != 6 {
		t.Fatalf("from the record: depth %s, %d exchanges, %v", m.Depth, len(m.Exchanges), err)
	}
}

// What zones have in common is asked once a sweep.
func TestSharedWork(t *testing.T) {
	b := build(t, world, ask.Config{}, Config{})
	sweep := b.walker.NewSweep("s")
	subjects := []holdfast.Subject{{Zone: "example."}, {Zone: "uk."}, {Zone: "test."}, {Zone: "."}}
	var wait sync.WaitGroup
	var mutex sync.Mutex
	seenIDs := make(map[string]bool) // root keys by server and query id
	for _, s := range subjects {
		wait.Go(func() {
			m, err := sweep.Measure(t.Context(), s, holdfast.Full)
			if err != nil {
				t.Error(err)
			}
			mutex.Lock()
			defer mutex.Unlock()
			for _, e := range m.Exchanges {
				if e.Zone == holdfast.Root && e.Purpose == holdfast.PurposeDNSKEY {
					seenIDs[fmt.Sprintf("%s %x", e.Server, e.Query[:2])] = true
				}
			}
		})
	}
	wait.Wait()
	if len(seenIDs) != 3 {
		t.Errorf("the root's keys were asked for %d times at 3 addresses", len(seenIDs))
	}
}

func TestDeadServersCostNoMoreThanTheirTimeouts(t *testing.T) {
	b := build(t, world+`
fault ns1.example. timeout *
fault a.root-servers.test. timeout *
`, ask.Config{}, Config{})
	began := time.Now()
	m := b.measure(t, "example.")
	// Two tries over UDP and one over TCP of 100 ms each, for the dead root
	// server and for ns1 at the same time; twice that is leisurely. Beside it
	// the mail domain is found in three steps, each of which may first turn
	// to a dead server.
	if took := time.Since(began); took > 600*time.Millisecond+3*hedge {
		t.Errorf("took %s", took)
	}
	wantCounts(t, m, map[string]int{
		". referral timeout": 2, ". referral answered": 1,
		"example. soa timeout": 2, "example. soa answered": 1, "example. soa-tcp timeout": 2,
	})
	if m.Cut {
		t.Error("the walk was cut")
	}
}

func TestBudget(t *testing.T) {
	b := build(t, world+"\nfault ns1.example. timeout *\n", ask.Config{
		UDPWait: holdfast.Duration(10 * time.Second), TCPWait: holdfast.Duration(10 * time.Second),
	}, Config{Budget: holdfast.Duration(time.Second)})
	began := time.Now()
	m := b.measure(t, "example.")
	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("took %s", took)
	}
	if !m.Cut {
		t.Error("the walk was cut, and does not say so")
	}
	// What was not given its time is no fault of the server's.
	wantCounts(t, m, map[string]int{"example. soa answered": 1, "example. soa timeout": 0, "example. soa not-asked": 0})
}

func TestCallerEnds(t *testing.T) {
	b := build(t, world+"\nfault * timeout *\n", ask.Config{UDPWait: holdfast.Duration(time.Hour)}, Config{})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := b.walker.NewSweep("").Measure(ctx, holdfast.Subject{Zone: "example."}, holdfast.Full); err == nil {
		t.Error("no error, though the caller ended it")
	}
}

func TestNoRoots(t *testing.T) {
	b := build(t, world, ask.Config{}, Config{})
	w := New(Config{}, b.asker, b.lab.Clock(), "")
	_, err := w.NewSweep("").Measure(t.Context(), holdfast.Subject{Zone: "example."}, holdfast.Full)
	if err == nil || !strings.Contains(err.Error(), "root") {
		t.Errorf("error %v", err)
	}
}

func TestZoneThatIsNotThere(t *testing.T) {
	b := build(t, world, ask.Config{}, Config{})
	m := b.measure(t, "nothing.here.example.")
	wantCounts(t, m, map[string]int{"example. referral answered": 3, "nothing.here.example. soa answered": 0})
}
