package whole

import (
	"bytes"
	"context"
	"crypto/sha1" // the only hash of NSEC3 that there is (RFC 5155 section 11)
	"fmt"
	"slices"

	"github.com/holdfastdns/holdfast/internal/wire"
)

// maxIterations bounds the work of hashing: the most that RFC 5155 section
// 10.3 ever allowed. Validators have long given up below (RFC 9276).
const maxIterations = 2500

// maxChains bounds the chains that every name is hashed for. A zone has two
// while it changes its salt.
const maxChains = 4

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

// readChains notes the chains that the apex declares with NSEC3PARAM.
func (j *judgement) readChains() {
	for _, r := range j.apex.wires(wire.TypeNSEC3PARAM) {
		p, err := r.NSEC3PARAM()
		if err != nil {
			j.tally.find(unreadable, &j.apex, wire.TypeNSEC3PARAM, "%v", err)
			continue
		}
		if p.Flags != 0 {
			continue // not for servers to use (RFC 5155 section 4.1.2)
		}
		j.declared = true
		of := params{p.Hash, p.Iterations, string(p.Salt)}
		switch {
		case p.Hash != 1:
			j.tally.find(denialUnknown, &j.apex, wire.TypeNSEC3PARAM, "hash %d is not known", p.Hash)
		case p.Iterations > maxIterations:
			j.tally.find(denialUnknown, &j.apex, wire.TypeNSEC3PARAM, "%d iterations are more than anyone computes; use 0", p.Iterations)
		case slices.Contains(j.chains, of):
		case len(j.chains) == maxChains:
			j.tally.find(denialUnknown, &j.apex, wire.TypeNSEC3PARAM, "more than %d chains are declared", maxChains)
		default:
			j.chains = append(j.chains, of)
		}
	}
}

// What is said of one hash follows each other in the sorter: the chain's
// number, the hash, then records before names.
const (
	hashRecord = 0 // flags, length of next, next, bitmap
	hashName   = 1 // flags, length of bitmap, bitmap, key

	flagOptOut   = 1 // of a record
	flagOptional = 1 // of a name: an opt-out span may hold it
)

// readLinks hands the NSEC3 records of a name to their chains.
func (w *worker) readLinks(n *node) error {
	for _, r := range n.set(wire.TypeNSEC3) {
		if r.twin {
			continue
		}
		nsec3, err := wire.Record{Type: wire.TypeNSEC3, Data: r.data}.NSEC3()
		if err != nil {
			w.tally.find(unreadable, n, wire.TypeNSEC3, "%v", err)
			continue
		}
		hash, err := wire.ParseHashLabel(nameOf(n.key), w.zone)
		if err != nil {
			w.tally.find(denialExtra, n, wire.TypeNSEC3, "%v", err)
			continue
		}
		chain := slices.Index(w.chains, params{nsec3.Hash, nsec3.Iterations, string(nsec3.Salt)})
		if chain < 0 {
			w.tally.strays++
			continue
		}
		if len(hash) != sha1.Size {
			w.tally.find(denialExtra, n, wire.TypeNSEC3, "its hash has %d octets, not %d", len(hash), sha1.Size)
			continue
		}
		w.tally.links[chain]++
		w.tally.OptOut = w.tally.OptOut || nsec3.OptOut
		w.item = append(append(w.item[:0], byte(chain)), hash...)
		w.item = append(w.item, hashRecord, nsec3.Flags, byte(len(nsec3.Next)))
		w.item = append(w.item, nsec3.Next...)
		w.item = append(w.item, r.data[6+len(nsec3.Salt)+len(nsec3.Next):]...)
		if err := w.hashes.add(w.item); err != nil {
			return err
		}
	}
	return nil
}

// hash hands a name to the chains that speak of it.
func (w *worker) hash(n *node) error {
	if len(w.chains) == 0 {
		return nil
	}
	var buffer [32]wire.Type
	types := n.types(buffer[:0])
	// A delegation without DS has nothing that is signed, nor has a name that
	// owns nothing.
	if !n.empty && (n.state != cut || n.has(wire.TypeDS)) {
		types = append(types, wire.TypeRRSIG)
	}
	bitmap := w.bitmap(types)
	flags := byte(0)
	if n.optional {
		flags = flagOptional
	}
	w.packed = appendPacked(w.packed[:0], n.key)
	for i, p := range w.chains {
		hash := hashPacked(w.packed, p)
		w.item = append(append(w.item[:0], byte(i)), hash[:]...)
		w.item = append(w.item, hashName, flags, byte(len(bitmap)>>8), byte(len(bitmap)))
		w.item = append(append(w.item, bitmap...), n.key...)
		if err := w.hashes.add(w.item); err != nil {
			return err
		}
	}
	return nil
}

// hashPacked is the hash of a packed name (RFC 5155 section 5).
func hashPacked(packed []byte, p params) [sha1.Size]byte {
	if p.salt == "" && p.iterations == 0 {
		return sha1.Sum(packed)
	}
	buffer := append(append(make([]byte, 0, 255+len(p.salt)), packed...), p.salt...)
	hash := sha1.Sum(buffer)
	for range p.iterations {
		hash = sha1.Sum(append(append(buffer[:0], hash[:]...), p.salt...))
	}
	return hash
}

