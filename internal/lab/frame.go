package lab

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// frame is a zone as one server shows it at one instant: the content bent by
// the faults in force. Answers and whole zones are both read from it.
type frame struct {
	in      *Internet
	zone    *zone
	server  *server // nil: the zone's primary
	view    *view
	now     time.Time
	made    time.Time // when the copy was made
	moment  moment    // of the copy
	phase   int       // of the zone's keys, then
	keys    *keyState // of that phase
	content *content
	baked   *baked // nil: signatures and proofs are made as they are asked for
	failed  error  // why there is no answer
	// provider is whose copy it is: 0 is the zone's own, 1 its partner's.
	provider int
}

func (in *Internet) newFrame(z *zone, s *server, now time.Time) *frame {
	v := in.viewOf(s, z.name, now)
	f := &frame{in: in, zone: z, server: s, view: v, now: now, made: v.instant(now), content: z.content}
	f.moment, f.phase = z.schedule.at(f.made), z.phaseAt(f.made)
	f.keys = &z.phases[f.phase].state
	if s != nil && z.servedByPartner(s) {
		f.provider = 1
	}
	if f.bake(); f.baked != nil {
		f.content = f.baked.content
	}
	return f
}

// signed says whether this copy has signatures at all.
func (f *frame) signed() bool {
	if f.baked != nil {
		return f.baked.signed
	}
	return f.keys.signed && !f.view.unsigned
}

// uses are what this copy does with the zone's keys.
func (f *frame) uses() []keyUse { return f.keys.copies[f.provider] }

// servedByPartner says whether a server is one of a second provider's.
func (z *zone) servedByPartner(s *server) bool {
	return slices.ContainsFunc(z.partners, func(h Host) bool { return slices.Contains(h.Addresses, s.addr) })
}

// nameServers leaves the partner's servers out of an NS RRset where they are
// not in it yet, or any more.
func (z *zone) nameServers(set []wire.Record, at time.Time) []wire.Record {
	if len(z.partners) == 0 || z.keysAt(at).partner {
		return set
	}
	return slices.DeleteFunc(slices.Clone(set), func(r wire.Record) bool {
		target, err := r.Target()
		return err == nil && slices.ContainsFunc(z.partners, func(h Host) bool { return h.Name == target })
	})
}

// delegation is the view of a child at this server.
func (f *frame) delegation(child holdfast.Name) *view {
	if f.in.zones[child] == nil {
		return healthy
	}
	return f.in.viewOf(f.server, child, f.now)
}

// set is the RRset of a name and type in this copy; nil where there is none.
func (f *frame) set(name holdfast.Name, t wire.Type) ([]wire.Record, error) {
	n := f.content.nodes[name]
	switch {
	case n == nil:
		return nil, nil
	case f.baked != nil:
		return n.sets[t], nil
	case f.view.dots && t == wire.TypeNS:
		return f.withoutDots(n.sets[t])
	case name == f.zone.name:
		return f.apexSet(n, t)
	case n.cut && t == wire.TypeDS:
		return f.dsSet(name)
	case n.cut && t == wire.TypeNS && f.in.zones[name] != nil:
		set := f.in.zones[name].nameServers(n.sets[t], f.made)
		if f.delegation(name).parentDiffers && len(set) > 1 {
			set = set[1:]
		}
		return set, nil
	case f.view.glue && (t == wire.TypeA || t == wire.TypeAAAA) && !n.below:
		return f.otherAddresses(name, n.sets[t]), nil
	}
	return n.sets[t], nil
}

func (f *frame) apexSet(n *node, t wire.Type) ([]wire.Record, error) {
	z := f.zone
	soa := n.sets[wire.TypeSOA][0]
	signing := z.signing
	switch t {
	case wire.TypeSOA:
		return f.soa(soa)
	case wire.TypeNS:
		return f.apexNS(z.nameServers(n.sets[t], f.made))
	case wire.TypeDNSKEY:
		if f.signed() && !f.view.noDNSKEY {
			set, err := f.dnskeys(z.keyTTL(soa.TTL))
			for _, r := range n.sets[t] {
				set = append(set, wire.NewRecord(r.Name, t, z.keyTTL(soa.TTL), r.Data))
			}
			return set, err
		}
		return nil, nil
	case wire.TypeCDNSKEY:
		if f.signed() && !signing.NoCDS {
			return z.cdnskeys(f.keys, z.keyTTL(soa.TTL))
		}
		return n.sets[t], nil
	case wire.TypeCDS:
		if f.signed() && !signing.NoCDS {
			return z.cds(f.keys, z.keyTTL(soa.TTL))
		}
		return n.sets[t], nil
	case wire.TypeNSEC3PARAM:
		return f.nsec3Param(), nil
	case wire.TypeZONEMD:
		if signing.ZONEMD {
			return f.in.digestOf(f)
		}
		return nil, nil
	}
	return n.sets[t], nil
}

