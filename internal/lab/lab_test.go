package lab

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
)

// start is the instant at which the tests' labs begin.
var start = time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)

// stopped is a clock that stands still, so that a test may say what time it is.
type stopped struct{ at time.Time }

func (c *stopped) Now() time.Time { return c.at }

func (c *stopped) After(time.Duration) <-chan time.Time { return nil }

func readPlan(t testing.TB, file string) Plan {
	t.Helper()
	in, err := os.Open("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	plan, err := Parse(in, file, os.DirFS("testdata"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range plan.Zones { // the tests' instants are those of a fortnight
		if s := &plan.Zones[i].Signing; s.Validity == 0 {
			s.Validity, s.Resign = 14*day, 7*day
		}
	}
	return plan
}

// small is the lab of testdata/small.lab under a clock that stands still.
func small(t testing.TB) (*Internet, *stopped) {
	t.Helper()
	clock := &stopped{start}
	in, err := New(readPlan(t, "small.lab"), clock)
	if err != nil {
		t.Fatal(err)
	}
	return in, clock
}

func mustParse(t testing.TB, text string) Plan {
	t.Helper()
	plan, err := Parse(strings.NewReader(text), "lab", nil)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

func TestZonesServersDelegations(t *testing.T) {
	in, _ := small(t)
	zones := in.Zones()
	if zones[0] != holdfast.Root || len(zones) != 10 {
		t.Fatalf("zones %v", zones)
	}
	d, err := in.Delegation("nsec.test.")
	if err != nil {
		t.Fatal(err)
	}
	if len(d.NS) != 2 || len(d.DS) != 1 || len(d.Glue["ns1.nsec.test."]) != 2 || d.DS[0].Algorithm != 13 {
		t.Errorf("delegation of nsec.test.: %+v", d)
	}
	if d, _ := in.Delegation("island.test."); len(d.DS) != 0 {
		t.Errorf("an island has DS: %+v", d.DS)
	}
	if d, _ := in.Delegation("optout.test."); len(d.DS) != 2 {
		t.Errorf("digests 2 and 4 wanted: %+v", d.DS)
	}
	if _, err := in.Delegation("nowhere."); err == nil {
		t.Error("a delegation of a zone that is not there")
	}
	if hints := in.RootHints(); len(hints) != 3 || hints[0].Name != "a.root-servers.test." {
		t.Errorf("root hints %v", hints)
	}
}
