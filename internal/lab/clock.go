package lab

import (
	"sync"
	"time"
)

// Clock is a lab's time: it starts at an instant and runs at a rate. It
// satisfies holdfast.Clock.
type Clock struct {
	rate float64

	mu    sync.Mutex
	start time.Time // lab time at began; owned by mu
	began time.Time // the machine's time, monotonic; owned by mu
}

// NewClock starts a clock at an instant. A rate of 1 is real time, 1440 is a
// day a minute; a rate that is not positive counts as 1.
func NewClock(start time.Time, rate float64) *Clock {
	if !(rate > 0) {
		rate = 1
	}
	return &Clock{rate: rate, start: start.UTC().Round(0), began: time.Now()}
}

// Now is the lab's time, UTC.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.start.Add(time.Duration(float64(time.Since(c.began)) * c.rate))
}

// After is like time.After, by this clock: at rate 1440 a day passes in a
// minute. A later Advance does not wake those who wait already.
func (c *Clock) After(d time.Duration) <-chan time.Time {
	done := make(chan time.Time, 1)
	time.AfterFunc(time.Duration(float64(d)/c.rate), func() { done <- c.Now() })
	return done
}

// Rate is how many seconds of the lab pass in one of ours.
func (c *Clock) Rate() float64 { return c.rate }

// Advance moves the clock forward at once, as tests and visitors wish.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.start = c.start.Add(d)
}
