package scan

import (
	"context"
	"fmt"
	"maps"
	"sync"

	"github.com/holdfastdns/holdfast"
)

// sweep counts one pass. Looks of the fast loop count in the full sweep of
// their time.
type sweep struct {
	mu      sync.Mutex
	data    holdfast.Sweep // owned by mu, but for ID, Depth and Started
	running int            // looks under way; owned by mu
	over    bool           // no more looks are begun; owned by mu
}

func (s *Scan) begin(ctx context.Context, depth holdfast.Depth) (*sweep, error) {
	now := s.clock.Now().UTC()
	w := &sweep{data: holdfast.Sweep{
		ID:    fmt.Sprintf("%s-%s", now.Format("20060102T150405.000Z"), depth),
		Depth: depth, Vantage: s.vantage, Started: now,
		Outcomes: map[holdfast.Outcome]int{}, Statuses: map[holdfast.Status]int{},
	}}
	if err := s.work.Begin(ctx, w.data); err != nil {
		return nil, fmt.Errorf("begin sweep %s: %w", w.data.ID, err)
	}
	return w, nil
}

// enter says that a look of the sweep begins; leave that it, and what is
// judged of it, is done.
func (w *sweep) enter() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.running++
}

// leave answers whether the sweep is complete with it.
func (w *sweep) leave() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.running--
	return w.over && w.running == 0
}

// close says that no more looks are begun, and whether the sweep is complete.
func (w *sweep) close() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.over = true
	return w.running == 0
}

// count adds a look's own exchanges.
func (w *sweep) count(m holdfast.Measurement) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.data.Zones++
	for _, e := range m.Exchanges {
		if own(m, e) {
			w.data.Questions++
			w.data.Outcomes[e.Outcome]++
		}
	}
}

func (w *sweep) judged(status holdfast.Status) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.data.Statuses[status]++
}

// seen is the sweep as it stands.
func (w *sweep) seen() holdfast.Sweep {
	w.mu.Lock()
	defer w.mu.Unlock()
	data := w.data
	data.Outcomes, data.Statuses = maps.Clone(data.Outcomes), maps.Clone(data.Statuses)
	return data
}

func (w *sweep) withhold() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.data.Withheld = true
}

// end writes the sweep's final counts.
func (s *Scan) end(ctx context.Context, w *sweep) error {
	w.mu.Lock()
	w.data.Finished = s.clock.Now().UTC()
	w.mu.Unlock()
	data := w.seen()
	if err := s.work.End(ctx, data); err != nil {
		return fmt.Errorf("end sweep %s: %w", data.ID, err)
	}
	return nil
}

// look does all that is due about one subject: measure, count, and judge what
// may be judged now. An error is one that ends the scan.
func (s *Scan) look(ctx context.Context, subject holdfast.Subject, depth holdfast.Depth, w *sweep) error {
	m, err := s.work.Look(ctx, subject, depth, w.data.ID)
	if ctx.Err() != nil {
		return nil // asked to stop: what was seen in full is recorded, nothing is judged on half a look
	}
	if err != nil {
		s.work.Failed(subject, err)
		return nil
	}
	w.count(m)
	return s.settle(ctx, s.doubt.consider(held{subject: subject, measurement: m, sweep: w}), w)
}

// settle judges and withholds as decided.
func (s *Scan) settle(ctx context.Context, d decision, w *sweep) error {
	if d.changed {
		if err := s.work.World(ctx, d.down, w.seen()); err != nil {
			return err
		}
	}
	for _, h := range d.withheld {
		h.sweep.withhold()
		if err := s.work.Withhold(ctx, h.measurement); err != nil {
			return err
		}
	}
	for _, h := range d.judge {
		status, err := s.work.Judge(ctx, h.subject, h.measurement)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			s.work.Failed(h.subject, err)
			continue
		}
		h.sweep.judged(status)
	}
	return nil
}

// Once makes a single sweep over the subjects and answers how it went. told is
// called after each look with how many are done; it may be nil.
func (s *Scan) Once(ctx context.Context, subjects []holdfast.Subject, depth holdfast.Depth, told func(done int)) (holdfast.Sweep, error) {
	s.doubt.watch(len(subjects))
	w, err := s.begin(ctx, depth)
	if err != nil {
		return holdfast.Sweep{}, err
	}
	var group sync.WaitGroup
	var mu sync.Mutex
	var failed error
	done := 0
	slots := make(chan struct{}, s.config.Parallel)
	for _, subject := range subjects {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			break
		}
		group.Go(func() {
			defer func() { <-slots }()
			err := s.look(ctx, subject, depth, w)
			mu.Lock()
			defer mu.Unlock()
			if err != nil && failed == nil {
				failed = err
			}
			if done++; told != nil {
				told(done)
			}
		})
	}
	group.Wait()
	if failed == nil {
		failed = s.settle(ctx, s.doubt.finish(), w)
	}
	// A sweep that was stopped is ended all the same: it says how far it came.
	if err := s.end(context.WithoutCancel(ctx), w); err != nil && failed == nil {
		failed = err
	}
	if failed == nil {
		failed = ctx.Err()
	}
	return w.seen(), failed
}
