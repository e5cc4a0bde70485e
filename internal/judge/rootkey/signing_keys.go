package rootkey

import (
	"fmt"
	"slices"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// keys judges the keys of a bundle.
func (s *signing) keys(i int) {
	slot, b := i+1, s.Bundles[i]
	zsks := 0
	for _, k := range b.Keys {
		key := dnskeyOf(k)
		if !k.SEP() {
			zsks++
		}
		if tag := key.KeyTag(); tag != k.Tag {
			s.say(slot, "BUNDLE-KEYS", holdfast.SeverityError, "RFC 4034 appendix B", "the key %.40q has tag %d; the file says %d", k.Identifier, tag, k.Tag)
		}
		if k.Flags&wire.FlagZone == 0 || k.Protocol != 3 {
			s.say(slot, "BUNDLE-KEYS", holdfast.SeverityError, "RFC 4034 section 2.1", "key %d may not sign a zone: flags %d, protocol %d", k.Tag, k.Flags, k.Protocol)
		}
		if k.TTL != s.policy.TTL {
			s.say(slot, "POLICY-KEYS", holdfast.SeverityWarning, "", "key %d has a TTL of %d seconds; the root's have %d", k.Tag, k.TTL, s.policy.TTL)
		}
		if policy := s.policyFor(k); policy != nil && !allowed(policy.Algorithms, key) {
			s.say(slot, "POLICY-ALG", holdfast.SeverityError, "", "key %d is of algorithm %d with %d bits, which the file's own policy does not have", k.Tag, k.Algorithm, key.Bits())
		}
	}
	if s.Kind == holdfast.KeyRequest && zsks < len(b.Keys) {
		s.say(slot, "POLICY-KEYS", holdfast.SeverityError, "", "a request has a key-signing key in it: those are the KSK operator's to add")
	}
	if s.Kind == holdfast.KeyResponse && zsks == len(b.Keys) {
		s.say(slot, "SKR-PAIR", holdfast.SeverityError, "", "there is no key-signing key in it")
	}
	if want := s.policy.ZSKs; len(s.Bundles) == len(want) && zsks != want[i] {
		s.say(slot, "POLICY-KEYS", holdfast.SeverityWarning, "", "it has %d zone-signing keys; this slot of the root's quarters has %d", zsks, want[i])
	}
}

func (s *signing) policyFor(k holdfast.BundleKey) *holdfast.SigningPolicy {
	if k.SEP() {
		return s.KSK
	}
	return s.ZSK
}

// allowed says whether a policy has the key's algorithm and length. A policy
// that lists nothing allows nothing.
func allowed(list []holdfast.SigningPolicyAlgorithm, key wire.DNSKEY) bool {
	return slices.ContainsFunc(list, func(a holdfast.SigningPolicyAlgorithm) bool {
		return a.Algorithm == key.Algorithm && (a.Bits == 0 || a.Bits == key.Bits())
	})
}

// signatures verifies those of a bundle over the RRset that its keys make, and
// judges who signs.
func (s *signing) signatures(i int) {
	slot, b, set := i+1, s.Bundles[i], s.sets[i]
	s.report.Signatures += len(b.Signatures)
	signs := make([]bool, len(set.keys))
	for n, sig := range set.sigs {
		if fault := s.form(b, b.Signatures[n]); fault != "" {
			s.say(slot, "SKR-PAIR", holdfast.SeverityError, "RFC 4035 section 5.3.1", "the signature of key %d %s", sig.KeyTag, fault)
		}
		by := set.signer(sig)
		if by < 0 || b.Signatures[n].Covered != "DNSKEY" {
			s.say(slot, "SIGNATURE", holdfast.SeverityCritical, "RFC 4035 section 5.3.3", "the signature of key %d (algorithm %d) does not verify over the DNSKEY RRset of the bundle with any key in it", sig.KeyTag, sig.Algorithm)
			continue
		}
		s.report.Verified++
		signs[by] = true
	}
	if s.Kind == holdfast.KeyRequest {
		for n, key := range set.keys {
			if !signs[n] {
				s.say(slot, "BUNDLE-POP", holdfast.SeverityError, "", "key %d does not sign: that its private half is there is not proven", key.KeyTag())
			}
		}
		return
	}
	s.trust(slot, set, signs)
}

// form is what is wrong with a signature's fields. Those of a request prove
// possession only, and their dates mean nothing.
func (s *signing) form(b holdfast.KeyBundle, sig holdfast.BundleSignature) string {
	switch {
	case sig.Covered != "DNSKEY":
		return fmt.Sprintf("covers %.20q, not DNSKEY", sig.Covered)
	case sig.Signer != s.Zone:
		return fmt.Sprintf("names %s as its signer, not %s", sig.Signer, s.Zone)
	case int(sig.Labels) != s.Zone.Labels():
		return fmt.Sprintf("has %d labels, and the owner %d", sig.Labels, s.Zone.Labels())
	case len(b.Keys) > 0 && sig.OriginalTTL != b.Keys[0].TTL:
		return fmt.Sprintf("is made for a TTL of %d seconds, and the keys have %d", sig.OriginalTTL, b.Keys[0].TTL)
	case s.Kind == holdfast.KeyRequest:
		return ""
	case sig.Inception.After(b.Inception) || sig.Expiration.Before(b.Expiration):
		return fmt.Sprintf("holds from %s to %s, and the bundle is for %s to %s", stamp(sig.Inception), stamp(sig.Expiration), stamp(b.Inception), stamp(b.Expiration))
	}
	return ""
}

// trust judges who signs a bundle of a response: a key-signing key that is not
// revoked and that somebody trusts, and each revoked key for its revocation.
func (s *signing) trust(slot int, set rrset, signs []bool) {
	trusted := false
	for i, key := range set.keys {
		revoked := key.Flags&wire.FlagRevoke != 0
		switch {
		case revoked && !signs[i]:
			s.say(slot, "REVOKE", holdfast.SeverityError, "RFC 5011 section 2.1", "key %d has REVOKE and does not sign: nobody who trusts it heeds that", key.KeyTag())
		case revoked || key.Flags&wire.FlagSEP == 0 || !signs[i]:
		default:
			known, ok := Known(key, s.calendar)
			trusted = trusted || ok && known.DS != nil && !over(known, s.Bundles[slot-1].Inception)
		}
	}
	if !trusted {
		s.say(slot, "TRUST", holdfast.SeverityError, "RFC 4035 section 5", "no root key of the calendar signs it (as of %s): whoever trusts IANA's anchors finds it bogus", s.calendar.Taken.Format("2006-01-02"))
	}
}

// over says whether a key's revocation is a fact, and came before an instant.
func over(k holdfast.RootKey, at time.Time) bool {
	d, ok := k.Date(holdfast.RootRevoked)
	return ok && !d.Planned && d.At.Before(at)
}

// against holds a response against the calendar: a step that comes in it before
// its date. It is no fault of the file's, but says that the response was not
// used, or that plans have changed.
func (s *signing) against() {
	said := map[string]bool{}
	for _, span := range s.spans {
		for _, k := range span.Set.Keys {
			known, ok := s.calendar.Key(k.Tag)
			if !ok || k.Name != known.Name {
				continue
			}
			for _, step := range shown(k) {
				d, ok := known.Date(step)
				if key := k.Name + string(step); ok && !said[key] && !d.At.Before(span.Until) {
					said[key] = true
					s.say(span.Slot, "CALENDAR", holdfast.SeverityNotice, "", "%s %s from %s on; the calendar (as of %s) has that for %s: the response was not used, or plans have changed",
						nameOf(k), verbs[step], date(span.From), s.calendar.Taken.Format("2006-01-02"), date(d.At))
				}
			}
		}
	}
}

// shown are the steps that an RRset shows to have come for a key.
func shown(k holdfast.RootSetKey) []holdfast.RootStep {
	out := []holdfast.RootStep{holdfast.RootPublished}
	if k.Revoked {
		return append(out, holdfast.RootRevoked)
	}
	if k.Signs {
		out = append(out, holdfast.RootSigns)
	}
	return out
}

// verbs are the steps as people say them of a key.
var verbs = map[holdfast.RootStep]string{
	holdfast.RootPublished: "is published", holdfast.RootSigns: "signs", holdfast.RootRetired: "signs no more",
	holdfast.RootRevoked: "is revoked", holdfast.RootRemoved: "is gone",
}
