package wire

import (
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"

	"github.com/holdfastdns/holdfast"
)

// SOA is a start of authority (RFC 1035 section 3.3.13); seconds throughout.
type SOA struct {
	MName, RName                                   holdfast.Name
	Serial, Refresh, Retry, Expire, NegativeMinTTL uint32
}

// RRSIG is a signature's data (RFC 4034 section 3.1). Times are seconds in
// serial arithmetic (RFC 1982): read them with Times.
type RRSIG struct {
	Covered               Type
	Algorithm             uint8
	Labels                uint8
	OriginalTTL           uint32
	Expiration, Inception uint32
	KeyTag                uint16
	Signer                holdfast.Name
	Signature             []byte
}

// DNSKEY is a key's data (RFC 4034 section 2.1).
type DNSKEY struct {
	Flags     uint16
	Protocol  uint8
	Algorithm uint8
	PublicKey []byte
}

const (
	FlagZone   = 1 << 8 // RFC 4034 section 2.1.1
	FlagRevoke = 1 << 7 // RFC 5011 section 7
	FlagSEP    = 1      // RFC 4034 section 2.1.1
)

// IsZoneKey says whether the key may sign a zone: zone flag set, protocol 3
// (RFC 4034 section 2.1), not revoked (RFC 5011 section 2.1).
func (k DNSKEY) IsZoneKey() bool {
	return k.Flags&FlagZone != 0 && k.Protocol == 3 && k.Flags&FlagRevoke == 0
}

// NSEC is a denial record's data (RFC 4034 section 4.1).
type NSEC struct {
	Next  holdfast.Name
	Types []Type
}

// NSEC3 is a hashed denial record's data (RFC 5155 section 3.1). Next is the
// next hashed owner name, in octets.
type NSEC3 struct {
	Hash       uint8
	OptOut     bool
	Flags      uint8
	Iterations uint16
	Salt       []byte
	Next       []byte
	Types      []Type
}

// NSEC3PARAM is the zone's hashing (RFC 5155 section 4.1).
type NSEC3PARAM struct {
	Hash       uint8
	Flags      uint8
	Iterations uint16
	Salt       []byte
}

// ZONEMD is a zone's digest (RFC 8976 section 2.2).
type ZONEMD struct {
	Serial uint32
	Scheme uint8
	Hash   uint8
	Digest []byte
}

func (r Record) dataError(what error) error {
	return fmt.Errorf("record %s %s: data %w", r.Name, r.Type, what)
}

func (r Record) want(t Type) error {
	if r.Type != t {
		return fmt.Errorf("record %s %s: not a %s", r.Name, r.Type, t)
	}
	return nil
}

// Target is the name that an NS, CNAME or DNAME record points to.
func (r Record) Target() (holdfast.Name, error) {
	if r.Type != TypeNS && r.Type != TypeCNAME && r.Type != TypeDNAME {
		return "", fmt.Errorf("record %s %s: has no target", r.Name, r.Type)
	}
	name, end, err := readName(r.Data, 0)
	if err == nil && end != len(r.Data) {
		err = r.dataError(errTrailing)
	}
	return name, err
}

// Address is the address of an A or AAAA record.
func (r Record) Address() (netip.Addr, error) {
	if (r.Type == TypeA && len(r.Data) == 4) || (r.Type == TypeAAAA && len(r.Data) == 16) {
		addr, _ := netip.AddrFromSlice(r.Data)
		return addr, nil
	}
	return netip.Addr{}, fmt.Errorf("record %s %s: holds no address", r.Name, r.Type)
}

// SOA reads an SOA record's data.
func (r Record) SOA() (SOA, error) {
	if err := r.want(TypeSOA); err != nil {
		return SOA{}, err
	}
	mname, off, err := readName(r.Data, 0)
	if err != nil {
		return SOA{}, r.dataError(err)
	}
	rname, off, err := readName(r.Data, off)
	if err != nil {
		return SOA{}, r.dataError(err)
	}
	rest := r.Data[off:]
	if len(rest) != 20 {
		return SOA{}, r.dataError(errShort)
	}
	return SOA{mname, rname, be32(rest), be32(rest[4:]), be32(rest[8:]), be32(rest[12:]), be32(rest[16:])}, nil
}

