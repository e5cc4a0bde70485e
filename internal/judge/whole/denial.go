package whole

import (
	"bytes"
	"slices"
	"strings"

	"github.com/holdfastdns/holdfast/internal/wire"
)

// deny judges what a name's NSEC says, and hands the name, or its NSEC3
// records, to the chains of hashes. That the NSEC chain leads from name to name
// the streamer sees.
func (w *worker) deny(n *node) error {
	if w.unsigned {
		return nil
	}
	if !n.empty {
		w.checkNSEC(n)
	}
	if err := w.readLinks(n); err != nil {
		return err
	}
	if n.chained || n.empty {
		return w.hash(n)
	}
	return nil
}

// checkNSEC sees that a name that the zone answers for or delegates has one
// NSEC, which tells the types truly, and that others have none (RFC 4034
// section 4, RFC 4035 section 2.3).
func (w *worker) checkNSEC(n *node) {
	records := n.set(wire.TypeNSEC)
	switch {
	case !w.nsec && len(records) > 0:
		if !w.partial {
			w.tally.find(denialExtra, n, wire.TypeNSEC, "the apex has no NSEC: the chain has no beginning")
		}
		return
	case !w.nsec:
		return
	case !n.chained && len(records) > 0:
		what := "the name owns nothing else"
		if n.state.hidden() {
			what = "the name lies below a delegation"
		}
		w.tally.find(denialExtra, n, wire.TypeNSEC, "%s", what)
		return
	case !n.chained:
		return
	case len(records) == 0:
		if !w.partial {
			w.tally.find(denialMissing, n, wire.TypeNSEC, "the name has none")
		}
		return
	case distinct(records) > 1:
		w.tally.find(denialBroken, n, wire.TypeNSEC, "the name has %d of them", distinct(records))
	}
	_, bitmap, ok := cutName(records[0].data)
	if !ok {
		w.tally.find(unreadable, n, wire.TypeNSEC, "its data cannot be read")
		return
	}
	var buffer [32]wire.Type
	w.checkTypes(n.key, n.key, wire.TypeNSEC, bitmap, w.bitmap(append(n.types(buffer[:0]), wire.TypeRRSIG, wire.TypeNSEC)))
}

// types are those that the zone answers for at a name, without the records of
// DNSSEC's own making, appended.
func (n *node) types(out []wire.Type) []wire.Type {
	for i, r := range n.records {
		switch {
		case i > 0 && n.records[i-1].typ == r.typ:
		case r.typ == wire.TypeRRSIG || r.typ == wire.TypeNSEC || r.typ == wire.TypeNSEC3:
		case n.state == cut && r.typ != wire.TypeNS && r.typ != wire.TypeDS:
		default:
			out = append(out, r.typ)
		}
	}
	return out
}

// bitmap is types as the shortest bitmap; it is lent until the next call.
func (w *worker) bitmap(types []wire.Type) []byte {
	slices.Sort(types)
	w.bits = wire.AppendTypes(w.bits[:0], types)
	return w.bits
}

// checkTypes compares a bitmap with what is there. at is where the record
// stands, of the name that it speaks of.
func (t *tally) checkTypes(at, of []byte, typ wire.Type, got, want []byte) {
	if bytes.Equal(got, want) {
		return
	}
	named, err := wire.ReadTypes(got)
	if err != nil {
		t.find(unreadable, &node{key: at}, typ, "%v", err)
		return
	}
	there, err := wire.ReadTypes(want)
	if err != nil || slices.Equal(named, there) {
		return // our own bitmap can be read; the other may be longer than it need be
	}
	var text []string
	for _, w := range there {
		if !slices.Contains(named, w) {
			text = append(text, "does not name "+w.String())
		}
	}
	for _, g := range named {
		if !slices.Contains(there, g) {
			text = append(text, "names "+g.String())
		}
	}
	about := ""
	if !bytes.Equal(of, at) {
		about = "about " + nameOf(of).String() + ", "
	}
	t.find(denialTypes, &node{key: at}, typ, "%sit %s, against what the name has", about, strings.Join(text, " and "))
}

func (w *worker) checkTypes(at, of []byte, typ wire.Type, got, want []byte) {
	w.tally.checkTypes(at, of, typ, got, want)
}

// kinds are the sorts of denial that the zone has.
func (j *judgement) kinds(declared bool) string {
	var kinds []string
	if j.nsec {
		kinds = append(kinds, "NSEC")
	}
	if declared {
		kinds = append(kinds, "NSEC3")
	}
	if len(kinds) == 0 && !j.partial {
		j.tally.find(denialMissing, &j.apex, 0, "the apex has neither NSEC nor NSEC3PARAM: nothing can be proven absent")
	}
	return strings.Join(kinds, ",")
}
