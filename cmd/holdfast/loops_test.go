package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/app"
	"github.com/holdfastdns/holdfast/internal/lab"
	"github.com/holdfastdns/holdfast/internal/record"
)

const loopsLab = `clock 2026-08-01T12:00:00Z
root
  ns a.root-servers.net. 198.41.0.4
  ns b.root-servers.net. 170.247.170.2
zone red.
  ns ns1.red. 192.0.2.1
  ns ns2.red. 192.0.2.2
zone green.
  ns ns1.green. 192.0.2.3
  ns ns2.green. 192.0.2.4
zone blue.
  ns ns1.blue. 192.0.2.5
  ns ns2.blue. 192.0.2.6
zone late.
  ns ns1.late. 192.0.2.7
  ns ns2.late. 192.0.2.8
fault * expire SOA green. at -1h
`

// labOf builds a lab in which time runs at a rate.
func labOf(t *testing.T, text string, rate float64) *lab.Internet {
	t.Helper()
	plan, err := lab.Parse(strings.NewReader(text), "lab.txt", os.DirFS(t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	if plan.Start.IsZero() {
		plan.Start = time.Now().UTC()
	}
	internet, err := lab.New(plan, lab.NewClock(plan.Start, rate))
	if err != nil {
		t.Fatal(err)
	}
	return internet
}

// worldOf is what a command finds around it inside a lab.
func worldOf(t *testing.T, internet *lab.Internet, out io.Writer) app.World {
	t.Helper()
	anchors, err := internet.TrustAnchors()
	if err != nil {
		t.Fatal(err)
	}
	return app.World{Stdin: strings.NewReader(""), Stdout: io.Discard, Stderr: out, Clock: internet.Clock(),
		Dialer: internet, Hints: internet.RootHints(), Anchors: anchors, Vantage: "test"}
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// until waits for what a test expects, and fails it after a while.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after 20 s still not so: %s", what)
		}
	}
}

// looks counts the measurements of a zone by depth, and says when the last
// began.
func looks(t *testing.T, r *record.Record, zone holdfast.Name) (count map[holdfast.Depth]int, last time.Time) {
	t.Helper()
	count = map[holdfast.Depth]int{}
	for m, err := range r.Measurements(t.Context(), time.Time{}, time.Time{}, zone) {
		if err != nil {
			t.Fatal(err)
		}
		count[m.Depth]++
		last = m.Started
	}
	return count, last
}

// A watch that runs makes its core, full and fast looks, frames them in sweeps
// that count, and follows its roster.
func TestWatchKeepsItsLoops(t *testing.T) {
	folder := t.TempDir()
	config, list := filepath.Join(folder, "holdfast.toml"), filepath.Join(folder, "list.txt")
	writeFile(t, list, "red\ngreen\nblue\n")
	writeFile(t, config, `
database = "`+filepath.Join(folder, "holdfast.db")+`"
roster.list = "`+list+`"
roster.interval = "10m"
contacts.sources = ["csv"]
contacts.file = "`+filepath.Join(folder, "contacts.csv")+`"
web.listen = "off"
ask.rate = -1 # by our clock it would be 300 times too slow
[scan]
core = "5m"
full = "20m"
fast = "1m"
`)
	writeFile(t, filepath.Join(folder, "contacts.csv"), "tld,tech_email\nred,tech@red.test\n")
	internet := labOf(t, loopsLab, 300) // five minutes a second
	var log strings.Builder
	world := worldOf(t, internet, &log) // read once the watch has ended
	if exit := run(t.Context(), []string{"init", "--config", config}, world); exit != app.Healthy {
		t.Fatalf("init: exit %d: %s", exit, &log)
	}
	r, err := record.Open(t.Context(), filepath.Join(folder, "holdfast.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan app.Exit, 1)
	go func() { ended <- run(ctx, []string{"watch", "--config", config}, world) }()

	until(t, "red is looked at in both depths", func() bool {
		count, _ := looks(t, r, "red.")
		return count[holdfast.Core] >= 2 && count[holdfast.Full] >= 2
	})
	red, _ := looks(t, r, "red.")
	green, _ := looks(t, r, "green.")
	if green[holdfast.Full] <= 2*red[holdfast.Full] || green[holdfast.Core] > 0 {
		t.Errorf("green is in trouble and was looked at %v; red %v", green, red)
	}
	contact, err := r.Contact(t.Context(), "red.")
	if err != nil || contact.Email != "tech@red.test" {
		t.Errorf("contact of red: %+v, %v", contact, err)
	}

	writeFile(t, list, "green\nblue\nlate\n")
	until(t, "late is looked at", func() bool {
		count, _ := looks(t, r, "late.")
		return count[holdfast.Full] > 0
	})
	_, left := looks(t, r, "red.")
	now := internet.Clock().Now()
	until(t, "two more core intervals pass", func() bool { return internet.Clock().Now().Sub(now) > 11*time.Minute })
	if _, last := looks(t, r, "red."); last.After(left) && last.After(now) {
		t.Errorf("red left the roster before %s and was looked at at %s", now, last)
	}

	stop()
	if exit := <-ended; exit != app.Healthy {
		t.Errorf("watch: exit %d: %s", exit, &log)
	}
	checkSweeps(t, r)
}

// checkSweeps holds each finished sweep to its own counts.
func checkSweeps(t *testing.T, r *record.Record) {
	t.Helper()
	sweeps, err := r.Sweeps(t.Context(), 1000)
	if err != nil {
		t.Fatal(err)
	}
	finished := map[holdfast.Depth]int{}
	for _, s := range sweeps {
		if s.Finished.IsZero() {
			t.Errorf("sweep %s was not ended", s.ID)
			continue
		}
		finished[s.Depth]++
		statuses, outcomes := 0, 0
		for _, n := range s.Statuses {
			statuses += n
		}
		for _, n := range s.Outcomes {
			outcomes += n
		}
		if s.Program == "" || s.Catalogue == "" || s.Vantage != "test" || s.Finished.Before(s.Started) {
			t.Errorf("sweep %s does not describe itself: %+v", s.ID, s)
		}
		if statuses > s.Zones || outcomes != s.Questions {
			t.Errorf("sweep %s: %d zones, %d judged; %d questions, %d outcomes", s.ID, s.Zones, statuses, s.Questions, outcomes)
		}
	}
	if finished[holdfast.Core] < 2 || finished[holdfast.Full] < 2 {
		t.Errorf("sweeps by depth: %v", finished)
	}
}
