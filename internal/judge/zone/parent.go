package zone

import (
	"net/netip"
	"slices"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// referral is what one parent server says of the delegation.
type referral struct {
	server   holdfast.Server
	evidence []int
	names    []holdfast.Name // sorted
	glue     map[holdfast.Name][]netip.Addr
	ds       []string // the DS records' data, sorted
	dsKnown  bool     // the server said which there are, or that there are none
	// child says that the server serves the child as well and answered from
	// there: a delegation exists, but what it holds is the child's word.
	child bool
	word  string // all of it, to tell quickly that two are the same
	serial
}

// serial is the parent zone's serial at a server, with the instant at which
// that version of the zone was signed, where it was.
type serial struct {
	number uint32
	known  bool
	signed time.Time
}

// referrals are the delegations that the parent's servers gave; none are the
// replies of those that answered and gave none. Both are shared by checks.
func referrals(c *judge.Case) (given []referral, none []judge.Reply) {
	type key struct{}
	type answers struct {
		given []referral
		none  []judge.Reply
	}
	all := judge.Shared(c, key{}, func() answers {
		given, none := readReferrals(c)
		return answers{given, none}
	})
	return all.given, all.none
}

func readReferrals(c *judge.Case) (given []referral, none []judge.Reply) {
	for _, server := range c.ParentServers {
		reply, ok := c.AtParent(server, holdfast.PurposeReferral)
		if !ok || reply.Message == nil {
			continue
		}
		set, child := c.Authority(reply, c.Zone, wire.TypeNS), false
		if answer := c.Answer(reply, c.Zone, wire.TypeNS); answer != nil {
			set, child = answer, true
		}
		if set == nil || reply.Message.Rcode != wire.NoError {
			none = append(none, reply)
			continue
		}
		r := referral{
			server: server, evidence: []int{reply.Index}, names: targetsOnce(c, set), child: child,
			glue: glueOf(c, reply), serial: parentSerial(c, server),
		}
		r.addDS(c, reply)
		r.word = writeWord(r)
		given = append(given, r)
	}
	return given, none
}

func glueOf(c *judge.Case, reply judge.Reply) map[holdfast.Name][]netip.Addr {
	glue := make(map[holdfast.Name][]netip.Addr)
	for _, set := range c.Sets(reply).Additional {
		for _, record := range set.Records {
			if address, err := record.Address(); err == nil && !slices.Contains(glue[set.Name], address) {
				glue[set.Name] = append(glue[set.Name], address)
			}
		}
	}
	for _, addresses := range glue {
		slices.SortFunc(addresses, netip.Addr.Compare)
	}
	return glue
}

// addDS takes the DS records from the answer to the question for them, else
// from the referral.
func (r *referral) addDS(c *judge.Case, reply judge.Reply) {
	if asked, ok := c.AtParent(r.server, holdfast.PurposeDS); ok && asked.OK() {
		r.ds, r.dsKnown = content(c.Answer(asked, c.Zone, wire.TypeDS)), true
		r.evidence = append(r.evidence, asked.Index)
		return
	}
	if set := c.Authority(reply, c.Zone, wire.TypeDS); set != nil {
		r.ds, r.dsKnown = content(set), true
	}
}

// parentSerial is the parent's serial at one of its servers, from its SOA or
// from the SOA in a denial of the zone's DS.
func parentSerial(c *judge.Case, server holdfast.Server) serial {
	type key holdfast.Server
	return judge.Shared(c, key(server), func() serial { return readParentSerial(c, server) })
}

func readParentSerial(c *judge.Case, server holdfast.Server) serial {
	for _, purpose := range []holdfast.Purpose{holdfast.PurposeSOA, holdfast.PurposeSOATCP, holdfast.PurposeDS} {
		for _, r := range c.Replies(c.Parent, purpose) {
			if r.Exchange.Server != server {
				continue
			}
			set := c.Answer(r, c.Parent, wire.TypeSOA)
			if set == nil {
				set = c.Authority(r, c.Parent, wire.TypeSOA)
			}
			if set == nil {
				continue
			}
			if soa, err := set.Records[0].SOA(); err == nil {
				return serial{number: soa.Serial, known: true, signed: signedAt(set, c.Instant)}
			}
		}
	}
	return serial{}
}

// signedAt is when the newest signature over an RRset begins: about when the
// version of the zone was made that it came in. Zero where there is none.
func signedAt(set *judge.RRset, near time.Time) time.Time {
	var newest time.Time
	for _, sig := range set.RRSIGs {
		if inception, _ := sig.Times(near); inception.After(newest) {
			newest = inception
		}
	}
	return newest
}

// newest is the newest serial that is known among referrals.
func newest(given []referral) serial {
	var best serial
	for _, r := range given {
		if r.known && (!best.known || older(best.number, r.number)) {
			best = r.serial
		}
	}
	return best
}

// behind says that the serial is known and older than another known one.
func (s serial) behind(newest serial) bool {
	return s.known && newest.known && older(s.number, newest.number)
}

// delegation is what the parent publishes, over all its servers that are not
// behind; or what was given by hand where no parent was asked.
type delegation struct {
	names    []holdfast.Name
	glue     map[holdfast.Name][]netip.Addr
	evidence []int
}

// delegationOf is the delegation, false where nobody says anything of it. It
// is shared by checks.
func delegationOf(c *judge.Case) (delegation, bool) {
	type key struct{}
	d := judge.Shared(c, key{}, func() delegation { return readDelegation(c) })
	return d, len(d.names) > 0
}

func readDelegation(c *judge.Case) delegation {
	d := delegation{glue: make(map[holdfast.Name][]netip.Addr)}
	given, _ := referrals(c)
	last := newest(given)
	for _, r := range given {
		if r.child || r.behind(last) {
			continue
		}
		d.names = append(d.names, r.names...)
		for name, addresses := range r.glue {
			d.glue[name] = append(d.glue[name], without(addresses, d.glue[name])...)
		}
		d.evidence = append(d.evidence, r.evidence[0])
	}
	if len(d.names) == 0 && c.Measurement.Subject.Delegation != nil {
		hand := c.Measurement.Subject.Delegation
		d.names = slices.Clone(hand.NS)
		for name, addresses := range hand.Glue {
			d.glue[name] = slices.Clone(addresses)
		}
	}
	slices.Sort(d.names)
	d.names = slices.Compact(d.names)
	for _, addresses := range d.glue {
		slices.SortFunc(addresses, netip.Addr.Compare)
	}
	return d
}

// published are the names that the zone itself publishes as its servers, over
// all of them, with the exchanges that say so; false where none answered.
func published(c *judge.Case) (names []holdfast.Name, evidence []int, ok bool) {
	type key struct{}
	type own struct {
		names    []holdfast.Name
		evidence []int
	}
	all := judge.Shared(c, key{}, func() (o own) {
		for _, server := range c.Servers {
			reply, asked := c.At(server, holdfast.PurposeNS)
			if !asked || !reply.OK() || !reply.Message.Authoritative {
				continue
			}
			if set := c.Answer(reply, c.Zone, wire.TypeNS); set != nil {
				o.names = append(o.names, targetsOnce(c, set)...)
				o.evidence = append(o.evidence, reply.Index)
			}
		}
		slices.Sort(o.names)
		o.names = slices.Compact(o.names)
		return o
	})
	return slices.Clone(all.names), slices.Clone(all.evidence), len(all.names) > 0
}

// nameServers are the zone's servers by name, as the parent or the zone says.
func nameServers(c *judge.Case) []holdfast.Name {
	d, _ := delegationOf(c)
	own, _, _ := published(c)
	names := append(slices.Clone(d.names), own...)
	slices.Sort(names)
	return slices.Compact(names)
}
