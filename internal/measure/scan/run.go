package scan

import (
	"container/heap"
	"context"
	"sync"
	"time"

	"github.com/holdfastdns/holdfast"
)

// Looked is when a zone was last looked at, in each depth; zero: never.
type Looked struct {
	Core, Full time.Time
}

// Loops is a scan that runs: a roster and who of it is due when.
type Loops struct {
	scan *Scan

	mu     sync.Mutex
	zones  map[holdfast.Name]*entry // owned by mu
	queue  queue                    // owned by mu
	urgent queue                    // of zones in trouble, which do not wait behind the others; owned by mu
	sweeps map[holdfast.Depth]*sweep
	wake   chan struct{} // holds at most one: the queue's head may have changed
}

// entry is one subject in the loops.
type entry struct {
	subject            holdfast.Subject
	core, full, due    time.Time
	busy, fast, parted bool // parted: gone from the roster
	index              int  // in the queue; -1: not in it
}

// Loops begins with the subjects and when each was last looked at, as the
// record has it, so that a restart takes up where the last process ended:
// those that are overdue come first. It starts nothing; Run does.
func (s *Scan) Loops(subjects []holdfast.Subject, looked func(holdfast.Name) Looked) *Loops {
	l := &Loops{scan: s, zones: map[holdfast.Name]*entry{}, sweeps: map[holdfast.Depth]*sweep{}, wake: make(chan struct{}, 1)}
	s.doubt.watch(len(subjects))
	now := s.clock.Now()
	for _, subject := range subjects {
		e := &entry{subject: subject, index: -1}
		was := looked(subject.Zone)
		e.full = resume(subject.Zone, s.config.Full.Of(), was.Full, now)
		last := was.Core
		if was.Full.After(last) {
			last = was.Full
		}
		e.core = resume(subject.Zone, s.config.Core.Of(), last, now)
		l.zones[subject.Zone] = e
		l.plan(e)
	}
	return l
}

// resume is when a zone is due that was last looked at then: at its next
// moment, or now where it has missed one.
func resume(zone holdfast.Name, interval time.Duration, last, now time.Time) time.Time {
	if due := nextAfter(zone, interval, last); !last.IsZero() && due.After(now) {
		return due
	}
	return now
}

// SetRoster replaces the subjects. New ones are due at once; those that are
// gone are looked at no more.
func (l *Loops) SetRoster(subjects []holdfast.Subject) {
	l.scan.doubt.watch(len(subjects))
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.scan.clock.Now()
	stays := make(map[holdfast.Name]bool, len(subjects))
	for _, subject := range subjects {
		stays[subject.Zone] = true
		if e := l.zones[subject.Zone]; e != nil {
			e.subject = subject
			continue
		}
		e := &entry{subject: subject, core: now, full: now, index: -1}
		l.zones[subject.Zone] = e
		l.plan(e)
	}
	for zone, e := range l.zones {
		if !stays[zone] {
			e.parted = true
			if e.index >= 0 {
				heap.Remove(l.queueOf(e), e.index)
			}
			delete(l.zones, zone)
		}
	}
	l.nudge()
}

// plan puts an entry into the queue at its earliest moment. The caller holds mu.
func (l *Loops) plan(e *entry) {
	if e.parted || e.busy || e.index >= 0 {
		return
	}
	e.due = e.core
	if e.full.Before(e.due) {
		e.due = e.full
	}
	heap.Push(l.queueOf(e), e)
}

// queueOf is where an entry waits. It does not change while it does.
func (l *Loops) queueOf(e *entry) *queue {
	if e.fast {
		return &l.urgent
	}
	return &l.queue
}

func (l *Loops) nudge() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// Run keeps the loops until the context ends, or until the work says that it
// cannot go on. It waits for looks under way.
func (l *Loops) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var group sync.WaitGroup
	slots := make(chan struct{}, l.scan.config.Parallel)
	for ctx.Err() == nil {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			continue
		}
		t, wait, err := l.next(ctx)
		if err != nil {
			cancel(err)
		}
		if t == nil {
			<-slots
			l.pause(ctx, wait)
			continue
		}
		group.Go(func() {
			defer func() { <-slots }()
			err := l.scan.look(ctx, t.subject, t.depth, t.sweep)
			if done := l.done(ctx, t); err == nil {
				err = done
			}
			if err != nil {
				cancel(err)
			}
		})
	}
	group.Wait()
	l.endAll(context.WithoutCancel(ctx))
	if cause := context.Cause(ctx); cause != ctx.Err() {
		return cause
	}
	return nil
}

