package ask

import (
	"context"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func hostNumber(i int) netip.Addr {
	return netip.AddrFrom4([4]byte{192, 0, byte(i >> 8), byte(i)})
}

// Issue 2, part 2: 20 questions a second and a burst of 20 for each address,
// across all zones.
func TestRateOfOneServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := Config{}.completed()
		if err != nil {
			t.Fatal(err)
		}
		p := newPoliteness(c)
		began := time.Now()
		var wait sync.WaitGroup
		for range 120 {
			wait.Go(func() {
				h, err := p.enter(context.Background(), home)
				if err != nil {
					t.Error(err)
					return
				}
				p.leave(h)
			})
		}
		wait.Wait()
		// 20 at once, and the other 100 in 5 seconds.
		if took := time.Since(began); took < 4900*time.Millisecond || took > 5100*time.Millisecond {
			t.Errorf("120 questions took %s", took)
		}
	})
}

func TestWindowOfOneServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPoliteness(Config{Rate: -1, Window: 8, Servers: 100})
		var now, most atomic.Int64
		var wait sync.WaitGroup
		for range 100 {
			wait.Go(func() {
				h, _ := p.enter(context.Background(), home)
				n := now.Add(1)
				for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
				}
				time.Sleep(time.Second)
				now.Add(-1)
				p.leave(h)
			})
		}
		wait.Wait()
		if most.Load() != 8 {
			t.Errorf("%d questions were in flight at once, want 8", most.Load())
		}
	})
}

// A turn that comes after the caller's deadline is refused at once.
func TestTurnTooLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPoliteness(Config{Rate: 1, Burst: 1, Window: 8, Servers: 100})
		ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
		defer cancel()
		began := time.Now()
		h, err := p.enter(ctx, home)
		if err != nil {
			t.Fatal(err)
		}
		p.leave(h)
		if _, err := p.enter(ctx, home); err == nil {
			t.Error("no error")
		}
		if time.Since(began) != 0 {
			t.Errorf("waited %s to learn it", time.Since(began))
		}
	})
}

// The map of servers is bounded, and those in use or in debt are not the
// first to be forgotten.
func TestForgettingServers(t *testing.T) {
	p := newPoliteness(Config{Rate: 0.001, Burst: 2, Window: 8, Servers: 100})
	busy, err := p.enter(t.Context(), hostNumber(60000))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 1000 {
		p.release(p.host(hostNumber(i)))
		if len(p.hosts) > 101 {
			t.Fatalf("%d servers are remembered", len(p.hosts))
		}
	}
	if p.host(hostNumber(60000)) != busy {
		t.Error("a server in use was forgotten")
	}
}

func TestConfigRefusesNonsense(t *testing.T) {
	for _, c := range []Config{{UDPTries: -1}, {UDPWait: -1}, {InFlight: 1 << 15}, {Window: -3}} {
		if _, err := New(c, System{}, clock{}); err == nil {
			t.Errorf("%+v was taken", c)
		}
	}
}
