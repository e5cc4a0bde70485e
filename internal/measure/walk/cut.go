package walk

import (
	"errors"
	"net/netip"
	"slices"
	"sync"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/measure/ask"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// cut is a zone as its parent tells of it, or what was learnt where no zone
// begins.
type cut struct {
	zone   holdfast.Name // empty: no zone begins at the name asked for
	parent *cut          // nil for the root
	ns     []holdfast.Name
	glue   map[holdfast.Name][]netip.Addr
	told   []exchange // the questions that found it; Zone is the parent
	gone   bool       // the name asked for does not exist, nor anything below it
}

// route is how the walk came to a name: alone once it follows a delegation
// without glue (see share), and over which names, so that circles end.
type route struct {
	alone bool
	trail []holdfast.Name
}

func (r route) over(name holdfast.Name) route {
	r.trail = append(slices.Clip(r.trail), name)
	return r
}

var errSilent = errors.New("no server of a zone on the way gave a usable reply")

// rootCut is where every walk begins.
func (l *look) rootCut() *cut {
	c := &cut{zone: holdfast.Root, glue: make(map[holdfast.Name][]netip.Addr)}
	for _, s := range l.config().Roots {
		if !slices.Contains(c.ns, s.Name) {
			c.ns = append(c.ns, s.Name)
		}
		c.glue[s.Name] = append(c.glue[s.Name], s.Address.Unmap())
	}
	return c
}

// enclosing finds the deepest zone that holds name, name itself included,
// asking label by label from the root, so that what is found serves every
// other name below. With an error it gives the deepest that could be found.
func (l *look) enclosing(name holdfast.Name, by route) (*cut, error) {
	path := slices.Insert(name.Ancestors(), 0, name)
	at := l.rootCut()
	for _, below := range slices.Backward(path) {
		if below == holdfast.Root || at.zone.IsSubdomainOf(below) {
			continue
		}
		next := l.cutAt(at, below, by)
		switch {
		case next == nil:
			return at, errSilent
		case next.zone != "":
			at = next
		case next.gone:
			return at, nil
		}
	}
	return at, nil
}

// cutAt asks a zone's servers whether another zone begins at name, which is
// below it. It gives nil where no server gave a usable reply.
func (l *look) cutAt(parent *cut, name holdfast.Name, by route) *cut {
	return l.sweep.cuts.do(l.ctx, name, by.alone, func() (*cut, bool) {
		found, all := l.anyOf(l.someServers(parent, by), 1, func(s holdfast.Server) ask.Question {
			return ask.Question{Zone: parent.zone, Purpose: holdfast.PurposeReferral, Server: s,
				Question: holdfast.Question{Name: name, Type: uint16(wire.TypeNS)}}
		}, func(m *wire.Message) bool {
			_, delegated := delegationIn(m, name, parent.zone)
			return delegated || authoritative(m)
		})
		if len(found) == 0 {
			// Nobody being there is worth remembering, running out of time is not.
			return nil, l.ctx.Err() == nil && len(all) > 0
		}
		c := &cut{parent: parent, told: all, gone: found[0].message.Rcode == wire.NXDomain}
		if d, ok := delegationIn(found[0].message, name, parent.zone); ok {
			c.zone, c.ns, c.glue = d.owner, d.ns, d.glue
		}
		return c, true
	})
}

// someServers are servers of a zone that can be asked at once: those with
// glue, or where no glue is of use, those whose addresses can be found.
func (l *look) someServers(c *cut, by route) []holdfast.Server {
	var servers []holdfast.Server
	for _, name := range c.ns {
		servers = append(servers, l.wanted(name, c.glue[name])...)
	}
	if len(servers) > 0 {
		return servers
	}
	by.alone = true
	for _, name := range c.ns {
		found := l.locate(name, by)
		if servers = append(servers, l.wanted(name, found.addresses)...); len(servers) > 1 {
			break
		}
	}
	return servers
}

// allServers are the servers of a zone on all addresses, as its parent tells
// of them. It is called at the top of a look only, where waiting is safe.
func (l *look) allServers(c *cut) []holdfast.Server {
	var servers []holdfast.Server
	var mutex sync.Mutex
	var found sync.WaitGroup
	for _, name := range c.ns {
		found.Go(func() {
			addresses := c.glue[name]
			if len(addresses) == 0 {
				addresses = l.locate(name, route{}).addresses
			}
			mutex.Lock()
			defer mutex.Unlock()
			servers = append(servers, l.wanted(name, addresses)...)
		})
	}
	found.Wait()
	return ordered(servers)
}

// wanted are the name's servers on those addresses that are asked.
func (l *look) wanted(name holdfast.Name, addresses []netip.Addr) []holdfast.Server {
	var out []holdfast.Server
	for _, addr := range addresses {
		if l.config().wants(addr) {
			out = append(out, holdfast.Server{Name: name, Address: addr.Unmap()})
		}
	}
	return out
}

// ancestry collects, for a zone on the way and those above it, what a chain of
// trust through it rests on, unless this look has it: its keys, and below the root its referral and DS
// from a server of its parent.
func (l *look) ancestry(c *cut) {
	for ; c != nil && l.once("above", string(c.zone)); c = c.parent {
		at := c
		l.spawn(func() {
			l.keep(l.sweep.above.do(l.ctx, at.zone, false, func() ([]exchange, bool) { return l.above(at) })...)
		})
	}
}

func (l *look) above(c *cut) ([]exchange, bool) {
	apex := func(purpose holdfast.Purpose, of *cut, t wire.Type) func(holdfast.Server) ask.Question {
		return func(s holdfast.Server) ask.Question {
			return ask.Question{Zone: of.zone, Purpose: purpose, Server: s, Question: holdfast.Question{Name: c.zone, Type: uint16(t)}}
		}
	}
	// Two servers, so that one with broken keys does not decide for all below.
	keys, all := l.anyOf(l.someServers(c, route{}), 2, apex(holdfast.PurposeDNSKEY, c, wire.TypeDNSKEY), authoritative)
	whole := len(keys) > 0
	if c.parent != nil {
		ds, asked := l.anyOf(l.someServers(c.parent, route{}), 1, apex(holdfast.PurposeDS, c.parent, wire.TypeDS), authoritative)
		all = append(append(all, asked...), c.told...)
		whole = whole && len(ds) > 0
	}
	return all, whole || l.ctx.Err() == nil
}
