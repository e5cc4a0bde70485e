package walk

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/measure/ask"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// Bounds of one look. No real zone comes near them: the root and most
// top-level domains have 13 names or fewer. They are there for zones made to
// keep a walker busy.
const (
	maxNames   = 40
	maxServers = 100
	maxDetours = 60 // delegations without glue that are followed, with all that lies behind them
	maxTrail   = 8  // and how deep one may lead to another
)

// look is one walk over one zone.
type look struct {
	ctx     context.Context // ends with the budget
	sweep   *Sweep
	subject holdfast.Subject
	zone    holdfast.Name
	deep    bool          // set before the first question: what answers lead to is asked as well
	room    chan struct{} // a semaphore: questions under way
	work    sync.WaitGroup

	mutex     sync.Mutex
	random    *rand.Rand               // owned by mutex
	exchanges []exchange               // owned by mutex
	names     map[holdfast.Name]bool   // owned by mutex: NS names learnt of
	servers   map[holdfast.Server]bool // owned by mutex: servers of the zone learnt of
	waiting   []holdfast.Name          // owned by mutex: names within the zone, until one of its servers is known
	alive     []holdfast.Server        // owned by mutex: those of them that have answered
	begun     map[string]bool          // owned by mutex: what is done once a look, see once
	scouts    map[wire.Type]*scout     // owned by mutex
	denial    *denial                  // owned by mutex: of the deep probe, by the first server in order
	detours   int                      // owned by mutex
	bounded   bool                     // owned by mutex: a bound above was met, or a question was not sent
	obstacle  string                   // owned by mutex: why a question was not sent
}

func newLook(ctx context.Context, s *Sweep, subject holdfast.Subject) *look {
	seed := s.walker.config.Seed
	if seed == 0 {
		seed = rand.Uint64()
	}
	return &look{
		ctx: ctx, sweep: s, subject: subject, zone: subject.Zone,
		room:   make(chan struct{}, s.walker.config.Parallel),
		random: rand.New(rand.NewPCG(seed, fingerprint(string(subject.Zone)))),
		names:  make(map[holdfast.Name]bool), servers: make(map[holdfast.Server]bool),
		begun: make(map[string]bool), scouts: make(map[wire.Type]*scout),
	}
}

// once says whether it is called with these words for the first time.
func (l *look) once(words ...string) bool {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	key := strings.Join(words, " ")
	first := !l.begun[key]
	l.begun[key] = true
	return first
}

func (l *look) config() Config { return l.sweep.walker.config }

// spawn does part of the look in a goroutine of its own; it may be called
// before home or from within such a part.
func (l *look) spawn(part func()) {
	l.work.Add(1)
	go func() {
		defer l.work.Done()
		part()
	}()
}

// home waits for all parts, does what is best done last, and gives what they
// brought, in an order that does not depend on who answered first.
func (l *look) home() (exchanges []exchange, cut bool) {
	l.work.Wait()
	for last := l.lastQuestions(); len(last) > 0; last = l.lastQuestions() {
		l.pose(last...)
		l.work.Wait()
	}
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return inOrder(l.exchanges), l.bounded || l.ctx.Err() != nil
}

// lastQuestions are those that hang on how the other servers fared; none where
// there is no more to ask. What has been answered by then no longer depends on
// who was first.
func (l *look) lastQuestions() []ask.Question {
	if !l.deep || l.ctx.Err() != nil {
		return nil
	}
	questions := l.scoutsMissing()
	if l.once("sample") {
		questions = append(questions, l.samples()...)
	}
	return questions
}

// unable is the error of a look that could send nothing.
func (l *look) unable() error {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	switch {
	case len(l.exchanges) > 0:
		return nil
	case len(l.config().Roots) == 0 && (l.subject.Delegation == nil || !l.subject.Delegation.ByHand):
		return errNoRoots
	case l.obstacle != "":
		return errors.New("nothing could be asked: " + l.obstacle)
	}
	return nil
}

// ask puts one question, within the look's room. The root's own data, and what
// is the same for every zone that a server has, are asked once a sweep.
func (l *look) ask(ctx context.Context, q ask.Question) exchange {
	key, common := inCommon(q)
	if !common {
		return l.put(ctx, q)
	}
	e := l.sweep.common.do(ctx, key, false, func() (exchange, bool) {
		e := l.put(ctx, q)
		return e, e.Outcome != holdfast.NotAsked
	})
	if e.Outcome == "" { // ctx ended while another asked
		e.Outcome = holdfast.NotAsked
	}
	e.Zone, e.Server = q.Zone, q.Server // who asked first is of no interest
	return e
}

func (l *look) put(ctx context.Context, q ask.Question) exchange {
	select {
	case l.room <- struct{}{}:
	case <-ctx.Done():
		return exchange{Outcome: holdfast.NotAsked}
	}
	defer func() { <-l.room }()
	e := l.sweep.walker.asker.Ask(ctx, q)
	if e.Outcome == holdfast.NotAsked && ctx.Err() == nil {
		l.mutex.Lock()
		l.bounded, l.obstacle = true, e.Detail
		l.mutex.Unlock()
	}
	return e
}

// keep takes exchanges into the measurement, those not asked left out.
func (l *look) keep(exchanges ...exchange) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	for _, e := range exchanges {
		if e.Outcome != holdfast.NotAsked {
			l.exchanges = append(l.exchanges, e)
		}
	}
}

// shuffled is a copy in random order.
func shuffled[T any](l *look, list []T) []T {
	list = slices.Clone(list)
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.random.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list
}

// seen is an exchange with its message, nil where none came that can be read.
type seen struct {
	exchange
	message *wire.Message
}

// hedge is how long one server is waited for before the next is asked the same
// thing: longer than most round trips, much shorter than a timeout.
const hedge = 400 * time.Millisecond

// maxTried bounds how many servers are asked the same thing until one gives a
// good reply: a zone whose first twelve servers are all bad has no good ones
// to speak of.
const maxTried = 12

// anyOf asks servers until want of them gave a reply that is good, a slow one
// not holding up the others. It returns the good replies, and all exchanges
// that came to an end.
func (l *look) anyOf(servers []holdfast.Server, want int, question func(holdfast.Server) ask.Question, good func(*wire.Message) bool) (found []seen, all []exchange) {
	if len(servers) == 0 {
		return nil, nil
	}
	servers = serverLots(l, string(question(servers[0]).Question.Name), servers)
	servers = servers[:min(len(servers), maxTried)]
	ctx, cancel := context.WithCancel(l.ctx)
	results := make(chan seen, len(servers))
	next, pending := 0, 0
	launch := func() {
		if next < len(servers) {
			q := question(servers[next])
			next++
			pending++
			go func() {
				e := l.ask(ctx, q)
				results <- seen{e, read(e)}
			}()
		}
	}
	for range want {
		launch()
	}
	timer := time.NewTicker(hedge)
	defer timer.Stop()
	for pending > 0 {
		select {
		case r := <-results:
			pending--
			if r.Outcome != holdfast.NotAsked {
				all = append(all, r.exchange)
			}
			switch {
			case r.message != nil && good(r.message):
				if found = append(found, r); len(found) == want {
					cancel() // who has not answered need not; results has room for all
				}
			case len(found) < want:
				launch()
			}
		case <-timer.C:
			if len(found) < want {
				launch()
			}
		}
	}
	cancel()
	return found, all
}

// fingerprint is FNV-1a, 64 bits.
func fingerprint(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}
