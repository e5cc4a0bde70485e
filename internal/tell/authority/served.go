package authority

import (
	"fmt"
	"slices"
	"strings"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// node is a name of a zone, as far as it is known beforehand.
type node struct {
	types []wire.Type // that stand there, sorted; none at an empty non-terminal
	fault Fault
	cut   bool // a delegation: of its types only DS is the zone's own
}

// served is an edition with the delegations to the zones that the server has
// below it, and the chain that denies the rest. It does not change.
type served struct {
	*Edition
	id     uint64 // another for each; answers are kept by it
	nodes  map[holdfast.Name]*node
	below  map[setKey][]wire.Record // NS and DS of the server's own zones below
	order  []holdfast.Name          // owners of the NSEC chain
	hashes []hashedName             // of the NSEC3 chain
}

type hashedName struct {
	hash []byte
	name holdfast.Name
}

// serve prepares an edition; children are the editions of the zones right
// below it that the server answers for.
func serve(id uint64, e *Edition, children []*Edition) (*served, error) {
	s := &served{Edition: e, id: id, nodes: map[holdfast.Name]*node{}, below: map[setKey][]wire.Record{}}
	for _, child := range children {
		name := child.plan.Zone
		s.below[setKey{name, wire.TypeNS}] = child.ns
		for _, ds := range child.plan.DS {
			key := setKey{name, wire.TypeDS}
			s.below[key] = append(s.below[key], wire.NewDS(name, child.ns[0].TTL, ds))
		}
	}
	s.addNodes()
	if len(e.plan.Keys) == 0 {
		return s, nil
	}
	switch e.plan.Denial {
	case NSEC:
		s.chain()
	case NSEC3:
		if err := s.hashedChain(); err != nil {
			return nil, fmt.Errorf("serve zone %s: %w", e.plan.Zone, err)
		}
	}
	return s, nil
}

// set is an RRset that stands in the zone at a name that is known beforehand.
func (s *served) set(name holdfast.Name, t wire.Type) []wire.Record {
	if set := s.below[setKey{name, t}]; set != nil {
		return set
	}
	return s.sets[setKey{name, t}]
}

// addNodes gathers the names: those with records, those cut off, and those
// that are only on the way to others. What lies beneath a cut is left out.
func (s *served) addNodes() {
	apex := s.plan.Zone
	for _, sets := range []map[setKey][]wire.Record{s.sets, s.below} {
		for key := range sets {
			if key.typ == wire.TypeNS && key.name != apex {
				s.nodes[key.name] = &node{cut: true}
			}
		}
	}
	for _, sets := range []map[setKey][]wire.Record{s.sets, s.below} {
		for key := range sets {
			if s.cutAbove(key.name) {
				continue
			}
			n := s.nodes[key.name]
			if n == nil {
				n = &node{fault: s.plan.Faults[key.name]}
				s.nodes[key.name] = n
			}
			if n.cut && key.typ != wire.TypeNS && key.typ != wire.TypeDS || slices.Contains(n.types, key.typ) {
				continue
			}
			n.types = append(n.types, key.typ)
		}
	}
	for name, n := range s.nodes {
		slices.Sort(n.types)
		for up := name; up != apex; up = up.Parent() {
			if s.nodes[up] == nil {
				s.nodes[up] = &node{}
			}
		}
	}
}

// cutAbove says whether a name lies beneath a delegation.
func (s *served) cutAbove(name holdfast.Name) bool {
	for name != s.plan.Zone {
		name = name.Parent()
		if n := s.nodes[name]; n != nil && n.cut {
			return true
		}
	}
	return false
}

// chain orders the names that own an NSEC record: all but empty non-terminals.
func (s *served) chain() {
	for name, n := range s.nodes {
		if len(n.types) > 0 {
			s.order = append(s.order, name)
		}
	}
	slices.SortFunc(s.order, wire.CompareNames)
}

// hashedChain orders the hashes of all names (RFC 5155 section 7.1).
func (s *served) hashedChain() error {
	for name := range s.nodes {
		hash, err := wire.HashName(name, 0, nil)
		if err != nil {
			return err
		}
		s.hashes = append(s.hashes, hashedName{hash, name})
	}
	slices.SortFunc(s.hashes, func(a, b hashedName) int { return strings.Compare(string(a.hash), string(b.hash)) })
	return nil
}

// look says what stands at a name: the types, sorted, and what is wrong with
// their signatures; ok is false where the name does not exist. made are the
// records, where they were made for the question.
func (s *served) look(name holdfast.Name) (n node, made []wire.Record, ok bool) {
	if known := s.nodes[name]; known != nil {
		return *known, nil, true
	}
	if s.plan.Names == nil || name == s.plan.Zone {
		return node{}, nil, name == s.plan.Zone
	}
	made, fault, ok := s.plan.Names.Node(name)
	n.fault = fault
	for _, r := range made {
		if !slices.Contains(n.types, r.Type) {
			n.types = append(n.types, r.Type)
		}
	}
	slices.Sort(n.types)
	return n, made, ok
}

// typesShown are those that a denial record of a name lists, its own aside.
// At a delegation only what the zone signs makes for an RRSIG (RFC 4035
// section 2.3).
func typesShown(n node) []wire.Type {
	if n.cut && !slices.Contains(n.types, wire.TypeDS) {
		return n.types
	}
	if len(n.types) == 0 {
		return nil
	}
	return append(slices.Clone(n.types), wire.TypeRRSIG)
}

// table is all that the server answers for, for a second or so.
type table struct {
	zones map[string]*served // by apex, in wire form
}

// find is the zone that a name, in wire form and lower case, belongs to: the
// closest, or for DS the closest above the name. A zone whose own DS is asked
// for and that has none above it here answers itself (RFC 4035 section
// 3.1.4.1).
func (t *table) find(name []byte, qtype wire.Type) *served {
	var own *served
	for off := 0; off < len(name); off += int(name[off]) + 1 {
		s := t.zones[string(name[off:])]
		switch {
		case s == nil:
		case off == 0 && qtype == wire.TypeDS && len(name) > 1:
			own = s
		default:
			return s
		}
		if name[off] == 0 {
			break
		}
	}
	return own
}

// addresses are those of a host that the server knows, for the additional
// section.
func (t *table) addresses(host holdfast.Name) []wire.Record {
	packed, err := wire.PackName(host)
	if err != nil {
		return nil
	}
	s := t.find(packed, wire.TypeA)
	if s == nil {
		return nil
	}
	return slices.Concat(s.set(host, wire.TypeA), s.set(host, wire.TypeAAAA))
}
