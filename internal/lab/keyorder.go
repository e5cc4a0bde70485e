package lab

import (
	"fmt"
	"slices"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// NamedKey is a key of a zone whose keys are ordered by name, one order an
// instant, instead of being rolled as the RFCs want it.
type NamedKey struct {
	Name      string
	SEP       bool // it has the flag of a secure entry point, as a KSK does
	Algorithm Algorithm
	SameTag   string    // a key named before, whose key tag it is to have; "": none
	Key       *wire.Key // what it is; nil: the lab makes it, of that algorithm
}

// KeyOrder is what a zone shows of its named keys from an instant on. Nothing
// in it has to make sense: a key may sign unpublished, be revoked without its
// own signature, or be alone.
type KeyOrder struct {
	At   time.Time // in whole seconds; of the first order it does not matter
	Text string    // for people
	// Publish are the keys in the DNSKEY RRset, and Revoke those in it with the
	// REVOKE flag (RFC 5011 section 2.1), which may stand in both.
	Publish, Revoke []string
	Sign            []string // sign DNSKEY, CDS and CDNSKEY
	Data            []string // sign all else
	// DS are those that the parent speaks of; nil: the secure entry points that
	// sign and are not revoked.
	DS []string
}

// Bounds of what may be ordered of one zone.
const (
	maxNamedKeys = 64
	maxKeyOrders = 4096
)

// checkKeys says what is wrong with the named keys of a plan.
func (zp *ZonePlan) checkKeys() error {
	switch {
	case len(zp.Ring) == 0 && len(zp.Orders) == 0:
		return nil
	case len(zp.Ring) == 0 || len(zp.Orders) == 0:
		return fmt.Errorf("%d keys by name and %d orders of them: want both, or none", len(zp.Ring), len(zp.Orders))
	case len(zp.Ring) > maxNamedKeys || len(zp.Orders) > maxKeyOrders:
		return fmt.Errorf("%d keys by name and %d orders of them: want at most %d and %d", len(zp.Ring), len(zp.Orders), maxNamedKeys, maxKeyOrders)
	case len(zp.Rollovers) > 0 || len(zp.Partners) > 0 || zp.Presigned != nil:
		return fmt.Errorf("keys by name: the zone has rollovers, partners or signatures of its own also")
	case len(zp.Signing.Algorithms) > 0 || zp.Signing.CSK || zp.Signing.Unsigned:
		return fmt.Errorf("keys by name: alg, csk and unsigned say nothing of them")
	}
	var names []string
	for _, k := range zp.Ring {
		if err := k.check(names); err != nil {
			return fmt.Errorf("key %q: %w", k.Name, err)
		}
		names = append(names, k.Name)
	}
	for i, o := range zp.Orders {
		if err := o.check(names); err != nil {
			return fmt.Errorf("order %d of keys (%s): %w", i+1, o.Text, err)
		}
		if i > 1 && !o.At.After(zp.Orders[i-1].At) {
			return fmt.Errorf("order %d of keys (%s): at %s, which is not after the one before", i+1, o.Text, o.At.Format(time.RFC3339))
		}
	}
	return nil
}

func (k NamedKey) check(before []string) error {
	switch {
	case k.Name == "":
		return fmt.Errorf("want a name")
	case slices.Contains(before, k.Name):
		return fmt.Errorf("it is there twice")
	case k.SameTag != "" && !slices.Contains(before, k.SameTag):
		return fmt.Errorf("same-tag %q: no key of that name before it", k.SameTag)
	case k.SameTag != "" && k.Key != nil:
		return fmt.Errorf("same-tag %q: the key is made already", k.SameTag)
	case k.Key != nil:
		return nil
	}
	return Signing{Algorithms: []Algorithm{k.Algorithm}}.withDefaults().check()
}

func (o KeyOrder) check(names []string) error {
	if len(o.Publish)+len(o.Revoke) == 0 {
		return fmt.Errorf("want one key at least that is published")
	}
	for _, list := range [][]string{o.Publish, o.Sign, o.Revoke, o.Data, o.DS} {
		for i, name := range list {
			if !slices.Contains(names, name) {
				return fmt.Errorf("no key is called %q", name)
			}
			if slices.Contains(list[:i], name) {
				return fmt.Errorf("key %q stands there twice", name)
			}
		}
	}
	return nil
}

// obey works out the phases of a zone's keys from orders by name.
func (z *zone) obey(ring []NamedKey, orders []KeyOrder) {
	ids := map[string]int{}
	for i, k := range ring {
		ids[k.Name] = i
		next := &ringKey{algorithm: k.Algorithm, flags: wire.FlagZone, purpose: "named " + k.Name, name: k.Name, twinOf: -1}
		if k.SEP {
			next.flags |= wire.FlagSEP
		}
		if k.SameTag != "" {
			next.twinOf = ids[k.SameTag]
		}
		if k.Key != nil {
			next.given, next.flags = k.Key, k.Key.DNSKEY.Flags&^flagRevoke
			next.algorithm = Algorithm{Number: k.Key.DNSKEY.Algorithm, Bits: k.Algorithm.Bits}
		}
		z.ring = append(z.ring, next)
	}
	for i, o := range orders {
		state := z.ordered(o, ids)
		if i == 0 {
			z.phases = []phase{{text: o.Text, state: state}}
			continue
		}
		at := o.At.Truncate(time.Second).UTC()
		z.phases = append(z.phases, newPhase(at, o.Text, z.phases[i-1].state, state))
	}
}

// ordered is where the zone stands by one order.
func (z *zone) ordered(o KeyOrder, ids map[string]int) keyState {
	s := keyState{signed: true}
	var names []string
	for _, list := range [][]string{o.Publish, o.Revoke, o.Sign, o.Data} {
		for _, name := range list {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	speaksOf := o.DS
	for _, name := range names {
		u := keyUse{id: ids[name], keys: slices.Contains(o.Sign, name), data: slices.Contains(o.Data, name), revoked: slices.Contains(o.Revoke, name)}
		u.published = u.revoked || slices.Contains(o.Publish, name)
		s.copies[0] = append(s.copies[0], u)
		if o.DS == nil && u.keys && !u.revoked && z.ring[u.id].flags&wire.FlagSEP != 0 {
			speaksOf = append(speaksOf, name)
		}
	}
	if !z.signing.Island {
		for _, name := range speaksOf {
			s.ds = append(s.ds, ids[name])
		}
		s.cds = s.ds
	}
	return s
}

// Key is a key of a zone that is ordered by name, without REVOKE. It is made
// with the first call where it is not there yet.
func (in *Internet) Key(zone holdfast.Name, name string) (wire.DNSKEY, error) {
	z := in.zones[zone]
	if z == nil {
		return wire.DNSKEY{}, fmt.Errorf("key %s: the lab has no zone %s", name, zone)
	}
	i := slices.IndexFunc(z.ring, func(k *ringKey) bool { return k.name == name && name != "" })
	if i < 0 {
		return wire.DNSKEY{}, fmt.Errorf("key %s: zone %s has no key of that name", name, zone)
	}
	key, err := z.key(keyUse{id: i})
	if err != nil {
		return wire.DNSKEY{}, err
	}
	return key.DNSKEY, nil
}
