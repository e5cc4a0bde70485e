package lab

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// baked is a zone that is served as its records are, signatures and proofs
// included, with whatever is wrong in them: one that came signed, or one that a
// test has changed after its signing.
type baked struct {
	records []wire.Record
	content *content
	sigs    map[setKey][]wire.Record
	chain   *chain
	links   []wire.Record // NSEC or NSEC3, by place in the chain
	signed  bool
}

type setKey struct {
	name holdfast.Name
	t    wire.Type
}

// mutation is a change of a signed zone.
type mutation struct {
	change func([]wire.Record) []wire.Record
}

// bakeKey names a whole zone as one server shows it, changed.
type bakeKey struct {
	transferKey
	*mutation
}

// Mutate has a zone served after its signing with its records changed, and
// nothing signed or proved anew: what change makes of the whole zone, as
// SignedZone gives it, is what the servers show, and transfer. It is called
// once for each version of the zone, fault and server that shows another copy,
// may be called from many goroutines, and must make the same of the same. It
// owns the slice, not the records' data. nil ends it.
func (in *Internet) Mutate(zone holdfast.Name, change func([]wire.Record) []wire.Record) error {
	z := in.zones[zone]
	if z == nil {
		return fmt.Errorf("mutate: the lab has no zone %s", zone)
	}
	if change == nil {
		z.mutation.Store(nil)
		return nil
	}
	z.mutation.Store(&mutation{change})
	return nil
}

// bake has the frame show the zone as its records are, where that is wanted.
func (f *frame) bake() {
	z := f.zone
	if z.presigned != nil {
		f.baked = z.presigned.get(z.name)
	}
	m := z.mutation.Load()
	if m == nil {
		return
	}
	key := bakeKey{f.transferKey(), m}
	b, ok := f.in.bakes.get(key)
	if !ok {
		records, err := f.in.whole(f)
		if err != nil {
			f.failed = err
			return
		}
		b = newBaked(z.name, m.change(slices.Clone(records)))
		f.in.bakes.put(key, b)
	}
	f.baked = b
}

// presigned is a zone that came signed.
type presigned struct {
	records []wire.Record
	island  bool
	digests []uint8

	once  sync.Once
	baked *baked // owned by once
}

func (p *presigned) get(zone holdfast.Name) *baked {
	p.once.Do(func() { p.baked = newBaked(zone, p.records) })
	return p.baked
}

// ds are the DS of the keys with the SEP flag, or where there are none of all.
func (p *presigned) ds(zone holdfast.Name, ttl uint32) ([]wire.Record, error) {
	var keys, seps []wire.DNSKEY
	for _, r := range p.records {
		if r.Type != wire.TypeDNSKEY || r.Name != zone || p.island {
			continue
		}
		key, err := r.DNSKEY()
		if err != nil {
			continue // a DNSKEY without the fields of one has no DS
		}
		if keys = append(keys, key); key.Flags&wire.FlagSEP != 0 && key.Flags&flagRevoke == 0 {
			seps = append(seps, key)
		}
	}
	if len(seps) > 0 {
		keys = seps
	}
	var out []wire.Record
	for _, key := range keys {
		for _, digest := range p.digests {
			ds, err := key.Digest(zone, digest)
			if err != nil {
				return nil, fmt.Errorf("DS of %s: %w", zone, err)
			}
			out = append(out, wire.NewDS(zone, ttl, ds))
		}
	}
	return out, nil
}