// denial walks the chains of hashes and says what denial the zone has, and
// verifies its digest.
func (j *judgement) denial(ctx context.Context) error {
	j.digest()
	if j.unsigned {
		return nil
	}
	if !j.declared && (j.tally.strays > 0) && !j.partial {
		j.tally.find(denialUnknown, &j.apex, wire.TypeNSEC3PARAM, "there are NSEC3 records, but no NSEC3PARAM to say that their chain is whole")
	}
	j.report.Denial = j.kinds(j.declared)
	if len(j.chains) == 0 || j.partial {
		return nil
	}
	for i, p := range j.chains {
		if j.tally.links[i] == 0 {
			j.tally.find(denialMissing, &j.apex, wire.TypeNSEC3PARAM, "the chain that it declares (%s) has no records", p)
		}
	}
	merged, err := j.hashes.merged()
	if err != nil {
		return err
	}
	w := walk{judgement: j, chain: -1}
	for count := 1; ; count++ {
		item, err := merged.next()
		if err != nil {
			return err
		}
		if item == nil {
			break
		}
		if count&0x3ff == 0 {
			j.verifier.done.Add(0x400)
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		if err := w.take(item); err != nil {
			return err
		}
	}
	w.closeChain()
	return nil
}

// walk follows the chains, one after the other, hash by hash.
type walk struct {
	*judgement
	chain  int    // the one at hand; -1: none
	hash   []byte // at hand
	link   link   // the last record
	first  link
	spoken bool // a name was seen of the last record's hash
	linked bool // the hash at hand has a record
	early  findings
}

// link is one NSEC3 record.
type link struct {
	there  bool
	hash   []byte
	optOut bool
	next   []byte
	bitmap []byte
}

func (w *walk) take(item []byte) error {
	const head = 1 + sha1.Size + 2
	if len(item) < head+1 {
		return errEntry
	}
	chain, hash, kind, flags, rest := int(item[0]), item[1:1+sha1.Size], item[1+sha1.Size], item[2+sha1.Size], item[head:]
	if chain != w.chain {
		w.closeChain()
		w.chain, w.hash = chain, w.hash[:0]
	}
	if w.links(chain) == 0 {
		return nil
	}
	if !bytes.Equal(hash, w.hash) {
		w.hash, w.linked = append(w.hash[:0], hash...), false
	}
	if kind == hashRecord {
		if length := int(rest[0]); len(rest) >= 1+length {
			w.record(link{true, hash, flags&flagOptOut != 0, rest[1 : 1+length], rest[1+length:]})
			return nil
		}
		return errEntry
	}
	length := int(rest[0])<<8 | int(rest[1])
	if len(rest) < 2+length {
		return errEntry
	}
	w.name(rest[2+length:], rest[2:2+length], flags&flagOptional != 0)
	return nil
}

func (w *walk) links(chain int) int { return w.tally.links[chain] }

// at is the place of an NSEC3 record.
func (w *walk) at(hash []byte) *node {
	return &node{key: append(append(bytes.Clone(w.zoneKey), wire.HashLabel(hash)...), 0)}
}

// record takes the next record of the chain.
func (w *walk) record(l link) {
	p := w.chains[w.chain]
	switch {
	case w.linked:
		w.tally.find(denialBroken, w.at(l.hash), wire.TypeNSEC3, "it stands more than once in the chain (%s)", p)
		return
	case w.link.there:
		w.closeLink(l.hash)
	}
	w.linked, w.spoken = true, false
	w.link.keep(l)
	if !w.first.there {
		w.first.keep(l)
	}
}

func (l *link) keep(o link) {
	l.there, l.optOut = true, o.optOut
	l.hash, l.next, l.bitmap = append(l.hash[:0], o.hash...), append(l.next[:0], o.next...), append(l.bitmap[:0], o.bitmap...)
}

// closeLink sees where the last record points to, and that a name has its hash.
func (w *walk) closeLink(next []byte) {
	if !bytes.Equal(w.link.next, next) {
		w.tally.find(denialBroken, w.at(w.link.hash), wire.TypeNSEC3, "it names %s as the next hash, but that is %s",
			wire.HashLabel(w.link.next), wire.HashLabel(next))
	}
	if !w.spoken {
		w.tally.find(denialExtra, w.at(w.link.hash), wire.TypeNSEC3, "no name in the zone has this hash")
	}
}

// name sees that a name has its record, or lies in an opt-out span that may
// hold it.
func (w *walk) name(key, bitmap []byte, optional bool) {
	n := &node{key: key}
	if w.linked {
		w.spoken = true
		w.tally.checkTypes(w.at(w.hash).key, key, wire.TypeNSEC3, w.link.bitmap, bitmap)
		return
	}
	text := func(t *tally) {
		t.find(denialMissing, n, wire.TypeNSEC3, "the name has none (its hash is %s)", wire.HashLabel(w.hash))
	}
	switch {
	case !optional:
		text(&w.tally)
	case !w.link.there:
		// The last record of the chain covers it, round the corner.
		early := tally{found: w.early}
		early.found.limit = w.MaxFindings
		text(&early)
		w.early = early.found
	case !w.link.optOut:
		text(&w.tally)
	}
}

// closeChain sees that the last record leads to the first.
func (w *walk) closeChain() {
	if w.chain < 0 || !w.link.there {
		return
	}
	w.closeLink(w.first.hash)
	if !w.link.optOut {
		w.tally.found.merge(&w.early)
	}
	w.link.there, w.first.there, w.linked, w.early = false, false, false, findings{}
}