// RRSIG reads a signature's data.
func (r Record) RRSIG() (RRSIG, error) {
	if err := r.want(TypeRRSIG); err != nil {
		return RRSIG{}, err
	}
	if len(r.Data) < 19 {
		return RRSIG{}, r.dataError(errShort)
	}
	signer, end, err := readName(r.Data, 18)
	if err != nil {
		return RRSIG{}, r.dataError(err)
	}
	d := r.Data
	return RRSIG{
		Covered: Type(be16(d)), Algorithm: d[2], Labels: d[3], OriginalTTL: be32(d[4:]),
		Expiration: be32(d[8:]), Inception: be32(d[12:]), KeyTag: be16(d[16:]),
		Signer: signer, Signature: d[end:],
	}, nil
}

// DNSKEY reads a DNSKEY's or CDNSKEY's data.
func (r Record) DNSKEY() (DNSKEY, error) {
	if r.Type != TypeDNSKEY && r.Type != TypeCDNSKEY {
		return DNSKEY{}, r.want(TypeDNSKEY)
	}
	if len(r.Data) < 4 {
		return DNSKEY{}, r.dataError(errShort)
	}
	return DNSKEY{Flags: be16(r.Data), Protocol: r.Data[2], Algorithm: r.Data[3], PublicKey: r.Data[4:]}, nil
}

// DS reads a DS's or CDS's data.
func (r Record) DS() (holdfast.DS, error) {
	if r.Type != TypeDS && r.Type != TypeCDS {
		return holdfast.DS{}, r.want(TypeDS)
	}
	if len(r.Data) < 4 {
		return holdfast.DS{}, r.dataError(errShort)
	}
	return holdfast.DS{KeyTag: be16(r.Data), Algorithm: r.Data[2], DigestType: r.Data[3], Digest: r.Data[4:]}, nil
}

// NSEC reads an NSEC record's data.
func (r Record) NSEC() (NSEC, error) {
	if err := r.want(TypeNSEC); err != nil {
		return NSEC{}, err
	}
	next, off, err := readName(r.Data, 0)
	if err != nil {
		return NSEC{}, r.dataError(err)
	}
	types, err := readBitmap(r.Data[off:])
	if err != nil {
		return NSEC{}, r.dataError(err)
	}
	return NSEC{Next: next, Types: types}, nil
}

// NSEC3 reads an NSEC3 record's data.
func (r Record) NSEC3() (NSEC3, error) {
	if err := r.want(TypeNSEC3); err != nil {
		return NSEC3{}, err
	}
	d := r.Data
	if len(d) < 6 || len(d) < 6+int(d[4]) {
		return NSEC3{}, r.dataError(errShort)
	}
	out := NSEC3{Hash: d[0], Flags: d[1], OptOut: d[1]&1 != 0, Iterations: be16(d[2:])}
	out.Salt = d[5 : 5+int(d[4])]
	d = d[5+int(d[4]):]
	if len(d) < 1+int(d[0]) {
		return NSEC3{}, r.dataError(errShort)
	}
	out.Next = d[1 : 1+int(d[0])]
	types, err := readBitmap(d[1+int(d[0]):])
	if err != nil {
		return NSEC3{}, r.dataError(err)
	}
	out.Types = types
	return out, nil
}

// NSEC3PARAM reads an NSEC3PARAM record's data.
func (r Record) NSEC3PARAM() (NSEC3PARAM, error) {
	if err := r.want(TypeNSEC3PARAM); err != nil {
		return NSEC3PARAM{}, err
	}
	if len(r.Data) < 5 || len(r.Data) != 5+int(r.Data[4]) {
		return NSEC3PARAM{}, r.dataError(errShort)
	}
	return NSEC3PARAM{Hash: r.Data[0], Flags: r.Data[1], Iterations: be16(r.Data[2:]), Salt: r.Data[5:]}, nil
}

