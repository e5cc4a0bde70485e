package lab

import (
	"crypto/rand"
	"fmt"
	"hash/maphash"
	"slices"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// sealKey says what a signature is of: signatures are made once and kept, for
// ECDSA's differ each time they are made and cost 20 microseconds.
type sealKey struct {
	zone       *zone
	name       holdfast.Name
	covered    wire.Type
	data       uint64 // hash of TTL and RDATA
	key        *wire.Key
	signer     holdfast.Name
	inception  int64
	expiration int64
	broken     bool
}

// sign makes the signatures over an RRset of this copy; none where the copy is
// unsigned or the faults have stripped them.
func (f *frame) sign(set []wire.Record) ([]wire.Record, error) {
	if len(set) == 0 || !f.signed() {
		return nil, nil
	}
	name, t := set[0].Name, set[0].Type
	if f.baked != nil {
		return f.baked.sigs[setKey{name, t}], nil
	}
	marks := f.view.of(t)
	if t == wire.TypeDS {
		marks = f.delegation(name).of(t)
	}
	inception, expiration := f.zone.schedule.window(f.moment, name, t, f.renewed(name, t))
	signer, broken, stray := f.zone.name, false, false
	for _, m := range marks {
		switch m.kind {
		case Strip:
			return nil, nil
		case Expire:
			inception, expiration = m.at.Add(-f.zone.signing.Validity), m.at
		case NotYet:
			inception, expiration = m.at, m.at.Add(f.zone.signing.Validity)
		case NoResign:
			if stopped := f.zone.schedule.at(m.at); stopped.version < f.moment.version {
				inception, expiration = f.zone.schedule.window(stopped, name, t, time.Time{})
			}
		case Break:
			broken = true
		case UnknownKey:
			stray = true
		case WrongSigner:
			signer = wrongSigner(f.zone.name)
		}
	}
	if t == wire.TypeDS && f.view.children > 0 && share(f.view.children, string(name)) {
		broken = true
	}
	keys, err := f.signers(name, t, stray)
	if err != nil {
		return nil, err
	}
	out := make([]wire.Record, 0, len(keys))
	for _, key := range keys {
		sig, err := f.in.seal(sealKey{
			zone: f.zone, name: name, covered: t, key: key, signer: signer,
			inception: inception.Unix(), expiration: expiration.Unix(), broken: broken,
		}, set)
		if err != nil {
			return nil, err
		}
		out = append(out, sig)
	}
	return out, nil
}

// renewed is when the keys last changed so that an RRset had to be signed anew;
// zero: never.
func (f *frame) renewed(name holdfast.Name, t wire.Type) time.Time {
	z, what := f.zone, func(p phase) bool { return p.data }
	last := f.phase
	switch {
	case t == wire.TypeDS && f.in.zones[name] != nil:
		z, what = f.in.zones[name], func(p phase) bool { return p.parent }
		last = z.phaseAt(f.made)
	case name == z.name:
		what = func(p phase) bool { return p.own }
	}
	return z.changed(last, what)
}

// signers are the keys that sign a type: the KSK the keys and what speaks of
// them to the parent (RFC 7344 section 4.1), the ZSK the rest.
func (f *frame) signers(name holdfast.Name, t wire.Type, stray bool) ([]*wire.Key, error) {
	aboutKeys := t == wire.TypeDNSKEY || t == wire.TypeCDS || t == wire.TypeCDNSKEY
	uses := f.uses()
	keys := make([]*wire.Key, 0, len(uses))
	for _, u := range uses {
		if aboutKeys && !u.keys || !aboutKeys && !u.data {
			continue
		}
		key, err := f.zone.key(u)
		switch {
		case stray:
			key, err = f.zone.strayKey(u.id)
		case u.data && !aboutKeys && f.split(name, t):
			key, err = f.zone.twinKey(u)
		}
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// wrongSigner is a zone that must not sign for this one (RFC 4035 section
// 5.3.1): its parent, or for the root some child.
func wrongSigner(zone holdfast.Name) holdfast.Name {
	if zone == holdfast.Root {
		return "wrong-signer."
	}
	return zone.Parent()
}

// seal signs, or finds the signature made before.
func (in *Internet) seal(k sealKey, set []wire.Record) (wire.Record, error) {
	k.data = in.fingerprint(set)
	if sig, ok := in.seals.get(k); ok {
		return sig, nil
	}
	sig, err := k.key.Sign(set, k.signer, time.Unix(k.inception, 0), time.Unix(k.expiration, 0), rand.Reader)
	if err != nil {
		return wire.Record{}, fmt.Errorf("zone %s: %w", k.zone.name, err)
	}
	if k.broken {
		sig.Data = slices.Clone(sig.Data)
		sig.Data[len(sig.Data)-1] ^= 0x55
	}
	in.seals.put(k, sig)
	return sig, nil
}

func (in *Internet) fingerprint(set []wire.Record) uint64 {
	var h maphash.Hash
	h.SetSeed(in.hashSeed)
	for _, r := range set {
		maphash.WriteComparable(&h, r.TTL)
		h.WriteByte(0)
		h.Write(r.Data)
	}
	return h.Sum64()
}
