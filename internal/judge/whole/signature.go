package whole

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// sigState is what a signature is found to be.
type sigState uint8

const (
	sigGood sigState = iota
	sigUnsampled
	sigExpired
	sigNotYet
	sigInvalid
	sigMisnamed
	sigUnknownKey
	sigUnsupported
)

// stands says whether the signature, as far as it was looked at, makes its
// RRset good.
func (s sigState) stands() bool { return s == sigGood || s == sigUnsampled }

// worker judges chunk after chunk. It writes into its own tally and, for the
// chains of NSEC3, into the sorter that all share.
type worker struct {
	*judgement
	tally  tally
	packed []byte // the name at hand, packed; empty until it is wanted
	signed []byte // what a signature covers
	item   []byte // for the sorter
	bits   []byte // a bitmap
	states []sigState
}

func newWorker(j *judgement) *worker { return &worker{judgement: j, tally: newTally(j)} }

func (w *worker) chunk(c *chunk) error {
	for i := range c.nodes {
		if err := w.node(&c.nodes[i]); err != nil {
			return err
		}
	}
	return nil
}

func (w *worker) node(n *node) error {
	w.packed = w.packed[:0]
	if !n.empty {
		w.sets(n)
		w.delegation(n)
		w.alias(n)
	}
	return w.deny(n)
}

// sets judges each RRset of a name with the signatures that cover it.
func (w *worker) sets(n *node) {
	signatures := n.set(wire.TypeRRSIG)
	w.tally.Signatures += len(signatures)
	covered := 0
	for from := 0; from < len(n.records); {
		typ, until := n.records[from].typ, from
		for until < len(n.records) && n.records[until].typ == typ {
			until++
		}
		set := n.records[from:until]
		from = until
		if typ == wire.TypeRRSIG {
			continue
		}
		w.tally.RRsets++
		w.checkTTL(n, set)
		if n.state.hidden() || n.state == cut && typ != wire.TypeDS && typ != wire.TypeNSEC {
			continue
		}
		w.tally.Signed++
		own := signaturesOver(signatures, typ)
		covered += len(own)
		if !w.unsigned && !w.hopeless {
			w.set(n, set, own)
		}
	}
	if covered < len(signatures) {
		w.checkUnwanted(n, signatures)
	}
}

// signaturesOver are those that cover a type: they stand in order of their data,
// which begins with it.
func signaturesOver(signatures []record, t wire.Type) []record {
	covered := func(r record) int {
		var head [2]byte // data too short to say is of no type, and stands before that of the one it begins
		copy(head[:], r.data)
		return int(binary.BigEndian.Uint16(head[:]))
	}
	from, _ := slices.BinarySearchFunc(signatures, int(t), func(r record, t int) int { return covered(r) - t })
	for from < len(signatures) && len(signatures[from].data) < 2 {
		from++
	}
	until := from
	for until < len(signatures) && covered(signatures[until]) == int(t) {
		until++
	}
	return signatures[from:until]
}

// checkUnwanted notes signatures that have no place.
func (w *worker) checkUnwanted(n *node, signatures []record) {
	for _, r := range signatures {
		sig, ok := readSignature(r.data)
		if !ok {
			if len(r.data) < 2 || !n.answers(wire.Type(binary.BigEndian.Uint16(r.data))) {
				w.tally.Invalid++
				w.tally.find(unreadable, n, wire.TypeRRSIG, "the signature's data cannot be read")
			}
			continue
		}
		if n.answers(sig.covered) {
			continue
		}
		w.tally.Unwanted++
		switch {
		case n.has(sig.covered):
			w.tally.find(unwanted, n, sig.covered, "what a delegation or glue says is not for the zone to sign")
		case !w.partial:
			w.tally.find(unwanted, n, sig.covered, "the signature covers records that are not there")
		}
	}
}

// answers says whether the zone answers with a set of the type at the name.
func (n *node) answers(t wire.Type) bool {
	return n.has(t) && t != wire.TypeRRSIG && !n.state.hidden() && (n.state != cut || t == wire.TypeDS || t == wire.TypeNSEC)
}

