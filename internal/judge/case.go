// Package judge says what a measurement means. It is pure: the same
// measurement, instant, catalogue and trust anchors give the same verdict, for
// ever. It opens nothing, asks nobody and looks at no clock.
//
// A Case is a measurement prepared for judging, a Check is one thing to say
// about it, a Catalogue is the checks that a program runs, and a Chain is what
// validation made of the evidence. The checks themselves live in the rooms
// below, each in a small file: a function that returns a Check literal.
package judge

import (
	"slices"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// Case is a measurement prepared for judging: its replies parsed, its servers
// found. It belongs to one goroutine. Nothing in it may be written to by a
// check; replies that are alike share their messages and RRsets.
type Case struct {
	Measurement holdfast.Measurement
	// Instant is the one to judge at, UTC. Checks hold it against others only
	// by Passed, Within and Older, which note when the verdict may change; by
	// itself it serves to read 32-bit times (RFC 1982) that lie near it.
	Instant time.Time
	// Past is what earlier looks taught about the zone; zero where nothing is
	// known, and a check that rests on it is silent then.
	Past holdfast.Past

	Zone   holdfast.Name
	Parent holdfast.Name // the zone that delegates Zone; empty for the root

	// Servers are the zone's, each name on each address, that were asked
	// anything; ParentServers those that were asked about the delegation. Both
	// are ordered by name, then address.
	Servers       []holdfast.Server
	ParentServers []holdfast.Server

	// Messages are the parsed replies by exchange index, nil where there is
	// none that can be read and fits the question. Replies that differ in
	// nothing but the query id share one message, so Message.ID is not theirs.
	Messages []*wire.Message

	// Chain is what validation made of it; never nil when a check runs.
	Chain *Chain

	byPlace map[place][]int
	sets    map[*wire.Message]*Sets
	shared  map[any]any // see Shared
	turn    time.Time   // the next instant that Passed was asked about; zero: none
}

type place struct {
	zone    holdfast.Name
	purpose holdfast.Purpose
}

// Reply is one exchange of the case with what was read from it.
type Reply struct {
	Index    int // into Measurement.Exchanges: what a finding names as evidence
	Exchange *holdfast.Exchange
	Message  *wire.Message // nil where nothing readable came
}

// OK says whether the reply speaks of the zone's data: it could be read, and
// its RCODE is NOERROR or NXDOMAIN.
func (r Reply) OK() bool {
	return r.Message != nil && (r.Message.Rcode == wire.NoError || r.Message.Rcode == wire.NXDomain)
}

// NewCase prepares a measurement for being judged at an instant.
func NewCase(m holdfast.Measurement, at time.Time) *Case {
	c := &Case{
		Measurement: m, Instant: at.UTC(), Zone: m.Subject.Zone,
		Messages: make([]*wire.Message, len(m.Exchanges)),
		byPlace:  make(map[place][]int),
		sets:     make(map[*wire.Message]*Sets),
	}
	c.parse()
	c.findParent()
	for i := range m.Exchanges {
		e := &m.Exchanges[i]
		switch {
		case e.Purpose == holdfast.PurposeReferral || e.Purpose == holdfast.PurposeDS:
			if e.Question.Name == c.Zone && e.Zone == c.Parent {
				c.ParentServers = append(c.ParentServers, e.Server)
			}
		case e.Zone == c.Zone && e.Purpose.Plain():
			c.Servers = append(c.Servers, e.Server)
		}
	}
	c.Servers = orderServers(c.Servers)
	c.ParentServers = orderServers(c.ParentServers)
	return c
}

// parse reads each reply once, and replies that are alike but for the query id
// (the first two octets) once between them: the servers of a zone mostly give
// the same bytes.
func (c *Case) parse() {
	seen := make(map[string]*wire.Message) // nil: cannot be read
	for i := range c.Measurement.Exchanges {
		e := &c.Measurement.Exchanges[i]
		at := place{e.Zone, e.Purpose}
		c.byPlace[at] = append(c.byPlace[at], i)
		if e.Outcome != holdfast.Answered || len(e.Reply) < 12 {
			continue
		}
		message, known := seen[string(e.Reply[2:])]
		if !known {
			if parsed, err := wire.Parse(e.Reply); err == nil {
				message = parsed
			}
			seen[string(e.Reply[2:])] = message
		}
		if message != nil && fits(message, e.Question) {
			c.Messages[i] = message
		}
	}
}

// fits says whether a message can be the reply to the question. Some servers
// leave the question out of an error.
func fits(m *wire.Message, q holdfast.Question) bool {
	if !m.Response {
		return false
	}
	if len(m.Question) == 0 {
		return m.Rcode != wire.NoError && m.Rcode != wire.NXDomain
	}
	return len(m.Question) == 1 && m.Question[0] == q
}

// findParent takes the parent from the walk: the zone in whose name the
// delegation was asked for. Where that was not asked, it is the nearest
// ancestor whose keys were, and failing that the name above.
func (c *Case) findParent() {
	if c.Zone == holdfast.Root || c.Zone == "" {
		return
	}
	c.Parent = c.Zone.Parent()
	nearest := -1
	for i := range c.Measurement.Exchanges {
		e := &c.Measurement.Exchanges[i]
		if e.Zone == c.Zone || !c.Zone.IsSubdomainOf(e.Zone) {
			continue
		}
		switch e.Purpose {
		case holdfast.PurposeReferral, holdfast.PurposeDS:
			if e.Question.Name == c.Zone {
				c.Parent = e.Zone
				return
			}
		case holdfast.PurposeDNSKEY:
			if n := e.Zone.Labels(); n > nearest {
				nearest, c.Parent = n, e.Zone
			}
		}
	}
}

func orderServers(servers []holdfast.Server) []holdfast.Server {
	slices.SortFunc(servers, CompareServers)
	return slices.Compact(servers)
}

// CompareServers orders servers by name, then address.
func CompareServers(a, b holdfast.Server) int {
	if c := strings.Compare(string(a.Name), string(b.Name)); c != 0 {
		return c
	}
	return a.Address.Compare(b.Address)
}

// Replies are all exchanges in the name of a zone for a purpose, in the order
// of the measurement, those without a reply included.
func (c *Case) Replies(zone holdfast.Name, purpose holdfast.Purpose) []Reply {
	indexes := c.byPlace[place{zone, purpose}]
	out := make([]Reply, len(indexes))
	for i, index := range indexes {
		out[i] = c.Reply(index)
	}
	return out
}

// Reply is the exchange at an index of the measurement.
func (c *Case) Reply(index int) Reply {
	return Reply{Index: index, Exchange: &c.Measurement.Exchanges[index], Message: c.Messages[index]}
}

// At is what a server of the zone said for a purpose. Of several exchanges the
// first that can be read is taken, else the first; false where it was not
// asked.
func (c *Case) At(server holdfast.Server, purpose holdfast.Purpose) (Reply, bool) {
	return c.first(c.byPlace[place{c.Zone, purpose}], server, c.Zone, false)
}

// AtParent is what a server of the parent said for a purpose about the zone.
func (c *Case) AtParent(server holdfast.Server, purpose holdfast.Purpose) (Reply, bool) {
	if c.Parent == "" {
		return Reply{}, false
	}
	return c.first(c.byPlace[place{c.Parent, purpose}], server, c.Zone, true)
}

func (c *Case) first(indexes []int, server holdfast.Server, name holdfast.Name, named bool) (Reply, bool) {
	best := -1
	for _, i := range indexes {
		e := &c.Measurement.Exchanges[i]
		if e.Server != server || named && e.Question.Name != name {
			continue
		}
		if c.Messages[i] != nil {
			return c.Reply(i), true
		}
		if best < 0 {
			best = i
		}
	}
	if best < 0 {
		return Reply{}, false
	}
	return c.Reply(best), true
}
