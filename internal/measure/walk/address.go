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
	var out located
	for range maxTrail {
		answers, all := l.addressQuestions(at.zone, name, l.someServers(at, by))
		out.exchanges = append(out.exchanges, all...)
		var alias holdfast.Name
		deeper := at
		for _, m := range answers {
			if d, ok := delegationIn(m, name, at.zone); ok && !m.Authoritative {
				deeper = &cut{zone: d.owner, parent: at, ns: d.ns, glue: d.glue}
				continue
			}
			addresses, leads := addressesIn(m, name)
			out.addresses = append(out.addresses, addresses...)
			if leads != "" {
				alias = leads
			}
		}
		switch {
		case len(out.addresses) > 0:
			return out
		case deeper != at:
			at = deeper
		case alias != "":
			// An NS name must not be an alias (RFC 2181 section 10.3); some
			// resolvers follow it all the same, so what is behind it matters.
			by.alone = true
			behind := l.locate(alias, by)
			out.exchanges = append(out.exchanges, behind.exchanges...)
			out.addresses = behind.addresses
			return out
		default:
			return out
		}
	}
	return out
}

// addressQuestions asks servers of a zone for a name's A and AAAA, and gives
// the usable answer to each.
func (l *look) addressQuestions(zone, name holdfast.Name, servers []holdfast.Server) (answers []*wire.Message, all []exchange) {
	var mutex sync.Mutex
	var both sync.WaitGroup
	for _, t := range []wire.Type{wire.TypeA, wire.TypeAAAA} {
		both.Go(func() {
			found, asked := l.anyOf(servers, 1, func(s holdfast.Server) ask.Question {
				return ask.Question{Zone: zone, Purpose: holdfast.PurposeAddress, Server: s,
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
	both.Wait()
	return answers, all
}