// ZONEMD reads a zone digest's data.
func (r Record) ZONEMD() (ZONEMD, error) {
	if err := r.want(TypeZONEMD); err != nil {
		return ZONEMD{}, err
	}
	if len(r.Data) < 6+12 { // RFC 8976 section 2.2.4: at least 12 octets of digest
		return ZONEMD{}, r.dataError(errShort)
	}
	return ZONEMD{Serial: be32(r.Data), Scheme: r.Data[4], Hash: r.Data[5], Digest: r.Data[6:]}, nil
}

// ReadTypes reads a type bitmap (RFC 4034 section 4.1.2).
func ReadTypes(bitmap []byte) ([]Type, error) { return readBitmap(bitmap) }

// AppendTypes writes sorted types as a bitmap.
func AppendTypes(out []byte, types []Type) []byte { return appendBitmap(out, types) }

// readBitmap reads a type bitmap (RFC 4034 section 4.1.2).
func readBitmap(d []byte) ([]Type, error) {
	var types []Type
	last := -1
	for len(d) > 0 {
		if len(d) < 2 {
			return nil, errShort
		}
		window, length := int(d[0]), int(d[1])
		if window <= last || length < 1 || length > 32 || len(d) < 2+length {
			return nil, fmt.Errorf("type bitmap window %d is out of order or of a wrong length", window)
		}
		last = window
		for i, octet := range d[2 : 2+length] {
			for bit := range 8 {
				if octet&(0x80>>bit) != 0 {
					types = append(types, Type(window<<8|i<<3|bit))
				}
			}
		}
		d = d[2+length:]
	}
	return types, nil
}

// appendBitmap writes the types as a bitmap; types must be sorted.
func appendBitmap(out []byte, types []Type) []byte {
	for i := 0; i < len(types); {
		window := byte(types[i] >> 8)
		var octets [32]byte
		length := 0
		for ; i < len(types) && byte(types[i]>>8) == window; i++ {
			low := byte(types[i])
			octets[low>>3] |= 0x80 >> (low & 7)
			length = int(low>>3) + 1
		}
		out = append(out, window, byte(length))
		out = append(out, octets[:length]...)
	}
	return out
}

var base32hex = base32.HexEncoding.WithPadding(base32.NoPadding)

// HashName is the NSEC3 hash of a name (RFC 5155 section 5), SHA-1 only. Its
// cost grows with iterations: the caller bounds them (RFC 9276 section 3.2).
func HashName(name holdfast.Name, iterations uint16, salt []byte) ([]byte, error) {
	packed, err := PackName(name)
	if err != nil {
		return nil, err
	}
	hash := sha1.Sum(append(packed, salt...))
	buffer := make([]byte, 0, len(hash)+len(salt))
	for range iterations {
		hash = sha1.Sum(append(append(buffer[:0], hash[:]...), salt...))
	}
	return hash[:], nil
}

// HashLabel writes a hash as the first label of an NSEC3 owner name.
func HashLabel(hash []byte) string { return strings.ToLower(base32hex.EncodeToString(hash)) }

// ParseHashLabel reads the hash from an NSEC3 owner name within zone.
func ParseHashLabel(owner, zone holdfast.Name) ([]byte, error) {
	if owner.Parent() != zone || owner == zone {
		return nil, fmt.Errorf("NSEC3 owner %s is not one label below %s (RFC 5155 section 3)", owner, zone)
	}
	label, _, _ := strings.Cut(string(owner), ".")
	hash, err := base32hex.DecodeString(mnemonic(label))
	if err != nil {
		return nil, fmt.Errorf("NSEC3 owner %s: %w", owner, err)
	}
	return hash, nil
}

func put16(out []byte, v uint16) []byte { return binary.BigEndian.AppendUint16(out, v) }
func put32(out []byte, v uint32) []byte { return binary.BigEndian.AppendUint32(out, v) }
