package lab

import (
	"slices"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

func (a *answer) hashed() bool { return a.hashing() != nil }

// prove shows one place of the chain, once, signed.
func (a *answer) prove(c *chain, index int) error {
	if a.misproves() {
		index = a.elsewhere(c, index)
	}
	if a.view.noProof || index < 0 || slices.Contains(a.proof, index) {
		return nil
	}
	a.proof = append(a.proof, index)
	record, err := a.link(c, index, a.untrueTypes(c.owners[index])...)
	if err != nil {
		return err
	}
	return a.put(&a.out.Authority, []wire.Record{record}, record.Name)
}

// misproves says whether a fault has this answer prove something else.
func (a *answer) misproves() bool {
	return a.view.wrongProof || a.view.deepProof && a.qname.Labels() >= a.zone.name.Labels()+2
}

// untrueTypes are those that a fault has the record of a name list.
func (a *answer) untrueTypes(owner holdfast.Name) []wire.Type {
	if a.view.wrongTypes && owner == a.qname {
		return []wire.Type{a.qtype}
	}
	return nil
}

// elsewhere is a place of the chain that proves another thing: two on where
// the chain is long enough, for the next may serve by chance; none where it
// has no other.
func (a *answer) elsewhere(c *chain, index int) int {
	switch n := len(c.owners); n {
	case 0, 1:
		return -1
	case 2:
		return 1 - index
	default:
		return (index + 2) % n
	}
}

// proveMatch shows the place of a name that exists.
func (a *answer) proveMatch(name holdfast.Name) error {
	c, err := a.denial()
	if err != nil {
		return err
	}
	index, _ := c.find(name)
	return a.prove(c, index)
}

// proveCover shows that a name, or in NSEC3 the next closer name above it,
// does not exist.
func (a *answer) proveCover(name, next holdfast.Name) error {
	if a.hashed() {
		name = next
	}
	return a.proveMatch(name)
}

// proveAbsent is for NXDOMAIN (RFC 4035 section 3.1.3.2, RFC 5155 section
// 7.2.2): the name is not there, nor a wildcard that could stand for it.
func (a *answer) proveAbsent(name, closest, next holdfast.Name) error {
	if a.hashed() {
		if err := a.proveMatch(closest); err != nil {
			return err
		}
	}
	if err := a.proveCover(name, next); err != nil {
		return err
	}
	return a.proveMatch(wildcardOf(closest))
}

// proveTypes shows, in compact denial, what there is at a name; owner is the
// name to show.
func (a *answer) proveTypes(name, owner holdfast.Name) error {
	types, err := a.types(name)
	if err != nil {
		return err
	}
	return a.showCompactly(&a.out.Authority, owner, types, a.content.nodes[name].cut)
}

// proveNoData is for a name that exists without the type (RFC 4035 section
// 3.1.3.1, RFC 5155 sections 7.2.3, 7.2.4 and 7.2.7). An empty non-terminal
// has no NSEC of its own: the one that covers it serves. A name that opt-out
// left out of the chain is shown by its closest provable encloser.
func (a *answer) proveNoData(name holdfast.Name) error {
	if a.compact() {
		return a.proveTypes(name, name)
	}
	c, err := a.denial()
	if err != nil {
		return err
	}
	index, matches := c.find(name)
	if matches || !a.hashed() {
		return a.prove(c, index)
	}
	next := name
	for up := name.Parent(); ; up = up.Parent() {
		if index, matches := c.find(up); matches {
			if err := a.prove(c, index); err != nil {
				return err
			}
			break
		}
		if up == holdfast.Root {
			break // a chain that was changed may match nothing
		}
		next = up
	}
	return a.proveMatch(next)
}

// bend makes a record of denial untrue, before it is signed.
func (f *frame) bend(c *chain, index int, record wire.Record) (wire.Record, error) {
	next := (index + 1) % len(c.owners)
	if f.view.proofs[Overlap] != nil {
		next = (index + 2) % len(c.owners)
	}
	if c.hashed == nil {
		nsec, err := record.NSEC()
		if err != nil {
			return record, err
		}
		nsec.Next, nsec.Types = c.owners[next], f.bendTypes(nsec.Types)
		return wire.NewNSEC(record.Name, record.TTL, nsec)
	}
	nsec3, err := record.NSEC3()
	if err != nil {
		return record, err
	}
	nsec3.Next, nsec3.Types = []byte(c.keys[next]), f.bendTypes(nsec3.Types)
	return wire.NewNSEC3(record.Name, record.TTL, nsec3), nil
}

// bendTypes is a list of types that says less, or more, than there is.
func (f *frame) bendTypes(types []wire.Type) []wire.Type {
	named := func(o *order) (out []wire.Type) {
		if o == nil {
			return nil
		}
		for _, c := range o.Classes {
			if t, err := classType(c); err == nil {
				out = append(out, t)
			}
		}
		return out
	}
	lacks := named(f.view.proofs[BitmapLacks])
	types = slices.DeleteFunc(slices.Clone(types), func(t wire.Type) bool { return slices.Contains(lacks, t) })
	for _, t := range named(f.view.proofs[BitmapAdds]) {
		if !slices.Contains(types, t) {
			types = append(types, t)
		}
	}
	slices.Sort(types)
	return types
}
