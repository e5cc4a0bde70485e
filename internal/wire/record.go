package wire

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/miekg/dns"

	"github.com/holdfastdns/holdfast"
)

// fromLibrary turns the library's record into the house's. scratch is grown
// and reused; the record's Data is a copy.
func fromLibrary(rr dns.RR, scratch *[]byte) (Record, error) {
	header := rr.Header()
	if header.Name == "" {
		return Record{}, fmt.Errorf("record of type %s: %w", Type(header.Rrtype), errNoOwner)
	}
	need := dns.Len(rr) + 16 // Len may be short by a few octets for odd names
	if cap(*scratch) < need {
		*scratch = make([]byte, need)
	}
	buffer := (*scratch)[:cap(*scratch)]
	end, err := dns.PackRR(rr, buffer, 0, nil, false)
	if err != nil {
		return Record{}, fmt.Errorf("record %s %s: %w", header.Name, Type(header.Rrtype), err)
	}
	start, err := skipName(buffer[:end], 0)
	if err != nil {
		return Record{}, fmt.Errorf("record %s %s: %w", header.Name, Type(header.Rrtype), err)
	}
	return Record{
		Name: canonical(header.Name), Type: Type(header.Rrtype), Class: header.Class, TTL: header.Ttl,
		Data: bytes.Clone(buffer[start+10 : end]),
	}, nil
}

func (r Record) toLibrary() (dns.RR, error) {
	header := dns.RR_Header{Name: string(r.Name), Rrtype: uint16(r.Type), Class: r.Class, Ttl: r.TTL, Rdlength: uint16(len(r.Data))}
	if len(r.Data) == 0 {
		rr := &dns.RFC3597{Hdr: header}
		return rr, nil
	}
	rr, _, err := dns.UnpackRRWithHeader(header, r.Data, 0)
	if err != nil {
		return nil, fmt.Errorf("record %s %s: %w", r.Name, r.Type, err)
	}
	return rr, nil
}

func toLibraryAll(records []Record) ([]dns.RR, error) {
	if len(records) == 0 {
		return nil, nil
	}
	out := make([]dns.RR, 0, len(records)+1)
	for _, r := range records {
		rr, err := r.toLibrary()
		if err != nil {
			return nil, fmt.Errorf("pack message: %w", err)
		}
		out = append(out, rr)
	}
	return out, nil
}

// String is the record in presentation format, as dig prints it.
func (r Record) String() string {
	rr, err := r.toLibrary()
	if err != nil {
		return fmt.Sprintf("%s\t%d\tIN\t%s\t\\# %d %x", r.Name, r.TTL, r.Type, len(r.Data), r.Data)
	}
	return rr.String()
}

// ParseRecord reads one record in presentation format; a relative name and a
// missing TTL are errors of the caller: names end in a dot, the TTL is 3600.
func ParseRecord(text string) (Record, error) {
	rr, err := dns.NewRR(text)
	if err != nil {
		return Record{}, fmt.Errorf("parse record %q: %w", text, err)
	}
	if rr == nil {
		return Record{}, fmt.Errorf("parse record %q: it is empty", text)
	}
	var scratch []byte
	return fromLibrary(rr, &scratch)
}

// PackName is the name in wire form, uncompressed.
func PackName(name holdfast.Name) ([]byte, error) {
	if packed := packPlain(name); packed != nil {
		return packed, nil
	}
	buffer := make([]byte, 255) // RFC 1035 section 2.3.4
	end, err := dns.PackDomainName(string(name), buffer, 0, nil, false)
	if err != nil {
		return nil, fmt.Errorf("name %q: %w", name, err)
	}
	return buffer[:end], nil
}

// packPlain packs an absolute name in which nothing is escaped, as nearly all
// are; nil for any other.
func packPlain(name holdfast.Name) []byte {
	if name == holdfast.Root {
		return []byte{0}
	}
	if len(name) > 254 || len(name) == 0 || name[len(name)-1] != '.' || strings.IndexByte(string(name), '\\') >= 0 {
		return nil
	}
	out := make([]byte, len(name)+1)
	label := 0 // where its length goes
	for i := range len(name) {
		if name[i] != '.' {
			out[i+1] = name[i]
			continue
		}
		length := i - label
		if length == 0 || length > 63 {
			return nil
		}
		out[label] = byte(length)
		label = i + 1
	}
	return out
}

// readName reads a name from RDATA at off.
func readName(data []byte, off int) (holdfast.Name, int, error) {
	p := parser{packet: data}
	end, err := p.skip(off)
	if err != nil {
		return "", 0, fmt.Errorf("name in record data: %w", err)
	}
	return p.name(off), end, nil
}

