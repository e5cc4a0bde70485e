package scan

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/holdfastdns/holdfast"
)

// clock is the bubble's.
type clock struct{}

func (clock) Now() time.Time                         { return time.Now().UTC() }
func (clock) After(d time.Duration) <-chan time.Time { return time.After(d) }

// work is what a test has done about each zone, and how zones answer.
type work struct {
	t    *testing.T
	took time.Duration

	mutex    sync.Mutex // guards what follows
	silent   func(zone holdfast.Name) bool
	trouble  map[holdfast.Name]bool
	failing  map[holdfast.Name]bool
	looks    map[holdfast.Name][]look
	judged   map[holdfast.Name]int
	blamed   map[holdfast.Name]int // judged though silent
	withheld map[holdfast.Name]int
	world    []bool
	begun    map[string]holdfast.Sweep
	ended    map[string]holdfast.Sweep
	failed   int
	busy     map[holdfast.Name]bool
	now      int
	most     int
}

type look struct {
	at    time.Time
	depth holdfast.Depth
}

func newWork(t *testing.T) *work {
	return &work{t: t, took: 50 * time.Millisecond, silent: func(holdfast.Name) bool { return false },
		trouble: map[holdfast.Name]bool{}, failing: map[holdfast.Name]bool{}, looks: map[holdfast.Name][]look{},
		judged: map[holdfast.Name]int{}, blamed: map[holdfast.Name]int{}, withheld: map[holdfast.Name]int{},
		begun: map[string]holdfast.Sweep{}, ended: map[string]holdfast.Sweep{}, busy: map[holdfast.Name]bool{}}
}

func (w *work) Begin(_ context.Context, s holdfast.Sweep) error {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if _, twice := w.begun[s.ID]; twice {
		w.t.Errorf("sweep %s begins twice", s.ID)
	}
	w.begun[s.ID] = s
	return nil
}

func (w *work) End(_ context.Context, s holdfast.Sweep) error {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if _, twice := w.ended[s.ID]; twice || s.Finished.IsZero() {
		w.t.Errorf("sweep %s ends twice, or without its time", s.ID)
	}
	w.ended[s.ID] = s
	return nil
}

var errOurs = errors.New("our own fault")

func (w *work) Look(ctx context.Context, s holdfast.Subject, d holdfast.Depth, sweep string) (holdfast.Measurement, error) {
	w.mutex.Lock()
	if _, begun := w.begun[sweep]; !begun {
		w.t.Errorf("a look in sweep %q, which has not begun", sweep)
	}
	if _, over := w.ended[sweep]; over {
		w.t.Errorf("a look in sweep %s, which is over", sweep)
	}
	if w.busy[s.Zone] {
		w.t.Errorf("%s is looked at twice at once", s.Zone)
	}
	w.busy[s.Zone] = true
	w.now++
	w.most = max(w.most, w.now)
	w.looks[s.Zone] = append(w.looks[s.Zone], look{time.Now(), d})
	outcome := holdfast.Answered
	if w.silent(s.Zone) {
		outcome = holdfast.Timeout
	}
	failing := w.failing[s.Zone]
	w.mutex.Unlock()
	started := time.Now().UTC()
	select {
	case <-time.After(w.took):
	case <-ctx.Done():
	}
	w.mutex.Lock()
	w.now--
	w.busy[s.Zone] = false
	w.mutex.Unlock()
	if failing || ctx.Err() != nil {
		return holdfast.Measurement{}, errOurs
	}
	m := holdfast.Measurement{Subject: s, Depth: d, Sweep: sweep, Started: started, Finished: time.Now().UTC()}
	for i := range 4 {
		m.Exchanges = append(m.Exchanges, holdfast.Exchange{Zone: s.Zone, Purpose: holdfast.PurposeSOA, Sent: started, Tries: 1, Outcome: outcome,
			Server: holdfast.Server{Name: "ns." + s.Zone, Address: netip.AddrFrom4([4]byte{192, 0, 2, byte(i)})}})
	}
	return composed(m), nil
}

