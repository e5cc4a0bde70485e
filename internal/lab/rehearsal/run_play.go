package rehearsal

import (
	"context"
	"sync"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/measure/anchor"
)

// settling is how long programs have, by the machine's clock, to do what is due
// after a leap.
const settling = time.Second

// play is the play itself: all are asked again and again, until its end.
func (s *stage) play(ctx context.Context) error {
	s.rec.put(line{Began: &s.begin})
	ear := s.listen()
	defer ear.close()
	var work sync.WaitGroup // of acts and looks
	defer work.Wait()
	next := 0
	for tick := time.Duration(0); ; tick += s.every() {
		if err := s.until(ctx, tick); err != nil {
			return err
		}
		for ; next < len(s.set.Play.Steps) && s.set.Play.Steps[next].At <= s.since(); next++ {
			s.act(ctx, &work, s.set.Play.Steps[next])
		}
		s.round(ctx, &work)
		if err := s.rec.failed(); err != nil {
			return err
		}
		if tick >= s.set.Play.Length {
			break
		}
	}
	work.Wait()
	ear.close()
	for _, count := range ear.counts() {
		s.rec.put(line{Queries: &count})
	}
	now := s.clock.Now()
	s.rec.put(line{Finished: &now})
	return s.rec.failed()
}

// every is the time between two looks, by the play's clock.
func (s *stage) every() time.Duration {
	switch {
	case s.job.Every > 0:
		return s.job.Every
	case s.job.Clock == Faketime:
		return 24 * time.Hour // how often the root's keys are asked for (RFC 5011 section 2.3)
	case s.job.Clock == Wall:
		return 10 * time.Minute
	}
	return time.Second
}

// until waits until the play is so old, or leaps there.
func (s *stage) until(ctx context.Context, age time.Duration) error {
	wait := age - s.since()
	if s.clock.leaper != nil && wait > settling {
		if err := s.clock.leaper.leap(wait); err != nil {
			return err
		}
		// They look at their clocks when something wakes them.
		short, cancel := context.WithTimeout(ctx, settling)
		defer cancel()
		for _, a := range s.actors {
			go anchor.Look(short, s.asker, a.resolver, anchor.Names{Unsigned: s.set.Names.Unsigned})
		}
		wait = settling
	}
	if wait <= 0 {
		return ctx.Err()
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(wait):
		return nil
	}
}

// round looks at the root and at all resolvers. In real time it does not wait: who
// is slow is left out of the next.
func (s *stage) round(ctx context.Context, work *sync.WaitGroup) {
	root := anchor.Resolver{Server: holdfast.Server{Name: "a.root-servers.lab.", Address: rootAddress}}
	work.Go(func() {
		sample := anchor.Served(ctx, s.asker, root)
		sample.After = sample.Exchange.Sent.Sub(s.begin)
		if sample.Exchange.Outcome != holdfast.NotAsked {
			s.rec.putOnce("served", s.says(sample), sample.After, line{Served: &sample})
		}
	})
	for _, a := range s.actors {
		work.Go(func() { a.look(ctx) })
	}
	if s.clock.leaper != nil {
		work.Wait()
	}
}
