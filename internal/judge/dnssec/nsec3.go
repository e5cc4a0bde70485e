package dnssec

import (
	"bytes"
	"slices"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// hashSHA1 is the only NSEC3 hash there is (RFC 5155 section 11).
const hashSHA1 = 1

// hashedRecord is one NSEC3 record with the hash of its owner.
type hashedRecord struct {
	owner []byte
	wire.NSEC3
}

// hashes are the NSEC3 records of an answer that share the parameters of the
// first: a proof must not mix them (RFC 5155 section 8.2).
type hashes struct {
	records []hashedRecord
	params  *wire.NSEC3PARAM // nil where there is no record of a known hash
	sums    map[holdfast.Name][]byte
}

// readNSEC3 reads the records; those of an unknown hash, with unknown flags or
// of other parameters are passed over (RFC 5155 sections 8.1 and 8.2).
func readNSEC3(sets []*judge.Set, zone holdfast.Name) *hashes {
	h := &hashes{}
	for _, s := range sets {
		for _, r := range s.RRset.Records {
			if r.Type != wire.TypeNSEC3 {
				continue
			}
			n, err := r.NSEC3()
			if err != nil || n.Hash != hashSHA1 || n.Flags&^1 != 0 {
				continue
			}
			owner, err := wire.ParseHashLabel(r.Name, zone)
			if err != nil || len(owner) != len(n.Next) {
				continue
			}
			if h.params == nil {
				h.params = &wire.NSEC3PARAM{Hash: n.Hash, Iterations: n.Iterations, Salt: n.Salt}
			}
			if n.Iterations == h.params.Iterations && bytes.Equal(n.Salt, h.params.Salt) {
				h.records = append(h.records, hashedRecord{owner: owner, NSEC3: n})
			}
		}
	}
	return h
}

func (h *hashes) hash(name holdfast.Name) []byte {
	if sum, ok := h.sums[name]; ok {
		return sum
	}
	sum, err := wire.HashName(name, h.params.Iterations, h.params.Salt)
	if err != nil {
		sum = nil // a name that cannot be packed matches and is covered by nothing
	}
	if h.sums == nil {
		h.sums = make(map[holdfast.Name][]byte)
	}
	h.sums[name] = sum
	return sum
}

// match is the record at a name's hash.
func (h *hashes) match(name holdfast.Name) *hashedRecord {
	sum := h.hash(name)
	for i := range h.records {
		if sum != nil && bytes.Equal(h.records[i].owner, sum) {
			return &h.records[i]
		}
	}
	return nil
}

// cover is a record whose span holds the name's hash, both ends excluded; the
// last record of the chain points back to the first.
func (h *hashes) cover(name holdfast.Name) *hashedRecord {
	sum := h.hash(name)
	if sum == nil {
		return nil
	}
	for i := range h.records {
		r := &h.records[i]
		after, before := bytes.Compare(r.owner, sum) < 0, bytes.Compare(sum, r.Next) < 0
		if last := bytes.Compare(r.owner, r.Next) >= 0; after && before && !last || last && (after || before) && !bytes.Equal(sum, r.owner) {
			return r
		}
	}
	return nil
}

// encloser finds the closest provable encloser of a name and the record that
// covers the next closer name (RFC 5155 section 8.3).
func (h *hashes) encloser(name, zone holdfast.Name) (closest holdfast.Name, next *hashedRecord, p proof) {
	closer := name
	for closest = name.Parent(); closest.IsSubdomainOf(zone); closer, closest = closest, closest.Parent() {
		r := h.match(closest)
		if r == nil {
			if closest == holdfast.Root {
				break
			}
			continue
		}
		if slices.Contains(r.Types, wire.TypeDNAME) || isCut(r.Types) {
			return "", nil, wrong("the closest encloser %s is a delegation or a DNAME", closest)
		}
		if next = h.cover(closer); next == nil {
			return "", nil, wrong("no NSEC3 record covers the next closer name %s", closer)
		}
		return closest, next, proof{}
	}
	return "", nil, wrong("no NSEC3 record stands at an ancestor of %s: the closest encloser is not shown", name)
}

// prove tries to show what is asked (RFC 5155 sections 8.4 to 8.8).
func (h *hashes) prove(ask asked) proof {
	if len(h.records) == 0 {
		return wrong("no NSEC3 record can be read")
	}
	at := h.match(ask.name)
	switch {
	case ask.claim == claimExpansion:
		return h.proveExpansion(ask)
	case ask.claim == claimNoData && at != nil:
		return lacksType(at.Types, ask, ask.name)
	case at != nil:
		return exists("an NSEC3 record shows that %s exists, which the answer denies", ask.name)
	}
	closest, next, p := h.encloser(ask.name, ask.zone)
	if !p.proven() {
		return p
	}
	wildcard := wildcardAt(closest)
	w := h.match(wildcard)
	if ask.claim == claimNoData {
		if ask.t == wire.TypeDS && next.OptOut {
			return proof{optOut: true} // RFC 5155 section 8.6
		}
		if w == nil {
			return wrong("no NSEC3 record stands at %s or at the wildcard %s", ask.name, wildcard)
		}
		p = lacksType(w.Types, ask, wildcard) // RFC 5155 section 8.7
		p.optOut = next.OptOut                // RFC 5155 section 9.2
		return p
	}
	switch {
	case w != nil:
		return exists("an NSEC3 record shows that the wildcard %s exists, which should have answered", wildcard)
	case h.cover(wildcard) == nil:
		return wrong("no NSEC3 record covers the wildcard %s", wildcard)
	}
	return proof{optOut: next.OptOut}
}

// proveExpansion shows that no name nearer than the wildcard exists: the name
// next closer to the wildcard's parent is covered (RFC 5155 section 8.8).
func (h *hashes) proveExpansion(ask asked) proof {
	closer := nextCloser(ask.name, ask.closest)
	r := h.cover(closer)
	if r == nil {
		return wrong("no NSEC3 record covers %s: the answer's wildcard is not shown to apply", closer)
	}
	return proof{optOut: r.OptOut}
}
