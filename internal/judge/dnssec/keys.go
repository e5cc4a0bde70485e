package dnssec

import (
	"bytes"
	"fmt"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// trust is what a zone's keys are to be measured by: the DS records of its
// parent, or the DS and DNSKEY records of a trust anchor.
type trust struct {
	zone holdfast.Name
	ds   []holdfast.DS
	keys []wire.DNSKEY
}

// usable are those DS records that can be followed here, SHA-1 left out where
// a stronger digest stands beside it (RFC 4509 section 3).
func usable(all []holdfast.DS) []holdfast.DS {
	var out []holdfast.DS
	stronger := false
	for _, ds := range all {
		if wire.Supported(ds.Algorithm) && wire.DigestSupported(ds.DigestType) {
			out = append(out, ds)
			stronger = stronger || ds.DigestType != 1
		}
	}
	if !stronger {
		return out
	}
	kept := out[:0]
	for _, ds := range out {
		if ds.DigestType != 1 {
			kept = append(kept, ds)
		}
	}
	return kept
}

// unsupported is the RFC 8914 info-code for a DS RRset none of which can be
// followed: 1 where no algorithm is known, else 2.
func unsupported(all []holdfast.DS) int {
	for _, ds := range all {
		if wire.Supported(ds.Algorithm) {
			return edeDigest
		}
	}
	return edeAlgorithm
}

// followable says whether at least one record of the trust can be followed. A
// zone without one is insecure (RFC 4035 section 5.2, RFC 6840 section 5.2).
func (t *trust) followable() bool {
	for _, k := range t.keys {
		if wire.Supported(k.Algorithm) {
			return true
		}
	}
	return len(usable(t.ds)) > 0
}

// keyring is a zone's keys as one reply gives them.
type keyring struct {
	zone   holdfast.Name
	keys   []judge.Key
	set    *judge.RRset
	fooled bool // a DS names a key that may not sign (RFC 4034 section 2.1.1)
}

// newKeyring reads the keys of a DNSKEY RRset and marks those that the trust
// names. Records that cannot be read are no keys.
func newKeyring(zone holdfast.Name, set *judge.RRset, t *trust, maxPerTag int) *keyring {
	ring := &keyring{zone: zone, set: set}
	for _, r := range set.Records {
		if key, err := r.DNSKEY(); err == nil {
			ring.keys = append(ring.keys, judge.Key{DNSKEY: key, Tag: key.KeyTag()})
		}
	}
	if t == nil {
		return ring
	}
	for _, ds := range usable(t.ds) {
		tried := 0
		for i := range ring.keys {
			k := &ring.keys[i]
			if k.Tag != ds.KeyTag || k.Algorithm != ds.Algorithm {
				continue
			}
			if tried++; tried > maxPerTag {
				break
			}
			if made, err := k.Digest(zone, ds.DigestType); err == nil && bytes.Equal(made.Digest, ds.Digest) {
				ring.anchor(k)
			}
		}
	}
	for _, anchor := range t.keys {
		for i := range ring.keys {
			if k := &ring.keys[i]; k.Flags == anchor.Flags && k.Algorithm == anchor.Algorithm && bytes.Equal(k.PublicKey, anchor.PublicKey) {
				ring.anchor(k)
			}
		}
	}
	return ring
}

func (r *keyring) anchor(k *judge.Key) {
	if k.IsZoneKey() {
		k.Anchored = true
	} else {
		r.fooled = true
	}
}

func (r *keyring) anchored() bool {
	for _, k := range r.keys {
		if k.Anchored {
			return true
		}
	}
	return false
}

// hasAlgorithm says whether a zone key of the algorithm is in the ring.
func hasAlgorithm(keys []judge.Key, algorithm uint8) bool {
	for _, k := range keys {
		if k.Algorithm == algorithm && k.IsZoneKey() {
			return true
		}
	}
	return false
}

// keyName is how a key is spoken of.
func keyName(tag uint16, algorithm uint8) string {
	return fmt.Sprintf("%d (algorithm %d)", tag, algorithm)
}
