package whole

import (
	"cmp"
	"slices"
	"strings"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// state is how the zone stands to a name.
type state uint8

const (
	authoritative state = iota // the zone answers for it
	cut                        // a delegation: the zone answers for DS and NSEC only
	below                      // below a cut or a DNAME: glue, or occluded
)

// node is a name and what it owns.
type node struct {
	name  holdfast.Name
	wire  []byte // the name packed
	key   string // sorts in canonical order; see sortKey
	state state
	sets  []set // sorted by type, once the zone is
}

// set is the records of one type at one name.
type set struct {
	typ     wire.Type
	records []wire.Record
}

// set gives the records of a type, nil where there are none.
func (n *node) set(t wire.Type) []wire.Record {
	for i := range n.sets {
		if n.sets[i].typ == t {
			return n.sets[i].records
		}
	}
	return nil
}

// exists says whether the name owns anything but the machinery of denial: an
// NSEC3 record's hashed name is not itself in the chain (RFC 5155 section 7.1).
func (n *node) exists() bool {
	for i := range n.sets {
		switch n.sets[i].typ {
		case wire.TypeRRSIG, wire.TypeNSEC, wire.TypeNSEC3:
		default:
			return true
		}
	}
	return false
}

// index gathers records by name.
type index struct {
	nodes    map[holdfast.Name]*node
	last     *node // of the record before: records come in the order of names
	records  int
	firstSOA holdfast.Name
}

func newIndex() *index { return &index{nodes: make(map[holdfast.Name]*node)} }

func (x *index) add(r wire.Record) {
	x.records++
	n := x.last
	if n == nil || n.name != r.Name {
		if n = x.nodes[r.Name]; n == nil {
			n = &node{name: r.Name}
			x.nodes[r.Name] = n
		}
		x.last = n
	}
	if r.Type == wire.TypeSOA && x.firstSOA == "" {
		x.firstSOA = r.Name
	}
	for i := range n.sets {
		if n.sets[i].typ == r.Type {
			n.sets[i].records = append(n.sets[i].records, r)
			return
		}
	}
	n.sets = append(n.sets, set{r.Type, []wire.Record{r}})
}

// zone is the records in canonical order (RFC 4034 section 6.1), each name
// with its standing.
type zone struct {
	name    holdfast.Name
	apex    *node   // nil where the name owns nothing
	nodes   []*node // within the zone
	outside []*node
}

func (x *index) zone(name holdfast.Name) *zone {
	z := &zone{name: name, nodes: make([]*node, 0, len(x.nodes))}
	for _, n := range x.nodes {
		if n.wire == nil {
			packed, err := wire.PackName(n.name)
			if err != nil {
				z.outside = append(z.outside, n) // no name at all: nobody can load it
				continue
			}
			n.wire, n.key = packed, sortKey(packed)
			slices.SortFunc(n.sets, func(a, b set) int { return cmp.Compare(a.typ, b.typ) })
		}
		if n.name.IsSubdomainOf(name) {
			z.nodes = append(z.nodes, n)
		} else {
			z.outside = append(z.outside, n)
		}
	}
	byKey := func(a, b *node) int { return cmp.Or(strings.Compare(a.key, b.key), cmp.Compare(a.name, b.name)) }
	slices.SortFunc(z.nodes, byKey)
	slices.SortFunc(z.outside, byKey)
	z.stand()
	return z
}

// stand finds the zone's cuts. What lies below a name follows it directly in
// canonical order.
func (z *zone) stand() {
	end, open := "", false // the key of the name above which the zone ends
	for _, n := range z.nodes {
		if n.name == z.name {
			z.apex = n
			n.state = authoritative
			end, open = n.key, len(n.set(wire.TypeDNAME)) > 0
			continue
		}
		switch {
		case open && strings.HasPrefix(n.key, end):
			n.state = below
		case len(n.set(wire.TypeNS)) > 0:
			n.state = cut
			end, open = n.key, true
		default:
			n.state = authoritative
			end, open = n.key, len(n.set(wire.TypeDNAME)) > 0
		}
	}
}

// sortKey turns a packed name into a text whose plain order is the canonical
// order of names, and of which a descendant's is a continuation: the labels
// from the right, each closed by a zero octet, which within labels is escaped.
func sortKey(packed []byte) string {
	var offsets [128]int // at most 127 labels in 255 octets
	count := 0
	for off := 0; packed[off] != 0; off += int(packed[off]) + 1 {
		offsets[count] = off
		count++
	}
	out := make([]byte, 0, len(packed)+2)
	for count--; count >= 0; count-- {
		off := offsets[count]
		for _, c := range packed[off+1 : off+1+int(packed[off])] {
			switch c {
			case 0:
				out = append(out, 1, 1)
			case 1:
				out = append(out, 1, 2)
			default:
				out = append(out, c)
			}
		}
		out = append(out, 0)
	}
	return string(out)
}
