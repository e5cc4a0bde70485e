package whole

import (
	"bytes"
	"crypto/sha512"
	"encoding/binary"
	"hash"
	"slices"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// Schemes and hashes of zone digests (RFC 8976 sections 2.2.2 and 2.2.3).
const (
	schemeSimple = 1
	hashSHA384   = 1
	hashSHA512   = 2
)

func newHash(algorithm uint8) hash.Hash {
	switch algorithm {
	case hashSHA384:
		return sha512.New384()
	case hashSHA512:
		return sha512.New()
	}
	return nil
}

// digester computes one digest by the SIMPLE scheme (RFC 8976 section 3.3.1):
// all records within the zone, glue and occluded ones too, in canonical form
// and order, each once; without the apex's ZONEMD and its signatures.
type digester struct {
	wire.ZONEMD
	zoneKey []byte
	hash    hash.Hash
	buffer  []byte
}

func (d *digester) chunk(c *chunk) {
	for i := range c.nodes {
		n := &c.nodes[i]
		if len(n.records) > 0 {
			d.node(n)
		}
	}
	d.hash.Write(d.buffer)
	d.buffer = d.buffer[:0]
}

func (d *digester) node(n *node) {
	apex := len(n.key) == len(d.zoneKey)
	packed := appendPacked(nil, n.key)
	for _, r := range n.records {
		if r.twin || apex && (r.typ == wire.TypeZONEMD || r.typ == wire.TypeRRSIG && len(r.data) >= 2 && wire.Type(binary.BigEndian.Uint16(r.data)) == wire.TypeZONEMD) {
			continue
		}
		d.buffer = append(d.buffer, packed...)
		d.buffer = binary.BigEndian.AppendUint16(d.buffer, uint16(r.typ))
		d.buffer = binary.BigEndian.AppendUint16(d.buffer, r.class)
		d.buffer = binary.BigEndian.AppendUint32(d.buffer, r.ttl)
		d.buffer = binary.BigEndian.AppendUint16(d.buffer, uint16(len(r.data)))
		d.buffer = append(d.buffer, r.data...)
	}
}

// openDigests begins the digests that can be verified.
func (j *judgement) openDigests() {
	if j.partial {
		return
	}
	for _, z := range j.usableDigests() {
		j.digests = append(j.digests, digester{ZONEMD: z, zoneKey: j.zoneKey, hash: newHash(z.Hash)})
	}
}

// digest verifies the zone's digest (RFC 8976 section 4): one that matches
// suffices.
func (j *judgement) digest() {
	if j.partial {
		j.report.Digest = DigestUnjudged
		return
	}
	matched := slices.ContainsFunc(j.digests, func(d digester) bool {
		return d.Serial == j.soa.Serial && bytes.Equal(d.hash.Sum(nil), d.Digest)
	})
	f := digestWrong
	if matched {
		f = f.as(holdfast.SeverityNotice) // another that does not match is its publisher's slip
	}
	for _, d := range j.digests {
		switch {
		case d.Serial != j.soa.Serial:
			j.tally.find(f, &j.apex, wire.TypeZONEMD, "it is of serial %d, the zone of %d", d.Serial, j.soa.Serial)
		case !bytes.Equal(d.hash.Sum(nil), d.Digest):
			j.tally.find(f, &j.apex, wire.TypeZONEMD, "the zone's digest is not the one published: the zone is not whole, or was changed")
		}
	}
	switch {
	case matched:
		j.report.Digest = DigestVerified
	case len(j.digests) > 0:
		j.report.Digest = DigestMismatch
	default:
		j.noDigest()
	}
}

// noDigest says that there is none that can be verified.
func (j *judgement) noDigest() {
	f := digestUnknown
	if j.RequireZONEMD {
		f = f.as(holdfast.SeverityError)
	}
	if j.apex.has(wire.TypeZONEMD) {
		j.report.Digest = DigestUnsupported
		j.tally.find(f, &j.apex, wire.TypeZONEMD, "no digest is of a scheme and hash that can be verified, each published once")
	} else if j.RequireZONEMD {
		j.tally.find(f, &j.apex, wire.TypeZONEMD, "the zone has no digest")
	}
}

// usableDigests are those of a known scheme and hash, with a digest of the
// hash's length, that are the only ones of their scheme and hash (RFC 8976
// sections 2.2.4 and 4).
func (j *judgement) usableDigests() []wire.ZONEMD {
	var all, usable []wire.ZONEMD
	for _, r := range j.apex.wires(wire.TypeZONEMD) {
		z, err := r.ZONEMD()
		if err != nil {
			j.tally.find(unreadable, &j.apex, wire.TypeZONEMD, "%v", err)
			continue
		}
		all = append(all, z)
	}
	for i, z := range all {
		twin := slices.ContainsFunc(append(slices.Clone(all[:i]), all[i+1:]...), func(o wire.ZONEMD) bool {
			return o.Scheme == z.Scheme && o.Hash == z.Hash
		})
		h := newHash(z.Hash)
		if z.Scheme == schemeSimple && h != nil && len(z.Digest) == h.Size() && !twin {
			usable = append(usable, z)
		}
	}
	return usable
}
