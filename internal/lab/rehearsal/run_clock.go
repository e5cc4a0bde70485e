package rehearsal

import (
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/holdfastdns/holdfast/internal/lab/resolvers"
)

// stageClock is a performance's time: the machine's, or one that leaps ahead with
// the clocks of all programs that play.
type stageClock struct {
	leaper *leaper // nil: the machine's
}

// newStageClock makes the clock of a name; file is where programs learn how far
// theirs is ahead.
func newStageClock(name, file string) (stageClock, error) {
	switch name {
	case Accelerated, Wall:
		return stageClock{}, nil
	case Faketime:
		library, err := resolvers.FaketimeLibrary()
		if err != nil {
			return stageClock{}, err
		}
		l := &leaper{file: file, library: library}
		return stageClock{l}, l.leap(0)
	}
	return stageClock{}, fmt.Errorf("clock %q: want %s, %s or %s", name, Accelerated, Faketime, Wall)
}

// Now is the time, UTC.
func (c stageClock) Now() time.Time {
	if c.leaper == nil {
		return time.Now().UTC()
	}
	return time.Now().UTC().Add(c.leaper.ahead())
}

// After waits by the machine's time: nobody waits for a leap.
func (c stageClock) After(d time.Duration) <-chan time.Time { return time.After(d) }

// env is what a program must be started with to have this clock.
func (c stageClock) env() []string {
	if c.leaper == nil {
		return nil
	}
	return resolvers.FaketimeFile(c.leaper.library, c.leaper.file)
}

// leaper is how far a clock is ahead of the machine's. Programs read it from a file
// each time that they look at the clock: an offset and no date, since some hang
// when their time stands still.
type leaper struct {
	file, library string

	mu     sync.Mutex
	offset time.Duration // owned by mu
}

func (l *leaper) ahead() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.offset
}

// leap goes ahead. The file is replaced as a whole: it is read at any time.
func (l *leaper) leap(by time.Duration) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	by = by.Truncate(time.Second)
	next := l.file + ".next"
	if err := os.WriteFile(next, []byte(resolvers.FaketimeOffset(l.offset+by)), 0o644); err != nil {
		return fmt.Errorf("leap ahead: %w", err)
	}
	if err := os.Rename(next, l.file); err != nil {
		return fmt.Errorf("leap ahead: %w", err)
	}
	l.offset += by
	return nil
}
