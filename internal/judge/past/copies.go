package past

import (
	"bytes"
	"slices"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// keyCopy is what one server shows of the zone's keys.
type keyCopy struct {
	chain   *judge.ServerChain
	ids     []string               // of its zone keys, revoked ones included, in their order
	keys    map[string]wire.DNSKEY // those by ID
	byTag   map[tagged][]string    // IDs of those that may sign
	members []string               // IDs of those that may sign
	signers []string               // of the DNSKEY RRset
	ttl     uint32
	expires time.Time
	data    holdfast.EditionPast // who signs the zone's data; no Signers where it is not known
}

type tagged struct {
	tag       uint16
	algorithm uint8
}

// copies are what the servers show at this look: of those that answered for
// their keys, leaving out whoever has an old copy of the zone or one that does
// not validate while another's does. Trouble of single servers is no rollover.
func copies(c *judge.Case) []*keyCopy {
	var out []*keyCopy
	secure := false
	for i := range c.Chain.Servers {
		sc := &c.Chain.Servers[i]
		if !sc.KeysAnswered || sc.KeyReply < 0 || !fresh(c, c.Reply(sc.KeyReply).Exchange) || len(sc.Keys) > maxKeys {
			continue
		}
		out = append(out, newCopy(c, sc))
		secure = secure || sc.Status == holdfast.Secure
	}
	if secure {
		out = slices.DeleteFunc(out, func(v *keyCopy) bool { return v.chain.Status != holdfast.Secure })
	}
	return current(c, out)
}

// current leaves out the copies with an older serial than the newest, but for
// those of another signer, who counts for himself (RFC 8901 section 2.1.2).
func current(c *judge.Case, all []*keyCopy) []*keyCopy {
	var newest *keyCopy
	var highest uint32
	for _, v := range all {
		soa, ok := c.SOA(v.chain.Server)
		if ok && (newest == nil || wire.CompareSerial(soa.Serial, highest) > 0) {
			newest, highest = v, soa.Serial
		}
	}
	return slices.DeleteFunc(all, func(v *keyCopy) bool {
		soa, ok := c.SOA(v.chain.Server)
		return ok && wire.CompareSerial(soa.Serial, highest) < 0 && !v.apart(newest)
	})
}

// apart says whether two copies are of two signers: both validate, and no key
// signs the keys of both.
func (v *keyCopy) apart(other *keyCopy) bool {
	trusted := v.chain.Status == holdfast.Secure && other.chain.Status == holdfast.Secure
	return trusted && !slices.ContainsFunc(v.signers, func(id string) bool { return slices.Contains(other.signers, id) })
}

func newCopy(c *judge.Case, sc *judge.ServerChain) *keyCopy {
	v := &keyCopy{chain: sc, keys: make(map[string]wire.DNSKEY), byTag: make(map[tagged][]string)}
	for _, k := range sc.Keys {
		if k.Flags&wire.FlagZone == 0 || k.Protocol != 3 {
			continue
		}
		id := KeyID(k.DNSKEY)
		if _, twice := v.keys[id]; !twice {
			v.ids = append(v.ids, id)
		}
		if v.keys[id] = k.DNSKEY; k.IsZoneKey() && !slices.Contains(v.members, id) {
			t := tagged{k.Tag, k.Algorithm}
			v.byTag[t] = append(v.byTag[t], id)
			v.members = append(v.members, id)
		}
	}
	if set := c.Answer(c.Reply(sc.KeyReply), c.Zone, wire.TypeDNSKEY); set != nil {
		v.ttl = set.TTL
		v.signers, v.expires = v.read(c, set)
	}
	v.readData(c)
	return v
}

// read finds who signs an RRset, and when the last of the signatures expires.
// Of keys with one tag and algorithm all count as signing: no blame may rest on
// which of them it was.
func (v *keyCopy) read(c *judge.Case, set *judge.RRset) (signers []string, expires time.Time) {
	for _, sig := range set.RRSIGs {
		ids := v.byTag[tagged{sig.KeyTag, sig.Algorithm}]
		if len(ids) == 0 || sig.Signer != c.Zone {
			continue
		}
		for _, id := range ids {
			if !slices.Contains(signers, id) {
				signers = append(signers, id)
			}
		}
		if _, dies := sig.Times(c.Instant); dies.After(expires) {
			expires = dies
		}
	}
	return signers, expires
}

// readData finds who signs the zone's data. The SOA stands for it: it is
// signed with every version, and asked for at every look. The TTL is the
// highest of what the same keys sign.
func (v *keyCopy) readData(c *judge.Case) {
	soa := v.soa(c)
	if soa == nil {
		return
	}
	signers, expires := v.read(c, soa)
	v.data = holdfast.EditionPast{Of: holdfast.ClassSOA, Signers: signers, TTL: soa.TTL, Expires: expires}
	for _, purpose := range []holdfast.Purpose{holdfast.PurposeNS, holdfast.PurposeNXDomain, holdfast.PurposeNoData} {
		r, ok := c.At(v.chain.Server, purpose)
		if !ok {
			continue
		}
		for _, set := range slices.Concat(c.Sets(r).Answer, c.Sets(r).Authority) {
			by, until := v.read(c, set)
			if len(by) == 0 || slices.ContainsFunc(by, func(id string) bool { return !slices.Contains(signers, id) }) {
				continue
			}
			v.data.TTL = max(v.data.TTL, set.TTL)
			if until.After(v.data.Expires) {
				v.data.Expires = until
			}
		}
	}
}

func (v *keyCopy) soa(c *judge.Case) *judge.RRset {
	for _, purpose := range []holdfast.Purpose{holdfast.PurposeSOA, holdfast.PurposeSOATCP} {
		r, ok := c.At(v.chain.Server, purpose)
		if !ok || !fresh(c, r.Exchange) {
			continue
		}
		if set := c.Answer(r, c.Zone, wire.TypeSOA); set != nil {
			return set
		}
	}
	return nil
}

// edition is the copy's DNSKEY RRset.
func (v *keyCopy) edition() holdfast.EditionPast {
	return holdfast.EditionPast{Of: holdfast.ClassDNSKEY, Members: v.members, Signers: v.signers, TTL: v.ttl, Expires: v.expires}
}

// named is the ID of the key that a DS names, revoked or not; empty where there is none.
func (v *keyCopy) named(zone holdfast.Name, ds holdfast.DS) string {
	for _, id := range v.ids {
		k := v.keys[id]
		k.Flags &^= wire.FlagRevoke
		if k.Algorithm != ds.Algorithm || k.KeyTag() != ds.KeyTag {
			continue
		}
		if made, err := k.Digest(zone, ds.DigestType); err == nil && bytes.Equal(made.Digest, ds.Digest) {
			return id
		}
	}
	return ""
}