// skipName is the offset behind an uncompressed name.
func skipName(data []byte, off int) (int, error) {
	for {
		if off >= len(data) {
			return 0, errShort
		}
		length := int(data[off])
		if length&0xC0 != 0 {
			return 0, fmt.Errorf("name is compressed where it must not be")
		}
		off += length + 1
		if length == 0 {
			if off > len(data) {
				return 0, errShort
			}
			return off, nil
		}
	}
}

// CompareNames is the canonical order of names (RFC 4034 section 6.1): by
// labels from the right, each as octets, lower case.
func CompareNames(a, b holdfast.Name) int {
	if a == b {
		return 0
	}
	la, lb := labels(a), labels(b)
	for i := 1; i <= min(len(la), len(lb)); i++ {
		if c := bytes.Compare(la[len(la)-i], lb[len(lb)-i]); c != 0 {
			return c
		}
	}
	return len(la) - len(lb)
}

// labels are the octets of the name's labels, from the left, lower case.
func labels(name holdfast.Name) [][]byte {
	packed, err := PackName(name)
	if err != nil {
		return nil
	}
	var out [][]byte
	for off := 0; off < len(packed) && packed[off] != 0; {
		length := int(packed[off])
		out = append(out, packed[off+1:off+1+length])
		off += length + 1
	}
	return out
}

// Canonical is the RDATA in canonical form (RFC 4034 section 6.2, as amended
// by RFC 6840 section 5.1): names in it lower case, for the types of that
// list. Data of other types is returned as it is, not copied.
func (r Record) Canonical() []byte {
	offsets, ok := namesIn(r.Type, r.Data)
	if !ok || len(offsets) == 0 {
		return r.Data
	}
	out := bytes.Clone(r.Data)
	for _, off := range offsets {
		foldName(out[min(off, len(out)):])
	}
	return out
}

// AppendCanonical appends the RDATA in canonical form.
func (r Record) AppendCanonical(out []byte) []byte {
	switch r.Type {
	case TypeA, TypeAAAA, TypeDS, TypeNSEC, TypeNSEC3, TypeDNSKEY:
		return append(out, r.Data...) // most of a zone has no names to fold
	case TypeNS, TypeCNAME, TypeDNAME:
		at := len(out)
		out = append(out, r.Data...)
		foldName(out[at:])
		return out
	}
	return append(out, r.Canonical()...)
}

// foldName makes the uncompressed name with which data begins lower case.
func foldName(data []byte) {
	for off := 0; off < len(data) && data[off] != 0; {
		length := int(data[off])
		for i := off + 1; i <= off+length && i < len(data); i++ {
			if data[i] >= 'A' && data[i] <= 'Z' {
				data[i] += 'a' - 'A'
			}
		}
		off += length + 1
	}
}

// namesIn gives the offsets of the names within RDATA, for the types whose
// names are folded in canonical form.
func namesIn(t Type, data []byte) ([]int, bool) {
	switch uint16(t) {
	case dns.TypeNS, dns.TypeMD, dns.TypeMF, dns.TypeCNAME, dns.TypeMB, dns.TypeMG, dns.TypeMR, dns.TypePTR, dns.TypeDNAME:
		return []int{0}, true
	case dns.TypeSOA, dns.TypeMINFO, dns.TypeRP:
		second, err := skipName(data, 0)
		return []int{0, second}, err == nil
	case dns.TypeMX, dns.TypeRT, dns.TypeAFSDB, dns.TypeKX:
		return []int{2}, len(data) > 2
	case dns.TypePX:
		second, err := skipName(data, 2)
		return []int{2, second}, err == nil
	case dns.TypeSRV:
		return []int{6}, len(data) > 6
	case dns.TypeSIG, dns.TypeRRSIG:
		return []int{18}, len(data) > 18
	case dns.TypeNXT:
		return []int{0}, true
	case dns.TypeNAPTR:
		off := 4
		for range 3 {
			if off >= len(data) {
				return nil, false
			}
			off += int(data[off]) + 1
		}
		return []int{off}, off < len(data)
	}
	return nil, true
}

func toHex(b []byte) string { return hex.EncodeToString(b) }

func be16(b []byte) uint16 { return binary.BigEndian.Uint16(b) }
func be32(b []byte) uint32 { return binary.BigEndian.Uint32(b) }

// mnemonic upper-cases what people write in lower case.
func mnemonic(s string) string { return strings.ToUpper(s) }
