package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/lab/resolvers"
	"github.com/holdfastdns/holdfast/internal/measure/anchor"
	trust "github.com/holdfastdns/holdfast/internal/source/anchor"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// Times of a performance, by the machine's clock.
const (
	// readiness is how long a resolver may take until it validates; loaded machines
	// are slow.
	readiness = 60 * time.Second
	// replyWait is how long a reply is waited for.
	replyWait = 3 * time.Second
	// stateDisk is the room for a resolver's state, in octets.
	stateDisk = 1 << 20
)

// endOfLog is the name under which the last words of a resolver are kept that ended
// by itself, endSize how many octets of them.
const (
	endOfLog = "end of its log"
	endSize  = 1500
)

// actor is a resolver that plays.
type actor struct {
	stage    *stage
	who      holdfast.Actor
	resolver anchor.Resolver
	env      []string

	// orders is held by whoever starts, stops or tampers, and by who looks.
	orders sync.Mutex
	daemon *resolvers.Daemon
	// interrupt ends the look that is under way: what it would still hear is of a
	// resolver that was stopped meanwhile.
	interrupt atomic.Pointer[context.CancelFunc]
}

// enter sets all resolvers up, starts them and waits until each validates.
func (s *stage) enter(ctx context.Context) error {
	if err := s.carry(); err != nil {
		return err
	}
	var work sync.WaitGroup
	for i, software := range s.software {
		who := software.Actor(ctx)
		if who.Skipped == "" && s.clock.leaper != nil {
			who.Skipped = software.Leaps
		}
		if who.Skipped != "" {
			s.rec.put(line{Actor: &who})
			continue
		}
		a, err := s.newActor(software, who, byte(firstLast+i))
		if err != nil {
			return err
		}
		s.actors = append(s.actors, a)
		work.Go(func() { a.enter(ctx) })
	}
	work.Wait()
	var ready []*actor
	for _, a := range s.actors {
		s.rec.put(line{Actor: &a.who})
		if a.who.Skipped == "" {
			ready = append(ready, a)
		} else {
			a.daemon.Stop()
		}
	}
	s.actors = ready
	if len(ready) == 0 && ctx.Err() == nil {
		return fmt.Errorf("%w: is one of them installed?", errNobody)
	}
	return errors.Join(ctx.Err(), s.rec.failed())
}

// carry starts the resolver that forwarders ask, where there is one among those
// who play. Without it they are not ready in time, and say so.
func (s *stage) carry() error {
	for _, software := range s.software {
		if !software.Forwards || s.carrier != nil {
			continue
		}
		daemon, err := s.daemon(resolvers.Carrier(), carrierLast)
		if errors.Is(err, resolvers.ErrMissing) {
			return nil
		}
		if err != nil {
			return err
		}
		s.carrier = daemon
		if err := daemon.Start(); err != nil {
			return err
		}
	}
	return nil
}

func (s *stage) newActor(software resolvers.Software, who holdfast.Actor, last byte) (*actor, error) {
	daemon, err := s.daemon(software, last)
	if err != nil {
		return nil, err
	}
	who.Config = daemon.Config()
	at := resolverAddress(last)
	return &actor{
		stage: s, who: who, daemon: daemon, env: daemon.Setting.Env,
		resolver: anchor.Resolver{Server: holdfast.Server{Name: holdfast.Name(software.Name), Address: at.Addr()}, Port: at.Port()},
	}, nil
}

func (s *stage) daemon(software resolvers.Software, last byte) (*resolvers.Daemon, error) {
	folder := filepath.Join(s.job.Folder, software.Name)
	if err := os.Mkdir(folder, 0o755); err != nil {
		return nil, err
	}
	var anchors []wire.Record
	for _, key := range s.set.Play.Keys {
		if !key.Anchor {
			continue
		}
		r, err := wire.ParseRecord(s.set.Public[key.Name])
		if err != nil {
			return nil, err
		}
		anchors = append(anchors, r)
	}
	var from resolvers.Bootstrap
	if s.publisher != nil {
		from = resolvers.Bootstrap{At: s.publisher.at, CA: s.publisher.ca}
	}
	return resolvers.New(software, resolvers.Setting{
		Bootstrap: from,
		Folder:    folder, At: resolverAddress(last), Hints: s.hints, Anchors: anchors, ByDigest: s.set.byDigest(), Upstream: resolverAddress(carrierLast),
		Timers: s.set.Play.Timers, Usual: s.job.Clock != Accelerated, Env: s.clock.env(), Disk: stateDisk,
	})
}

