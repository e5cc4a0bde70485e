package rootkey

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// Bounds on the work for one DNSKEY RRset, which may come from a stranger
// (CVE-2023-50387): more keys or signatures than that are not looked at.
const (
	maxKeys       = 32
	maxSignatures = 32
	maxTries      = 4 // verifications for one signature
)

// rrset is the root's DNSKEY RRset with the signatures over it.
type rrset struct {
	records []wire.Record // DNSKEY
	keys    []wire.DNSKEY // theirs, in the same order
	sigs    []wire.RRSIG
}

// SetOf reads the root's DNSKEY RRset from the records of an answer, verifies
// its signatures with its own keys (whether the keys are trusted is another
// question), and says which phase of a rollover it shows. Signatures count
// whether or not they hold at the instant, which only places their 32-bit
// times. It answers false where there is no DNSKEY of the root.
func SetOf(answer []wire.Record, at time.Time, calendar holdfast.Calendar) (holdfast.RootSet, bool) {
	var s rrset
	for _, r := range answer {
		switch {
		case r.Name != holdfast.Root || r.Class != wire.ClassIN:
		case r.Type == wire.TypeDNSKEY && len(s.records) < maxKeys:
			if key, err := r.DNSKEY(); err == nil {
				s.records, s.keys = append(s.records, r), append(s.keys, key)
			}
		case r.Type == wire.TypeRRSIG && len(s.sigs) < maxSignatures:
			if sig, err := r.RRSIG(); err == nil && sig.Covered == wire.TypeDNSKEY {
				s.sigs = append(s.sigs, sig)
			}
		}
	}
	if len(s.records) == 0 {
		return holdfast.RootSet{}, false
	}
	return s.state(at, calendar), true
}

func (s rrset) state(at time.Time, calendar holdfast.Calendar) holdfast.RootSet {
	out := holdfast.RootSet{Size: s.size()}
	for i, r := range s.records { // none, where a bundle of a file has no key
		if i == 0 || r.TTL < out.TTL {
			out.TTL = r.TTL
		}
	}
	signs := make([]bool, len(s.keys))
	for _, sig := range s.sigs {
		i := s.signer(sig)
		if i < 0 {
			continue
		}
		signs[i] = true
		if s.keys[i].Flags&wire.FlagSEP == 0 {
			continue // a zone-signing key's does not carry the chain of trust
		}
		inception, expiration := sig.Times(at)
		if inception.After(out.Inception) {
			out.Inception = inception
		}
		if out.Expires.IsZero() || expiration.Before(out.Expires) {
			out.Expires = expiration
		}
	}
	for i, key := range s.keys {
		out.Keys = append(out.Keys, keyOf(key, signs[i], calendar))
	}
	order(out.Keys, calendar)
	out.Phase, out.Why = phase(out.Keys)
	return out
}

// signer is the index of the key that made a signature, -1 where none did.
func (s rrset) signer(sig wire.RRSIG) int {
	tries := 0
	for i, key := range s.keys {
		if key.Algorithm != sig.Algorithm || key.KeyTag() != sig.KeyTag {
			continue
		}
		if tries++; tries > maxTries {
			break
		}
		if sig.Signer == holdfast.Root && wire.Verify(sig, key, s.records) == nil {
			return i
		}
	}
	return -1
}

// size is that of the answer to a question for the RRset with DO, in octets:
// header, question, records and an OPT record. Names are the root's, of one
// octet, which compression would not shorten.
func (s rrset) size() int {
	const header, question, opt, record = 12, 5, 11, 11
	total := header + question + opt
	for _, r := range s.records {
		total += record + len(r.Data)
	}
	for _, sig := range s.sigs {
		total += record + 18 + 1 + len(sig.Signature)
	}
	return total
}

