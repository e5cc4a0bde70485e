package app

import (
	"fmt"
	"sync"
	"time"
)

// progress says on a terminal's error stream that work goes on, and how far.
type progress struct {
	world World
	text  string
	began time.Time
	quit  chan struct{}
	done  sync.WaitGroup

	mutex sync.Mutex
	state string // guarded by mutex
}

// startProgress begins to tell; stop must be called. Off a terminal it is
// silent: logs are not made of spinners.
func startProgress(w World, text string) *progress {
	p := &progress{world: w, text: text, began: time.Now(), quit: make(chan struct{})}
	if !w.Watched {
		return p
	}
	p.done.Add(1)
	go p.run()
	return p
}

func (p *progress) run() {
	defer p.done.Done()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-p.quit:
			fmt.Fprint(p.world.Stderr, "\r\x1b[K")
			return
		case <-tick.C:
			p.mutex.Lock()
			state := p.state
			p.mutex.Unlock()
			fmt.Fprintf(p.world.Stderr, "\r\x1b[K%s %s(%s)", p.text, state, span(time.Since(p.began)))
		}
	}
}

// set says how far the work is.
func (p *progress) set(format string, args ...any) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.state = fmt.Sprintf(format, args...) + " "
}

func (p *progress) stop() {
	close(p.quit)
	p.done.Wait()
}
