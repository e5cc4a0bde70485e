package whole

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// maxIterations bounds the work of hashing: the most that RFC 5155 section
// 10.3 ever allowed. Validators have long given up below (RFC 9276).
const maxIterations = 2500

// params tell chains of one zone apart.
type params struct {
	hash       uint8
	iterations uint16
	salt       string
}

func (p params) String() string {
	salt := "no salt"
	if p.salt != "" {
		salt = fmt.Sprintf("salt %x", p.salt)
	}
	return fmt.Sprintf("hash %d, %d iterations, %s", p.hash, p.iterations, salt)
}

// link is one NSEC3 record.
type link struct {
	node *node
	hash string // of its owner name
	wire.NSEC3
}

// hashed is a name that a chain may speak of.
type hashed struct {
	node *node // the name; nil for an empty non-terminal
	name holdfast.Name
	hash string
	// optional says that an opt-out span may hold the name: a delegation
	// without DS, or an empty non-terminal above nothing else (RFC 5155
	// section 7.1).
	optional bool
}

// checkNSEC3 walks each chain that the apex declares with NSEC3PARAM. It
// answers whether there is one.
func (j *judgement) checkNSEC3() bool {
	apex := j.zone.apex
	chains := j.readNSEC3()
	declared := false
	for _, r := range apex.set(wire.TypeNSEC3PARAM) {
		p, err := r.NSEC3PARAM()
		if err != nil {
			j.find(unreadable, apex, wire.TypeNSEC3PARAM, "%v", err)
			continue
		}
		if p.Flags != 0 {
			continue // not for servers to use (RFC 5155 section 4.1.2)
		}
		declared = true
		of := params{p.Hash, p.Iterations, string(p.Salt)}
		switch {
		case p.Hash != 1:
			j.find(denialUnknown, apex, wire.TypeNSEC3PARAM, "hash %d is not known", p.Hash)
		case p.Iterations > maxIterations:
			j.find(denialUnknown, apex, wire.TypeNSEC3PARAM, "%d iterations are more than anyone computes; use 0", p.Iterations)
		case len(chains[of]) == 0:
			j.find(denialMissing, apex, wire.TypeNSEC3PARAM, "the chain that it declares (%s) has no records", of)
		default:
			j.checkChain(of, chains[of])
		}
	}
	if !declared && len(chains) > 0 {
		j.find(denialUnknown, apex, wire.TypeNSEC3PARAM, "there are NSEC3 records, but no NSEC3PARAM to say that their chain is whole")
	}
	return declared
}

// readNSEC3 gathers the NSEC3 records by their parameters.
func (j *judgement) readNSEC3() map[params][]link {
	chains := map[params][]link{}
	for _, n := range j.zone.nodes {
		for _, r := range n.set(wire.TypeNSEC3) {
			l := link{node: n}
			var err error
			if l.NSEC3, err = r.NSEC3(); err != nil {
				j.find(unreadable, n, wire.TypeNSEC3, "%v", err)
				continue
			}
			hash, err := wire.ParseHashLabel(n.name, j.zone.name)
			if err != nil {
				j.find(denialExtra, n, wire.TypeNSEC3, "%v", err)
				continue
			}
			l.hash = string(hash)
			p := params{l.Hash, l.Iterations, string(l.Salt)}
			chains[p] = append(chains[p], l)
		}
	}
	return chains
}

// checkChain sees that one chain is closed, that it speaks of every name it
// must and of no other, and that its bitmaps are true.
func (j *judgement) checkChain(p params, chain []link) {
	slices.SortStableFunc(chain, func(a, b link) int { return strings.Compare(a.hash, b.hash) })
	for i, l := range chain {
		next := chain[(i+1)%len(chain)]
		if len(chain) > 1 && next.hash == l.hash {
			j.find(denialBroken, l.node, wire.TypeNSEC3, "it stands more than once in the chain (%s)", p)
		} else if string(l.Next) != next.hash {
			j.find(denialBroken, l.node, wire.TypeNSEC3, "it names %s as the next hash, but that is %s",
				wire.HashLabel(l.Next), wire.HashLabel([]byte(next.hash)))
		}
	}
	spoken := make([]bool, len(chain))
	for _, name := range j.hashedNames(p) {
		i, ok := slices.BinarySearchFunc(chain, name.hash, func(l link, hash string) int { return strings.Compare(l.hash, hash) })
		if ok {
			spoken[i] = true
			j.checkLink(chain[i], name)
			continue
		}
		// The record before the place, round the corner where need be, covers it.
		cover := chain[(i+len(chain)-1)%len(chain)]
		if !name.optional || !cover.OptOut {
			at := name.node
			if at == nil {
				at = &node{name: name.name, key: j.zone.apex.key}
			}
			j.find(denialMissing, at, wire.TypeNSEC3, "the name has none (its hash is %s)", wire.HashLabel([]byte(name.hash)))
		}
	}
	for i, l := range chain {
		if !spoken[i] && (i == 0 || chain[i-1].hash != l.hash) {
			j.find(denialExtra, l.node, wire.TypeNSEC3, "no name in the zone has this hash")
		}
	}
}

// checkLink compares one record with the name that it speaks of.
func (j *judgement) checkLink(l link, name hashed) {
	var want []wire.Type
	of := name.node
	if of == nil {
		of = &node{name: name.name} // an empty non-terminal has no types
	} else {
		want = of.types()
		// A delegation without DS has nothing that is signed.
		if of.state != cut || len(of.set(wire.TypeDS)) > 0 {
			want = append(want, wire.TypeRRSIG)
		}
	}
	j.checkTypes(l.node, of, wire.TypeNSEC3, l.Types, want)
}

// hashedNames are the names that a chain with these parameters speaks of, or
// may: those the zone answers for, delegations, and the empty non-terminals
// between them and the apex; in canonical order.
func (j *judgement) hashedNames(p params) []hashed {
	var names []hashed
	terminals := make(map[holdfast.Name]bool, len(j.zone.nodes))
	empty := map[holdfast.Name]bool{} // -> optional
	for _, n := range j.zone.nodes {
		if n.state == below || !n.exists() {
			continue
		}
		optional := n.state == cut && len(n.set(wire.TypeDS)) == 0
		names = append(names, hashed{node: n, name: n.name, optional: optional})
		terminals[n.name] = true
		if n == j.zone.apex {
			continue
		}
		for above := n.name.Parent(); above != j.zone.name; above = above.Parent() {
			before, seen := empty[above]
			if seen && (!before || optional) {
				break // those further up know as well
			}
			empty[above] = optional
		}
	}
	for name, optional := range empty {
		if !terminals[name] {
			names = append(names, hashed{name: name, optional: optional})
		}
	}
	for i := range names {
		// The names were packed before: they cannot fail to be.
		hash, err := wire.HashName(names[i].name, p.iterations, []byte(p.salt))
		if err != nil {
			j.find(unreadable, j.zone.apex, wire.TypeNSEC3, "%v", err)
		}
		names[i].hash = string(hash)
	}
	slices.SortFunc(names, func(a, b hashed) int { return cmp.Compare(a.name, b.name) })
	return names
}
