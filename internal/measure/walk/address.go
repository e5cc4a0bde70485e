package walk

import (
	"net/netip"
	"slices"
	"sync"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/measure/ask"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// located is what was found out about a name server's addresses.
type located struct {
	addresses []netip.Addr
	exchanges []exchange
	at        *cut // the zone that holds the name; nil where it was not found
}

// locate finds the addresses of a name, from the root, as the zone that holds
// it gives them.
func (l *look) locate(name holdfast.Name, by route) located {
	if slices.Contains(by.trail, name) || len(by.trail) >= maxTrail {
		return located{} // a circle, or as good as one: it has no way in
	}
	if by.alone && !l.detour() {
		return located{}
	}
	return l.sweep.addresses.do(l.ctx, name, by.alone, func() (located, bool) {
		found := l.find(name, by.over(name))
		// What was found alone may lack what the trail forbade, so only a
		// walk from the top, or one with something to show, is remembered.
		return found, l.ctx.Err() == nil && (!by.alone || len(found.addresses) > 0)
	})
}

// detour counts one more detour, false where there have been enough.
func (l *look) detour() bool {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.detours++; l.detours > maxDetours {
		l.bounded = true
		return false
	}
	return true
}

func (l *look) find(name holdfast.Name, by route) located {
	// A zone seldom begins at a host's own name: where one does, its parent
	// refers us there.
	at, err := l.enclosing(name.Parent(), by)
	if err != nil {
		return located{}
	}
	told := l.seek(holdfast.PurposeAddress, addressTypes, name, at, by)
	out := located{exchanges: told.exchanges, at: told.at}
	var alias holdfast.Name
	for _, m := range told.messages {
		addresses, leads := addressesIn(m, name)
		out.addresses = append(out.addresses, addresses...)
		if leads != "" {
			alias = leads
		}
	}
	if len(out.addresses) == 0 && alias != "" {
		// An NS name must not be an alias (RFC 2181 section 10.3); some
		// resolvers follow it all the same, so what is behind it matters.
		by.alone = true
		behind := l.locate(alias, by)
		out.exchanges = append(out.exchanges, behind.exchanges...)
		out.addresses = behind.addresses
	}
	return out
}

// addressTypes must not be written to.
var addressTypes = []wire.Type{wire.TypeA, wire.TypeAAAA}

// told is what the servers of the zone that holds a name said of it.
type told struct {
	at        *cut
	messages  []*wire.Message // the usable answers
	exchanges []exchange
}

// seek asks for types of a name, first at the zone given and then wherever its
// servers refer us further down.
func (l *look) seek(purpose holdfast.Purpose, types []wire.Type, name holdfast.Name, at *cut, by route) told {
	out := told{at: at}
	for range maxTrail {
		answers, all := l.questions(purpose, types, out.at.zone, name, l.someServers(out.at, by))
		out.exchanges = append(out.exchanges, all...)
		var deeper *cut
		answered := false
		out.messages = nil
		for _, m := range answers {
			if d, ok := delegationIn(m, name, out.at.zone); ok && !m.Authoritative {
				deeper = &cut{zone: d.owner, parent: out.at, ns: d.ns, glue: d.glue}
				continue
			}
			out.messages = append(out.messages, m)
			answered = answered || len(m.Answer) > 0
		}
		if deeper == nil || answered {
			break
		}
		out.at = deeper
	}
	return out
}

// questions asks servers of a zone for types of a name, and gives the usable
// answer to each.
func (l *look) questions(purpose holdfast.Purpose, types []wire.Type, zone, name holdfast.Name, servers []holdfast.Server) (answers []*wire.Message, all []exchange) {
	var mutex sync.Mutex
	var each sync.WaitGroup
	for _, t := range types {
		each.Go(func() {
			found, asked := l.anyOf(servers, 1, func(s holdfast.Server) ask.Question {
				return ask.Question{Zone: zone, Purpose: purpose, Server: s,
					Question: holdfast.Question{Name: name, Type: uint16(t)}}
			}, func(m *wire.Message) bool {
				_, delegated := delegationIn(m, name, zone)
				return delegated || authoritative(m)
			})
			mutex.Lock()
			defer mutex.Unlock()
			all = append(all, asked...)
			for _, f := range found {
				answers = append(answers, f.message)
			}
		})
	}
	each.Wait()
	return answers, all
}
