package lab

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"sync"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// zone is one zone of the lab. All but keys and chain is fixed by New.
type zone struct {
	name     holdfast.Name
	parent   *zone // nil for the root
	signing  Signing
	schedule schedule
	content  *content
	hosts    []Host // who serves it
	seed     uint64
	transfer bool // to everybody
	ttl      TTLs // with their defaults

	keysOnce sync.Once
	keys     []keyPair // one a signing algorithm; owned by keysOnce
	keysErr  error

	chain      lazyChain
	otherChain lazyChain // for OtherDenial

	stray sync.Map // algorithm index -> *wire.Key that is in no DNSKEY RRset
}

// keyPair are the keys of one algorithm; both are the same key for a CSK.
type keyPair struct{ ksk, zsk *wire.Key }

// signed says whether the zone is signed when nothing is wrong with it.
func (z *zone) signed() bool { return !z.signing.Unsigned }

// secure says whether the parent has a DS for it when nothing is wrong.
func (z *zone) secure() bool { return z.signed() && !z.signing.Island }

// keyPairs are the zone's keys, made when they are first needed: with 1,438
// zones most questions of a test never come to most keys.
func (z *zone) keyPairs() ([]keyPair, error) {
	z.keysOnce.Do(func() {
		for i, algorithm := range z.signing.Algorithms {
			ksk, err := z.newKey(algorithm, wire.FlagZone|wire.FlagSEP, i, "ksk")
			if err != nil {
				z.keysErr = err
				return
			}
			pair := keyPair{ksk, ksk}
			if !z.signing.CSK {
				if pair.zsk, z.keysErr = z.newKey(algorithm, wire.FlagZone, i, "zsk"); z.keysErr != nil {
					return
				}
			}
			z.keys = append(z.keys, pair)
		}
	})
	return z.keys, z.keysErr
}

func (z *zone) newKey(a Algorithm, flags uint16, index int, role string) (*wire.Key, error) {
	key, err := wire.GenerateKey(a.Number, flags, a.Bits, z.random(fmt.Sprint(index, role)))
	if err != nil {
		return nil, fmt.Errorf("keys of %s: %w", z.name, err)
	}
	return key, nil
}

// random is where key material comes from: the machine, or a stream that the
// lab's seed fixes (which only the Edwards curves honour).
func (z *zone) random(purpose string) io.Reader {
	if z.seed == 0 {
		return rand.Reader
	}
	material := binary.BigEndian.AppendUint64(nil, z.seed)
	return mathrand.NewChaCha8(sha256.Sum256(append(material, string(z.name)+"/"+purpose...)))
}

// strayKey is a key of the zone's algorithm that it never published.
func (z *zone) strayKey(index int) (*wire.Key, error) {
	if key, ok := z.stray.Load(index); ok {
		return key.(*wire.Key), nil
	}
	key, err := z.newKey(z.signing.Algorithms[index], wire.FlagZone|wire.FlagSEP, index, "stray")
	if err != nil {
		return nil, err
	}
	kept, _ := z.stray.LoadOrStore(index, key)
	return kept.(*wire.Key), nil
}

// lazyChain is a chain of denial, built when first needed.
type lazyChain struct {
	once  sync.Once
	chain *chain // owned by once
	err   error
}

func (l *lazyChain) get(in *Internet, z *zone, hashed *NSEC3) (*chain, error) {
	l.once.Do(func() {
		l.chain, l.err = newChain(z.content, hashed, func(cut holdfast.Name) bool {
			child := in.zones[cut]
			return child != nil && child.secure() || len(z.content.set(cut, wire.TypeDS)) > 0
		})
	})
	return l.chain, l.err
}

// ds is what the parent should publish: nothing for an unsigned zone or an
// island.
func (z *zone) ds(ttl uint32) ([]wire.Record, error) {
	if !z.secure() {
		return nil, nil
	}
	pairs, err := z.keyPairs()
	if err != nil {
		return nil, err
	}
	var out []wire.Record
	for _, pair := range pairs {
		for _, digest := range z.signing.Digests {
			ds, err := pair.ksk.DNSKEY.Digest(z.name, digest)
			if err != nil {
				return nil, fmt.Errorf("DS of %s: %w", z.name, err)
			}
			out = append(out, wire.NewDS(z.name, ttl, ds))
		}
	}
	return out, nil
}

// dnskeys are the zone's DNSKEY RRset (or, by type, its CDNSKEY RRset, which
// holds the keys that DS should point to).
func (z *zone) dnskeys(t wire.Type, ttl uint32) ([]wire.Record, error) {
	pairs, err := z.keyPairs()
	if err != nil {
		return nil, err
	}
	var out []wire.Record
	for _, pair := range pairs {
		keys := []*wire.Key{pair.ksk}
		if t == wire.TypeDNSKEY && pair.zsk != pair.ksk {
			keys = append(keys, pair.zsk)
		}
		for _, key := range keys {
			record := wire.NewDNSKEY(z.name, ttl, key.DNSKEY)
			record.Type = t
			out = append(out, record)
		}
	}
	return out, nil
}
