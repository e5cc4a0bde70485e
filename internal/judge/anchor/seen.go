package anchor

import (
	"bytes"
	"fmt"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// Seen is a DNSKEY RRset as a validator sees it at an instant: the keys in it,
// and which of them sign it. The oracle needs no more, so a forecast can say
// what will be seen without a signature having been made.
type Seen struct {
	Keys []SeenKey
	// TTL is the original TTL, of the signature that lasts longest (RFC 4034
	// section 3.1.4); of the records where none verifies.
	TTL time.Duration
	// Expires is when the last signature that verifies ends; zero where none
	// does.
	Expires time.Time
}

// SeenKey is one key of a DNSKEY RRset.
type SeenKey struct {
	wire.DNSKEY
	// Tag is that of the key without REVOKE, as in holdfast.TrustedKey.
	Tag uint16
	// DS stands for the key where a forecast knows its digest only.
	DS *holdfast.DS
	// Signs says that the RRset has a signature of this key that verifies and is
	// in its time. For a key with REVOKE that is what RFC 5011 section 2.1 calls
	// a self-signed RRset.
	Signs bool
}

// Revoked says whether the key bears the REVOKE bit (RFC 5011 section 7).
func (k SeenKey) Revoked() bool { return k.Flags&wire.FlagRevoke != 0 }

// Bounds of what one RRset may cost: a hostile one may hold any number of keys
// and signatures (CVE-2023-50387). The RFC asks for five SEP keys at least
// (section 2.4.3); the root has never had more than four keys.
const (
	maxSeen  = 64 // keys that are looked at
	maxTries = 64 // signatures that are verified
)

// See reads a DNSKEY RRset and its signatures at an instant. Records of other
// owners and types are passed over. A record that cannot be read is an error;
// one that does not verify is not.
func See(zone holdfast.Name, records []wire.Record, at time.Time) (Seen, error) {
	var set []wire.Record
	var signatures []wire.RRSIG
	seen := Seen{}
	for _, r := range records {
		if r.Name != zone {
			continue
		}
		switch r.Type {
		case wire.TypeDNSKEY:
			key, err := r.DNSKEY()
			if err != nil {
				return Seen{}, fmt.Errorf("read DNSKEY of %s: %w", zone, err)
			}
			set = append(set, r)
			seen.TTL = time.Duration(r.TTL) * time.Second
			if len(seen.Keys) < maxSeen {
				seen.Keys = append(seen.Keys, SeenKey{DNSKEY: key, Tag: plainTag(key)})
			}
		case wire.TypeRRSIG:
			sig, err := r.RRSIG()
			if err != nil {
				return Seen{}, fmt.Errorf("read RRSIG of %s: %w", zone, err)
			}
			if sig.Covered == wire.TypeDNSKEY && sig.Signer == zone && len(signatures) < maxTries {
				signatures = append(signatures, sig)
			}
		}
	}
	seen.verify(set, signatures, at)
	return seen, nil
}

// verify notes which keys sign, within the bound of work.
func (s *Seen) verify(set []wire.Record, signatures []wire.RRSIG, at time.Time) {
	tries := 0
	for _, sig := range signatures {
		inception, expiration := sig.Times(at)
		if at.Before(inception) || at.After(expiration) {
			continue
		}
		for i := range s.Keys {
			k := &s.Keys[i]
			if sig.Algorithm != k.Algorithm || sig.KeyTag != k.KeyTag() || !mayBeAnchor(k.DNSKEY) && k.Flags&wire.FlagZone == 0 {
				continue
			}
			if tries++; tries > maxTries {
				return
			}
			if wire.Verify(sig, k.DNSKEY, set) != nil {
				continue
			}
			k.Signs = true
			if expiration.After(s.Expires) {
				s.Expires, s.TTL = expiration, time.Duration(sig.OriginalTTL)*time.Second
			}
		}
	}
}

// mayBeAnchor says whether a key is a secure entry point that signs a zone:
// only such keys are followed (RFC 5011 section 2).
func mayBeAnchor(k wire.DNSKEY) bool {
	return k.Flags&wire.FlagSEP != 0 && k.Flags&wire.FlagZone != 0 && k.Protocol == 3
}

// plainTag is the tag of a key as it is without REVOKE.
func plainTag(k wire.DNSKEY) uint16 {
	k.Flags &^= wire.FlagRevoke
	return k.KeyTag()
}

// is says whether a key in an RRset is the one that is held, with REVOKE or
// without. Tags decide only where neither side knows more: two keys may share
// one.
func (k SeenKey) is(held holdfast.TrustedKey, zone holdfast.Name) bool {
	if k.Algorithm != held.Algorithm {
		return false
	}
	switch {
	case len(k.PublicKey) > 0 && len(held.Public) > 0:
		return bytes.Equal(k.PublicKey, held.Public)
	case len(k.PublicKey) > 0 && held.DS != nil:
		return digestIs(k.DNSKEY, zone, *held.DS)
	case k.DS != nil && len(held.Public) > 0:
		return digestIs(wire.DNSKEY{Flags: held.Flags, Protocol: 3, Algorithm: held.Algorithm, PublicKey: held.Public}, zone, *k.DS)
	case k.DS != nil && held.DS != nil && k.DS.DigestType == held.DS.DigestType:
		return k.DS.KeyTag == held.DS.KeyTag && bytes.Equal(k.DS.Digest, held.DS.Digest)
	}
	return k.Tag == held.Tag
}

// digestIs says whether a DS is that of a key without REVOKE.
func digestIs(key wire.DNSKEY, zone holdfast.Name, ds holdfast.DS) bool {
	key.Flags = key.Flags&^wire.FlagRevoke | wire.FlagZone | wire.FlagSEP
	if key.KeyTag() != ds.KeyTag || key.Algorithm != ds.Algorithm {
		return false
	}
	made, err := key.Digest(zone, ds.DigestType)
	return err == nil && bytes.Equal(made.Digest, ds.Digest)
}
