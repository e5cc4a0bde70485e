package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/lab"
	"github.com/holdfastdns/holdfast/internal/lab/resolvers"
	"github.com/holdfastdns/holdfast/internal/measure/ask"
)

// Job is a play to perform, and how.
type Job struct {
	Play holdfast.Play `json:"play"`
	// Resolvers are the names of those that play; empty: all that are known.
	Resolvers []string `json:"resolvers,omitempty"`
	Clock     string   `json:"clock"`   // Accelerated, Faketime or Wall
	Program   string   `json:"program"` // that performs it, with its version
	// Every is how often all are asked; 0: a second, or what the clock wants.
	Every time.Duration `json:"every_ns,omitempty"`
	// Folder is there and empty; all that is written while it plays stands below.
	Folder string `json:"folder"`
}

// Clocks by which a play is performed.
const (
	// Accelerated: in real time, with timers of seconds.
	Accelerated = "accelerated"
	// Faketime: with the timers of RFC 5011, the clocks of all programs leaping
	// ahead by offsets (libfaketime).
	Faketime = "faketime"
	// Wall: with the timers of RFC 5011, in real time: it takes months.
	Wall = "wall"
)

// Addresses and port of the resolvers: the first plays at .20. BIND answers only
// where an interface has the address; port 53 is the lab's.
const (
	resolverPort = 5300
	carrierLast  = 19
	firstLast    = 20
)

func resolverAddress(last byte) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 53, 0, last}), resolverPort)
}

// stage is one performance.
type stage struct {
	job      Job
	set      Set
	software []resolvers.Software
	rec      *recorder
	clock    stageClock
	asker    *ask.Asker
	hints    string // file
	internet *lab.Internet
	begin    time.Time
	actors   []*actor
	carrier  *resolvers.Daemon // nil where nobody forwards
	// publisher serves trust anchors; nil where the play fetches none.
	publisher *publisher
}

// Perform performs a play inside a namespace of its own (resolvers.Inside) and
// writes the evidence, line by line, as it comes. It ends with the play, or with
// ctx; then the evidence lacks its end. An error says that we could not work: what
// resolvers do wrong is evidence.
func Perform(ctx context.Context, job Job, out io.Writer) error {
	s := &stage{job: job, rec: newRecorder(out, job.Folder)}
	err := s.perform(ctx)
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("perform play %s: %w", job.Play.Name, err)
	}
	return ctx.Err()
}

func (s *stage) perform(ctx context.Context) (err error) {
	if err := s.prepare(); err != nil {
		return err
	}
	if s.asker, err = ask.New(ask.Config{Rate: -1, UDPTries: 1, UDPWait: holdfast.Duration(replyWait), TCPWait: holdfast.Duration(replyWait)}, ask.System{}, s.clock); err != nil {
		return err
	}
	defer s.asker.Close()
	// All get ready in a world that stands still at the first step, and none of
	// the play's time is lost to a machine that is slow to start them.
	stop, err := s.serve(ctx, s.set.Lab(s.clock.Now().Add(24*time.Hour)))
	if err != nil {
		return err
	}
	defer func() { stop() }()
	defer s.end()
	if publishes(s.set.Play) {
		if s.publisher, err = newPublisher(s); err != nil {
			return err
		}
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		if err := s.publisher.serve(ctx); err != nil {
			return err
		}
	}
	if err := s.enter(ctx); err != nil {
		return err
	}
	s.begin = s.clock.Now().Add(time.Second).Truncate(time.Second).Add(time.Second)
	stop()
	if stop, err = s.serve(ctx, s.set.Lab(s.begin)); err != nil {
		return err
	}
	return s.play(ctx)
}

// prepare makes keys and clock, furnishes the namespace and writes the first line.
func (s *stage) prepare() (err error) {
	if s.software, err = resolvers.Select(s.job.Resolvers); err != nil {
		return err
	}
	if s.clock, err = newStageClock(s.job.Clock, filepath.Join(s.job.Folder, "clock")); err != nil {
		return err
	}
	play := s.job.Play
	if s.job.Clock != Accelerated {
		if play, err = Stretch(play, holdfast.DefaultTimers()); err != nil {
			return err
		}
	}
	if s.set, err = Prepare(play); err != nil {
		return err
	}
	addresses := []netip.Addr{resolverAddress(anchorsLast).Addr(), resolverAddress(carrierLast).Addr()}
	for i := range s.software {
		addresses = append(addresses, resolverAddress(byte(firstLast+i)).Addr())
	}
	if err := resolvers.Furnish(addresses...); err != nil {
		return err
	}
	s.rec.put(line{Rehearsal: &holdfast.Rehearsal{
		Format: Format, Play: s.set.Play, Started: s.clock.Now(), Program: s.job.Program, Clock: s.job.Clock,
		Tags: s.set.Tags, Public: s.set.Public,
	}})
	return s.rec.failed()
}

// serve answers for a world until stop is called, and returns once it does.
func (s *stage) serve(ctx context.Context, plan lab.Plan) (stop func(), err error) {
	internet, err := lab.New(plan, s.clock)
	if err != nil {
		return nil, err
	}
	s.hints = filepath.Join(s.job.Folder, "hints")
	if err := os.WriteFile(s.hints, []byte(internet.RootHintsFile()), 0o644); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	ready, done := make(chan struct{}), make(chan error, 1)
	go func() {
		done <- internet.Serve(ctx, lab.ServeConfig{Everywhere: true, Ready: func(map[netip.Addr]netip.AddrPort) { close(ready) }})
	}()
	select {
	case <-ready:
	case err := <-done:
		cancel()
		return nil, err
	}
	s.internet = internet
	stopped := false
	return func() {
		if cancel(); !stopped {
			<-done
		}
		stopped = true
	}, nil
}

// end stops all that was started. What is left would end with the namespace.
func (s *stage) end() {
	for _, a := range s.actors {
		a.daemon.Stop()
	}
	if s.carrier != nil {
		s.carrier.Stop()
	}
}

var errNobody = errors.New("no resolver could play")
