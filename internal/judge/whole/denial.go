package whole

import (
	"slices"
	"strings"

	"github.com/holdfastdns/holdfast/internal/wire"
)

// denial sees that the zone can prove what it does not have: by an NSEC chain,
// by NSEC3 chains, or both, each complete and closed.
func (j *judgement) denial() {
	if j.unsigned {
		return
	}
	var kinds []string
	if len(j.zone.apex.set(wire.TypeNSEC)) > 0 {
		kinds = append(kinds, "NSEC")
		j.checkNSEC()
	} else {
		j.strayNSEC()
	}
	if j.checkNSEC3() {
		kinds = append(kinds, "NSEC3")
	}
	j.report.Denial = strings.Join(kinds, ",")
	if len(kinds) == 0 {
		j.find(denialMissing, j.zone.apex, 0, "the apex has neither NSEC nor NSEC3PARAM: nothing can be proven absent")
	}
}

// strayNSEC notes NSEC records where the apex has none.
func (j *judgement) strayNSEC() {
	for _, n := range j.zone.nodes {
		if len(n.set(wire.TypeNSEC)) > 0 {
			j.find(denialExtra, n, wire.TypeNSEC, "the apex has no NSEC: the chain has no beginning")
		}
	}
}

// checkNSEC walks the NSEC chain (RFC 4034 section 4, RFC 4035 section 2.3):
// each name that the zone answers for or delegates has one NSEC, which names
// the next such name, the last one the apex, and tells the types truly.
func (j *judgement) checkNSEC() {
	var chain []*node
	for _, n := range j.zone.nodes {
		if n.state != below && n.exists() {
			chain = append(chain, n)
		} else if len(n.set(wire.TypeNSEC)) > 0 {
			what := "the name owns nothing else"
			if n.state == below {
				what = "the name lies below a delegation"
			}
			j.find(denialExtra, n, wire.TypeNSEC, "%s", what)
		}
	}
	for i, n := range chain {
		records := n.set(wire.TypeNSEC)
		next := chain[(i+1)%len(chain)].name // the last points to the apex, the first
		switch len(records) {
		case 0:
			j.find(denialMissing, n, wire.TypeNSEC, "the name has none")
			continue
		case 1:
		default:
			j.find(denialBroken, n, wire.TypeNSEC, "the name has %d of them", len(records))
		}
		nsec, err := records[0].NSEC()
		if err != nil {
			j.find(unreadable, n, wire.TypeNSEC, "%v", err)
			continue
		}
		if nsec.Next != next {
			j.find(denialBroken, n, wire.TypeNSEC, "it names %s as the next name, but that is %s", nsec.Next, next)
		}
		want := append(n.types(), wire.TypeRRSIG, wire.TypeNSEC)
		j.checkTypes(n, n, wire.TypeNSEC, nsec.Types, want)
	}
}

// types are those that the zone answers for at a name, without the records of
// DNSSEC's own making, sorted.
func (n *node) types() []wire.Type {
	var out []wire.Type
	for _, s := range n.sets {
		switch {
		case s.typ == wire.TypeRRSIG || s.typ == wire.TypeNSEC || s.typ == wire.TypeNSEC3:
		case n.state == cut && s.typ != wire.TypeNS && s.typ != wire.TypeDS:
		default:
			out = append(out, s.typ)
		}
	}
	return out
}

// checkTypes compares a bitmap with what is there. at is where the record
// stands, of the name that it speaks of.
func (j *judgement) checkTypes(at, of *node, t wire.Type, got, want []wire.Type) {
	slices.Sort(want)
	if slices.Equal(got, want) {
		return
	}
	var text []string
	for _, w := range want {
		if !slices.Contains(got, w) {
			text = append(text, "does not name "+w.String())
		}
	}
	for _, g := range got {
		if !slices.Contains(want, g) {
			text = append(text, "names "+g.String())
		}
	}
	about := ""
	if of != at {
		about = "about " + of.name.String() + ", "
	}
	j.find(denialTypes, at, t, "%sit %s, against what the name has", about, strings.Join(text, " and "))
}
