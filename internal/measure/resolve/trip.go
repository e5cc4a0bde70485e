package resolve

import (
	"context"
	"net/netip"
	"slices"
	"sync"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/measure/ask"
	"github.com/holdfastdns/holdfast/internal/measure/walk"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// trip is one way from the root to a name. But for what is said to be guarded
// it belongs to one goroutine.
type trip struct {
	ctx       context.Context // ends with the budget
	config    Config
	asker     *ask.Asker
	addresses *walk.Sweep
	t         uint16 // the type asked for

	cuts    map[holdfast.Name]*cut         // zones entered, by name
	located map[holdfast.Name][]netip.Addr // name servers looked for
	asked   int

	mutex     sync.Mutex
	exchanges []holdfast.Exchange // guarded by mutex
	bounded   bool                // guarded by mutex: a bound was met
	obstacle  string              // guarded by mutex: why a question was not sent
}

// cut is a zone with its servers.
type cut struct {
	zone    holdfast.Name
	servers []holdfast.Server
	signed  bool // a server showed keys of the zone
}

// resolve follows the question through its aliases. A name that was asked
// before closes a circle.
func (t *trip) resolve(q holdfast.Question) {
	root := &cut{zone: holdfast.Root}
	for _, s := range t.config.Roots {
		root.servers = append(root.servers, t.wanted(s.Name, []netip.Addr{s.Address})...)
	}
	t.enter(nil, root)
	seen := map[holdfast.Name]bool{}
	for name := q.Name; name != "" && !seen[name]; {
		if len(seen) > MaxAliases {
			t.bound()
			return
		}
		seen[name] = true
		name = t.find(name)
	}
}

// find goes down to the zone that answers for name, and gives the name that an
// alias there leads to, empty where the way ends.
func (t *trip) find(name holdfast.Name) holdfast.Name {
	for at := t.nearest(name); t.ctx.Err() == nil; {
		replies := t.put(at, holdfast.PurposeName, holdfast.Question{Name: name, Type: t.t}, at.servers, useful(name, at.zone))
		m := first(replies, useful(name, at.zone))
		if m == nil {
			return ""
		}
		if child, d, ok := walk.Referral(m, name, at.zone); ok && !m.Authoritative && len(m.Answer) == 0 {
			if t.cuts[child] != nil {
				return "" // it was entered before: a circle
			}
			below := &cut{zone: child, servers: t.serversOf(d)}
			if !t.enter(at, below) {
				return ""
			}
			at = below
			continue
		}
		if below := t.within(m, at, name); below != at {
			at = below
			continue
		}
		return alias(m, name, t.t)
	}
	return ""
}

// nearest is the deepest zone entered that can answer for the name: for DS,
// which is the parent's, one above it (RFC 4035 section 3.1.4.1).
func (t *trip) nearest(name holdfast.Name) *cut {
	if t.t == uint16(wire.TypeDS) && name != holdfast.Root {
		name = name.Parent()
	}
	for {
		if c := t.cuts[name]; c != nil || name == holdfast.Root {
			return c
		}
		name = name.Parent()
	}
}

// enter asks for what the trust in a zone rests on: its DS, of the parent's
// servers, and its keys. It answers false where there have been enough zones.
func (t *trip) enter(parent, c *cut) bool {
	if len(t.cuts) >= MaxZones {
		t.bound()
		return false
	}
	t.cuts[c.zone] = c
	if parent != nil {
		t.put(parent, holdfast.PurposeDS, holdfast.Question{Name: c.zone, Type: uint16(wire.TypeDS)}, parent.servers, speaks)
	}
	t.keys(c)
	return true
}

func (t *trip) keys(c *cut) {
	replies := t.put(c, holdfast.PurposeDNSKEY, holdfast.Question{Name: c.zone, Type: uint16(wire.TypeDNSKEY)}, c.servers, speaks)
	c.signed = slices.ContainsFunc(replies, func(m *wire.Message) bool {
		return m != nil && slices.ContainsFunc(m.Answer, func(r wire.Record) bool { return r.Type == wire.TypeDNSKEY })
	})
}

// within looks for zones that the servers of at hold too, so that no referral
// showed them: those in whose name the reply is signed, and where nothing in it
// is signed though the zone is, any on the way to name. It enters them, and
// gives the deepest.
func (t *trip) within(m *wire.Message, at *cut, name holdfast.Name) *cut {
	if t.t == uint16(wire.TypeDS) && name != holdfast.Root {
		name = name.Parent()
	}
	signer, signed := signerBelow(m, name, at.zone)
	to := signer
	if !signed && at.signed {
		to = name
	}
	if to == "" {
		return at
	}
	for _, n := range between(at.zone, to) {
		if t.cuts[n] != nil {
			at = t.cuts[n]
			continue
		}
		replies := t.put(at, holdfast.PurposeDS, holdfast.Question{Name: n, Type: uint16(wire.TypeDS)}, at.servers, speaks)
		ds := slices.ContainsFunc(replies, func(m *wire.Message) bool {
			return m != nil && slices.ContainsFunc(m.Answer, func(r wire.Record) bool { return r.Type == wire.TypeDS && r.Name == n })
		})
		if !ds && n != signer {
			continue
		}
		if len(t.cuts) >= MaxZones {
			t.bound()
			return at
		}
		at = &cut{zone: n, servers: at.servers}
		t.cuts[n] = at
		t.keys(at)
	}
	return at
}

// between are the names below zone down to name, the highest first.
func between(zone, name holdfast.Name) []holdfast.Name {
	var out []holdfast.Name
	for n := name; n != zone && n != holdfast.Root && len(out) < maxProbes; n = n.Parent() {
		out = append(out, n)
	}
	slices.Reverse(out)
	return out
}

// serversOf are the servers of a delegation: those with glue, and those whose
// addresses can be found; where few suffice, until there are enough.
func (t *trip) serversOf(d holdfast.Delegation) []holdfast.Server {
	var out []holdfast.Server
	var bare []holdfast.Name
	for _, name := range d.NS[:min(len(d.NS), maxNames)] {
		if glued := t.wanted(name, d.Glue[name]); len(glued) > 0 {
			out = append(out, glued...)
		} else {
			bare = append(bare, name)
		}
	}
	for _, name := range bare {
		if len(out) >= few && !t.config.EveryServer {
			break
		}
		out = append(out, t.wanted(name, t.locate(name))...)
	}
	slices.SortFunc(out, compareServers)
	return slices.Compact(out)
}

func (t *trip) locate(name holdfast.Name) []netip.Addr {
	if known, ok := t.located[name]; ok {
		return known
	}
	addresses, exchanges := t.addresses.Addresses(t.ctx, name)
	slices.SortStableFunc(exchanges, func(a, b holdfast.Exchange) int {
		if c := a.Zone.Labels() - b.Zone.Labels(); c != 0 {
			return c
		}
		return compareServers(a.Server, b.Server)
	})
	t.keep(exchanges)
	t.located[name] = addresses
	return addresses
}

func (t *trip) wanted(name holdfast.Name, addresses []netip.Addr) []holdfast.Server {
	var out []holdfast.Server
	for _, addr := range addresses {
		addr = addr.Unmap()
		if addr.Is4() && t.config.IPv4 || addr.Is6() && t.config.IPv6 {
			out = append(out, holdfast.Server{Name: name, Address: addr})
		}
	}
	return out
}

func (t *trip) bound() {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.bounded = true
}