// pause waits until somebody is due, or the queue has changed.
func (l *Loops) pause(ctx context.Context, wait time.Duration) {
	select {
	case <-ctx.Done():
	case <-l.wake:
	case <-l.scan.clock.After(wait):
	}
}

// turn is one look that is due. subject is a copy: a new roster may change the
// entry's while the look goes on.
type turn struct {
	entry   *entry
	subject holdfast.Subject
	depth   holdfast.Depth
	sweep   *sweep
}

// next takes the turn that is due out of the queues; where none is, it answers
// nil and how long to wait.
func (l *Loops) next(ctx context.Context) (*turn, time.Duration, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	const longest = time.Minute
	now := l.scan.clock.Now()
	from, wait := &l.urgent, l.urgent.wait(now, longest)
	if wait > 0 {
		from, wait = &l.queue, min(wait, l.queue.wait(now, longest))
	}
	if wait > 0 {
		return nil, wait, nil
	}
	depth := holdfast.Core
	if e := (*from)[0]; !e.full.After(now) || e.fast {
		depth = holdfast.Full
	}
	w, err := l.sweep(ctx, depth, now)
	if err != nil {
		return nil, longest, err
	}
	e := heap.Pop(from).(*entry)
	e.busy = true
	w.enter()
	return &turn{e, e.subject, depth, w}, 0, nil
}

// sweep is the one that a look begun now belongs to: there is one an interval.
// The caller holds mu.
func (l *Loops) sweep(ctx context.Context, depth holdfast.Depth, now time.Time) (*sweep, error) {
	interval := l.scan.config.Core.Of()
	if depth == holdfast.Full {
		interval = l.scan.config.Full.Of()
	}
	w := l.sweeps[depth]
	if w != nil && now.Before(w.data.Started.Add(interval)) {
		return w, nil
	}
	if w != nil && w.close() {
		if err := l.scan.end(ctx, w); err != nil {
			return nil, err
		}
	}
	w, err := l.scan.begin(ctx, depth)
	if err == nil {
		l.sweeps[depth] = w
	}
	return w, err
}

// done plans the entry's next look.
func (l *Loops) done(ctx context.Context, t *turn) error {
	e, depth, w := t.entry, t.depth, t.sweep
	trouble := l.scan.work.InTrouble(t.subject.Zone)
	l.mu.Lock()
	now := l.scan.clock.Now()
	e.busy, e.fast = false, trouble
	e.core = nextAfter(e.subject.Zone, l.scan.config.Core.Of(), now)
	if depth == holdfast.Full {
		e.full = nextAfter(e.subject.Zone, l.scan.config.Full.Of(), now)
	}
	if trouble {
		// Evidence that is only an hour old must not confirm itself: trouble is
		// looked at in full.
		e.full = now.Add(l.scan.config.Fast.Of())
	}
	l.plan(e)
	l.nudge()
	l.mu.Unlock()
	if w.leave() {
		return l.scan.end(ctx, w)
	}
	return nil
}

func (l *Loops) endAll(ctx context.Context) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, w := range l.sweeps {
		if w.close() {
			// The process is ending; a sweep without its end says so itself.
			_ = l.scan.end(ctx, w)
		}
	}
}

// queue is a heap of entries by due time.
type queue []*entry

// wait is how long it is until the first is due, at most longest; zero or less
// where it is.
func (q queue) wait(now time.Time, longest time.Duration) time.Duration {
	if len(q) == 0 {
		return longest
	}
	return min(q[0].due.Sub(now), longest)
}

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].due.Before(q[j].due) }
func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index, q[j].index = i, j
}
func (q *queue) Push(x any) {
	e := x.(*entry)
	e.index = len(*q)
	*q = append(*q, e)
}
func (q *queue) Pop() any {
	old := *q
	e := old[len(old)-1]
	old[len(old)-1] = nil
	*q = old[:len(old)-1]
	e.index = -1
	return e
}
