// Package walk collects all that a judge will want to know about a zone: what
// each of its parent's servers says of it, the keys above it, the addresses of
// its name servers, and what each server says on each address.
//
// It draws no conclusions beyond those that tell it whom to ask next. A server
// that is dead, lame or lying yields exchanges that say so; a walk that runs
// out of time keeps what it has and marks it Cut.
//
// What the zones of a sweep have in common (the root's keys, the way to a name
// server's address, the keys of a common parent) is asked once a sweep and
// listed in each measurement that rests on it.
package walk

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/measure/ask"
)

// Config says how zones are walked. The zero value needs Roots only.
type Config struct {
	// Budget bounds the walk of one zone, in real time. 0: "20s". Waiting for
	// a busy server's turn counts: many zones at once, with servers in common,
	// use up one another's budgets.
	Budget holdfast.Duration `toml:"budget"`
	// Parallel is how many questions one walk may have under way. 0: 64.
	Parallel int `toml:"parallel"`
	// IPv4 and IPv6 say which addresses are asked. Neither: both.
	IPv4 bool `toml:"ipv4"`
	IPv6 bool `toml:"ipv6"`
	// Samples is how many names below a zone are asked for their DS in a full
	// look, other ones each day, and where the zone denies with NSEC at each
	// look: a zone's own records may be well while those of its children are
	// not. 0: 4. Below zero: none.
	Samples int `toml:"samples"`
	// Sample are names of delegations that are always among those.
	Sample []holdfast.Name `toml:"sample"`
	// Validators are validating resolvers that are asked for each zone's SOA,
	// so that what they make of it can be held against what we do. None by
	// default: nobody else's are asked uncalled.
	Validators []netip.AddrPort `toml:"validators"`
	// Encrypted says that each server is tried for DNS over TLS as well. It is
	// off by default: where port 853 is silently closed, each try waits long.
	Encrypted bool `toml:"encrypted"`
	// Seed makes the order of questions repeatable. 0: random.
	Seed uint64 `toml:"-"`
	// Roots are the servers where the walk begins.
	Roots []holdfast.Server `toml:"-"`
}

// Check says what is wrong with the configuration, by key.
func (c Config) Check() error {
	var errs []error
	if c.Budget < 0 || c.Parallel < 0 {
		errs = append(errs, errors.New("walk.budget and walk.parallel are not negative"))
	}
	for _, name := range c.Sample {
		if _, err := holdfast.ParseName(string(name)); err != nil {
			errs = append(errs, fmt.Errorf("walk.sample: %w", err))
		}
	}
	for _, resolver := range c.Validators {
		if !resolver.IsValid() || resolver.Port() == 0 {
			errs = append(errs, fmt.Errorf("walk.validators: %s is no address with a port", resolver))
		}
	}
	return errors.Join(errs...)
}

func (c Config) completed() Config {
	if c.Budget <= 0 {
		c.Budget = holdfast.Duration(20 * time.Second)
	}
	if c.Parallel <= 0 {
		c.Parallel = 64
	}
	if c.Samples == 0 {
		c.Samples = 4
	}
	if !c.IPv4 && !c.IPv6 {
		c.IPv4, c.IPv6 = true, true
	}
	c.Sample = slices.Clone(c.Sample)
	for i, name := range c.Sample {
		if parsed, err := holdfast.ParseName(string(name)); err == nil {
			c.Sample[i] = parsed
		}
	}
	return c
}

// wants says whether the address is of a family that is asked.
func (c Config) wants(addr netip.Addr) bool {
	if addr.Unmap().Is4() {
		return c.IPv4
	}
	return addr.IsValid() && c.IPv6
}

// Walker walks zones, and remembers from one sweep to the next which servers a
// zone has.
type Walker struct {
	config  Config
	asker   *ask.Asker
	clock   holdfast.Clock
	vantage string
	memory  memory
}

// New makes a walker; vantage names the place from which it looks.
func New(config Config, asker *ask.Asker, clock holdfast.Clock, vantage string) *Walker {
	return &Walker{config: config.completed(), asker: asker, clock: clock, vantage: vantage}
}

// Sweep is one pass over many zones, and holds what they have in common. It is
// an Instrument; its methods may be called from many goroutines. It grows with
// the number of zones and should be dropped when the pass is over: what it
// holds is as old as itself.
type Sweep struct {
	walker *Walker
	id     string
	share
}

// NewSweep begins a pass; id may be empty where it is not part of any.
func (w *Walker) NewSweep(id string) *Sweep {
	return &Sweep{walker: w, id: id}
}

var errNoRoots = errors.New("no root server is known to begin with")

// Measure looks at a zone.
//
// Full depth asks every server of the parent for the referral and DS, finds
// the addresses of every NS name, and puts every question about the zone to
// every NS name on every address. Whoever answered those is asked the unusual
// ones as well (see unusual.go), and what stands behind the zone is looked
// for (see behind.go). Where Subject.Delegation is ByHand the parent is not asked,
// and the names and glue are taken from there; otherwise Subject.Delegation is
// used only if no parent server gave a referral.
//
// Core depth asks for SOA and DNSKEY only, and needs no walk: the servers are
// those of the last full look (see Remember) and of Subject.Delegation's glue.
// Where neither is known the look is of full depth after all, and
// Measurement.Depth says so.
func (s *Sweep) Measure(ctx context.Context, subject holdfast.Subject, depth holdfast.Depth) (holdfast.Measurement, error) {
	started := s.walker.clock.Now().UTC()
	m := holdfast.Measurement{
		ID: newID(started), Sweep: s.id, Subject: subject, Depth: depth,
		Vantage: s.walker.vantage, Started: started,
	}
	budget, cancel := context.WithTimeout(ctx, s.walker.config.Budget.Of())
	defer cancel()
	l := newLook(budget, s, subject)
	known := s.walker.memory.servers(subject, s.walker.config)
	if depth == holdfast.Core && len(known) > 0 {
		l.core(known)
	} else {
		m.Depth = holdfast.Full
		l.full()
	}
	m.Exchanges, m.Cut = l.home()
	m.Finished = s.walker.clock.Now().UTC()
	if err := ctx.Err(); err != nil {
		return m, fmt.Errorf("measure %s: %w", subject.Zone, err)
	}
	if err := l.unable(); err != nil {
		return m, fmt.Errorf("measure %s: %w", subject.Zone, err)
	}
	if m.Depth == holdfast.Full {
		s.walker.Remember(m)
	}
	return m, nil
}

// newID is unique and sorts by time.
func newID(at time.Time) string {
	var tail [6]byte
	rand.Read(tail[:])
	return at.Format("20060102T150405.000000Z") + "-" + hex.EncodeToString(tail[:])
}
