package lab

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/holdfastdns/holdfast/internal/wire"
)

// ringKey is one key of a zone, past, present or to come. It is made when it
// is first needed.
type ringKey struct {
	algorithm Algorithm
	flags     uint16
	purpose   string    // seeds its material
	name      string    // of a key that is ordered by name; "" otherwise
	twinOf    int       // the key whose tag it is to have; -1: none
	given     *wire.Key // what it is, where the plan brings it

	once    sync.Once
	key     *wire.Key // owned by once
	revoked *wire.Key // the same with the REVOKE flag; owned by once
	err     error     // owned by once

	strayOnce sync.Once
	stray     *wire.Key // of its algorithm, and never published; owned by strayOnce
	strayErr  error     // owned by strayOnce

	twinOnce sync.Once
	twin     *wire.Key // of its tag, and another key; owned by twinOnce
	twinErr  error     // owned by twinOnce
}

const flagRevoke = 0x80 // RFC 5011 section 2.1

// keyUse is what a copy of a zone does with a key.
type keyUse struct {
	id        int // in the ring
	published bool
	keys      bool // it signs DNSKEY, CDS and CDNSKEY
	data      bool // it signs all else
	revoked   bool
}

// keyState is where a zone stands with its keys.
type keyState struct {
	signed  bool
	copies  [2][]keyUse // as the zone's own servers have it, and its partner's
	ds      []int
	noKey   bool // the DS are of a key that there is not
	cds     []int
	delete  bool // CDS and CDNSKEY ask for the DS to go
	partner bool // the partner's servers are in the NS RRsets
}

func (s keyState) clone() keyState {
	s.copies = [2][]keyUse{slices.Clone(s.copies[0]), slices.Clone(s.copies[1])}
	s.ds, s.cds = slices.Clone(s.ds), slices.Clone(s.cds)
	return s
}

// phase is a zone's keys from one step of a rollover to the next.
type phase struct {
	at     time.Time // zero: from the beginning
	text   string
	state  keyState
	own    bool // the zone changed with it
	parent bool // the parent's copy did
	data   bool // the signatures over its data did
}

// phaseAt is the phase of an instant, as an index.
func (z *zone) phaseAt(at time.Time) int {
	i := len(z.phases) - 1
	for i > 0 && z.phases[i].at.After(at) {
		i--
	}
	return i
}

// keysAt is where the zone stands with its keys at an instant.
func (z *zone) keysAt(at time.Time) *keyState { return &z.phases[z.phaseAt(at)].state }

// changed is the last instant, up to phase i, at which something changed.
func (z *zone) changed(i int, what func(phase) bool) time.Time {
	for ; i > 0; i-- {
		if what(z.phases[i]) {
			return z.phases[i].at
		}
	}
	return time.Time{}
}

// key is a key of the ring, as a copy uses it.
func (z *zone) key(u keyUse) (*wire.Key, error) {
	k := z.ring[u.id]
	k.once.Do(func() {
		k.key, k.err = z.makeKey(k)
		if k.err == nil {
			revoked := *k.key
			revoked.DNSKEY.Flags |= flagRevoke
			revoked.Tag = revoked.DNSKEY.KeyTag()
			k.revoked = &revoked
		}
	})
	if u.revoked {
		return k.revoked, k.err
	}
	return k.key, k.err
}

func (z *zone) makeKey(k *ringKey) (*wire.Key, error) {
	if k.given != nil {
		key := *k.given
		key.DNSKEY.Flags &^= flagRevoke
		key.Tag = key.DNSKEY.KeyTag()
		return &key, nil
	}
	if k.twinOf < 0 {
		return z.newKey(k.algorithm, k.flags, k.purpose)
	}
	old, err := z.key(keyUse{id: k.twinOf})
	if err != nil {
		return nil, err
	}
	return z.newTwin(k, old.Tag)
}

func (z *zone) newKey(a Algorithm, flags uint16, purpose string) (*wire.Key, error) {
	key, err := wire.GenerateKey(a.Number, flags, a.Bits, z.random(purpose))
	if err != nil {
		return nil, fmt.Errorf("keys of %s: %w", z.name, err)
	}
	return key, nil
}

func (z *zone) newTwin(k *ringKey, tag uint16) (*wire.Key, error) {
	key, err := wire.GenerateKeyOfTag(k.algorithm.Number, k.flags, k.algorithm.Bits, tag, z.random(k.purpose+"twin"))
	if err != nil {
		return nil, fmt.Errorf("keys of %s: %w", z.name, err)
	}
	return key, nil
}

// strayKey is a key of the algorithm of a key of the ring that the zone never
// published.
func (z *zone) strayKey(id int) (*wire.Key, error) {
	k := z.ring[id]
	k.strayOnce.Do(func() {
		k.stray, k.strayErr = z.newKey(k.algorithm, wire.FlagZone|wire.FlagSEP, k.purpose+"stray")
	})
	return k.stray, k.strayErr
}

// twinKey is another key with the tag of a key of the ring.
func (z *zone) twinKey(u keyUse) (*wire.Key, error) {
	key, err := z.key(u)
	if err != nil {
		return nil, err
	}
	k := z.ring[u.id]
	k.twinOnce.Do(func() { k.twin, k.twinErr = z.newTwin(k, key.Tag) })
	return k.twin, k.twinErr
}
