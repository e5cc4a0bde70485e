package past

import (
	"bytes"
	"slices"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// maxServers is how many servers of a zone are followed: as many as a walk
// asks at the most.
const maxServers = 100

// steadyWithin is how far apart two answers of a server may be for the serial
// in one to be that of the other.
const steadyWithin = 2 * time.Minute

// Servers is the past of a case's servers with its look taken in. Servers that
// the zone has no more are forgotten.
func Servers(c *judge.Case) []holdfast.ServerPast {
	type key struct{}
	return judge.Shared(c, key{}, func() []holdfast.ServerPast {
		if !c.Instant.After(c.Past.Until) {
			return c.Past.Servers
		}
		return foldServers(c)
	})
}

// ServerOf is what is known of one server, false where that is nothing.
func ServerOf(c *judge.Case, server holdfast.Server) (holdfast.ServerPast, bool) {
	for _, p := range Servers(c) {
		if p.Server == server {
			return p, true
		}
	}
	return holdfast.ServerPast{}, false
}

func foldServers(c *judge.Case) []holdfast.ServerPast {
	known := make(map[holdfast.Server]holdfast.ServerPast, len(c.Past.Servers))
	for _, p := range c.Past.Servers {
		known[p.Server] = p
	}
	servers := c.Servers[:min(len(c.Servers), maxServers)]
	given := make(map[holdfast.Server]wire.SOA, len(servers))
	newest, seen := uint32(0), false
	for _, s := range servers {
		soa, ok := freshSOA(c, s)
		if !ok {
			continue
		}
		given[s] = soa
		if !seen || wire.CompareSerial(newest, soa.Serial) < 0 {
			newest, seen = soa.Serial, true
		}
	}
	tallies := tally(c)
	var out []holdfast.ServerPast
	for _, s := range servers {
		p := known[s]
		p.Server = s
		if soa, ok := given[s]; ok {
			takeSOA(c, &p, soa, newest)
			takeNS(c, &p)
		}
		takeLoss(&p, tallies.of(s))
		if p != (holdfast.ServerPast{Server: s}) {
			out = append(out, p)
		}
	}
	return out
}

// freshSOA is the SOA that a server gave with authority in this look.
func freshSOA(c *judge.Case, server holdfast.Server) (wire.SOA, bool) {
	for _, purpose := range []holdfast.Purpose{holdfast.PurposeSOA, holdfast.PurposeSOATCP} {
		r, ok := c.At(server, purpose)
		if !ok || !r.OK() || !r.Message.Authoritative || !fresh(c, r.Exchange) {
			continue
		}
		if set := c.Answer(r, c.Zone, wire.TypeSOA); set != nil {
			if soa, err := set.Records[0].SOA(); err == nil {
				return soa, true
			}
		}
	}
	return wire.SOA{}, false
}

func takeSOA(c *judge.Case, p *holdfast.ServerPast, soa wire.SOA, newest uint32) {
	at, before := c.Instant, *p
	if p.Given.IsZero() || soa.Serial != p.Serial {
		p.Serial, p.Given = soa.Serial, at
		p.Timers, p.NS, p.Changed = "", "", time.Time{}
	}
	takeContent(c, &p.Timers, p, timersOf(soa))

	if !before.Given.IsZero() && wire.CompareSerial(soa.Serial, before.Serial) < 0 &&
		(p.PeakUntil.IsZero() || wire.CompareSerial(p.Peak, before.Serial) < 0) {
		p.Peak, p.PeakUntil = before.Serial, c.Past.Until
	}
	// Once it is passed, or no secondary can hold it any more, a peak is past.
	if !p.PeakUntil.IsZero() && (wire.CompareSerial(soa.Serial, p.Peak) >= 0 || c.Older(p.PeakUntil, time.Duration(soa.Expire)*time.Second)) {
		p.Peak, p.PeakUntil = 0, time.Time{}
	}

	switch {
	case wire.CompareSerial(soa.Serial, newest) >= 0:
		p.Behind = time.Time{}
	case p.Behind.IsZero() || soa.Serial != before.Serial:
		p.Behind = at
	}
}

// timersOf is made of the SOA but for its serial.
func timersOf(soa wire.SOA) string {
	numbers := make([]byte, 0, 16)
	for _, n := range []uint32{soa.Refresh, soa.Retry, soa.Expire, soa.NegativeMinTTL} {
		numbers = append(numbers, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	}
	return digest([]byte(soa.MName), []byte{0}, []byte(soa.RName), []byte{0}, numbers)
}

// takeContent holds what a server gives against what it first gave with the
// serial.
func takeContent(c *judge.Case, first *string, p *holdfast.ServerPast, now string) {
	switch {
	case *first == "":
		*first = now
	case *first != now && p.Changed.IsZero():
		p.Changed = c.Instant
	}
}

// takeNS takes the NS records in, where it is sure with which serial they came.
func takeNS(c *judge.Case, p *holdfast.ServerPast) {
	r, ok := c.At(p.Server, holdfast.PurposeNS)
	if !ok || !r.OK() || !r.Message.Authoritative || !fresh(c, r.Exchange) {
		return
	}
	set := c.Answer(r, c.Zone, wire.TypeNS)
	serial, steady := c.SteadySerial(p.Server, r.Exchange.Sent, steadyWithin)
	if set == nil || !steady || serial != p.Serial {
		return
	}
	var members [][]byte
	for _, record := range set.Records {
		members = append(members, record.Canonical())
	}
	slices.SortFunc(members, bytes.Compare)
	takeContent(c, &p.NS, p, digest(members...))
}

// lossy is the share of lost questions from which a look counts as lossy, and
// how many must be lost: at one packet in a hundred that is rare.
const (
	lossyTenths = 1
	lossyLeast  = 2
)

// takeLoss takes a look in, whether anything was lost or not: while it is
// remembered that something was, every look counts.
func takeLoss(p *holdfast.ServerPast, t lossTally) {
	if t.sent == 0 {
		return
	}
	p.Lossy, p.Dark = p.Lossy<<1&lossMask, p.Dark<<1&lossMask
	switch {
	case t.ours || t.lost < lossyLeast || 10*t.lost < lossyTenths*t.sent:
	case t.lost == t.sent:
		p.Dark |= 1
	default:
		p.Lossy |= 1
	}
}

const lossMask = 1<<holdfast.LossLooks - 1

// lossTally is how many questions were sent to a server and how many of them
// were lost, over both transports. ours says that others' are lost as well.
type lossTally struct {
	sent, lost int
	ours       bool
}

type losses struct {
	each map[holdfast.Server]lossTally
	all  [2]lossTally // by family, over servers of all zones
}

// tally counts the questions of this look.
func tally(c *judge.Case) losses {
	out := losses{each: make(map[holdfast.Server]lossTally)}
	for i := range c.Measurement.Exchanges {
		e := &c.Measurement.Exchanges[i]
		if !fresh(c, e) {
			continue
		}
		sent, lost := lossOf(e)
		f := familyIndex(e.Server)
		out.all[f].sent += sent
		out.all[f].lost += lost
		if e.Zone == c.Zone && e.Purpose.Plain() {
			t := out.each[e.Server]
			t.sent += sent
			t.lost += lost
			out.each[e.Server] = t
		}
	}
	return out
}

// lossOf counts the tries of an exchange. One that was answered lost all but
// its last; after a truncated reply the last two were heard.
func lossOf(e *holdfast.Exchange) (sent, lost int) {
	switch e.Outcome {
	case holdfast.Timeout:
		if e.Truncated {
			return e.Tries, max(0, e.Tries-1)
		}
		return e.Tries, e.Tries
	case holdfast.Answered, holdfast.Malformed, holdfast.WrongSource, holdfast.TruncatedTwice:
		heard := 1
		if e.Truncated {
			heard = 2
		}
		return e.Tries, max(0, e.Tries-heard)
	}
	return 0, 0 // the network or the host said no: nothing was lost
}

func familyIndex(s holdfast.Server) int {
	if s.Address.Unmap().Is4() {
		return 0
	}
	return 1
}

// of is a server's tally. The loss is ours, or may be, where others of the
// family lose half as much or more, or too few were asked to tell.
func (l losses) of(s holdfast.Server) lossTally {
	t := l.each[s]
	all := l.all[familyIndex(s)]
	sent, lost := all.sent-t.sent, all.lost-t.lost
	t.ours = sent < lossyLeast || lost > 0 && 2*lost*t.sent >= t.lost*sent
	return t
}
