package walk

import (
	"fmt"
	"net/netip"
	"slices"
	"sync"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/measure/ask"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// TypeNoData is a type that no apex has: one for private use (RFC 6895
// section 3.1).
const TypeNoData = wire.Type(65399)

// plainQuestions are put to each server of the zone in a look of full depth.
func (l *look) plainQuestions(s holdfast.Server) []ask.Question {
	overTCP := l.apex(s, holdfast.PurposeSOATCP, wire.TypeSOA)
	overTCP.Transport = holdfast.TCP
	absent := l.apex(s, holdfast.PurposeNXDomain, wire.TypeA)
	absent.Question.Name = probe(l.sweep.id, l.zone)
	return []ask.Question{
		l.apex(s, holdfast.PurposeSOA, wire.TypeSOA), overTCP,
		l.apex(s, holdfast.PurposeNS, wire.TypeNS),
		l.apex(s, holdfast.PurposeDNSKEY, wire.TypeDNSKEY),
		l.apex(s, holdfast.PurposeNSEC3PARAM, wire.TypeNSEC3PARAM),
		l.apex(s, holdfast.PurposeCDS, wire.TypeCDS),
		l.apex(s, holdfast.PurposeCDNSKEY, wire.TypeCDNSKEY),
		absent,
		l.apex(s, holdfast.PurposeNoData, TypeNoData),
	}
}

// apex is a question about the zone's apex.
func (l *look) apex(s holdfast.Server, purpose holdfast.Purpose, t wire.Type) ask.Question {
	return ask.Question{Zone: l.zone, Purpose: purpose, Server: s, Transport: holdfast.UDP,
		Question: holdfast.Question{Name: l.zone, Type: uint16(t)}}
}

func (l *look) coreQuestions(s holdfast.Server) []ask.Question {
	return slices.DeleteFunc(l.plainQuestions(s), func(q ask.Question) bool {
		return q.Purpose != holdfast.PurposeSOA && q.Purpose != holdfast.PurposeDNSKEY
	})
}

// probe is a name below the zone that nobody has, the same for all servers of
// a sweep so that their denials can be compared.
func probe(sweep string, zone holdfast.Name) holdfast.Name {
	label := fmt.Sprintf("holdfast-%08x", uint32(fingerprint(sweep+" "+string(zone))))
	if zone == holdfast.Root {
		return holdfast.Name(label + ".")
	}
	return holdfast.Name(label + "." + string(zone))
}

func (l *look) core(servers []holdfast.Server) {
	l.putAll(servers, l.coreQuestions)
}

// full learns of the zone's name servers from all who know of them; all else
// follows from learn.
func (l *look) full() {
	l.deep = true
	l.once("above", string(l.zone)) // its own questions are more than that
	l.askValidators()
	d := l.subject.Delegation
	switch {
	case l.zone == holdfast.Root:
		root := l.rootCut()
		l.learn(root.ns, root.glue)
	case d != nil && d.ByHand:
		l.learn(d.NS, d.Glue)
	default:
		l.spawn(l.parent)
	}
}

// parent finds the zone's parent, puts the delegation's questions to each of
// its servers, and learns of the zone's servers from each referral as it
// comes, so that a dead server of the parent holds up nothing.
func (l *look) parent() {
	parent, _ := l.enclosing(l.zone.Parent(), route{})
	l.ancestry(parent)
	l.spawn(func() { l.notifications(parent) })
	var questions []ask.Question
	for _, s := range l.allServers(parent) {
		questions = append(questions,
			ask.Question{Zone: parent.zone, Purpose: holdfast.PurposeReferral, Server: s, Question: holdfast.Question{Name: l.zone, Type: uint16(wire.TypeNS)}},
			ask.Question{Zone: parent.zone, Purpose: holdfast.PurposeDS, Server: s, Question: holdfast.Question{Name: l.zone, Type: uint16(wire.TypeDS)}})
	}
	var told sync.WaitGroup
	for _, q := range shuffled(l, questions) {
		told.Go(func() {
			e := l.ask(l.ctx, q)
			l.keep(e)
			if q.Purpose != holdfast.PurposeReferral {
				return
			}
			if d, ok := delegationIn(read(e), l.zone, parent.zone); ok && d.owner == l.zone {
				l.learn(d.ns, d.glue)
			}
		})
	}
	told.Wait()
	l.mutex.Lock()
	learnt := len(l.names)
	l.mutex.Unlock()
	if d := l.subject.Delegation; d != nil && learnt == 0 {
		// No parent server told us: the roster's word is better than none.
		l.learn(d.NS, d.Glue)
	}
}

// learn takes in NS names and addresses of the zone. What is new is followed
// up: a name's addresses are looked for, a server is asked everything.
func (l *look) learn(ns []holdfast.Name, glue map[holdfast.Name][]netip.Addr) {
	var names []holdfast.Name
	var servers []holdfast.Server
	l.mutex.Lock()
	for _, name := range ns {
		if !l.names[name] {
			if len(l.names) >= maxNames {
				l.bounded = true
				continue
			}
			l.names[name] = true
			names = append(names, name)
		}
		for _, s := range l.wanted(name, glue[name]) {
			if l.servers[s] {
				continue
			}
			if len(l.servers) >= maxServers {
				l.bounded = true
				continue
			}
			l.servers[s] = true
			servers = append(servers, s)
		}
	}
	// Names within the zone are asked of its own servers: they wait until
	// one is known.
	var within []holdfast.Name
	for _, name := range names {
		if name.IsSubdomainOf(l.zone) && l.zone != holdfast.Root {
			l.waiting = append(l.waiting, name)
		} else {
			l.spawn(func() { l.outside(name) })
		}
	}
	if len(l.servers) > 0 {
		within, l.waiting = l.waiting, nil
	}
	l.mutex.Unlock()
	l.putAll(servers, l.plainQuestions)
	for _, name := range within {
		l.spawn(func() { l.within(name) })
	}
	l.signals()
}

// putAll puts questions to servers, in random order over all of them.
func (l *look) putAll(servers []holdfast.Server, questions func(holdfast.Server) []ask.Question) {
	var all []ask.Question
	for _, s := range servers {
		all = append(all, questions(s)...)
	}
	l.pose(all...)
}

// pose puts questions in random order, and does what their answers lead to.
func (l *look) pose(questions ...ask.Question) {
	for _, q := range shuffled(l, questions) {
		l.spawn(func() {
			e := l.ask(l.ctx, q)
			l.keep(e)
			if l.deep {
				l.follow(q, e)
			}
		})
	}
}

// follow does what an answer leads to in a look of full depth.
func (l *look) follow(q ask.Question, e exchange) {
	m := read(e)
	if q.Purpose.Plain() && m != nil && l.once("unusual", q.Server.String()) {
		l.mutex.Lock()
		l.alive = append(l.alive, q.Server)
		l.mutex.Unlock()
		l.pose(l.unusualQuestions(q.Server)...)
		l.scout(q.Server)
	}
	switch q.Purpose {
	case holdfast.PurposeNS:
		l.learnFromChild(m)
	case holdfast.PurposeSOA:
		l.behindSOA(m)
	case holdfast.PurposeCDS:
		if holds(m, l.zone, wire.TypeCDS) && l.once("cds") {
			l.signals()
		}
	case holdfast.PurposeNXDeep:
		if authoritative(m) {
			l.denied(q.Server, m)
		}
	case holdfast.PurposeManners:
		if m != nil && !m.Truncated && !holds(m, l.zone, wire.TypeSOA) {
			l.pose(l.mannersOneByOne(q.Server)...)
		}
	case holdfast.PurposeApex:
		l.scouted(q, m)
	}
}

// learnFromChild learns of name servers that the zone itself names and its
// parent may not.
func (l *look) learnFromChild(m *wire.Message) {
	if !authoritative(m) {
		return
	}
	var ns []holdfast.Name
	for _, r := range m.Answer {
		if target, err := r.Target(); err == nil && r.Type == wire.TypeNS && r.Name == l.zone {
			ns = append(ns, target)
		}
	}
	l.learn(ns, nil)
}

// outside finds the addresses of an NS name in the zone that holds it.
func (l *look) outside(name holdfast.Name) {
	found := l.locate(name, route{})
	l.keep(found.exchanges...)
	l.ancestry(found.at) // whoever can forge the address has the zone
	l.learn([]holdfast.Name{name}, map[holdfast.Name][]netip.Addr{name: found.addresses})
}

// within finds the addresses of an NS name that lies within the zone, from the
// zone's own servers; where they refer us further down, it goes there.
func (l *look) within(name holdfast.Name) {
	l.mutex.Lock()
	servers := make([]holdfast.Server, 0, len(l.servers))
	for s := range l.servers {
		servers = append(servers, s)
	}
	l.mutex.Unlock()
	answers, all := l.questions(holdfast.PurposeAddress, addressTypes, l.zone, name, ordered(servers))
	l.keep(all...)
	var addresses []netip.Addr
	for _, m := range answers {
		if d, ok := delegationIn(m, name, l.zone); ok && !m.Authoritative {
			deeper := &cut{zone: d.owner, ns: d.ns, glue: d.glue}
			below, asked := l.questions(holdfast.PurposeAddress, addressTypes, deeper.zone, name, l.someServers(deeper, route{}.over(name)))
			l.keep(asked...)
			answers = below
			break
		}
	}
	for _, m := range answers {
		found, alias := addressesIn(m, name)
		addresses = append(addresses, found...)
		if alias != "" && len(found) == 0 {
			behind := l.locate(alias, route{})
			l.keep(behind.exchanges...)
			addresses = append(addresses, behind.addresses...)
		}
	}
	l.learn([]holdfast.Name{name}, map[holdfast.Name][]netip.Addr{name: addresses})
}
