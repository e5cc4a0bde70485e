package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/lab"
)

// memoLab is a few zones that differ in what may change about them.
const memoLab = `clock 2026-08-01T12:00:00Z
root
  ns a.root-servers.test. 198.51.100.1
zone quiet.
  ns ns1.quiet. 192.0.2.1 2001:db8::1
  ns ns2.quiet. 192.0.2.2
zone busy.
  ns ns1.busy. 192.0.2.11
  ns ns2.busy. 192.0.2.12
  validity 3d resign 6h publish 30m jitter 1h; nsec3
zone rolling.
  ns ns1.rolling. 192.0.2.21
  ns ns2.rolling. 192.0.2.22
  ttl dnskey 10m ds 10m
  rollover zsk-prepublish at +2h step 1h every 9h
zone plain.
  ns ns1.plain. 192.0.2.31
  ns ns2.plain. 192.0.2.32
  unsigned
fault ns2.busy. lossy 20% busy.
`

// memoFaults come and go at random in each of the zones.
var memoFaults = []string{
	"* expire SOA,NS at +5h", "ns1 expire SOA at +3h", "ns2 refuse", "ns1 stale 2h", "ns2 timeout", "* no-resign SOA", "ns1 strip DENIAL",
	"ns2 serial-back", "* ds-extra", "ns1 break DNSKEY", "ns1 truncate-udp", "ns2 drop-edns", "ns2 freeze",
}

// TestWhatIsIssuedAgainIsWhatJudgingSays: over zones to which random things
// happen, look after look, verdict and past are those that judging in full
// would have come to.
func TestWhatIsIssuedAgainIsWhatJudgingSays(t *testing.T) {
	rounds := 120
	if testing.Short() {
		rounds = 40
	}
	for seed := range uint64(2) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { memoAgainstJudging(t, rand.New(rand.NewPCG(seed, 47)), rounds) })
	}
}

func memoAgainstJudging(t *testing.T, random *rand.Rand, rounds int) {
	plan, err := lab.Parse(strings.NewReader(memoLab), "memo.lab", nil)
	if err != nil {
		t.Fatal(err)
	}
	clock := lab.NewClock(plan.Start, 1e-9)
	h, subjects, internet := watchOver(t, plan, clock, func(c *Config) { // what is lost in memory is lost at once
		c.Ask.UDPWait, c.Ask.TCPWait = holdfast.Duration(50*time.Millisecond), holdfast.Duration(100*time.Millisecond)
	})
	again, judged := 0, 0
	for round := range rounds {
		depth := holdfast.Core
		if round%12 == 0 {
			depth = holdfast.Full
		}
		sweep := holdfast.Sweep{ID: fmt.Sprintf("sweep-%d", round), Depth: depth, Started: clock.Now()}
		if err := h.line.Begin(t.Context(), sweep); err != nil {
			t.Fatal(err)
		}
		for _, s := range subjects {
			if lookTwice(t, h.line, s, depth, sweep.ID) {
				again++
			} else {
				judged++
			}
		}
		clock.Advance([]time.Duration{5 * time.Second, 5 * time.Minute, 5 * time.Minute, 5 * time.Minute, time.Hour}[random.IntN(5)])
		happen(t, internet, random)
	}
	t.Logf("%d issued again, %d judged", again, judged)
	if again < rounds/4 {
		t.Errorf("only %d of %d looks were not judged: the test shows nothing", again, again+judged)
	}
}

// lookTwice makes a look and holds what the line makes of it against judging;
// it says whether the line did not judge.
func lookTwice(t *testing.T, l *line, s holdfast.Subject, depth holdfast.Depth, sweep string) bool {
	t.Helper()
	ctx := context.Background()
	m, err := l.Look(ctx, s, depth, sweep)
	if err != nil {
		t.Fatal(err)
	}
	before, err := l.record.Past(ctx, s.Zone)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := l.whole(ctx, m)
	if err != nil {
		t.Fatal(err)
	}
	verdict, after := l.catalogue.Follow(whole, before, m.Finished)
	_, _, again := l.memo.again(m, before, m.Finished)
	if _, err := l.Judge(ctx, s, m); err != nil {
		t.Fatal(err)
	}
	status, err := l.record.Status(ctx, s.Zone)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := jsonOf(t, status.Verdict), jsonOf(t, verdict); !bytes.Equal(got, want) {
		t.Fatalf("%s at %s, issued again %v:\n%s\njudging says\n%s", s.Zone, m.Finished, again, got, want)
	}
	past, err := l.record.Past(ctx, s.Zone)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := jsonOf(t, past), jsonOf(t, after); !bytes.Equal(got, want) {
		t.Fatalf("the past of %s at %s, issued again %v:\n%s\njudging says\n%s", s.Zone, m.Finished, again, got, want)
	}
	return again
}

// happen orders a fault now and then, or ends all of a zone.
func happen(t *testing.T, internet *lab.Internet, random *rand.Rand) {
	t.Helper()
	zone := []holdfast.Name{"quiet.", "busy.", "rolling.", "plain."}[random.IntN(4)]
	switch random.IntN(8) {
	case 0:
		words := strings.SplitN(memoFaults[random.IntN(len(memoFaults))], " ", 2)
		server := words[0]
		if server != "*" {
			server += "." + string(zone)
		}
		kind, at, dated := strings.Cut(words[1], " at ")
		text := server + " " + kind + " " + string(zone)
		if dated {
			text += " at " + at
		}
		f, err := lab.ParseFault(text, internet.Clock().Now())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := internet.Order(f); err != nil {
			t.Fatal(err)
		}
	case 1, 2:
		internet.RepairZone(zone)
	}
}

func jsonOf(t *testing.T, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
