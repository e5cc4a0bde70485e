package lab

import (
	"cmp"
	"crypto/sha512"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// transferKey names a whole zone as one server shows it. Views of delegations
// are in it through book: a zone's copy holds every child's DS.
type transferKey struct {
	zone     *zone
	view     int
	moment   moment
	book     *book
	passed   int // beginnings and ends of the book's faults that lie behind
	server   *server
	provider int
}

// TrustAnchors are the root's key-signing keys, as DNSKEY and as DS records:
// those of the beginning, and those that its rollovers have published since, as
// IANA's file of trust anchors would have them.
func (in *Internet) TrustAnchors() ([]wire.Record, error) {
	root := in.zones[holdfast.Root]
	if root.presigned != nil {
		return root.presignedAnchors()
	}
	var out []wire.Record
	for _, u := range root.anchors(in.clock.Now()) {
		key, err := root.key(u)
		if err != nil {
			return nil, err
		}
		out = append(out, wire.NewDNSKEY(holdfast.Root, delegationTTL, key.DNSKEY))
		ds, err := key.DNSKEY.Digest(holdfast.Root, 2)
		if err != nil {
			return nil, fmt.Errorf("trust anchor: %w", err)
		}
		out = append(out, wire.NewDS(holdfast.Root, delegationTTL, ds))
	}
	return out, nil
}

// anchors are the keys that have signed the DNSKEY RRset up to an instant, and
// are not revoked then.
func (z *zone) anchors(now time.Time) []keyUse {
	var out []keyUse
	for i, p := range z.phases {
		if i > 0 && p.at.After(now) {
			break
		}
		for _, u := range p.state.copies[0] {
			same := func(old keyUse) bool { return old.id == u.id }
			switch {
			case u.revoked:
				out = slices.DeleteFunc(out, same)
			case u.keys && u.published && !slices.ContainsFunc(out, same):
				out = append(out, u)
			}
		}
	}
	return out
}

// presignedAnchors are the DNSKEY RRset and its DS.
func (z *zone) presignedAnchors() ([]wire.Record, error) {
	out := slices.Clone(z.presigned.get(z.name).content.set(z.name, wire.TypeDNSKEY))
	ds, err := z.presigned.ds(z.name, delegationTTL)
	return append(out, ds...), err
}

// RootHints are the root's servers.
func (in *Internet) RootHints() []holdfast.Server { return in.Servers(holdfast.Root) }

// RootHintsFile is the root's servers in the form of IANA's named.root.
func (in *Internet) RootHintsFile() string {
	var b strings.Builder
	for _, h := range in.zones[holdfast.Root].hosts {
		fmt.Fprintf(&b, "%-24s 3600000      NS    %s\n", ".", h.Name)
		for _, addr := range h.Addresses {
			fmt.Fprintf(&b, "%-24s 3600000      %-5s %s\n", h.Name, wire.NewAddress(h.Name, 0, addr).Type, addr)
		}
	}
	return b.String()
}

// Delegation is what the parent publishes of a zone while nothing is wrong.
func (in *Internet) Delegation(zone holdfast.Name) (holdfast.Delegation, error) {
	z := in.zones[zone]
	if z == nil {
		return holdfast.Delegation{}, fmt.Errorf("delegation: the lab has no zone %s", zone)
	}
	out := holdfast.Delegation{}
	for _, h := range z.hosts {
		out.NS = append(out.NS, h.Name)
		if len(h.Addresses) > 0 && (z.parent == nil || h.Name.IsSubdomainOf(z.parent.name)) {
			if out.Glue == nil {
				out.Glue = map[holdfast.Name][]netip.Addr{}
			}
			out.Glue[h.Name] = slices.Clone(h.Addresses)
		}
	}
	set, err := z.ds(&z.phases[0].state, delegationTTL)
	if err != nil {
		return out, err
	}
	for _, r := range set {
		ds, err := r.DS()
		if err != nil {
			return out, err
		}
		out.DS = append(out.DS, ds)
	}
	return out, nil
}

// RootZone is the complete signed root zone at an instant; see SignedZone.
func (in *Internet) RootZone(at time.Time) ([]wire.Record, error) {
	return in.SignedZone(holdfast.Root, at)
}

// SignedZone is a complete zone as its primary has it at an instant: every
// record with its signatures, the chain of NSEC or NSEC3, and the ZONEMD where
// the plan asks for one. Faults of every server ("*") show in it. The SOA comes
// first, the rest in canonical order.
func (in *Internet) SignedZone(zone holdfast.Name, at time.Time) ([]wire.Record, error) {
	z := in.zones[zone]
	if z == nil {
		return nil, fmt.Errorf("signed zone: the lab has no zone %s", zone)
	}
	return in.whole(in.newFrame(z, nil, at))
}

// whole makes, or finds, a whole zone. It is kept for a while, for its ZONEMD
// is true only of the very signatures that are in it.
func (in *Internet) whole(f *frame) ([]wire.Record, error) {
	if f.failed != nil || f.baked != nil {
		return f.wholeBaked()
	}
	key := f.transferKey()
	if records, ok := in.transfers.get(key); ok {
		return records, nil
	}
	records, err := f.records()
	if err != nil {
		return nil, fmt.Errorf("whole zone %s: %w", f.zone.name, err)
	}
	in.transfers.put(key, records)
	return records, nil
}

func (f *frame) transferKey() transferKey {
	key := transferKey{zone: f.zone, view: f.view.id, moment: f.moment, book: f.in.orders.Load(), server: f.server, provider: f.provider}
	if len(key.book.all) > 0 {
		key.passed = key.book.passed(f.now)
	} else {
		key.server = nil
	}
	return key
}

// wholeBaked is a zone served as it is, its SOA first.
func (f *frame) wholeBaked() ([]wire.Record, error) {
	if f.failed != nil {
		return nil, f.failed
	}
	out := slices.Clone(f.baked.records)
	if i := slices.IndexFunc(out, func(r wire.Record) bool { return r.Type == wire.TypeSOA }); i > 0 {
		soa := out[i]
		copy(out[1:], out[:i])
		out[0] = soa
	}
	return out, nil
}

// records puts the zone together.
func (f *frame) records() ([]wire.Record, error) {
	var out []wire.Record
	for _, name := range f.content.order {
		types, err := f.types(name)
		if err != nil {
			return nil, err
		}
		for _, t := range types {
			if t == wire.TypeZONEMD {
				continue
			}
			set, err := f.set(name, t)
			if err != nil {
				return nil, err
			}
			if out, err = f.signedSet(out, set); err != nil {
				return nil, err
			}
		}
	}
	out = append(out, f.glue()...)
	out, err := f.chainRecords(out)
	if err != nil {
		return nil, err
	}
	if f.zone.signing.ZONEMD {
		if out, err = f.addDigest(out); err != nil {
			return nil, err
		}
	}
	sortZone(out)
	// A zone is written and transferred with its SOA first.
	i := slices.IndexFunc(out, func(r wire.Record) bool { return r.Type == wire.TypeSOA && r.Name == f.zone.name })
	soa := out[i]
	copy(out[1:], out[:i])
	out[0] = soa
	return out, nil
}

// signedSet appends an RRset and its signatures. The NS of a delegation is
// not the parent's to sign (RFC 4035 section 2.2).
func (f *frame) signedSet(out, set []wire.Record) ([]wire.Record, error) {
	if len(set) == 0 {
		return out, nil
	}
	start, factor := len(out), f.stretch(set)
	defer func() {
		for i := range out[start:] {
			out[start+i].TTL *= factor
		}
	}()
	out = append(out, set...)
	if n := f.content.nodes[set[0].Name]; n != nil && n.cut && set[0].Type == wire.TypeNS {
		return out, nil
	}
	sigs, err := f.sign(set)
	for _, sig := range sigs {
		sig.TTL = f.sigTTL(sig.TTL)
		out = append(out, sig)
	}
	return out, err
}

// glue is what lies at and beneath the cuts and is not the zone's own.
func (f *frame) glue() []wire.Record {
	var out []wire.Record
	for _, n := range f.content.nodes {
		if n.below || n.cut {
			out = append(out, n.sets[wire.TypeA]...)
			out = append(out, n.sets[wire.TypeAAAA]...)
		}
	}
	return out
}

func (f *frame) chainRecords(out []wire.Record) ([]wire.Record, error) {
	if !f.signed() || f.view.noProof {
		return out, nil
	}
	c, err := f.denial()
	if err != nil {
		return nil, err
	}
	for i := range c.owners {
		record, err := f.link(c, i)
		if err != nil {
			return nil, err
		}
		if out, err = f.signedSet(out, []wire.Record{record}); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// addDigest computes the zone's digest over all the records and adds it,
// signed.
func (f *frame) addDigest(records []wire.Record) ([]wire.Record, error) {
	sortZone(records)
	current, err := f.set(f.zone.name, wire.TypeSOA)
	if err != nil {
		return nil, err
	}
	soa, err := current[0].SOA()
	if err != nil {
		return nil, err
	}
	h := sha512.New384()
	for i, r := range records {
		if i > 0 && r.Name == records[i-1].Name && r.Type == records[i-1].Type && slices.Equal(r.Data, records[i-1].Data) {
			continue
		}
		name, err := wire.PackName(r.Name)
		if err != nil {
			return nil, err
		}
		data := r.Canonical()
		h.Write(name)
		head := binary.BigEndian.AppendUint16(nil, uint16(r.Type))
		head = binary.BigEndian.AppendUint16(head, r.Class)
		head = binary.BigEndian.AppendUint32(head, r.TTL)
		h.Write(binary.BigEndian.AppendUint16(head, uint16(len(data))))
		h.Write(data)
	}
	digest := wire.ZONEMD{Serial: soa.Serial, Scheme: 1, Hash: 1, Digest: h.Sum(nil)}
	switch f.view.digest {
	case ZONEMDSerial:
		digest.Serial--
	case ZONEMDUnknown:
		digest.Scheme, digest.Hash = 241, 241 // of the private ranges (RFC 8976 sections 5.2 and 5.3)
	}
	return f.signedSet(records, []wire.Record{wire.NewZONEMD(f.zone.name, current[0].TTL, digest)})
}

// digestOf is the ZONEMD RRset of a copy; the whole zone has to be made for it.
func (in *Internet) digestOf(f *frame) ([]wire.Record, error) {
	records, err := in.whole(f)
	if err != nil {
		return nil, err
	}
	for _, r := range records {
		if r.Type == wire.TypeZONEMD && r.Name == f.zone.name {
			return []wire.Record{r}, nil
		}
	}
	return nil, nil
}

// sortZone puts records into canonical order (RFC 4034 section 6), the types
// of a name by number, as RFC 8976 section 3.3.2 has it.
func sortZone(records []wire.Record) {
	keys := map[holdfast.Name]string{}
	for _, r := range records {
		if _, ok := keys[r.Name]; !ok {
			keys[r.Name] = canonicalKey(r.Name)
		}
	}
	slices.SortFunc(records, func(a, b wire.Record) int {
		if a.Name == b.Name {
			return cmp.Or(cmp.Compare(a.Type, b.Type), slices.Compare(a.Canonical(), b.Canonical()))
		}
		return strings.Compare(keys[a.Name], keys[b.Name])
	})
}
