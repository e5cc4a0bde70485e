package whole

import (
	"errors"
	"slices"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// key is a DNSKEY of the zone.
type key struct {
	wire.DNSKEY
	record   wire.Record
	tag      uint16
	anchored bool
	verified int // signatures that verify under it
}

// maxSameTag bounds the keys of one tag that are tried on a signature: key
// tags that collide by malice must not multiply the work (CVE-2023-50387).
const maxSameTag = 4

func (j *judgement) readKeys() {
	j.hopeless = true
	for _, r := range j.zone.apex.set(wire.TypeDNSKEY) {
		k, err := r.DNSKEY()
		if err != nil {
			j.find(unreadable, j.zone.apex, wire.TypeDNSKEY, "%v", err)
			continue
		}
		j.keys = append(j.keys, key{DNSKEY: k, record: r, tag: k.KeyTag(), anchored: j.trusts(k)})
		if wire.Supported(k.Algorithm) {
			j.hopeless = false
		}
	}
	slices.SortFunc(j.keys, func(a, b key) int { return slices.Compare(a.record.Data, b.record.Data) })
	j.keys = slices.CompactFunc(j.keys, func(a, b key) bool { return slices.Equal(a.record.Data, b.record.Data) })
	if len(j.keys) == 0 {
		j.unsigned, j.hopeless = true, false
	}
}

// sigState is what a signature is found to be.
type sigState uint8

const (
	sigGood sigState = iota
	sigExpired
	sigNotYet
	sigInvalid
	sigMisnamed
	sigUnknownKey
	sigUnsupported
	sigUnreadable
)

// signature is one RRSIG and what came of it.
type signature struct {
	wire.RRSIG
	ttl                   uint32
	state                 sigState
	inception, expiration time.Time
	key                   int // index of the key under which it verifies; -1: none
	err                   error
}

// job is one RRset that must be signed, or signatures with nothing to sign.
type job struct {
	node *node
	set  set
	sigs []signature
}

// signatureJobs lists the RRsets that the zone answers for with the signatures
// that cover them, and notes signatures that have no place.
func (j *judgement) signatureJobs() []job {
	var jobs []job
	for _, n := range j.zone.nodes {
		sigs := j.readSignatures(n)
		for _, s := range n.sets {
			if s.typ == wire.TypeRRSIG || n.state == below || n.state == cut && s.typ != wire.TypeDS && s.typ != wire.TypeNSEC {
				continue
			}
			j.report.Signed++
			next := job{node: n, set: s}
			rest := sigs[:0:0]
			for _, sig := range sigs {
				if sig.Covered == s.typ {
					next.sigs = append(next.sigs, sig)
				} else {
					rest = append(rest, sig)
				}
			}
			sigs = rest
			jobs = append(jobs, next)
		}
		for _, sig := range sigs {
			j.report.Unwanted++
			what := "the signature covers records that are not there"
			if len(n.set(sig.Covered)) > 0 {
				what = "what a delegation or glue says is not for the zone to sign"
			}
			j.find(unwanted, n, sig.Covered, "%s", what)
		}
	}
	if j.unsigned || j.hopeless {
		return nil
	}
	return jobs
}

func (j *judgement) readSignatures(n *node) []signature {
	records := n.set(wire.TypeRRSIG)
	j.report.Signatures += len(records)
	sigs := make([]signature, 0, len(records))
	for _, r := range records {
		sig, err := r.RRSIG()
		if err != nil {
			j.report.Invalid++
			j.find(unreadable, n, wire.TypeRRSIG, "%v", err)
			continue
		}
		next := signature{RRSIG: sig, ttl: r.TTL, key: -1}
		next.inception, next.expiration = sig.Times(j.At)
		sigs = append(sigs, next)
	}
	return sigs
}

// verify does the cryptography of one job. It runs beside others: it writes to
// the job alone.
func (j *judgement) verify(w *job) {
	for i := range w.sigs {
		sig := &w.sigs[i]
		sig.state, sig.err = j.verifyOne(w, sig)
	}
}

func (j *judgement) verifyOne(w *job, sig *signature) (sigState, error) {
	labels := w.node.name.Labels()
	if w.node.name[0] == '*' && (len(w.node.name) == 1 || w.node.name[1] == '.') {
		labels--
	}
	switch {
	case sig.Signer != j.zone.name || int(sig.Labels) != labels:
		return sigMisnamed, nil
	case !wire.Supported(sig.Algorithm):
		return sigUnsupported, nil
	}
	tried, err := 0, error(nil)
	for i := range j.keys {
		k := &j.keys[i]
		if k.tag != sig.KeyTag || k.Algorithm != sig.Algorithm || !k.mayPublish(w.set.typ) {
			continue
		}
		if tried++; tried > maxSameTag {
			break
		}
		if err = wire.Verify(sig.RRSIG, k.DNSKEY, w.set.records); err == nil {
			sig.key = i
			break
		}
	}
	switch {
	case tried == 0:
		return sigUnknownKey, nil
	case sig.key < 0:
		return sigInvalid, err
	case sig.expiration.Before(j.At):
		return sigExpired, nil
	case sig.inception.After(j.At):
		return sigNotYet, nil
	}
	return sigGood, nil
}

// mayPublish says whether the key may sign RRsets of the type: a revoked key
// still signs the DNSKEY RRset, to say so (RFC 5011 section 2.1).
func (k *key) mayPublish(t wire.Type) bool {
	if t == wire.TypeDNSKEY && k.Flags&wire.FlagRevoke != 0 {
		return k.Flags&wire.FlagZone != 0 && k.Protocol == 3
	}
	return k.IsZoneKey()
}

// signatures draws the sum of the jobs.
func (j *judgement) signatures(jobs []job) {
	lacking := map[uint8]int{} // algorithm -> RRsets that it does not sign
	for i := range jobs {
		w := &jobs[i]
		if len(w.sigs) == 0 {
			j.report.Missing++
			j.report.BogusRRsets++
			j.find(missing, w.node, w.set.typ, "no signature covers it")
			continue
		}
		dies := time.Time{}
		for _, sig := range w.sigs {
			if sig.key >= 0 {
				j.keys[sig.key].verified++
			}
			if sig.state == sigGood && sig.expiration.After(dies) {
				dies = sig.expiration
			}
		}
		good := !dies.IsZero()
		if w.node == j.zone.apex && w.set.typ == wire.TypeDNSKEY {
			j.keySignatures = w.sigs
		}
		for k := range w.sigs {
			j.judgeSignature(w, &w.sigs[k], good)
		}
		if !good {
			j.report.BogusRRsets++
			continue
		}
		if j.report.FailsAt.IsZero() || dies.Before(j.report.FailsAt) {
			j.report.FailsAt, j.report.FailsName, j.report.FailsType = dies, w.node.name, w.set.typ.String()
		}
		j.countAlgorithms(w, lacking)
	}
	j.reportAlgorithms(lacking)
	for _, k := range j.keys {
		j.report.Keys = append(j.report.Keys, Key{Tag: k.tag, Algorithm: k.Algorithm, Flags: k.Flags, Bits: k.Bits(), Signatures: k.verified, Anchored: k.anchored})
	}
}

// judgeSignature notes what is wrong with one signature. Where another one is
// good nobody stumbles: any valid path suffices (RFC 6840 section 5.4).
func (j *judgement) judgeSignature(w *job, sig *signature, another bool) {
	note := func(f fault, format string, args ...any) {
		if another {
			f = f.as(holdfast.SeverityNotice)
		}
		j.find(f, w.node, w.set.typ, format, args...)
	}
	switch sig.state {
	case sigGood:
		j.report.Verified++
	case sigExpired:
		j.report.Expired++
		note(expired, "the signature by key %d expired at %s", sig.KeyTag, sig.expiration.Format(time.RFC3339))
		j.until(sig.expiration)
	case sigNotYet:
		j.report.NotYet++
		note(notYetValid, "the signature by key %d is valid only from %s on", sig.KeyTag, sig.inception.Format(time.RFC3339))
		j.until(sig.inception)
	case sigUnknownKey:
		j.report.UnknownKey++
		note(unknownKey, "the signature is by key %d of algorithm %d, which the zone does not have", sig.KeyTag, sig.Algorithm)
	case sigUnsupported:
		j.report.Unsupported++
		note(invalid, "the signature by key %d is of algorithm %d, which is not supported", sig.KeyTag, sig.Algorithm)
	case sigMisnamed:
		j.report.Invalid++
		note(misnamed, "the signature by key %d names signer %s and %d labels", sig.KeyTag, sig.Signer, sig.Labels)
	default:
		j.report.Invalid++
		why := "the signature by key %d does not verify"
		if errors.Is(sig.err, wire.ErrKey) {
			why = "key %d, by which it is signed, cannot be used"
		}
		note(invalid, why, sig.KeyTag)
	}
	if ttl := w.set.records[0].TTL; sig.OriginalTTL != ttl || sig.ttl != ttl {
		j.find(wrongTTL, w.node, w.set.typ, "its TTL is %d, the signature's %d, and the one that was signed %d", ttl, sig.ttl, sig.OriginalTTL)
	}
}

// countAlgorithms notes the algorithms of the zone's keys by which a set, that
// has a good signature, has none.
func (j *judgement) countAlgorithms(w *job, lacking map[uint8]int) {
	for i, k := range j.keys {
		if !k.IsZoneKey() || slices.ContainsFunc(j.keys[:i], func(o key) bool { return o.Algorithm == k.Algorithm && o.IsZoneKey() }) {
			continue
		}
		if !slices.ContainsFunc(w.sigs, func(s signature) bool { return s.Algorithm == k.Algorithm }) {
			lacking[k.Algorithm]++
		}
	}
}

func (j *judgement) reportAlgorithms(lacking map[uint8]int) {
	for algorithm := range 256 {
		if n := lacking[uint8(algorithm)]; n > 0 {
			j.find(halfSigned, j.zone.apex, wire.TypeDNSKEY, "there are keys of algorithm %d, but %d RRsets have no signature of it", algorithm, n)
			j.found[len(j.found)-1].Count = n
		}
	}
}

// trusts says whether a trust anchor names the key.
func (j *judgement) trusts(k wire.DNSKEY) bool {
	for _, anchor := range j.Anchors {
		if anchor.Name != j.zone.name || !k.IsZoneKey() {
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
			if own, err := k.Digest(j.zone.name, ds.DigestType); err == nil && slices.Equal(own.Digest, ds.Digest) {
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
	given := slices.ContainsFunc(j.Anchors, func(r wire.Record) bool { return r.Name == j.zone.name && usableAnchor(r) })
	apex := j.zone.apex
	if j.unsigned {
		f := notSigned
		if given {
			f = f.as(holdfast.SeverityCritical)
		}
		j.find(f, apex, wire.TypeDNSKEY, "the zone has none: it is not signed")
		return
	}
	if !given {
		return
	}
	j.hopeless = false
	for _, sig := range j.keySignatures {
		if sig.state == sigGood && j.keys[sig.key].anchored {
			j.report.Anchored = true
			return
		}
	}
	j.find(notAnchored, apex, wire.TypeDNSKEY, "no key that the trust anchors name has a good signature over the zone's keys")
}
