package lab

import (
	"slices"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// typeNXNAME says of a name that it does not exist (RFC 9824 section 2).
const typeNXNAME = wire.Type(128)

// edeQueryType is the info-code of a question for a type that nobody may ask
// for (RFC 8914, "Invalid Query Type").
const edeQueryType = 30

// compact says whether this copy denies with records made for each answer.
// Hashed names are denied by the chain.
func (f *frame) compact() bool {
	return f.zone.signing.Compact && f.baked == nil && f.hashing() == nil
}

// denyCompactly answers for a name that is not there as if it were there
// without anything (RFC 9824 section 3.1). It does nothing where the asker wants
// no proof or the name has no room for one more label: then NXDOMAIN is due.
func (a *answer) denyCompactly(name holdfast.Name) (done bool, err error) {
	if !a.do || !a.compact() || !hasRoom(name) {
		return false, nil
	}
	if a.qtype == wire.TypeNSEC && !a.view.noProof { // its list says that there is one
		return true, a.showCompactly(&a.out.Answer, name, []wire.Type{typeNXNAME}, false)
	}
	if err := a.negative(); err != nil {
		return true, err
	}
	return true, a.showCompactly(&a.out.Authority, name, []wire.Type{typeNXNAME}, false)
}

// hasRoom says whether the name that follows a name at once is no longer than
// names may be.
func hasRoom(name holdfast.Name) bool {
	packed, err := wire.PackName(name)
	return err == nil && len(packed)+2 <= maxName
}

// showCompactly shows that a name has these types and no others (RFC 9824
// sections 3.1 and 3.2). What follows a delegation is the name that comes after
// all that lies beneath it (section 3.4).
func (a *answer) showCompactly(section *[]wire.Record, name holdfast.Name, types []wire.Type, cut bool) error {
	if a.view.noProof {
		return nil
	}
	types = slices.Concat(types, a.untrueTypes(name))
	if name == a.zone.name && len(a.view.proofs) > 0 {
		types = a.bendTypes(types)
	}
	if a.misproves() {
		name = childOf("wrong", name)
	}
	next := childOf(`\000`, name)
	if cut {
		label, parent := firstLabel(name)
		next = childOf(label+`\000`, parent)
	}
	record, err := wire.NewNSEC(name, a.negativeTTL(), wire.NSEC{Next: next, Types: append(types, wire.TypeNSEC, wire.TypeRRSIG)})
	if err != nil {
		return err
	}
	return a.put(section, []wire.Record{record}, name)
}

// firstLabel is a name's first label, in presentation form, and what is above.
func firstLabel(name holdfast.Name) (string, holdfast.Name) {
	parent := name.Parent()
	if parent == holdfast.Root {
		return string(name[:len(name)-1]), parent
	}
	return string(name[:len(name)-len(parent)-1]), parent
}

// called is an RRset under another name: who signs as he answers signs what a
// wildcard gives as if it stood there (RFC 9824 section 3.3).
func called(set []wire.Record, owner holdfast.Name) []wire.Record {
	out := slices.Clone(set)
	for i := range out {
		out[i].Name = owner
	}
	return out
}