func keyOf(key wire.DNSKEY, signs bool, calendar holdfast.Calendar) holdfast.RootSetKey {
	plain := key
	plain.Flags &^= wire.FlagRevoke
	out := holdfast.RootSetKey{
		Tag: plain.KeyTag(), Shown: key.KeyTag(), Algorithm: key.Algorithm, Bits: key.Bits(),
		KSK: key.Flags&wire.FlagSEP != 0, Revoked: key.Flags&wire.FlagRevoke != 0, Signs: signs,
	}
	if known, ok := Known(plain, calendar); ok {
		out.Name = known.Name
	}
	return out
}

// Known finds a key of the root in the calendar, by its content and not by its
// tag, which says little: REVOKE is left out of account.
func Known(key wire.DNSKEY, calendar holdfast.Calendar) (holdfast.RootKey, bool) {
	key.Flags &^= wire.FlagRevoke
	for _, k := range calendar.Keys {
		switch {
		case k.Algorithm != key.Algorithm:
		case k.Public != nil && bytes.Equal(k.Public, key.PublicKey):
			return k, true
		case k.Public == nil && k.DS != nil && k.DS.KeyTag == key.KeyTag():
			if made, err := key.Digest(holdfast.Root, k.DS.DigestType); err == nil && bytes.Equal(made.Digest, k.DS.Digest) {
				return k, true
			}
		}
	}
	return holdfast.RootKey{}, false
}

// order puts key-signing keys first, those of the calendar in its order, then
// by tag.
func order(keys []holdfast.RootSetKey, calendar holdfast.Calendar) {
	rank := func(k holdfast.RootSetKey) int {
		i := slices.IndexFunc(calendar.Keys, func(known holdfast.RootKey) bool { return known.Name == k.Name })
		switch {
		case !k.KSK:
			return len(calendar.Keys) + 1
		case i < 0:
			return len(calendar.Keys)
		}
		return i
	}
	slices.SortStableFunc(keys, func(a, b holdfast.RootSetKey) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.Tag, b.Tag), cmp.Compare(a.Algorithm, b.Algorithm))
	})
}

// phase reads the phase of a rollover from one RRset. Which of two keys is the
// older is said by the calendar's order, in which the keys are; of keys that
// are not in it nothing can be said, and one that signs is taken for the older.
func phase(keys []holdfast.RootSetKey) (holdfast.RootPhase, string) {
	var live, signing, revoked, revokedSigning []holdfast.RootSetKey
	for _, k := range keys {
		switch {
		case !k.KSK:
		case k.Revoked:
			revoked = append(revoked, k)
			if k.Signs {
				revokedSigning = append(revokedSigning, k)
			}
		default:
			live = append(live, k)
			if k.Signs {
				signing = append(signing, k)
			}
		}
	}
	switch {
	case len(live) == 0 && len(revoked) == 0:
		return holdfast.RootIrregular, "there is no key-signing key"
	case len(signing) == 0:
		return holdfast.RootIrregular, "no key-signing key that is not revoked signs: nobody can validate"
	case len(revoked) > len(revokedSigning):
		return holdfast.RootIrregular, fmt.Sprintf("%s has REVOKE and does not sign: nobody who trusts it heeds that (RFC 5011 section 2.1)", tags(revoked))
	case len(revoked) > 0:
		return holdfast.RootRevoking, ""
	case len(live) == 1:
		return holdfast.RootSteady, ""
	case len(signing) > 1:
		return holdfast.RootDoubleSigned, ""
	case signing[0].Tag == live[0].Tag && signing[0].Algorithm == live[0].Algorithm || signing[0].Name == "":
		return holdfast.RootPrePublished, ""
	}
	return holdfast.RootSwitched, ""
}

// tags names keys for people.
func tags(keys []holdfast.RootSetKey) string {
	var out []string
	for _, k := range keys {
		out = append(out, nameOf(k))
	}
	return strings.Join(out, " and ")
}

func nameOf(k holdfast.RootSetKey) string {
	if k.Name != "" {
		return fmt.Sprintf("%s (%d)", k.Name, k.Tag)
	}
	return fmt.Sprintf("%d (algorithm %d)", k.Tag, k.Algorithm)
}
