package walk

import (
	"net/netip"
	"slices"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// This file reads from replies the little that the walk needs in order to go
// on. What a reply is worth is not its business.

// read is the reply's message, nil where there is none that can be read.
func read(e exchange) *wire.Message {
	if e.Outcome != holdfast.Answered {
		return nil
	}
	m, err := wire.Parse(e.Reply)
	if err != nil {
		return nil
	}
	return m
}

// delegation is a set of NS names with such addresses as came with it.
type delegation struct {
	owner holdfast.Name
	ns    []holdfast.Name
	glue  map[holdfast.Name][]netip.Addr
}

// delegationIn finds the NS set for name, or for a zone between bailiwick and
// name, in a reply from a server of bailiwick: in the authority section of a
// referral, or in the answer of a server that serves the child as well.
// Addresses from outside the bailiwick are hearsay and left out (RFC 2181
// section 5.4.1).
func delegationIn(m *wire.Message, name, bailiwick holdfast.Name) (delegation, bool) {
	d := delegation{glue: make(map[holdfast.Name][]netip.Addr)}
	if m == nil || m.Rcode != wire.NoError {
		return d, false
	}
	for _, section := range [][]wire.Record{m.Answer, m.Authority} {
		for _, r := range section {
			if r.Type != wire.TypeNS || !name.IsSubdomainOf(r.Name) || r.Name == bailiwick || !r.Name.IsSubdomainOf(bailiwick) {
				continue // an upward or sideways referral leads nowhere
			}
			if d.owner != "" && r.Name != d.owner {
				continue
			}
			if target, err := r.Target(); err == nil && !slices.Contains(d.ns, target) {
				d.owner = r.Name
				d.ns = append(d.ns, target)
			}
		}
		if d.owner != "" {
			break
		}
	}
	for _, r := range m.Additional {
		if addr, err := r.Address(); err == nil && slices.Contains(d.ns, r.Name) && r.Name.IsSubdomainOf(bailiwick) {
			d.glue[r.Name] = append(d.glue[r.Name], addr)
		}
	}
	return d, d.owner != ""
}

// authoritative says whether the reply speaks for the zone asked: AA, and no
// error.
func authoritative(m *wire.Message) bool {
	return m != nil && m.Authoritative && (m.Rcode == wire.NoError || m.Rcode == wire.NXDomain)
}

// holds says whether the reply is without error and answers with records of
// the name and type.
func holds(m *wire.Message, name holdfast.Name, t wire.Type) bool {
	return m != nil && m.Rcode == wire.NoError && slices.ContainsFunc(m.Answer, func(r wire.Record) bool {
		return r.Name == name && r.Type == t
	})
}

// addressesIn are the addresses that the answer gives for name, following
// aliases within the answer; alias is the last name that it led to, where that
// has no address here.
func addressesIn(m *wire.Message, name holdfast.Name) (addresses []netip.Addr, alias holdfast.Name) {
	at := name
	for range 8 { // more aliases than any answer should hold
		var next holdfast.Name
		for _, r := range m.Answer {
			if r.Name != at {
				continue
			}
			if addr, err := r.Address(); err == nil {
				addresses = append(addresses, addr)
			} else if target, err := r.Target(); err == nil && r.Type == wire.TypeCNAME {
				next = target
			}
		}
		if len(addresses) > 0 || next == "" {
			break
		}
		at = next
	}
	if at == name || len(addresses) > 0 {
		return addresses, ""
	}
	return nil, at
}
