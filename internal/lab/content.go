package lab

import (
	"fmt"
	"slices"
	"sort"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// content is a zone's unsigned data, indexed for answering. Once frozen it
// never changes: faults bend answers, not the content.
type content struct {
	origin holdfast.Name
	nodes  map[holdfast.Name]*node // every owner, and the empty non-terminals between
	order  []holdfast.Name         // all nodes but glue, in canonical order
}

// node is one name of a zone. A node without sets is an empty non-terminal.
type node struct {
	sets  map[wire.Type][]wire.Record
	cut   bool // a delegation
	below bool // beneath a delegation, as glue is, or beneath a DNAME, where nothing is seen
}

func newContent(origin holdfast.Name) *content {
	return &content{origin: origin, nodes: map[holdfast.Name]*node{origin: {sets: map[wire.Type][]wire.Record{}}}}
}

// lent are the types that the lab makes itself; a file's are left out.
func lent(t wire.Type) bool {
	switch t {
	case wire.TypeRRSIG, wire.TypeNSEC, wire.TypeNSEC3, wire.TypeNSEC3PARAM, wire.TypeDNSKEY,
		wire.TypeCDS, wire.TypeCDNSKEY, wire.TypeZONEMD, wire.TypeOPT:
		return true
	}
	return false
}

// add takes a record in, once.
func (c *content) add(r wire.Record) error {
	if lent(r.Type) {
		return nil
	}
	return c.put(r)
}

// put takes a record of any type in, once.
func (c *content) put(r wire.Record) error {
	if !r.Name.IsSubdomainOf(c.origin) {
		return fmt.Errorf("record %s %s: not within zone %s", r.Name, r.Type, c.origin)
	}
	if r.Class != wire.ClassIN {
		return fmt.Errorf("record %s %s: class %d, want IN", r.Name, r.Type, r.Class)
	}
	n := c.nodes[r.Name]
	if n == nil {
		n = &node{sets: map[wire.Type][]wire.Record{}}
		c.nodes[r.Name] = n
	}
	set := n.sets[r.Type]
	for _, old := range set {
		if slices.Equal(old.Canonical(), r.Canonical()) {
			return nil
		}
	}
	if len(set) > 0 {
		r.TTL = set[0].TTL // one TTL an RRset (RFC 2181 section 5.2)
	}
	n.sets[r.Type] = append(set, r)
	return nil
}

func (c *content) set(name holdfast.Name, t wire.Type) []wire.Record {
	if n := c.nodes[name]; n != nil {
		return n.sets[t]
	}
	return nil
}

// freeze marks cuts and glue, puts the empty non-terminals in and orders all.
func (c *content) freeze() {
	for name, n := range c.nodes {
		n.cut = name != c.origin && len(n.sets[wire.TypeNS]) > 0
	}
	for name, n := range c.nodes {
		_, redirected := c.redirect(name)
		n.below = redirected || c.cutAbove(name) != ""
	}
	for name, n := range c.nodes {
		if n.below || name == c.origin {
			continue
		}
		for up := name.Parent(); up != c.origin && c.nodes[up] == nil; up = up.Parent() {
			c.nodes[up] = &node{}
		}
	}
	c.order = c.order[:0]
	keys := make(map[holdfast.Name]string, len(c.nodes))
	for name, n := range c.nodes {
		if !n.below {
			c.order = append(c.order, name)
			keys[name] = canonicalKey(name)
		}
	}
	slices.SortFunc(c.order, func(a, b holdfast.Name) int {
		switch ka, kb := keys[a], keys[b]; {
		case ka < kb:
			return -1
		case ka > kb:
			return 1
		}
		return 0
	})
}

// cutAbove is the delegation strictly above a name, "" where there is none.
// Of two nested ones it is the upper: it alone is in the zone.
func (c *content) cutAbove(name holdfast.Name) holdfast.Name {
	found := holdfast.Name("")
	for up := name; up != c.origin; {
		up = up.Parent()
		if n := c.nodes[up]; n != nil && n.cut && up != c.origin {
			found = up
		}
	}
	return found
}

// cutAt is the delegation at or above a name, "" where the zone itself speaks.
func (c *content) cutAt(name holdfast.Name) holdfast.Name {
	if up := c.cutAbove(name); up != "" {
		return up
	}
	if n := c.nodes[name]; n != nil && n.cut {
		return name
	}
	return ""
}

// redirect is the DNAME strictly above a name, the highest where there are
// several: what lies beneath one is not seen (RFC 6672 section 2.4).
func (c *content) redirect(name holdfast.Name) (holdfast.Name, bool) {
	found, ok := holdfast.Name(""), false
	for up := name; up != c.origin; {
		up = up.Parent()
		if n := c.nodes[up]; n != nil && len(n.sets[wire.TypeDNAME]) > 0 {
			found, ok = up, true
		}
	}
	return found, ok
}

// encloser is the closest name above qname that exists (RFC 4592 section
// 3.3.1), and the next closer one towards qname.
func (c *content) encloser(qname holdfast.Name) (closest, next holdfast.Name) {
	next = qname
	for up := qname.Parent(); ; up = up.Parent() {
		if c.nodes[up] != nil || up == c.origin {
			return up, next
		}
		next = up
	}
}

func wildcardOf(encloser holdfast.Name) holdfast.Name {
	if encloser == holdfast.Root {
		return "*."
	}
	return "*." + encloser
}

// canonicalKey is a string whose order is the canonical order of names
// (RFC 4034 section 6.1): the labels from the right, each octet of theirs made
// greater than the end of a label.
func canonicalKey(name holdfast.Name) string {
	packed, err := wire.PackName(name)
	if err != nil {
		return ""
	}
	var starts []int
	for off := 0; packed[off] != 0; off += int(packed[off]) + 1 {
		starts = append(starts, off)
	}
	out := make([]byte, 0, 2*len(packed))
	for i := len(starts) - 1; i >= 0; i-- {
		off := starts[i]
		for _, c := range packed[off+1 : off+1+int(packed[off])] {
			if 'A' <= c && c <= 'Z' {
				c += 'a' - 'A'
			}
			if c < 2 { // 0 and 1 as pairs, so that 0 can end a label
				out = append(out, 1, c+1)
			} else {
				out = append(out, c)
			}
		}
		out = append(out, 0)
	}
	return string(out)
}

// indexBefore is the index in sorted of the last key that is not after key,
// wrapping round to the last.
func indexBefore(sorted []string, key string) int {
	i := sort.SearchStrings(sorted, key)
	if i < len(sorted) && sorted[i] == key {
		return i
	}
	return (i - 1 + len(sorted)) % len(sorted)
}
