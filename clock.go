package holdfast

import "time"

// Clock tells the time and waits by it. The machine's clock and a lab's fast
// one both satisfy it; rooms that need the time are handed one.
type Clock interface {
	Now() time.Time
	// After is like time.After, by this clock.
	After(d time.Duration) <-chan time.Time
}