// checkTTL sees that the records of a set share one TTL (RFC 2181 section
// 5.2).
func (w *worker) checkTTL(n *node, set []record) {
	low, high := set[0].ttl, set[0].ttl
	for _, r := range set[1:] {
		low, high = min(low, r.ttl), max(high, r.ttl)
	}
	if low != high {
		w.tally.find(ttlsDiffer, n, set[0].typ, "its records have different TTLs, %d and %d among them", low, high)
	}
}

// set judges the signatures over one RRset.
func (w *worker) set(n *node, set, signatures []record) {
	t := &w.tally
	typ := set[0].typ
	if len(signatures) == 0 {
		if !w.partial {
			t.Missing++
			t.BogusRRsets++
			t.find(missing, n, typ, "no signature covers it")
		}
		return
	}
	dies := death{key: n.key, typ: typ, at: math.MinInt64}
	sampled := w.sampled(n, typ)
	w.states = w.states[:0]
	for _, r := range signatures {
		sig, ok := readSignature(r.data)
		if !ok {
			w.states = append(w.states, sigInvalid)
			continue
		}
		state, key, _ := w.judge(n, set, sig, sampled)
		if key >= 0 {
			t.byKey[key]++
		}
		w.states = append(w.states, state)
		if state.stands() {
			dies.any, dies.at = true, max(dies.at, w.instantOf(sig.expiration))
		}
	}
	for i, r := range signatures {
		w.count(n, set, r, w.states[i], dies.any)
	}
	if !dies.any {
		t.BogusRRsets++
		return
	}
	if dies.before(t.dies) {
		t.dies = dies.kept()
	}
	if w.Horizon > 0 && dies.at < w.At.Add(w.Horizon).Unix() {
		t.horizon.add(dies)
	}
	w.countAlgorithms(signatures)
}

// judge says what a signature is, and under which key it verifies: -1 where
// under none, or where the sample passes its cryptography over.
func (w *worker) judge(n *node, set []record, sig signature, sampled bool) (sigState, int, error) {
	switch {
	case !bytes.EqualFold(sig.signer, w.judgement.packed) || int(sig.labels) != labelsOf(n.key):
		return sigMisnamed, -1, nil
	case !wire.Supported(sig.algorithm):
		return sigUnsupported, -1, nil
	}
	tried, key, err := 0, -1, error(nil)
	for _, i := range w.byTag[sig.tag] {
		k := &w.keys[i]
		if k.Algorithm != sig.algorithm || !k.mayPublish(set[0].typ) {
			continue
		}
		if tried++; tried > maxSameTag || !sampled {
			break
		}
		if tried == 1 {
			w.gather(n, set, sig)
		}
		if err = k.Verify(w.signed, sig.signature); err == nil {
			key = i
			break
		}
	}
	expiration, inception := w.instantOf(sig.expiration), w.instantOf(sig.inception)
	switch {
	case tried == 0:
		return sigUnknownKey, -1, nil
	case sampled && key < 0:
		return sigInvalid, -1, err
	case expiration < w.now || expiration == w.now && w.At.Nanosecond() > 0:
		return sigExpired, key, nil
	case inception > w.now:
		return sigNotYet, key, nil
	case !sampled:
		return sigUnsampled, -1, nil
	}
	return sigGood, key, nil
}

// gather makes what a signature covers (RFC 4034 section 3.1.8.1).
func (w *worker) gather(n *node, set []record, sig signature) {
	if len(w.packed) == 0 {
		w.packed = appendPacked(w.packed, n.key)
	}
	out := append(w.signed[:0], sig.signed...)
	for _, r := range set {
		if r.twin {
			continue
		}
		out = append(out, w.packed...)
		out = append(out, byte(r.typ>>8), byte(r.typ), byte(r.class>>8), byte(r.class))
		out = binary.BigEndian.AppendUint32(out, sig.originalTTL)
		out = binary.BigEndian.AppendUint16(out, uint16(len(r.data)))
		out = append(out, r.data...)
	}
	w.signed = out
}

