package whole

import (
	"bytes"
	"slices"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// key is a DNSKEY of the zone.
type key struct {
	*wire.Prepared
	data     []byte
	anchored bool
}

// maxSameTag bounds the keys of one tag that are tried on a signature: key
// tags that collide by malice must not multiply the work (CVE-2023-50387).
const maxSameTag = 4

// readApex reads what all else is judged by: the SOA, the keys, which chains of
// denial and which digests there are. The node is kept as a copy.
func (j *judgement) readApex(n *node) {
	j.apex = node{key: bytes.Clone(n.key)}
	for _, r := range n.records {
		r.data = bytes.Clone(r.data)
		j.apex.records = append(j.apex.records, r)
	}
	apex := &j.apex
	soas := apex.wires(wire.TypeSOA)
	soa, err := soas[0].SOA()
	if err != nil {
		j.tally.find(apexWrong, apex, wire.TypeSOA, "%v", err)
	}
	j.soa, j.report.Serial = soa, soa.Serial
	for _, other := range soas[1:] {
		if string(other.Data) != string(soas[0].Data) {
			j.tally.find(apexWrong, apex, wire.TypeSOA, "the zone has more than one SOA record")
			break
		}
	}
	if !apex.has(wire.TypeNS) {
		j.tally.find(apexWrong, apex, wire.TypeNS, "the apex has no NS records")
	}
	j.readKeys()
	j.nsec = apex.has(wire.TypeNSEC)
	if !j.unsigned {
		j.readChains()
	}
	j.tally.byKey, j.tally.links = make([]int, len(j.keys)), make([]int, len(j.chains))
	j.openDigests()
}

func (j *judgement) readKeys() {
	j.hopeless = true
	for _, r := range j.apex.wires(wire.TypeDNSKEY) {
		k, err := r.DNSKEY()
		if err != nil {
			j.tally.find(unreadable, &j.apex, wire.TypeDNSKEY, "%v", err)
			continue
		}
		j.keys = append(j.keys, key{Prepared: k.Prepare(), data: r.Data, anchored: j.trusts(k)})
		if wire.Supported(k.Algorithm) {
			j.hopeless = false
		}
	}
	slices.SortFunc(j.keys, func(a, b key) int { return bytes.Compare(a.data, b.data) })
	j.keys = slices.CompactFunc(j.keys, func(a, b key) bool { return bytes.Equal(a.data, b.data) })
	if len(j.keys) == 0 {
		j.unsigned, j.hopeless = true, false
	}
	j.byTag = map[uint16][]int{}
	for i, k := range j.keys {
		j.byTag[k.Tag()] = append(j.byTag[k.Tag()], i)
		if k.IsZoneKey() && !slices.Contains(j.algorithms, k.Algorithm) {
			j.algorithms = append(j.algorithms, k.Algorithm)
		}
	}
}

// mayPublish says whether the key may sign RRsets of the type: a revoked key
// still signs the DNSKEY RRset, to say so (RFC 5011 section 2.1).
func (k *key) mayPublish(t wire.Type) bool {
	if t == wire.TypeDNSKEY && k.Flags&wire.FlagRevoke != 0 {
		return k.Flags&wire.FlagZone != 0 && k.Protocol == 3
	}
	return k.IsZoneKey()
}

// trusts says whether a trust anchor names the key.
func (j *judgement) trusts(k wire.DNSKEY) bool {
	for _, anchor := range j.Anchors {
		if anchor.Name != j.zone || !k.IsZoneKey() {
			continue
		}
		switch anchor.Type {
		case wire.TypeDNSKEY:
			if other, err := anchor.DNSKEY(); err == nil && other.Algorithm == k.Algorithm && slices.Equal(other.PublicKey, k.PublicKey) {
				return true
			}
		case wire.TypeDS:
			ds, err := anchor.DS()
			if err != nil || ds.KeyTag != k.KeyTag() || ds.Algorithm != k.Algorithm {
				continue
			}
			if own, err := k.Digest(j.zone, ds.DigestType); err == nil && slices.Equal(own.Digest, ds.Digest) {
				return true
			}
		}
	}
	return false
}

// usableAnchor says whether a trust anchor is of an algorithm, and a digest,
// that can be verified here.
func usableAnchor(r wire.Record) bool {
	if key, err := r.DNSKEY(); err == nil {
		return wire.Supported(key.Algorithm)
	}
	ds, err := r.DS()
	return err == nil && wire.Supported(ds.Algorithm) && wire.DigestSupported(ds.DigestType)
}

// anchor sees that a trust anchor leads to the zone's keys: one that it names
// has a good signature over them all.
func (j *judgement) anchor() {
	// Anchors of algorithms that are not known here bind us to nothing; any
	// other does, whatever algorithms the zone's keys claim to be of.
	given := slices.ContainsFunc(j.Anchors, func(r wire.Record) bool { return r.Name == j.zone && usableAnchor(r) })
	apex := &j.apex
	if j.unsigned {
		f := notSigned
		if given {
			f = f.as(holdfast.SeverityCritical)
		}
		j.tally.find(f, apex, wire.TypeDNSKEY, "the zone has none: it is not signed")
		return
	}
	if !given {
		return
	}
	j.hopeless = false
	w := newWorker(j)
	for _, r := range apex.set(wire.TypeRRSIG) {
		sig, ok := readSignature(r.data)
		if !ok || sig.covered != wire.TypeDNSKEY {
			continue
		}
		if state, key, _ := w.judge(apex, apex.set(wire.TypeDNSKEY), sig, true); state == sigGood && j.keys[key].anchored {
			j.report.Anchored = true
			return
		}
	}
	j.tally.find(notAnchored, apex, wire.TypeDNSKEY, "no key that the trust anchors name has a good signature over the zone's keys")
}

// signatures draws the sum of what the workers found.
func (j *judgement) signatures() {
	t := &j.tally
	r := &j.report
	r.RRsets, r.Delegations, r.Secured, r.Glue, r.Signed = t.RRsets, t.Delegations, t.Secured, t.Glue, t.Signed
	r.Signatures, r.Verified, r.Expired, r.NotYet, r.Invalid = t.Signatures, t.Verified, t.Expired, t.NotYet, t.Invalid
	r.UnknownKey, r.Unsupported, r.Unwanted, r.Unsampled = t.UnknownKey, t.Unsupported, t.Unwanted, t.Unsampled
	r.Missing, r.BogusRRsets, r.OptOut = t.Missing, t.BogusRRsets, t.OptOut
	if t.dies.any {
		r.FailsAt, r.FailsName, r.FailsType = t.dies.time(), nameOf(t.dies.key), t.dies.typ.String()
	}
	for i, k := range j.keys {
		r.Keys = append(r.Keys, Key{Tag: k.Tag(), Algorithm: k.Algorithm, Flags: k.Flags, Bits: k.Bits(), Signatures: t.byKey[i], Anchored: k.anchored})
	}
	for algorithm, n := range t.lacking {
		if n > 0 {
			f := found{halfSigned.fill(j.zone, wire.TypeDNSKEY, "there are keys of algorithm %d, but %d RRsets have no signature of it", algorithm, n), string(j.apex.key), wire.TypeDNSKEY}
			f.Count = n
			t.found.add(f, 1)
		}
	}
	j.lookAhead()
}

// conclude says what all of it amounts to.
func (j *judgement) conclude() {
	if j.tally.wilds == 0 {
		j.tally.found.merge(&j.tally.gone)
	}
	r := &j.report
	r.Findings = j.tally.found.list()
	switch {
	case j.unsigned:
		r.Status, r.Reason = holdfast.Insecure, "the zone has no DNSKEY records: it is not signed"
	case j.hopeless:
		r.Status, r.Reason = holdfast.Insecure, "all keys are of algorithms that are not supported"
	case bogus(r.Findings) != "":
		r.Status, r.Reason = holdfast.Bogus, bogus(r.Findings)
	case j.partial:
		r.Status, r.Reason = holdfast.Indeterminate, "the zone was not read to its end"
	case r.Anchored:
		r.Status = holdfast.Secure
	default:
		r.Status, r.Reason = holdfast.Indeterminate, "all holds under the zone's own keys; no trust anchor was given to hold them against"
	}
}

// bogus is the text of the first finding, the gravest, at which a validator
// stumbles; empty where there is none.
func bogus(findings []holdfast.Finding) string {
	for _, f := range findings {
		if f.Severity >= holdfast.SeverityError && !content(f.Code) {
			return f.Text
		}
	}
	return ""
}

// instantOf is the instant nearest to At that a signature's time stands for
// (RFC 4034 section 3.1.5), in Unix seconds.
func (j *judgement) instantOf(seconds uint32) int64 {
	return j.now + int64(int32(seconds-uint32(j.now)))
}

func unix(seconds int64) time.Time { return time.Unix(seconds, 0).UTC() }
