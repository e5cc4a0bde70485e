package whole

import (
	"bytes"
	"encoding/binary"
	"slices"

	"github.com/holdfastdns/holdfast/internal/wire"
)

// state is how the zone stands to a name.
type state uint8

const (
	authoritative state = iota // the zone answers for it
	cut                        // a delegation: the zone answers for DS and NSEC only
	below                      // below a cut: glue, or occluded
	renamed                    // below a DNAME: occluded
)

// hidden says whether no server answers with what the zone says of the name.
func (s state) hidden() bool { return s == below || s == renamed }

// node is a name and what it owns.
type node struct {
	key     []byte
	state   state
	records []record // in canonical order
	// cut is the key of the delegation at or above the name; nil: none.
	cut []byte
	// wantedBy is the key of a delegation that names this name as its server;
	// nil: none does.
	wantedBy []byte
	// chained says that a chain of denial speaks of the name.
	chained bool
	// empty says that the name owns nothing, but stands above names that do
	// (an empty non-terminal); optional, that an opt-out span may hold it.
	empty, optional bool
}

// set is the records of one type at a name, nil where there are none.
func (n *node) set(t wire.Type) []record {
	from, there := slices.BinarySearchFunc(n.records, t, func(r record, t wire.Type) int { return int(r.typ) - int(t) })
	if !there {
		return nil
	}
	until := from
	for until < len(n.records) && n.records[until].typ == t {
		until++
	}
	return n.records[from:until]
}

func (n *node) has(t wire.Type) bool { return n.set(t) != nil }

// exists says whether the name owns anything but the machinery of denial: an
// NSEC3 record's hashed name is not itself in the chain (RFC 5155 section 7.1).
func (n *node) exists() bool {
	return slices.ContainsFunc(n.records, func(r record) bool {
		return r.typ != wire.TypeRRSIG && r.typ != wire.TypeNSEC && r.typ != wire.TypeNSEC3
	})
}

// wire is a record of the node as other rooms know records.
func (n *node) wire(r record) wire.Record {
	return wire.Record{Name: nameOf(n.key), Type: r.typ, Class: r.class, TTL: r.ttl, Data: r.data}
}

// wires are the records of a set as other rooms know them.
func (n *node) wires(t wire.Type) []wire.Record {
	var out []wire.Record
	for _, r := range n.set(t) {
		out = append(out, n.wire(r))
	}
	return out
}

// order puts data into canonical order where the entries' tails have disturbed
// it: data that begins with other data stands behind it (RFC 4034 section 6.3).
func (n *node) order() {
	compare := func(a, b record) int {
		if a.typ != b.typ {
			return int(a.typ) - int(b.typ)
		}
		return bytes.Compare(a.data, b.data)
	}
	if !slices.IsSortedFunc(n.records, compare) {
		slices.SortStableFunc(n.records, compare)
	}
	for i := 1; i < len(n.records); i++ {
		a, b := &n.records[i-1], &n.records[i]
		b.twin = a.typ == b.typ && bytes.Equal(a.data, b.data)
	}
}

// chunk is nodes that follow each other, and all that they hold.
type chunk struct {
	slab    []byte
	records []record
	nodes   []node
}

const (
	// chunkNodes is the most nodes that a chunk holds, and chunkOctets what it
	// may hold before it is closed.
	chunkNodes  = 256
	chunkOctets = 64 << 10
)

func (c *chunk) full() bool { return len(c.nodes) >= chunkNodes || len(c.slab) >= chunkOctets }

// keep copies octets into the chunk.
func (c *chunk) keep(text []byte) []byte {
	from := len(c.slab)
	c.slab = append(c.slab, text...)
	return c.slab[from:len(c.slab):len(c.slab)]
}

func (c *chunk) reset() { c.slab, c.records, c.nodes = c.slab[:0], c.records[:0], c.nodes[:0] }

// signature is an RRSIG's data (RFC 4034 section 3.1), read where it stands.
type signature struct {
	covered               wire.Type
	algorithm, labels     uint8
	originalTTL           uint32
	expiration, inception uint32
	tag                   uint16
	signer                []byte // packed
	signed                []byte // all that comes before the signature
	signature             []byte
}

func readSignature(data []byte) (signature, bool) {
	if len(data) < 19 {
		return signature{}, false
	}
	signer, rest, ok := cutName(data[18:])
	return signature{
		covered: wire.Type(binary.BigEndian.Uint16(data)), algorithm: data[2], labels: data[3],
		originalTTL: binary.BigEndian.Uint32(data[4:]), expiration: binary.BigEndian.Uint32(data[8:]),
		inception: binary.BigEndian.Uint32(data[12:]), tag: binary.BigEndian.Uint16(data[16:]),
		signer: signer, signed: data[:18+len(signer)], signature: rest,
	}, ok
}

// cutName cuts the uncompressed name with which data begins from the rest.
func cutName(data []byte) (packed, rest []byte, ok bool) {
	for off := 0; off < len(data) && off < 255; off += int(data[off]) + 1 {
		if data[off] == 0 {
			return data[:off+1], data[off+1:], true
		}
		if data[off] > 63 {
			break
		}
	}
	return nil, nil, false
}

// appendLower appends octets with their letters in lower case: of a packed
// name, whose lengths are no letters.
func appendLower(out, packed []byte) []byte {
	for _, c := range packed {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		out = append(out, c)
	}
	return out
}
