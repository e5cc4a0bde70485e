package app

import (
	"slices"
	"sync"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// clockwatch sets our clock against the world's. Every signature says when it
// was made and when it ends; a clock that is slow meets signatures of the
// future, one that is far ahead meets nothing but expired ones. The root alone
// may be wrong, and so may any other zone; the root and others at once, in the
// same way, are not: then it is our clock, and nobody is blamed.
type clockwatch struct {
	mu      sync.Mutex
	signers map[holdfast.Name]skew // as their last look showed; owned by mu
	order   []holdfast.Name        // of signers but the root, newest last; owned by mu
	// strict is what the kernel says of its clock, where that is to count; nil
	// where it is not.
	strict  func() (Kept, bool)
	watched func() int // how many zones are under watch
}

// skew is how the signatures of a zone lie about the instant of a look.
type skew int8

const (
	inTime  skew = iota // one of them at least is valid by our clock
	tooSoon             // all begin later
	tooLate             // all have ended
)

const (
	// clockTolerance is how far two clocks may be apart without a word: what is
	// signed this second is asked for in the next.
	clockTolerance = 5 * time.Second
	// clockSigners are remembered beside the root.
	clockSigners = 64
	// clockWitnesses agree with the root before our clock is doubted, where so
	// many zones are known.
	clockWitnesses = 3
)

func newClockwatch(watched func() int) *clockwatch {
	return &clockwatch{signers: map[holdfast.Name]skew{}, watched: watched}
}

// see takes in what a look brought, as long as it is not yet completed by an
// earlier one.
func (c *clockwatch) see(m holdfast.Measurement) {
	found := map[holdfast.Name]skew{}
	for i := range m.Exchanges {
		e := &m.Exchanges[i]
		if e.Purpose != holdfast.PurposeSOA && e.Purpose != holdfast.PurposeDNSKEY || e.Outcome != holdfast.Answered {
			continue
		}
		before, known := found[e.Zone]
		if known && before == inTime {
			continue // a zone has dozens of signatures, and one in time is enough
		}
		if s, signed := skewOf(e); signed {
			if known && s != before {
				s = inTime // they contradict each other: that is no clock
			}
			found[e.Zone] = s
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if s, ok := found[holdfast.Root]; ok {
		c.note(holdfast.Root, s)
	}
	for zone, s := range found {
		if zone != holdfast.Root {
			c.note(zone, s)
		}
	}
}

// note remembers a zone's skew. The caller holds mu.
func (c *clockwatch) note(zone holdfast.Name, s skew) {
	if zone == holdfast.Root {
		if s != inTime && c.signers[zone] == inTime {
			clear(c.signers) // who is to bear witness is to be looked at after it
			c.order = nil
		}
		c.signers[zone] = s
		return
	}
	c.signers[zone] = s
	c.order = append(slices.DeleteFunc(c.order, func(z holdfast.Name) bool { return z == zone }), zone)
	if len(c.order) > clockSigners {
		delete(c.signers, c.order[0])
		c.order = c.order[1:]
	}
}

// skewOf is how the signatures of a reply over its zone lie about the instant
// at which it was asked for; false where it has none.
func skewOf(e *holdfast.Exchange) (skew, bool) {
	message, err := wire.Parse(e.Reply)
	if err != nil || message.Rcode != wire.NoError {
		return inTime, false
	}
	at, signed, out := uint32(e.Sent.Unix()), false, inTime
	const tolerance = int32(clockTolerance / time.Second)
	for _, r := range message.Answer {
		if r.Type != wire.TypeRRSIG {
			continue
		}
		sig, err := r.RRSIG()
		if err != nil || sig.Signer != e.Zone {
			continue
		}
		// RFC 4034 section 3.1.5: the instants compare in serial arithmetic.
		s := inTime
		switch {
		case int32(sig.Inception-at) > tolerance:
			s = tooSoon
		case int32(at-sig.Expiration) > tolerance:
			s = tooLate
		}
		if s == inTime || signed && s != out {
			return inTime, true
		}
		signed, out = true, s
	}
	return out, signed
}

// wrong says that no verdict on a zone is to be given. One on the root waits,
// where its signatures are not in time, until another zone's are seen to be: it
// may be the clock.
func (c *clockwatch) wrong(zone holdfast.Name) bool {
	if c.strict != nil {
		if kept, known := c.strict(); known && kept.trouble() != "" {
			return true
		}
	}
	if c.doubt() != "" {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return zone == holdfast.Root && c.signers[zone] != inTime && c.watched() > 1 &&
		!slices.ContainsFunc(c.order, func(other holdfast.Name) bool { return c.signers[other] == inTime })
}

// doubt says why our clock cannot be right; empty where nothing speaks against
// it.
func (c *clockwatch) doubt() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	root := c.signers[holdfast.Root]
	if root == inTime {
		return ""
	}
	witnesses := 0
	for _, zone := range c.order {
		if c.signers[zone] == root {
			witnesses++
		}
	}
	if witnesses == 0 || witnesses < min(clockWitnesses, len(c.order)/3) {
		return ""
	}
	if root == tooSoon {
		return "this machine's clock is slow: the signatures of the root and of other zones begin in its future"
	}
	return "this machine's clock is ahead: the signatures of the root and of other zones have all expired by it"
}