// composed is the measurement with an older one behind it, as an app gives it
// for core looks.
func composed(m holdfast.Measurement) holdfast.Measurement {
	base := holdfast.Measurement{Subject: m.Subject}
	for i := range 20 {
		base.Exchanges = append(base.Exchanges, holdfast.Exchange{Zone: m.Subject.Zone, Purpose: holdfast.PurposeNS, Tries: 1, Outcome: holdfast.Answered,
			Sent: m.Started.Add(-time.Hour), Server: holdfast.Server{Name: "ns." + m.Subject.Zone, Address: netip.AddrFrom4([4]byte{192, 0, 2, byte(i)})}})
	}
	return holdfast.Compose(m, base)
}

func isSilent(m holdfast.Measurement) bool { return m.Exchanges[0].Outcome == holdfast.Timeout }

func (w *work) Judge(_ context.Context, s holdfast.Subject, m holdfast.Measurement) (holdfast.Status, error) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.judged[s.Zone]++
	if isSilent(m) {
		w.blamed[s.Zone]++
		return holdfast.Unreached, nil
	}
	return holdfast.Secure, nil
}

func (w *work) Withhold(_ context.Context, m holdfast.Measurement) error {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.withheld[m.Subject.Zone]++
	return nil
}

func (w *work) InTrouble(zone holdfast.Name) bool {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.trouble[zone]
}

func (w *work) World(_ context.Context, down bool, _ holdfast.Sweep) error {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.world = append(w.world, down)
	return nil
}

func (w *work) Failed(holdfast.Subject, error) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.failed++
}

func roster(n int) []holdfast.Subject {
	out := make([]holdfast.Subject, n)
	for i := range out {
		out[i].Zone = holdfast.Name(fmt.Sprintf("zone%d.", i))
	}
	return out
}

func never(holdfast.Name) Looked { return Looked{} }

// running runs loops over the subjects; the function that it gives stops them.
func running(t *testing.T, w *work, c Config, subjects []holdfast.Subject, looked func(holdfast.Name) Looked) (*Loops, func()) {
	t.Helper()
	l := New(c, clock{}, "here", w).Loops(subjects, looked)
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() { result <- l.Run(ctx) }()
	return l, func() {
		t.Helper()
		cancel()
		if err := <-result; err != nil {
			t.Errorf("run: %v", err)
		}
		w.mutex.Lock()
		defer w.mutex.Unlock()
		if len(w.begun) != len(w.ended) {
			t.Errorf("%d sweeps began, %d ended", len(w.begun), len(w.ended))
		}
	}
}

// Issue 2, part 6: core every five minutes, full every hour, spread.
func TestIntervals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWork(t)
		_, stop := running(t, w, Config{}, roster(300), never)
		time.Sleep(4 * time.Hour)
		stop()
		busiest := map[time.Time]int{}
		for zone, looks := range w.looks {
			full := 0
			for i, l := range looks {
				if l.depth == holdfast.Full {
					full++
				}
				if i > 1 {
					if gap := l.at.Sub(looks[i-1].at); gap > 5*time.Minute+5*time.Second {
						t.Fatalf("%s: %s between looks %d and %d", zone, gap, i-1, i)
					}
				}
				if l.at.Sub(looks[0].at) > time.Hour {
					busiest[l.at.Truncate(10*time.Second)]++
				}
			}
			// 48 core ticks; a full look may stand beside a core one.
			if len(looks) < 46 || len(looks) > 56 || full < 4 || full > 6 {
				t.Fatalf("%s: %d looks, %d of them full, in four hours", zone, len(looks), full)
			}
		}
		if len(w.looks) != 300 {
			t.Errorf("%d zones were looked at", len(w.looks))
		}
		// 300 zones in 5 minutes are 10 in 10 seconds; chance makes it uneven.
		for at, n := range busiest {
			if n > 35 {
				t.Errorf("%d looks in the ten seconds from %s", n, at)
			}
		}
		if w.most > 64 {
			t.Errorf("%d at once", w.most)
		}
	})
}

func TestTroubleIsLookedAtFast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWork(t)
		w.trouble["zone3."] = true
		_, stop := running(t, w, Config{}, roster(20), never)
		time.Sleep(30 * time.Minute)
		w.mutex.Lock()
		during := len(w.looks["zone3."])
		for _, l := range w.looks["zone3."] {
			if l.depth != holdfast.Full {
				t.Errorf("a %s look at a zone in trouble", l.depth)
			}
		}
		w.trouble = map[holdfast.Name]bool{}
		w.mutex.Unlock()
		time.Sleep(30 * time.Minute)
		stop()
		if during < 50 || during > 62 {
			t.Errorf("%d looks in half an hour of trouble, want one in 30 s", during)
		}
		if after := len(w.looks["zone3."]) - during; after > 10 {
			t.Errorf("%d looks in the half hour after it", after)
		}
	})
}

