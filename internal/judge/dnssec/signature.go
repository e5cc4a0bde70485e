package dnssec

import (
	"fmt"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// exams examines RRsets at an instant.
type exams struct {
	policy Policy
	cache  *Cache
	at     time.Time            // only to read 32-bit times near it
	passed func(time.Time) bool // judge.Case.Passed: whether an instant has come
	left   *int                 // verifications that all may still cost; nil: bounded by RRset only
}

// set examines an RRset under the keys of a ring (RFC 4035 section 5.3). A
// DNSKEY RRset of the ring's own zone counts only where an anchored key signs
// it.
func (x *exams) set(rrset *judge.RRset, ring *keyring, class holdfast.Class) *judge.Set {
	s := &judge.Set{Zone: ring.zone, Class: class, RRset: rrset, Exchange: -1, Best: -1}
	budget := x.policy.MaxVerifications
	for _, sig := range rrset.RRSIGs {
		s.Signatures = append(s.Signatures, x.signature(sig, rrset, ring, &budget))
	}
	x.conclude(s, ring)
	return s
}

// signature examines one signature. budget is what the RRset may still spend
// on verifications.
func (x *exams) signature(sig judge.RRSIG, rrset *judge.RRset, ring *keyring, budget *int) judge.Signature {
	out := judge.Signature{RRSIG: sig}
	out.Inception, out.Expiration = sig.Times(x.at)
	if out.Fault = fitness(sig, rrset, ring.zone); out.Fault != judge.FaultNone {
		return out
	}
	out.Fault = x.cryptography(sig, rrset, ring, budget)
	if out.Fault != judge.FaultNone {
		return out
	}
	out.Verifies = true
	switch {
	case wire.CompareSerial(sig.Expiration, sig.Inception) <= 0:
		out.Fault = judge.FaultWindow
	case x.passed(out.Expiration.Add(time.Nanosecond)):
		out.Fault = judge.FaultExpired
	case !x.passed(out.Inception):
		out.Fault = judge.FaultNotYet
	}
	return out
}

// fitness holds a signature to what RFC 4035 section 5.3.1 asks before any
// cryptography.
func fitness(sig judge.RRSIG, rrset *judge.RRset, zone holdfast.Name) judge.Fault {
	owner := rrset.Name.Labels()
	if len(rrset.Name) > 1 && rrset.Name[0] == '*' && rrset.Name[1] == '.' {
		owner-- // RFC 4034 section 3.1.3
	}
	switch {
	case sig.Signer != zone || !rrset.Name.IsSubdomainOf(zone):
		return judge.FaultSigner
	case int(sig.Labels) > owner:
		return judge.FaultLabels
	case !wire.Supported(sig.Algorithm):
		return judge.FaultAlgorithm
	}
	return judge.FaultNone
}

// cryptography tries the keys of the signature's tag and algorithm, within
// bounds.
func (x *exams) cryptography(sig judge.RRSIG, rrset *judge.RRset, ring *keyring, budget *int) judge.Fault {
	fault := judge.FaultUnknownKey
	isKeys := rrset.Type == wire.TypeDNSKEY && rrset.Name == ring.zone
	var data []byte
	tried := 0
	for i := range ring.keys {
		key := &ring.keys[i]
		if key.Tag != sig.KeyTag || key.Algorithm != sig.Algorithm {
			continue
		}
		if !key.IsZoneKey() {
			fault = graver(fault, judge.FaultKeyUnusable)
			continue
		}
		if isKeys && !key.Anchored {
			fault = graver(fault, judge.FaultNotAnchored)
			continue
		}
		if tried++; tried > x.policy.MaxKeysPerTag || *budget <= 0 || x.left != nil && *x.left <= 0 {
			return graver(fault, judge.FaultNotTried)
		}
		*budget--
		if x.left != nil {
			*x.left--
		}
		if data == nil {
			var err error
			if data, err = sig.SignedData(rrset.Records); err != nil {
				return judge.FaultCrypto
			}
		}
		if x.cache.verify(sig.RRSIG, key.DNSKEY, rrset, data) {
			return judge.FaultNone
		}
		fault = graver(fault, judge.FaultCrypto)
	}
	return fault
}

// nearness orders faults by how near the signature came to being good; the
// nearest is what a set is said to suffer from.
var nearness = map[judge.Fault]int{
	judge.FaultExpired: 12, judge.FaultNotYet: 11, judge.FaultWindow: 10,
	judge.FaultCrypto: 9, judge.FaultNotTried: 8, judge.FaultKeyUnusable: 7, judge.FaultNotAnchored: 6,
	judge.FaultUnknownKey: 5, judge.FaultLabels: 4, judge.FaultSigner: 3, judge.FaultAlgorithm: 2,
}

func graver(a, b judge.Fault) judge.Fault {
	if nearness[b] > nearness[a] {
		return b
	}
	return a
}

// conclude gives the set its status: secure where any signature is good.
func (x *exams) conclude(s *judge.Set, ring *keyring) {
	good := false
	for i, sig := range s.Signatures {
		switch {
		case sig.Fault == judge.FaultNone:
			if !good || sig.Expiration.After(s.Signatures[s.Best].Expiration) {
				s.Best = i
			}
			good = true
		case sig.Fault == judge.FaultExpired && !good:
			if s.Best < 0 || sig.Expiration.After(s.Signatures[s.Best].Expiration) {
				s.Best = i
			}
		}
		if !good {
			s.Fault = graver(s.Fault, sig.Fault)
		}
	}
	if good {
		s.Status, s.Fault = holdfast.Secure, judge.FaultNone
		return
	}
	s.Status = holdfast.Bogus
	s.EDE, s.Reason = explain(s, ring)
}

// explain is the info-code and the words for a set that is not good.
func explain(s *judge.Set, ring *keyring) (int, string) {
	what := string(s.Class) + " RRset"
	switch s.Fault {
	case judge.FaultExpired:
		return edeExpired, fmt.Sprintf("the last signature over the %s expired at %s", what, stamp(s.Dies()))
	case judge.FaultNotYet:
		return edeNotYet, "the signatures over the " + what + " are not valid yet"
	case judge.FaultWindow:
		return edeBogus, "the signatures over the " + what + " expire before they begin"
	case judge.FaultCrypto:
		return edeBogus, "no signature over the " + what + " verifies"
	case judge.FaultNotTried:
		return edeBogus, "the " + what + " has more keys of one tag, or more signatures, than a validator tries"
	case judge.FaultKeyUnusable:
		return edeNoZoneKey, "the " + what + " is signed only by keys that may not sign a zone"
	case judge.FaultNotAnchored:
		return edeKeyMissing, "no key that a DS record names signs the " + what
	case judge.FaultUnknownKey:
		return edeKeyMissing, "the " + what + " is signed only by keys that are not in the DNSKEY RRset"
	case judge.FaultLabels:
		return edeBogus, "the signatures over the " + what + " count more labels than its name has"
	case judge.FaultSigner:
		return edeBogus, fmt.Sprintf("the signatures over the %s are not in the name of %s", what, ring.zone)
	case judge.FaultAlgorithm:
		return edeAlgorithm, "the " + what + " is signed only with algorithms that cannot be verified"
	}
	return edeSigsMissing, "the " + what + " came without signatures"
}

// stamp writes an instant for people.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }
