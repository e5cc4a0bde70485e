package whole

import (
	"bytes"

	"github.com/holdfastdns/holdfast/internal/wire"
)

// delegation judges what a name is to the zone's cuts: the cut itself, glue
// below it, or a name server that somebody's delegation names.
func (w *worker) delegation(n *node) {
	t := &w.tally
	if n.state == cut {
		t.Delegations++
		if n.has(wire.TypeDS) {
			t.Secured++
		}
	} else if n.state == authoritative && n.has(wire.TypeDS) {
		what := "a DS stands where there is no delegation"
		if len(n.key) == len(w.zoneKey) {
			what = "a DS stands at the apex; it belongs into the parent zone"
		}
		t.find(strayDS, n, wire.TypeDS, "%s", what)
	}
	addresses := len(n.set(wire.TypeA)) + len(n.set(wire.TypeAAAA))
	if n.state == authoritative {
		if isWild(n.key) && (addresses > 0 || n.has(wire.TypeCNAME)) {
			t.wilds++
		}
		w.server(n, addresses)
		return
	}
	w.hidden(n)
	if n.state == renamed {
		return
	}
	t.Glue += addresses
	switch {
	case addresses > 0 && n.wantedBy == nil && !w.partial:
		typ := wire.TypeA
		if !n.has(typ) {
			typ = wire.TypeAAAA
		}
		t.find(glueOrphan, n, typ, "it is glue, but no delegation of the zone names it as its server")
	case addresses == 0 && n.wantedBy != nil && bytes.Equal(n.wantedBy, n.cut) && !w.partial:
		t.find(glueMissing, n, 0, "the delegation of %s names it as its server, but its address is not in the zone as glue", nameOf(n.cut))
	}
}

func isWild(key []byte) bool {
	n := len(key)
	return n >= 2 && key[n-2] == '*' && (n == 2 || key[n-3] == 0)
}

// server judges a name that the zone answers for and a delegation names as its
// server.
func (w *worker) server(n *node, addresses int) {
	if n.wantedBy == nil || addresses > 0 || w.partial {
		return
	}
	switch {
	case n.has(wire.TypeCNAME):
		w.tally.find(serverWrong, n, wire.TypeCNAME, "%s names it as its server, but it is an alias", nameOf(n.wantedBy))
	case len(n.records) > 0:
		w.tally.find(serverWrong, n, 0, "%s names it as its server, but it has no address", nameOf(n.wantedBy))
	default:
		// A wildcard may answer for a name that is not there.
		found := w.tally.found
		w.tally.found = w.tally.gone
		w.tally.find(serverWrong, n, 0, "%s names it as its server, but there is no such name", nameOf(n.wantedBy))
		w.tally.found, w.tally.gone = found, w.tally.found
	}
}

// hidden notes what no server answers with: records at and below a delegation
// that are no glue (RFC 1034 section 4.2.1), and all below a DNAME (RFC 6672
// section 2.4).
func (w *worker) hidden(n *node) {
	for i, r := range n.records {
		if i > 0 && n.records[i-1].typ == r.typ {
			continue
		}
		switch {
		case r.typ == wire.TypeRRSIG || r.typ == wire.TypeNSEC || r.typ == wire.TypeNSEC3:
			// Judged as signatures and denial are.
		case n.state == renamed:
			w.tally.find(renamedAndOwn, n, r.typ, "it lies below a DNAME, which leads all names below it elsewhere")
		case r.typ == wire.TypeA || r.typ == wire.TypeAAAA:
		case n.state == cut && (r.typ == wire.TypeNS || r.typ == wire.TypeDS):
		case n.state == cut:
			w.tally.find(occluded, n, r.typ, "it stands at a delegation; no server will answer with it")
		default:
			w.tally.find(occluded, n, r.typ, "it lies below the delegation of %s; no server will answer with it", nameOf(n.cut))
		}
	}
}

// alias sees that a CNAME stands alone (RFC 2181 section 10.1, RFC 4035 section
// 2.5), and a DNAME beside no delegation and no second one.
func (w *worker) alias(n *node) {
	if n.state.hidden() {
		return
	}
	if names := n.set(wire.TypeDNAME); len(names) > 0 {
		if distinct(names) > 1 {
			w.tally.find(renamedAndOwn, n, wire.TypeDNAME, "there is more than one")
		}
		if n.state == cut {
			w.tally.find(renamedAndOwn, n, wire.TypeDNAME, "it stands beside a delegation")
		}
	}
	names := n.set(wire.TypeCNAME)
	if len(names) == 0 {
		return
	}
	if distinct(names) > 1 {
		w.tally.find(aliasAndMore, n, wire.TypeCNAME, "there is more than one")
	}
	for _, r := range n.records {
		switch r.typ {
		case wire.TypeCNAME, wire.TypeRRSIG, wire.TypeNSEC:
		default:
			w.tally.find(aliasAndMore, n, wire.TypeCNAME, "%s stands beside a CNAME", r.typ)
			return
		}
	}
}

// distinct counts the records of a set, each once.
func distinct(set []record) int {
	count := 0
	for _, r := range set {
		if !r.twin {
			count++
		}
	}
	return count
}