// enter starts the resolver and waits until it calls the signed name authentic.
func (a *actor) enter(ctx context.Context) {
	if err := a.daemon.Start(); err != nil {
		a.who.Skipped = err.Error()
		return
	}
	names := anchor.Names{Signed: a.stage.set.Names.Signed}
	for end := time.Now().Add(readiness); time.Now().Before(end) && ctx.Err() == nil; {
		for _, sample := range anchor.Look(ctx, a.stage.asker, a.resolver, names) {
			m, err := wire.Parse(sample.Exchange.Reply)
			if err == nil && sample.Probe == holdfast.ProbeSigned && m.AuthenticatedData {
				return
			}
		}
		if !a.daemon.Running() {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	a.who.Skipped = fmt.Sprintf("it did not come to validate the signed name before the play; its log ends:\n%s", a.daemon.Log(2000))
}

// look takes one round of samples and states, unless the last is still under way,
// or the resolver is being started: one that is slow must not hold up the others.
func (a *actor) look(ctx context.Context) {
	if !a.orders.TryLock() {
		return
	}
	defer a.orders.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	a.interrupt.Store(&cancel)
	s := a.stage
	for _, sample := range anchor.Look(ctx, s.asker, a.resolver, s.set.Names) {
		if sample.Exchange.Outcome == holdfast.NotAsked {
			continue
		}
		sample.After = sample.Exchange.Sent.Sub(s.begin)
		about := fmt.Sprint("sample ", sample.Actor, " ", sample.Probe, " ", sample.Key)
		s.rec.putOnce(about, s.says(sample), sample.After, line{Sample: &sample})
	}
	a.states(ctx)
}

// says is what a sample says, and in which step of the play: one that says the same
// in another is new evidence, since all else has changed.
func (s *stage) says(sample holdfast.Sample) string {
	return fmt.Sprint(s.step(sample.After), " ", essence(sample.Exchange))
}

// step is the index of the step in force; below zero before the play.
func (s *stage) step(after time.Duration) int {
	n := -1
	for i, step := range s.set.Play.Steps {
		if step.At <= after {
			n = i
		}
	}
	return n
}

// order waits for its turn to order the resolver about, and gives what ends it.
func (a *actor) order() (done func()) {
	if cancel := a.interrupt.Load(); cancel != nil {
		(*cancel)()
	}
	a.orders.Lock()
	return a.orders.Unlock
}

// awake waits until the resolver answers at all, for a few seconds: nobody would ask
// a machine that is just starting what it thinks of the keys.
func (a *actor) awake(ctx context.Context) {
	names := anchor.Names{Unsigned: a.stage.set.Names.Unsigned}
	for end := time.Now().Add(replyWait); time.Now().Before(end) && a.daemon.Running() && ctx.Err() == nil; {
		short, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
		heard := anchor.Look(short, a.stage.asker, a.resolver, names)
		cancel()
		if heard[0].Exchange.Outcome == holdfast.Answered {
			return
		}
	}
}

// states keeps what the resolver's files and commands say, where it is news. The
// caller holds orders: what is read while it starts or stops would be half a file.
func (a *actor) states(ctx context.Context) {
	if a.daemon.Ended() {
		// It was not stopped: whoever reads the evidence wants to know why it went.
		end := holdfast.StateSample{After: a.stage.since(), Actor: a.who.Name, Name: endOfLog, Text: a.daemon.Log(endSize)}
		a.stage.rec.putNews("end "+a.who.Name, end.Text, line{State: &end})
		return
	}
	for _, state := range a.daemon.States(ctx) {
		sample := holdfast.StateSample{After: a.stage.since(), Actor: a.who.Name, Name: state.Name, Text: state.Text}
		says := state.Mark
		if file, err := trust.Parse("", state.Name, []byte(state.Text)); err == nil {
			if point, ok := file.Point(holdfast.Root); ok {
				sample.Point, says = &point, standing(point)
			}
		}
		a.stage.rec.putNews("state "+a.who.Name+" "+state.Name, says, line{State: &sample})
	}
}

// standing is what a trust point says of its keys. When it was asked last, and how
// often a key was seen, is no news.
func standing(point holdfast.TrustPoint) string {
	var b strings.Builder
	for _, k := range point.Keys {
		fmt.Fprintln(&b, k.Tag, k.Algorithm, k.State, k.Word, k.Since, k.Hold)
	}
	return b.String()
}

// since is how long ago the play began.
func (s *stage) since() time.Duration { return s.clock.Now().Sub(s.begin) }
