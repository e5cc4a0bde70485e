package authority

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"time"
)

// Responses over UDP are limited by the network that they go to, so that the
// server is of no use against others whose address a question bears. Each
// network has an account for each kind of answer; an account has tokens, which
// come back by the second. TCP and a valid cookie show where a question comes
// from: those are not limited so.

// LimitConfig says how many responses go to one network.
type LimitConfig struct {
	// Answers per second that go to one network (IPv4 /24, IPv6 /56) over UDP,
	// for names that exist. 50 where zero; -1: without limit.
	Answers int `toml:"answers"`
	// Negative ones: for names that do not. 20 where zero; -1: without limit.
	Negative int `toml:"negative"`
	// Errors: refusals and the like. 5 where zero; -1: without limit.
	Errors int `toml:"errors"`
	// New are answers that had to be made, with signatures as a rule, for one
	// network over UDP and TCP together. 500 where zero; -1: without limit.
	New int `toml:"new"`
	// Slip is which of the responses held back goes out truncated, so that an
	// honest asker comes back over TCP: every so many. 2 where zero; -1: none.
	Slip int `toml:"slip"`
	// Networks is how many accounts are kept. 65536 where zero.
	Networks int `toml:"networks"`
}

func (c LimitConfig) withDefaults() LimitConfig {
	set := func(value *int, otherwise int) {
		if *value == 0 {
			*value = otherwise
		}
	}
	set(&c.Answers, 50)
	set(&c.Negative, 20)
	set(&c.Errors, 5)
	set(&c.New, 500)
	set(&c.Slip, 2)
	set(&c.Networks, 1<<16)
	return c
}

// verdict is what becomes of a response.
type verdict int

const (
	send verdict = iota
	slip         // truncated, without records
	drop
)

// saved is for how many seconds an account saves what is not used.
const saved = 4

// ways is how many accounts share a place in the table; of these the one that
// was used longest ago gives way to another.
const ways = 4

type account struct {
	owner uint64 // of whom, as a hash; zero: free
	milli int64  // when it was last used, in milliseconds
	left  int32  // tokens, in thousandths
	held  uint32 // responses that were held back
}

type places struct {
	mu sync.Mutex
	of [ways]account // under mu
}

// limiter holds the accounts, as many as there are places.
type limiter struct {
	config LimitConfig
	seed   maphash.Seed
	places []places
}

func newLimiter(c LimitConfig) *limiter {
	c = c.withDefaults()
	return &limiter{config: c, seed: maphash.MakeSeed(), places: make([]places, max(1, c.Networks/ways))}
}

// network is what a source address is counted with.
func network(from netip.Addr) netip.Prefix {
	from = from.Unmap()
	bits := 56
	if from.Is4() {
		bits = 24
	}
	prefix, err := from.Prefix(bits)
	if err != nil {
		return netip.Prefix{} // addresses that are none share one account
	}
	return prefix
}

// of says what becomes of a response of a kind to an address.
func (l *limiter) of(from netip.Addr, k kind, now time.Time) verdict {
	rate := l.config.Answers
	switch k {
	case negative:
		rate = l.config.Negative
	case failure:
		rate = l.config.Errors
	case fresh:
		rate = l.config.New
	}
	if rate < 0 {
		return send
	}
	owner := maphash.Comparable(l.seed, struct {
		netip.Prefix
		kind
	}{network(from), k}) | 1
	p := &l.places[owner>>1%uint64(len(l.places))]
	p.mu.Lock()
	defer p.mu.Unlock()
	return l.charge(p.find(owner, rate, now.UnixMilli()), rate, now.UnixMilli())
}

// find is the owner's account, opened where there is none.
func (p *places) find(owner uint64, rate int, milli int64) *account {
	oldest := &p.of[0]
	for i := range p.of {
		a := &p.of[i]
		if a.owner == owner {
			return a
		}
		if a.owner == 0 || oldest.owner != 0 && a.milli < oldest.milli {
			oldest = a
		}
	}
	*oldest = account{owner: owner, milli: milli, left: int32(min(rate, 1<<20)) * 1000}
	return oldest
}

// charge takes one token, or holds the response back.
func (l *limiter) charge(a *account, rate int, milli int64) verdict {
	full := int64(min(rate, 1<<18)) * 1000 * saved
	passed := min(max(0, milli-a.milli), saved*1000)
	a.left = int32(min(full, int64(a.left)+passed*int64(min(rate, 1<<18))))
	a.milli = milli
	if a.left >= 1000 {
		a.left -= 1000
		return send
	}
	a.held++
	if s := l.config.Slip; s > 0 && a.held%uint32(s) == 0 {
		return slip
	}
	return drop
}