// dnskeys is the DNSKEY RRset of this copy.
func (f *frame) dnskeys(ttl uint32) ([]wire.Record, error) {
	set, err := f.zone.dnskeys(f.uses(), ttl)
	if err == nil && f.view.collision {
		set, err = f.collide(set, ttl)
	}
	if err == nil && f.view.cutKey {
		last := &set[len(set)-1]
		last.Data = last.Data[:len(last.Data)-4]
	}
	return set, err
}

// nsec3Param is the NSEC3PARAM RRset of this copy. Its flags are zero,
// whatever opt-out says (RFC 5155 section 4.1.2).
func (f *frame) nsec3Param() []wire.Record {
	h := f.hashing()
	if h == nil || !f.signed() {
		return nil
	}
	param := wire.NSEC3PARAM{Hash: 1, Iterations: h.Iterations, Salt: h.Salt}
	if f.view.otherParam {
		param.Salt = append(slices.Clone(h.Salt), 0x5a)
	}
	return []wire.Record{wire.NewNSEC3PARAM(f.zone.name, 0, param)}
}

// hashing is how this copy hashes the names it denies; nil for NSEC.
func (f *frame) hashing() *NSEC3 {
	switch h := f.zone.signing.NSEC3; {
	case f.baked != nil:
		return f.baked.chain.hashed
	case !f.view.otherChain:
		return h
	case h != nil:
		return nil
	}
	return &NSEC3{}
}

// denial is the chain by which this copy denies.
func (f *frame) denial() (*chain, error) {
	if f.baked != nil {
		return f.baked.chain, nil
	}
	if f.view.otherChain {
		return f.zone.otherChain.get(f.in, f.zone, f.hashing())
	}
	return f.zone.chain.get(f.in, f.zone, f.hashing())
}

func (f *frame) soa(template wire.Record) ([]wire.Record, error) {
	soa, err := template.SOA()
	if err != nil {
		return nil, fmt.Errorf("zone %s: %w", f.zone.name, err)
	}
	m := f.moment
	if f.view.serialBack {
		m = f.zone.schedule.at(f.view.instant(f.now).Add(-7 * 24 * time.Hour))
		if m == f.moment {
			m = f.zone.schedule.at(f.zone.schedule.published(f.moment).Add(-time.Second))
		}
	}
	soa.Serial = f.zone.schedule.serial(m)
	if f.view.jump {
		soa.Serial += 1<<31 - 1
	}
	if f.view.sameSerial {
		soa.Refresh++
	}
	out, err := wire.NewSOA(template.Name, template.TTL, soa)
	if err != nil || !f.view.twoSOAs {
		return []wire.Record{out}, err
	}
	soa.Serial--
	second, err := wire.NewSOA(template.Name, template.TTL, soa)
	return []wire.Record{out, second}, err
}

func (f *frame) apexNS(set []wire.Record) ([]wire.Record, error) {
	if !f.view.nsMismatch || len(set) == 0 {
		return set, nil
	}
	if len(set) > 1 {
		return set[:len(set)-1], nil
	}
	extra, err := wire.NewTarget(f.zone.name, wire.TypeNS, set[0].TTL, childOf("elsewhere", f.zone.name))
	return append(slices.Clone(set), extra), err
}

// dsSet is what this copy of the parent publishes of a child's keys.
func (f *frame) dsSet(child holdfast.Name) ([]wire.Record, error) {
	n := f.content.nodes[child]
	z := f.in.zones[child]
	if z == nil {
		return n.sets[wire.TypeDS], nil
	}
	ttl := z.dsTTL(n)
	v := f.delegation(child)
	if v.dsMissing {
		return nil, nil
	}
	set, err := z.ds(z.keysAt(f.made), ttl)
	if v.dsUnknown {
		for i := range set {
			set[i].Data[2] = unknownAlgorithm
		}
	}
	if err != nil || !(v.dsMismatch || v.dsExtra || v.parentDiffers) {
		return set, err
	}
	if v.dsMismatch {
		set = nil
	}
	if !z.signed() && !v.dsMismatch {
		return set, nil
	}
	stray, err := z.strayKey(0)
	if err != nil {
		return nil, err
	}
	digest, err := stray.DNSKEY.Digest(child, z.signing.Digests[0])
	return append(set, wire.NewDS(child, ttl, digest)), err
}

