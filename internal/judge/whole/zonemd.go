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

// digest verifies the zone's digest (RFC 8976 section 4): one that matches
// suffices.
func (j *judgement) digest() {
	apex := j.zone.apex
	usable := j.usableDigests()
	matched := false
	for _, z := range usable {
		own := digestOf(j.zone, newHash(z.Hash))
		switch {
		case z.Serial != j.soa.Serial:
			j.find(digestWrong, apex, wire.TypeZONEMD, "it is of serial %d, the zone of %d", z.Serial, j.soa.Serial)
		case !bytes.Equal(own, z.Digest):
			j.find(digestWrong, apex, wire.TypeZONEMD, "the zone's digest is not the one published: the zone is not whole, or was changed")
		default:
			matched = true
		}
	}
	switch {
	case matched:
		j.report.Digest = DigestVerified
		// Another digest that does not match is its publisher's slip.
		for i := range j.found {
			if j.found[i].Code == digestWrong.code {
				j.found[i].Severity = holdfast.SeverityNotice
			}
		}
		return
	case len(usable) > 0:
		j.report.Digest = DigestMismatch
		return
	}
	f := digestUnknown
	if j.RequireZONEMD {
		f = f.as(holdfast.SeverityError)
	}
	if len(apex.set(wire.TypeZONEMD)) > 0 {
		j.report.Digest = DigestUnsupported
		j.find(f, apex, wire.TypeZONEMD, "no digest is of a scheme and hash that can be verified, each published once")
	} else if j.RequireZONEMD {
		j.find(f, apex, wire.TypeZONEMD, "the zone has no digest")
	}
}

// usableDigests are those of a known scheme and hash, with a digest of the
// hash's length, that are the only ones of their scheme and hash (RFC 8976
// sections 2.2.4 and 4).
func (j *judgement) usableDigests() []wire.ZONEMD {
	var all, usable []wire.ZONEMD
	for _, r := range j.zone.apex.set(wire.TypeZONEMD) {
		z, err := r.ZONEMD()
		if err != nil {
			j.find(unreadable, j.zone.apex, wire.TypeZONEMD, "%v", err)
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

// digestOf is the zone's digest by the SIMPLE scheme (RFC 8976 section 3.3.1):
// all records within the zone, glue and occluded ones too, in canonical form
// and order, each once; without the apex's ZONEMD and its signatures.
func digestOf(z *zone, h hash.Hash) []byte {
	var buffer []byte
	for _, n := range z.nodes {
		for _, s := range n.sets {
			if n == z.apex && s.typ == wire.TypeZONEMD {
				continue
			}
			buffer = buffer[:0]
			for _, data := range canonicalData(n == z.apex, s) {
				r := s.records[data.record]
				buffer = append(buffer, n.wire...)
				buffer = binary.BigEndian.AppendUint16(buffer, uint16(s.typ))
				buffer = binary.BigEndian.AppendUint16(buffer, r.Class)
				buffer = binary.BigEndian.AppendUint32(buffer, r.TTL)
				buffer = binary.BigEndian.AppendUint16(buffer, uint16(len(data.octets)))
				buffer = append(buffer, data.octets...)
			}
			h.Write(buffer)
		}
	}
	return h.Sum(nil)
}

// canonicalRecord is RDATA in canonical form, and whose it is.
type canonicalRecord struct {
	octets []byte
	record int
}

// canonicalData is the RDATA of a set in canonical form and order, duplicates
// removed.
func canonicalData(apex bool, s set) []canonicalRecord {
	out := make([]canonicalRecord, 0, len(s.records))
	for i, r := range s.records {
		octets := r.Canonical()
		if apex && s.typ == wire.TypeRRSIG && len(octets) >= 2 && wire.Type(binary.BigEndian.Uint16(octets)) == wire.TypeZONEMD {
			continue
		}
		out = append(out, canonicalRecord{octets, i})
	}
	if len(out) > 1 {
		slices.SortStableFunc(out, func(a, b canonicalRecord) int { return bytes.Compare(a.octets, b.octets) })
		out = slices.CompactFunc(out, func(a, b canonicalRecord) bool { return bytes.Equal(a.octets, b.octets) })
	}
	return out
}