// At the start every zone is due at once. One in trouble has its second look
// in its time, and does not wait for all the others' first.
func TestTroubleDoesNotQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWork(t)
		w.took = time.Second
		subjects := roster(400)
		zone := subjects[0].Zone
		w.trouble[zone] = true
		_, stop := running(t, w, Config{Parallel: 2}, subjects, never) // 200 s for a look at each
		time.Sleep(100 * time.Second)
		w.mutex.Lock()
		looks := w.looks[zone]
		w.mutex.Unlock()
		stop()
		if len(looks) < 2 || looks[1].at.Sub(looks[0].at) > 35*time.Second {
			t.Errorf("looks at %v, want a second one half a minute after the first", looks)
		}
	})
}

// After a restart nothing is asked before its time, and what is overdue is
// not forgotten.
func TestRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWork(t)
		_, stop := running(t, w, Config{}, roster(50), never)
		time.Sleep(2 * time.Hour)
		stop()
		last := func(zone holdfast.Name) Looked {
			var seen Looked
			for _, l := range w.looks[zone] {
				if l.depth == holdfast.Full {
					seen.Full = l.at
				} else {
					seen.Core = l.at
				}
			}
			return seen
		}
		again := newWork(t)
		_, stop = running(t, again, Config{}, roster(50), last)
		time.Sleep(10 * time.Second)
		early := 0
		again.mutex.Lock()
		for _, looks := range again.looks {
			early += len(looks)
		}
		again.mutex.Unlock()
		time.Sleep(5 * time.Minute)
		stop()
		if early > 10 {
			t.Errorf("%d of 50 zones were looked at within 10 s of a restart", early)
		}
		if len(again.looks) != 50 {
			t.Errorf("%d of 50 zones were looked at within an interval of a restart", len(again.looks))
		}
	})
}

func TestRosterChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWork(t)
		l, stop := running(t, w, Config{}, roster(20), never)
		time.Sleep(20 * time.Minute)
		w.mutex.Lock()
		before := len(w.looks["zone0."])
		w.mutex.Unlock()
		l.SetRoster(append(roster(20)[1:], holdfast.Subject{Zone: "new."}))
		time.Sleep(20 * time.Minute)
		stop()
		if n := len(w.looks["zone0."]); n != before {
			t.Errorf("a zone that has gone was looked at %d times", n-before)
		}
		if n := len(w.looks["new."]); n < 4 || n > 7 {
			t.Errorf("a new zone was looked at %d times", n)
		}
		if n := len(w.looks["zone1."]); n < 8 || n > 13 {
			t.Errorf("a zone that stayed was looked at %d times", n)
		}
	})
}

func TestDeadZoneIsBlamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWork(t)
		w.silent = func(zone holdfast.Name) bool { return zone == "zone7." }
		_, stop := running(t, w, Config{}, roster(100), never)
		time.Sleep(20 * time.Minute)
		stop()
		if w.blamed["zone7."] < 3 || len(w.blamed) != 1 || len(w.world) != 0 {
			t.Errorf("blamed %v, world %v", w.blamed, w.world)
		}
	})
}

// One operator's failure takes a quarter of the zones with it. That is no
// fault of ours, and they are blamed.
func TestLargeOperatorFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWork(t)
		_, stop := running(t, w, Config{}, roster(200), never)
		time.Sleep(time.Hour)
		w.mutex.Lock()
		w.silent = func(zone holdfast.Name) bool { return moment(zone, 4) == 0 }
		w.mutex.Unlock()
		time.Sleep(15 * time.Minute)
		stop()
		if len(w.blamed) < 40 || len(w.blamed) > 60 || len(w.world) != 0 {
			t.Errorf("blamed %d zones, withheld %d, world %v", len(w.blamed), len(w.withheld), w.world)
		}
	})
}

// With a few zones only there is nobody to compare with.
func TestFewZonesAreBelieved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWork(t)
		w.silent = func(holdfast.Name) bool { return true }
		_, stop := running(t, w, Config{}, roster(3), never)
		time.Sleep(20 * time.Minute)
		stop()
		if len(w.blamed) != 3 {
			t.Errorf("blamed %v", w.blamed)
		}
	})
}

func TestWorldDownFromTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWork(t)
		w.silent = func(holdfast.Name) bool { return true }
		_, stop := running(t, w, Config{}, roster(40), never)
		time.Sleep(20 * time.Minute)
		w.mutex.Lock()
		if len(w.blamed) != 0 || len(w.world) != 1 || !w.world[0] || len(w.withheld) != 40 {
			t.Errorf("blamed %d zones, withheld %d, world %v", len(w.blamed), len(w.withheld), w.world)
		}
		w.silent = func(holdfast.Name) bool { return false }
		w.mutex.Unlock()
		time.Sleep(20 * time.Minute)
		stop()
		if len(w.world) != 2 || w.world[1] || len(w.judged) != 40 {
			t.Errorf("world %v, %d zones judged", w.world, len(w.judged))
		}
		withheld := 0
		for _, s := range w.ended {
			if s.Withheld {
				withheld++
			}
		}
		if withheld == 0 {
			t.Error("no sweep says that it withheld anything")
		}
	})
}

func TestOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWork(t)
		w.silent = func(zone holdfast.Name) bool { return zone == "zone5." }
		w.failing["zone6."] = true
		last := 0
		sweep, err := New(Config{Parallel: 8}, clock{}, "here", w).Once(t.Context(), roster(100), holdfast.Core, func(done int) { last = done })
		if err != nil {
			t.Fatal(err)
		}
		if sweep.Zones != 99 || sweep.Questions != 99*4 || sweep.Outcomes[holdfast.Answered] != 98*4 || sweep.Outcomes[holdfast.Timeout] != 4 ||
			sweep.Statuses[holdfast.Secure] != 98 || sweep.Statuses[holdfast.Unreached] != 1 || sweep.Withheld || sweep.Depth != holdfast.Core {
			t.Errorf("sweep %+v", sweep)
		}
		if last != 100 || w.failed != 1 || w.most > 8 || sweep.Seconds() < 0.5 {
			t.Errorf("progress ended at %d, %d failed, %d at once, %v s", last, w.failed, w.most, sweep.Seconds())
		}
	})
}

func TestOnceWithTheWorldDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWork(t)
		w.silent = func(holdfast.Name) bool { return true }
		sweep, err := New(Config{Parallel: 4}, clock{}, "here", w).Once(t.Context(), roster(60), holdfast.Core, nil)
		if err != nil || !sweep.Withheld || len(w.blamed) != 0 || len(w.withheld) != 60 || len(w.world) != 1 {
			t.Errorf("%v; withheld %v (%d); blamed %d; world %v", err, sweep.Withheld, len(w.withheld), len(w.blamed), w.world)
		}
	})
}

func TestOnceIsStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWork(t)
		ctx, cancel := context.WithTimeout(t.Context(), 120*time.Millisecond)
		defer cancel()
		_, err := New(Config{Parallel: 4}, clock{}, "here", w).Once(ctx, roster(60), holdfast.Core, nil)
		if err == nil || len(w.looks) > 20 {
			t.Errorf("%v after %d looks", err, len(w.looks))
		}
	})
}

func TestConfig(t *testing.T) {
	if err := (Config{}).Check(); err != nil {
		t.Errorf("the default is refused: %v", err)
	}
	for _, c := range []Config{
		{Core: -1}, {Parallel: -1},
		{Core: holdfast.Duration(time.Hour), Full: holdfast.Duration(time.Minute)},
	} {
		if c.Check() == nil {
			t.Errorf("%+v is taken", c)
		}
	}
}

// The network of ours fails while the loops run: nobody may be blamed for it,
// not even those that are looked at first.
func TestWorldGoesDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWork(t)
		_, stop := running(t, w, Config{}, roster(200), never)
		time.Sleep(2 * time.Hour)
		w.mutex.Lock()
		w.silent = func(holdfast.Name) bool { return true }
		w.mutex.Unlock()
		time.Sleep(30 * time.Minute)
		stop()
		if len(w.blamed) != 0 || len(w.withheld) != 200 || len(w.world) != 1 || !w.world[0] {
			t.Errorf("blamed %d zones for our own fault, withheld %d, world %v", len(w.blamed), len(w.withheld), w.world)
		}
	})
}
