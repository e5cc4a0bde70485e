package lab

import (
	"fmt"
	"slices"
	"strings"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// chain is the order in which a zone denies: its owner names in canonical
// order for NSEC, or their hashes for NSEC3.
type chain struct {
	owners []holdfast.Name
	keys   []string // canonical keys, or hashes as octets; sorted, parallel to owners
	hashed *NSEC3   // nil: NSEC
}

// newChain builds the chain. signed says which delegations are secure: opt-out
// leaves the others out (RFC 5155 section 6).
func newChain(c *content, hashed *NSEC3, signed func(holdfast.Name) bool) (*chain, error) {
	out := &chain{hashed: hashed}
	in := map[holdfast.Name]bool{}
	for _, name := range c.order {
		n := c.nodes[name]
		switch {
		case len(n.sets) == 0:
			continue // an empty non-terminal: not in NSEC; in NSEC3 by its descendants
		case hashed != nil && hashed.OptOut && n.cut && !signed(name):
			continue
		}
		in[name] = true
		if hashed == nil {
			continue
		}
		for up := name; up != c.origin; {
			up = up.Parent()
			in[up] = true
		}
	}
	type link struct {
		owner holdfast.Name
		key   string
	}
	links := make([]link, 0, len(in))
	for name := range in {
		key := canonicalKey(name)
		if hashed != nil {
			hash, err := wire.HashName(name, hashed.Iterations, hashed.Salt)
			if err != nil {
				return nil, fmt.Errorf("chain of %s: %w", c.origin, err)
			}
			key = string(hash)
		}
		links = append(links, link{name, key})
	}
	slices.SortFunc(links, func(a, b link) int { return strings.Compare(a.key, b.key) })
	for _, l := range links {
		out.owners = append(out.owners, l.owner)
		out.keys = append(out.keys, l.key)
	}
	return out, nil
}

// find is the index of the link that matches or covers a name, and whether it
// matches.
func (c *chain) find(name holdfast.Name) (index int, matches bool) {
	key := ""
	if c.hashed == nil {
		key = canonicalKey(name)
	} else if hash, err := wire.HashName(name, c.hashed.Iterations, c.hashed.Salt); err == nil {
		key = string(hash)
	}
	if len(c.keys) == 0 { // of a zone served as it is
		return -1, false
	}
	index = indexBefore(c.keys, key)
	return index, c.keys[index] == key
}

// link makes the NSEC or NSEC3 record of one place in the chain. types are
// those at the owner, without NSEC and RRSIG.
func (c *chain) link(zone holdfast.Name, index int, types []wire.Type, ttl uint32) (wire.Record, error) {
	next := (index + 1) % len(c.owners)
	owner := c.owners[index]
	if c.hashed == nil {
		types = append(slices.Clone(types), wire.TypeNSEC, wire.TypeRRSIG)
		return wire.NewNSEC(owner, ttl, wire.NSEC{Next: c.owners[next], Types: types})
	}
	// RRSIG is in the bitmap where something at the name is signed: anything
	// but the NS of an insecure delegation (RFC 5155 section 7.1).
	types = slices.Clone(types)
	if len(types) > 0 && !(len(types) == 1 && types[0] == wire.TypeNS) {
		types = append(types, wire.TypeRRSIG)
	}
	return wire.NewNSEC3(childOf(wire.HashLabel([]byte(c.keys[index])), zone), ttl, wire.NSEC3{
		Hash: 1, OptOut: c.hashed.OptOut, Iterations: c.hashed.Iterations, Salt: c.hashed.Salt,
		Next: []byte(c.keys[next]), Types: types,
	}), nil
}

// childOf puts a label before a name.
func childOf(label string, parent holdfast.Name) holdfast.Name {
	if parent == holdfast.Root {
		return holdfast.Name(label + ".")
	}
	return holdfast.Name(label) + "." + parent
}
