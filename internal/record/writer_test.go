package record

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
)

// Callers that come while a commit is under way must share the next one.
func TestCallersShareACommit(t *testing.T) {
	r := create(t)
	commits := 0
	r.writer.lead <- struct{}{} // a commit is under way
	var wait sync.WaitGroup
	for range 100 {
		wait.Go(func() {
			noError(t, r.write(t.Context(), "count", func(b *batch) error {
				if len(b.after) == 0 {
					b.after = append(b.after, func() { commits++ })
				}
				return nil
			}))
		})
	}
	for len(r.writer.queue) < 100 {
		time.Sleep(time.Millisecond)
	}
	<-r.writer.lead
	wait.Wait()
	if commits != 1 {
		t.Errorf("100 writes took %d commits, want 1", commits)
	}
}

// One that fails undoes its own work, and nobody else's.
func TestOneFailureSparesTheOthers(t *testing.T) {
	r := create(t)
	atOnce(t, 64, func(i int) error {
		err := r.write(t.Context(), "try", func(b *batch) error {
			if err := b.exec("INSERT INTO fact (key, value) VALUES (?, x'00')", fmt.Sprint(i)); err != nil {
				return err
			}
			if i%3 == 0 {
				return errors.New("changed my mind")
			}
			return nil
		})
		if (err != nil) != (i%3 == 0) {
			return fmt.Errorf("write %d: %w", i, err)
		}
		return nil
	})
	for i := range 64 {
		if _, err := r.Fact(t.Context(), fmt.Sprint(i)); errors.Is(err, ErrNotFound) != (i%3 == 0) {
			t.Errorf("fact %d: %v", i, err)
		}
	}
}

// An error of the context means that nothing was written.
func TestImpatientCallersWriteNothing(t *testing.T) {
	r := create(t)
	r.writer.lead <- struct{}{}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := r.SetFact(ctx, "k", []byte("v")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v, want the end of patience", err)
	}
	<-r.writer.lead
	if err := r.SetFact(ctx, "k2", nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v, want the end of patience", err)
	}
	noError(t, r.SetFact(t.Context(), "other", nil)) // takes the abandoned one from the queue
	if _, err := r.Fact(t.Context(), "k"); !errors.Is(err, ErrNotFound) {
		t.Errorf("abandoned, and written: %v", err)
	}
}

// The queue is bounded: who finds it full waits, as long as its context lets it.
func TestTheQueueIsBounded(t *testing.T) {
	r := create(t)
	r.writer.lead <- struct{}{}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	var wait sync.WaitGroup
	var late atomic.Int32
	for i := range queueLength + 50 {
		wait.Go(func() {
			if err := r.SetFact(ctx, fmt.Sprint(i), nil); errors.Is(err, context.DeadlineExceeded) {
				late.Add(1)
			}
		})
	}
	wait.Wait()
	<-r.writer.lead
	if got := late.Load(); got != queueLength+50 {
		t.Errorf("%d gave up, want all", got)
	}
	noError(t, r.SetFact(t.Context(), "k", nil))
}

// All methods at once, for the race detector.
func TestEverythingAtOnce(t *testing.T) {
	r, w := create(t), newWorld(51, 6)
	w.watch(t, r, 0, 1)
	ctx := t.Context()
	subjects := make([]holdfast.Subject, len(w.zones))
	verdicts := make([]holdfast.Verdict, len(w.zones))
	var looks []holdfast.Measurement
	for i, z := range w.zones {
		subjects[i], verdicts[i] = z.subject, w.verdict(z, "x", morning.Add(2*time.Hour))
		looks = append(looks, w.core(z, fmt.Sprint("x", i), "", "", morning.Add(2*time.Hour)))
	}
	acts := []func(i int) error{
		func(i int) error { return r.Measured(ctx, looks[i%len(looks)]) },
		func(i int) error { return r.Found(ctx, subjects[i%6], verdicts[i%6], holdfast.Past{}) },
		func(i int) error { _, err := r.Statuses(ctx); return err },
		func(i int) error { _, err := r.Status(ctx, "zone1."); return err },
		func(i int) error { _, err := r.Intervals(ctx, "", time.Time{}); return err },
		func(i int) error { _, err := r.WindowHistory(ctx, "zone1.", time.Time{}); return err },
		func(i int) error { return r.SaveRoster(ctx, Roster{Serial: uint32(i), Subjects: subjects}) },
		func(i int) error { _, err := r.LatestMeasurement(ctx, "zone2.", holdfast.Core); return err },
		func(i int) error { _, err := r.Stats(ctx); return err },
		func(i int) error {
			_, err := r.Prune(ctx, Retention{Age: time.Hour}, morning.Add(2*time.Hour))
			return err
		},
		func(i int) error {
			id := fmt.Sprint(i)
			if err := r.Decide(ctx, nil, []holdfast.Notice{notice(id, holdfast.NoticeQueued, morning)}); err != nil {
				return err
			}
			return r.ClaimNotice(ctx, id, morning)
		},
		func(i int) error { _, err := r.Notices(ctx, NoticeFilter{}); return err },
		func(i int) error {
			for _, err := range r.Measurements(ctx, time.Time{}, time.Time{}, "zone3.") {
				if err != nil {
					return err
				}
			}
			return nil
		},
	}
	atOnce(t, 20*len(acts), func(i int) error { return acts[i%len(acts)](i) })
	intact(t, r)
}
