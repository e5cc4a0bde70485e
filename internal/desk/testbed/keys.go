package testbed

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// Keys are the key pairs of a test zone.
type Keys struct{ Old, New, Data *wire.Key }

const (
	kskFlags = 257 // zone key, secure entry point (RFC 4034 section 2.1.1)
	zskFlags = 256
)

// MakeKeys makes keys for a zone and enters their public parts. The tags of a
// zone's keys all differ, also from those of keys with REVOKE: what is to be
// seen is how resolvers follow, not how they tell keys apart.
func MakeKeys(z *holdfast.TestZone, algorithm uint8, random io.Reader) (Keys, error) {
	const tries = 20
	for range tries {
		var k Keys
		var err error
		for _, want := range []struct {
			into  **wire.Key
			flags uint16
		}{{&k.Old, kskFlags}, {&k.New, kskFlags}, {&k.Data, zskFlags}} {
			if *want.into, err = wire.GenerateKey(algorithm, want.flags, 0, random); err != nil {
				return Keys{}, fmt.Errorf("make keys of %s: %w", z.Name.Short(), err)
			}
		}
		z.Old, z.New, z.Data = public(z.Name, k.Old), public(z.Name, k.New), public(z.Name, k.Data)
		if distinct(z.Old.Tag, z.Old.Revoked, z.New.Tag, z.New.Revoked, z.Data.Tag) {
			return k, nil
		}
	}
	return Keys{}, fmt.Errorf("make keys of %s: their tags were never distinct", z.Name.Short())
}

func distinct(tags ...uint16) bool {
	seen := map[uint16]bool{}
	for _, tag := range tags {
		if seen[tag] {
			return false
		}
		seen[tag] = true
	}
	return true
}

func public(zone holdfast.Name, k *wire.Key) holdfast.TestKey {
	out := holdfast.TestKey{Tag: k.Tag, Algorithm: k.DNSKEY.Algorithm, Flags: k.DNSKEY.Flags, Public: k.DNSKEY.PublicKey}
	if out.Flags == kskFlags {
		revoked := k.DNSKEY
		revoked.Flags |= wire.FlagRevoke
		out.Revoked = revoked.KeyTag()
	}
	// A name that was parsed has a form on the wire, so that no error is left.
	if ds, err := k.DNSKEY.Digest(zone, 2); err == nil {
		out.Digest = ds.Digest
	}
	return out
}

// packedKey is a key pair in the record: its private part as BIND writes it.
type packedKey struct {
	Flags     uint16 `json:"flags"`
	Algorithm uint8  `json:"algorithm"`
	Public    []byte `json:"public"`
	Private   string `json:"private"`
}

// pack writes keys for the record.
func (k Keys) pack() ([]byte, error) {
	var out []packedKey
	for _, key := range []*wire.Key{k.Old, k.New, k.Data} {
		private, err := key.Private()
		if err != nil {
			return nil, err
		}
		out = append(out, packedKey{key.DNSKEY.Flags, key.DNSKEY.Algorithm, key.DNSKEY.PublicKey, private})
	}
	return json.Marshal(out)
}

// readKeys reads what pack wrote.
func readKeys(text []byte) (Keys, error) {
	var packed []packedKey
	if err := json.Unmarshal(text, &packed); err != nil {
		return Keys{}, fmt.Errorf("read keys: %w", err)
	}
	if len(packed) != 3 {
		return Keys{}, fmt.Errorf("read keys: there are %d, want three", len(packed))
	}
	var keys [3]*wire.Key
	for n, p := range packed {
		var err error
		if keys[n], err = wire.ReadKey(wire.DNSKEY{Flags: p.Flags, Protocol: 3, Algorithm: p.Algorithm, PublicKey: p.Public}, p.Private); err != nil {
			return Keys{}, err
		}
	}
	return Keys{keys[0], keys[1], keys[2]}, nil
}
