package lab

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// zone is one zone of the lab. All but keys and chain is fixed by New.
type zone struct {
	name     holdfast.Name
	parent   *zone // nil for the root
	children []*zone
	signing  Signing
	schedule schedule
	content  *content
	hosts    []Host // who serves it
	seed     uint64
	transfer bool // to everybody
	ttl      TTLs // with their defaults

	ring     []*ringKey // all keys that the zone ever has
	phases   []phase    // by instant; the first is from the beginning
	partners []Host     // of hosts, those of a second provider
	model    int        // of RFC 8901, 1 or 2

	presigned *presigned // nil: the lab signs
	mutation  atomic.Pointer[mutation]

	chain      lazyChain
	otherChain lazyChain // for OtherDenial
}

// signed says whether the zone is ever signed when nothing is wrong with it.
func (z *zone) signed() bool {
	return slices.ContainsFunc(z.phases, func(p phase) bool { return p.state.signed })
}

// secure says whether the parent ever has a DS for it when nothing is wrong.
func (z *zone) secure() bool {
	if z.presigned != nil {
		return !z.presigned.island
	}
	return slices.ContainsFunc(z.phases, func(p phase) bool { return len(p.state.ds) > 0 })
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

// ds is what the parent should publish for a state of the keys: nothing for an
// unsigned zone or an island.
func (z *zone) ds(s *keyState, ttl uint32) ([]wire.Record, error) {
	if z.presigned != nil {
		return z.presigned.ds(z.name, ttl)
	}
	return z.digests(s.ds, s.noKey, ttl)
}

// digests are the DS records of keys, or of keys that the zone never had.
func (z *zone) digests(ids []int, noKey bool, ttl uint32) ([]wire.Record, error) {
	var out []wire.Record
	for _, id := range ids {
		key, err := z.key(keyUse{id: id})
		if noKey {
			key, err = z.strayKey(id)
		}
		if err != nil {
			return nil, err
		}
		for _, digest := range z.signing.Digests {
			ds, err := key.DNSKEY.Digest(z.name, digest)
			if err != nil {
				return nil, fmt.Errorf("DS of %s: %w", z.name, err)
			}
			out = append(out, wire.NewDS(z.name, ttl, ds))
		}
	}
	return out, nil
}

// dnskeys are the zone's DNSKEY RRset as a copy has it.
func (z *zone) dnskeys(uses []keyUse, ttl uint32) ([]wire.Record, error) {
	var out []wire.Record
	for _, u := range uses {
		if !u.published {
			continue
		}
		key, err := z.key(u)
		if err != nil {
			return nil, err
		}
		out = append(out, wire.NewDNSKEY(z.name, ttl, key.DNSKEY))
	}
	return out, nil
}

// cds are the CDS RRset: the DS that the parent is asked for (RFC 7344 section
// 3.1), or the word that it should have none (RFC 8078 section 4).
func (z *zone) cds(s *keyState, ttl uint32) ([]wire.Record, error) {
	if s.delete {
		return []wire.Record{wire.NewRecord(z.name, wire.TypeCDS, ttl, []byte{0, 0, 0, 0, 0})}, nil
	}
	set, err := z.digests(s.cds, false, ttl)
	for i := range set {
		set[i].Type = wire.TypeCDS
	}
	return set, err
}

// cdnskeys are the CDNSKEY RRset: the keys that DS should be made of.
func (z *zone) cdnskeys(s *keyState, ttl uint32) ([]wire.Record, error) {
	if s.delete {
		return []wire.Record{wire.NewRecord(z.name, wire.TypeCDNSKEY, ttl, []byte{0, 0, 3, 0, 0})}, nil
	}
	var out []wire.Record
	for _, id := range s.cds {
		key, err := z.key(keyUse{id: id})
		if err != nil {
			return nil, err
		}
		record := wire.NewDNSKEY(z.name, ttl, key.DNSKEY)
		record.Type = wire.TypeCDNSKEY
		out = append(out, record)
	}
	return out, nil
}