// count counts one signature and notes what is wrong with it. Where another
// one is good nobody stumbles: any valid path suffices (RFC 6840 section 5.4).
func (w *worker) count(n *node, set []record, r record, state sigState, another bool) {
	t, typ := &w.tally, set[0].typ
	as := func(f fault) fault {
		if another {
			return f.as(holdfast.SeverityNotice)
		}
		return f
	}
	sig, ok := readSignature(r.data)
	if !ok {
		t.Invalid++
		t.find(unreadable, n, wire.TypeRRSIG, "the signature's data cannot be read")
		return
	}
	switch state {
	case sigGood:
		t.Verified++
	case sigUnsampled:
		t.Unsampled++
	case sigExpired:
		t.Expired++
		at := unix(w.instantOf(sig.expiration))
		t.findUntil(at, as(expired), n, typ, "the signature by key %d expired at %s", sig.tag, at.Format(time.RFC3339))
	case sigNotYet:
		t.NotYet++
		at := unix(w.instantOf(sig.inception))
		t.findUntil(at, as(notYetValid), n, typ, "the signature by key %d is valid only from %s on", sig.tag, at.Format(time.RFC3339))
	case sigUnknownKey:
		t.UnknownKey++
		t.find(as(unknownKey), n, typ, "the signature is by key %d of algorithm %d, which the zone does not have", sig.tag, sig.algorithm)
	case sigUnsupported:
		t.Unsupported++
		t.find(as(invalid), n, typ, "the signature by key %d is of algorithm %d, which is not supported", sig.tag, sig.algorithm)
	case sigMisnamed:
		t.Invalid++
		t.find(as(misnamed), n, typ, "the signature by key %d names signer %s and %d labels", sig.tag, nameOf(appendKey(nil, sig.signer)), sig.labels)
	case sigInvalid:
		t.Invalid++
		w.explain(as(invalid), n, set, sig)
	}
	if ttl := set[0].ttl; sig.originalTTL != ttl || r.ttl != ttl {
		t.find(wrongTTL, n, typ, "its TTL is %d, the signature's %d, and the one that was signed %d", ttl, r.ttl, sig.originalTTL)
	}
}

// explain says why a signature does not verify.
func (w *worker) explain(f fault, n *node, set []record, sig signature) {
	if _, _, err := w.judge(n, set, sig, true); errors.Is(err, wire.ErrKey) {
		w.tally.find(f, n, set[0].typ, "key %d, by which it is signed, cannot be used", sig.tag)
		return
	}
	w.tally.find(f, n, set[0].typ, "the signature by key %d does not verify", sig.tag)
}

// countAlgorithms notes the algorithms of the zone's keys by which a set, that
// has a good signature, has none.
func (w *worker) countAlgorithms(signatures []record) {
	for _, algorithm := range w.algorithms {
		if !slices.ContainsFunc(signatures, func(r record) bool { return len(r.data) > 2 && r.data[2] == algorithm }) {
			w.tally.lacking[algorithm]++
		}
	}
}

// threshold is the share as a fraction of 2^64; all of it where there is no
// sample.
func (s Sample) threshold(signatures int) uint64 {
	share := s.Share
	if s.Number > 0 && signatures > 0 {
		share = float64(s.Number) / float64(signatures)
	}
	if s.all() || share >= 1 {
		return math.MaxUint64
	}
	return uint64(share * (1 << 64))
}

// sampled says whether the signatures over a set have their cryptography
// verified. Those of the apex always have: all else hangs on them.
func (w *worker) sampled(n *node, t wire.Type) bool {
	if w.share == math.MaxUint64 || len(n.key) == len(w.zoneKey) {
		return true
	}
	hash := uint64(14695981039346656037) ^ w.Sample.Seed // FNV-1a, then splitmix64 to spread it
	for _, octet := range n.key {
		hash = (hash ^ uint64(octet)) * 1099511628211
	}
	hash = (hash ^ uint64(t)) + 0x9e3779b97f4a7c15
	hash = (hash ^ hash>>30) * 0xbf58476d1ce4e5b9
	hash = (hash ^ hash>>27) * 0x94d049bb133111eb
	return hash^hash>>31 < w.share
}