// keyTTL is the TTL of the DNSKEY RRset; without a word in the plan it is that
// of the SOA.
func (z *zone) keyTTL(soa uint32) uint32 {
	if z.ttl.DNSKEY > 0 {
		return ttlOf(z.ttl.DNSKEY)
	}
	return soa
}

// dsTTL is the TTL of the zone's DS in its parent, where cut is; without a word
// in the plan it is that of the delegation.
func (z *zone) dsTTL(cut *node) uint32 {
	if z.ttl.DS > 0 {
		return ttlOf(z.ttl.DS)
	}
	ttl := uint32(delegationTTL)
	if ns := cut.sets[wire.TypeNS]; len(ns) > 0 {
		ttl = min(ttl, ns[0].TTL)
	}
	return ttl
}

// unknownAlgorithm is one that IANA has not assigned; the third octet of a DS
// says it (RFC 4034 section 5.1).
const unknownAlgorithm = 200

// otherAddresses are wrong addresses for a name server of the zone: those of
// another server of the zone where there is one, so that nothing else breaks.
func (f *frame) otherAddresses(name holdfast.Name, set []wire.Record) []wire.Record {
	hosts := f.zone.hosts
	i := slices.IndexFunc(hosts, func(h Host) bool { return h.Name == name })
	if i < 0 || len(set) == 0 {
		return set
	}
	right, _ := set[0].Address()
	for step := range len(hosts) - 1 {
		for _, addr := range hosts[(i+1+step)%len(hosts)].Addresses {
			if addr != right && addr.Is4() == right.Is4() {
				return []wire.Record{wire.NewAddress(name, set[0].TTL, addr)}
			}
		}
	}
	octets := right.AsSlice()
	octets[len(octets)-1] ^= 1
	wrong, _ := netip.AddrFromSlice(octets)
	return []wire.Record{wire.NewAddress(name, set[0].TTL, wrong)}
}

// apexTypes are the types that the lab may add at a zone's apex.
var apexTypes = []wire.Type{wire.TypeDNSKEY, wire.TypeNSEC3PARAM, wire.TypeCDS, wire.TypeCDNSKEY}

// types are those present at a name, for the bitmaps of denial; without NSEC
// and RRSIG.
func (f *frame) types(name holdfast.Name) ([]wire.Type, error) {
	n := f.content.nodes[name]
	if n == nil {
		return nil, nil
	}
	if f.baked != nil {
		return f.baked.types(name), nil
	}
	var out []wire.Type
	if n.cut { // addresses at the cut are glue; NS and DS are all that is the parent's
		out = append(out, wire.TypeNS)
		set, err := f.dsSet(name)
		if len(set) > 0 {
			out = append(out, wire.TypeDS)
		}
		return out, err
	}
	for t := range n.sets {
		out = append(out, t)
	}
	if name == f.zone.name {
		if f.zone.signing.ZONEMD {
			out = append(out, wire.TypeZONEMD)
		}
		for _, t := range apexTypes {
			set, err := f.apexSet(n, t)
			if err != nil {
				return nil, err
			}
			if len(set) > 0 {
				out = append(out, t)
			}
		}
	}
	slices.Sort(out)
	return out, nil
}

// negativeTTL is the TTL of negative answers and of the proofs in them
// (RFC 2308 section 5, RFC 9077 section 3).
func (f *frame) negativeTTL() uint32 {
	set := f.content.set(f.zone.name, wire.TypeSOA)
	if len(set) == 0 { // of a zone served as it is
		return hostTTL
	}
	record := set[0]
	soa, err := record.SOA()
	if err != nil {
		return record.TTL
	}
	return min(soa.NegativeMinTTL, record.TTL)
}

// link is the NSEC or NSEC3 of one place in the zone's chain. Its list has the
// types at the name, and those that a fault puts there also.
func (f *frame) link(c *chain, index int, also ...wire.Type) (wire.Record, error) {
	if f.baked != nil {
		return f.baked.links[index], nil
	}
	types, err := f.types(c.owners[index])
	if err != nil {
		return wire.Record{}, err
	}
	record, err := c.link(f.zone.name, index, append(types, also...), f.negativeTTL())
	if err != nil || len(f.view.proofs) == 0 || c.owners[index] != f.zone.name {
		return record, err
	}
	return f.bend(c, index, record)
}
