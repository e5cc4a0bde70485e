package authority

import (
	"slices"
	"strings"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// typeNXNAME says of a name that it does not exist (RFC 9824 section 2).
const typeNXNAME wire.Type = 128

// proveTypes shows that a name exists and which types it has (RFC 4035 section
// 3.1.3.1, RFC 5155 section 7.2.3 and 7.2.4).
func (a *answer) proveTypes(name holdfast.Name, n node) {
	switch a.zone.plan.Denial {
	case NSEC: // that of an empty non-terminal is the one that leads over it
		a.proveNSEC(a.linkOf(name))
	case NSEC3:
		a.proveHash(a.hash(name))
	case NarrowNSEC, Compact:
		next := childOf(`\000`, name)
		if n.cut { // all that lies beneath is not this zone's to speak of
			next = behind(name)
		}
		a.showNSEC(name, next, typesShown(n))
	case NarrowNSEC3:
		a.showHash(a.hash(name), typesShown(n))
	}
}

// proveAbsent shows that a name is not there, nor a wildcard that could stand
// for it (RFC 4035 section 3.1.3.2, RFC 5155 section 7.2.2).
func (a *answer) proveAbsent(name holdfast.Name) {
	closest, next := a.encloser(name)
	wildcard := childOf("*", closest)
	switch a.zone.plan.Denial {
	case NSEC:
		a.proveNSEC(a.linkOf(name))
		a.proveNSEC(a.linkOf(wildcard))
	case NSEC3:
		a.proveHash(a.hash(closest))
		a.proveHash(a.hash(next))
		a.proveHash(a.hash(wildcard))
	case NarrowNSEC: // the next closer name, for whose lies beneath it is absent too
		a.coverNarrowly(next)
		a.coverNarrowly(wildcard)
	case NarrowNSEC3:
		n, _, _ := a.zone.look(closest)
		a.showHash(a.hash(closest), typesShown(n))
		a.coverHash(a.hash(next))
		a.coverHash(a.hash(wildcard))
	case Compact:
		if !roomFor(name, 2) { // there is no name right behind it
			a.coverNarrowly(next)
			a.coverNarrowly(wildcard)
			return
		}
		a.showNSEC(name, childOf(`\000`, name), []wire.Type{typeNXNAME, wire.TypeRRSIG})
	}
}

// encloser finds the closest encloser of a name that is not there, and the
// next closer name (RFC 5155 section 1.3).
func (a *answer) encloser(name holdfast.Name) (closest, next holdfast.Name) {
	for closest = name; closest != a.zone.plan.Zone; {
		next, closest = closest, closest.Parent()
		if _, _, ok := a.zone.look(closest); ok {
			break
		}
	}
	return closest, next
}

// linkOf is the place in the NSEC chain of a name, or of the name before it.
func (a *answer) linkOf(name holdfast.Name) int {
	i, found := slices.BinarySearchFunc(a.zone.order, name, wire.CompareNames)
	if !found {
		i = (i - 1 + len(a.zone.order)) % len(a.zone.order)
	}
	return i
}

func (a *answer) proveNSEC(link int) {
	order := a.zone.order
	owner := order[link]
	a.showNSEC(owner, order[(link+1)%len(order)], typesShown(*a.zone.nodes[owner]))
}

// showNSEC shows one NSEC record, once, signed.
func (a *answer) showNSEC(owner, next holdfast.Name, types []wire.Type) {
	types = append(slices.Clone(types), wire.TypeNSEC)
	if !slices.Contains(types, wire.TypeRRSIG) {
		types = append(types, wire.TypeRRSIG) // there is always the NSEC's own
	}
	record, err := wire.NewNSEC(owner, a.negativeTTL(), wire.NSEC{Next: next, Types: types})
	a.show(record, err)
}

// coverNarrowly shows that neither a name nor anything beneath it exists, by a
// record from a little before it to a little behind (RFC 4470 section 3).
func (a *answer) coverNarrowly(name holdfast.Name) {
	owner := before(name)
	n, _, _ := a.zone.look(owner) // should it exist by chance, its types are told truly
	a.showNSEC(owner, behind(name), typesShown(n))
}

// before is a name between the one given and any other of a zone that has
// labels of letters, digits, hyphens and underscores only; behind follows all
// that lies beneath a name.
func before(name holdfast.Name) holdfast.Name {
	label, parent := firstLabel(name)
	last := len(label) - 1
	switch {
	case label[last] == 0 && last == 0:
		return parent
	case label[last] == 0:
		return joinLabel(label[:last], parent)
	case last < 62 && roomFor(name, 1):
		return joinLabel(label[:last]+string([]byte{lower(label[last]), '~'}), parent)
	}
	return joinLabel(label[:last]+string([]byte{lower(label[last])}), parent)
}

// lower and higher are the octets beside one, capitals left out: in the order
// of names there are none (RFC 4034 section 6.1).
func lower(c byte) byte {
	if c == 'Z'+1 {
		return 'A' - 1
	}
	return c - 1
}

func higher(c byte) byte {
	if c == 'A'-1 {
		return 'Z' + 1
	}
	return c + 1
}

func behind(name holdfast.Name) holdfast.Name {
	label, parent := firstLabel(name)
	if len(label) < 63 && roomFor(name, 1) {
		return joinLabel(label+"\x00", parent)
	}
	// The label has no room: the one that follows it is its last octet's next.
	last := len(label) - 1
	for last > 0 && label[last] == 0xff {
		last--
	}
	return joinLabel(label[:last]+string([]byte{higher(label[last])}), parent)
}

// roomFor says whether a name may have so many octets more (RFC 1035 section
// 2.3.4).
func roomFor(name holdfast.Name, octets int) bool {
	packed, err := wire.PackName(name)
	return err == nil && len(packed)+octets <= 255
}

// hash is the NSEC3 hash of a name.
func (a *answer) hash(name holdfast.Name) []byte {
	hash, err := wire.HashName(name, 0, nil)
	if err != nil {
		a.fail(err)
		return make([]byte, 20)
	}
	return hash
}

// proveHash shows the record of the NSEC3 chain that matches or covers a hash.
func (a *answer) proveHash(hash []byte) {
	chain := a.zone.hashes
	i, found := slices.BinarySearchFunc(chain, hash, func(h hashedName, want []byte) int { return strings.Compare(string(h.hash), string(want)) })
	if !found {
		i = (i - 1 + len(chain)) % len(chain)
	}
	next := chain[(i+1)%len(chain)]
	a.showNSEC3(chain[i].hash, next.hash, typesShown(*a.zone.nodes[chain[i].name]))
}

// showHash shows what a hash has, and nothing of any other.
func (a *answer) showHash(hash []byte, types []wire.Type) {
	a.showNSEC3(hash, beside(hash, 1), types)
}

// coverHash shows that there is no name of a hash.
func (a *answer) coverHash(hash []byte) {
	a.showNSEC3(beside(hash, -1), beside(hash, 1), nil)
}

func (a *answer) showNSEC3(hash, next []byte, types []wire.Type) {
	owner := joinLabel(strings.ToLower(wire.HashLabel(hash)), a.zone.plan.Zone)
	a.show(wire.NewNSEC3(owner, a.negativeTTL(), wire.NSEC3{Hash: 1, Next: next, Types: types}), nil)
}

// beside is the hash right before or behind one, round the end.
func beside(hash []byte, step int) []byte {
	out := slices.Clone(hash)
	for i := len(out) - 1; i >= 0; i-- {
		out[i] += byte(step)
		if step > 0 && out[i] != 0 || step < 0 && out[i] != 0xff {
			break
		}
	}
	return out
}

// show puts a record of denial into the authority section, once.
func (a *answer) show(record wire.Record, err error) {
	if err != nil {
		a.fail(err)
		return
	}
	for _, r := range a.out.Authority {
		if r.Type == record.Type && r.Name == record.Name {
			return
		}
	}
	a.put(&a.out.Authority, []wire.Record{record}, Sound)
}