// newBaked indexes a zone's records for answering, true or not.
func newBaked(zone holdfast.Name, records []wire.Record) *baked {
	b := &baked{records: records, content: newContent(zone), sigs: map[setKey][]wire.Record{}, chain: &chain{}}
	var nsec, nsec3 []wire.Record
	for _, r := range records {
		switch {
		case !r.Name.IsSubdomainOf(zone):
			continue
		case r.Type == wire.TypeRRSIG:
			if b.signed = true; len(r.Data) >= 2 {
				key := setKey{r.Name, wire.Type(uint16(r.Data[0])<<8 | uint16(r.Data[1]))}
				b.sigs[key] = append(b.sigs[key], r)
			}
		case r.Type == wire.TypeNSEC:
			nsec = append(nsec, r)
		case r.Type == wire.TypeNSEC3:
			nsec3 = append(nsec3, r)
		default:
			n := b.content.nodes[r.Name]
			if n == nil {
				n = &node{sets: map[wire.Type][]wire.Record{}}
				b.content.nodes[r.Name] = n
			}
			n.sets[r.Type] = append(n.sets[r.Type], r)
		}
	}
	b.content.freeze()
	if len(nsec) > 0 {
		b.chainOf(nsec, func(r wire.Record) (string, *NSEC3, bool) { return canonicalKey(r.Name), nil, true })
	} else {
		b.chainOf(nsec3, func(r wire.Record) (string, *NSEC3, bool) {
			data, err := r.NSEC3()
			hash, hashErr := wire.ParseHashLabel(r.Name, zone)
			return string(hash), &NSEC3{Iterations: data.Iterations, Salt: data.Salt, OptOut: data.OptOut}, err == nil && hashErr == nil
		})
	}
	return b
}

// chainOf puts the records of denial into the order in which they are found.
func (b *baked) chainOf(records []wire.Record, place func(wire.Record) (string, *NSEC3, bool)) {
	keys := make(map[holdfast.Name]string, len(records))
	links := make([]wire.Record, 0, len(records))
	for _, r := range records {
		key, hashed, ok := place(r)
		if !ok {
			continue // no server would find it either
		}
		if b.chain.hashed == nil {
			b.chain.hashed = hashed
		}
		keys[r.Name], links = key, append(links, r)
	}
	slices.SortStableFunc(links, func(a, b wire.Record) int { return strings.Compare(keys[a.Name], keys[b.Name]) })
	for _, r := range links {
		b.chain.owners = append(b.chain.owners, r.Name)
		b.chain.keys = append(b.chain.keys, keys[r.Name])
	}
	b.links = links
}

// types are those at a name, without NSEC and RRSIG.
func (b *baked) types(name holdfast.Name) []wire.Type {
	n := b.content.nodes[name]
	if n == nil {
		return nil
	}
	var out []wire.Type
	for t := range n.sets {
		if !n.cut || t == wire.TypeNS || t == wire.TypeDS {
			out = append(out, t)
		}
	}
	slices.Sort(out)
	return out
}

// pack makes a packet of a message. What the library refuses to write, for its
// data is not what its type wants, is written as it stands, uncompressed.
func pack(m *wire.Message) ([]byte, error) {
	if out, err := m.Pack(); err == nil {
		return out, nil
	}
	out := make([]byte, headerSize, 512)
	binary.BigEndian.PutUint16(out, m.ID)
	out[2] = 0x80
	if m.Authoritative {
		out[2] |= 4
	}
	out[3] = byte(m.Rcode & 15)
	out[5] = byte(len(m.Question))
	for _, q := range m.Question {
		name, err := wire.PackName(q.Name)
		if err != nil {
			return nil, err
		}
		out = binary.BigEndian.AppendUint16(append(out, name...), q.Type)
		out = binary.BigEndian.AppendUint16(out, wire.ClassIN)
	}
	for i, section := range [][]wire.Record{m.Answer, m.Authority, m.Additional} {
		binary.BigEndian.PutUint16(out[6+2*i:], uint16(len(section)))
		for _, r := range section {
			name, err := wire.PackName(r.Name)
			if err != nil {
				return nil, err
			}
			out = binary.BigEndian.AppendUint16(append(out, name...), uint16(r.Type))
			out = binary.BigEndian.AppendUint16(out, r.Class)
			out = binary.BigEndian.AppendUint32(out, r.TTL)
			out = append(binary.BigEndian.AppendUint16(out, uint16(len(r.Data))), r.Data...)
		}
	}
	return out, nil
}
