package wire

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"net/netip"
	"time"

	"github.com/miekg/dns"
)

// number reads a decimal number of at most so many bits.
func number(field []byte, bits int) (uint64, bool) {
	if len(field) == 0 || len(field) > 10 {
		return 0, false
	}
	var v uint64
	for _, c := range field {
		if c < '0' || c > '9' {
			return 0, false
		}
		v = v*10 + uint64(c-'0')
	}
	return v, v < 1<<bits
}

// mnemonicType reads a type's mnemonic.
func mnemonicType(field []byte) (Type, bool) {
	var upper [16]byte
	if len(field) > len(upper) {
		return 0, false
	}
	for i, c := range field {
		if c >= 'a' && c <= 'z' {
			c -= 'a' - 'A'
		}
		if (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return 0, false
		}
		upper[i] = c
	}
	t, ok := dns.StringToType[string(upper[:len(field)])]
	return Type(t), ok
}

// name packs a name without escapes.
func (s *zoneScanner) name(out, field []byte) ([]byte, bool) {
	from := len(out)
	switch {
	case len(field) == 1 && field[0] == '.':
		return append(out, 0), true
	case len(field) == 1 && field[0] == '@':
		return append(out, s.packedOrigin...), len(s.packedOrigin) > 0
	case len(field) == 0 || len(field) > 254:
		return nil, false
	}
	absolute := field[len(field)-1] == '.'
	if absolute {
		field = field[:len(field)-1]
	}
	for start := 0; start <= len(field); {
		length := bytes.IndexByte(field[start:], '.')
		if length < 0 {
			length = len(field) - start
		}
		if length < 1 || length > 63 {
			return nil, false
		}
		out = append(append(out, byte(length)), field[start:start+length]...)
		start += length + 1
	}
	if absolute {
		out = append(out, 0)
	} else if len(s.packedOrigin) == 0 {
		return nil, false
	} else {
		out = append(out, s.packedOrigin...)
	}
	return out, len(out)-from <= 255
}

// reads says whether data packs RDATA of the type.
func reads(t Type) bool {
	switch t {
	case TypeNS, TypeCNAME, TypeA, TypeAAAA, TypeDS, TypeZONEMD, TypeDNSKEY, TypeSOA, TypeRRSIG, TypeNSEC, TypeNSEC3:
		return true
	}
	return false
}

// data packs the RDATA of the types that fill a signed zone. It answers false
// for all others, and for data that is not plain.
func (s *zoneScanner) data(out []byte, t Type, fields [][]byte) ([]byte, bool) {
	ok := false
	switch t {
	case TypeNS, TypeCNAME:
		if len(fields) == 1 {
			out, ok = s.name(out, fields[0])
		}
	case TypeA, TypeAAAA:
		if len(fields) == 1 {
			out, ok = appendPlainAddress(out, t, fields[0])
		}
	case TypeDS:
		if out, ok = appendNumbers(out, fields, 16, 8, 8); ok {
			out, ok = appendHex(out, fields[3:])
		}
	case TypeZONEMD:
		if out, ok = appendNumbers(out, fields, 32, 8, 8); ok {
			out, ok = appendHex(out, fields[3:])
		}
	case TypeDNSKEY:
		if out, ok = appendNumbers(out, fields, 16, 8, 8); ok {
			out, ok = appendBase64(out, fields[3:])
		}
	case TypeSOA:
		if len(fields) != 7 {
			return nil, false
		}
		if out, ok = s.name(out, fields[0]); !ok {
			return nil, false
		}
		if out, ok = s.name(out, fields[1]); ok {
			out, ok = appendNumbers(out, fields[2:], 32, 32, 32, 32, 32)
		}
	case TypeRRSIG:
		out, ok = s.rrsig(out, fields)
	case TypeNSEC:
		if len(fields) < 2 {
			return nil, false
		}
		if out, ok = s.name(out, fields[0]); ok {
			out, ok = appendPlainTypes(out, fields[1:])
		}
	case TypeNSEC3:
		out, ok = appendPlainNSEC3(out, fields)
	}
	return out, ok
}

// appendNumbers packs the leading decimal fields, each of so many bits.
func appendNumbers(out []byte, fields [][]byte, bits ...int) ([]byte, bool) {
	if len(fields) < len(bits) {
		return nil, false
	}
	for i, width := range bits {
		v, ok := number(fields[i], width)
		if !ok {
			return nil, false
		}
		switch width {
		case 8:
			out = append(out, byte(v))
		case 16:
			out = put16(out, uint16(v))
		default:
			out = put32(out, uint32(v))
		}
	}
	return out, true
}

func appendPlainAddress(out []byte, t Type, field []byte) ([]byte, bool) {
	addr, err := netip.ParseAddr(string(field))
	if err != nil || addr.Zone() != "" || addr.Is4In6() || addr.Is4() != (t == TypeA) {
		return nil, false
	}
	return append(out, addr.AsSlice()...), true
}

func appendBase64(out []byte, fields [][]byte) ([]byte, bool) {
	if len(fields) == 0 {
		return nil, false
	}
	text := fields[0]
	if len(fields) > 1 {
		text = bytes.Join(fields, nil)
	}
	out, err := base64.StdEncoding.AppendDecode(out, text)
	return out, err == nil
}

func appendHex(out []byte, fields [][]byte) ([]byte, bool) {
	if len(fields) == 0 {
		return nil, false
	}
	out, err := hex.AppendDecode(out, bytes.Join(fields, nil))
	return out, err == nil
}

func (s *zoneScanner) rrsig(out []byte, fields [][]byte) ([]byte, bool) {
	if len(fields) < 9 {
		return nil, false
	}
	covered, ok := mnemonicType(fields[0])
	if !ok {
		return nil, false
	}
	out = put16(out, uint16(covered))
	if out, ok = appendNumbers(out, fields[1:], 8, 8, 32); !ok {
		return nil, false
	}
	for _, field := range fields[4:6] {
		seconds, ok := signatureTime(field)
		if !ok {
			return nil, false
		}
		out = put32(out, seconds)
	}
	if out, ok = appendNumbers(out, fields[6:], 16); !ok {
		return nil, false
	}
	if out, ok = s.name(out, fields[7]); !ok {
		return nil, false
	}
	return appendBase64(out, fields[8:])
}

// signatureTime reads YYYYMMDDHHmmSS (RFC 4034 section 3.2).
func signatureTime(field []byte) (uint32, bool) {
	if len(field) != 14 {
		return 0, false
	}
	var parts [7]int // century, year of it, month, day, hour, minute, second
	for i := range parts {
		v, ok := number(field[2*i:2*i+2], 8)
		if !ok {
			return 0, false
		}
		parts[i] = int(v)
	}
	year, month, day := parts[0]*100+parts[1], time.Month(parts[2]), parts[3]
	at := time.Date(year, month, day, parts[4], parts[5], parts[6], 0, time.UTC)
	// A date that the calendar had to mend is not one, and years outside the
	// serial number's first round are the library's to judge.
	fits := at.Month() == month && at.Day() == day && parts[4] < 24 && parts[5] < 60 && parts[6] < 60
	return uint32(at.Unix()), fits && year >= 1970 && year < 2106
}

// appendPlainNSEC3 packs NSEC3 data (RFC 5155 section 3.3).
func appendPlainNSEC3(out []byte, fields [][]byte) ([]byte, bool) {
	if len(fields) < 5 {
		return nil, false
	}
	out, ok := appendNumbers(out, fields, 8, 8, 16)
	if !ok {
		return nil, false
	}
	if salt := fields[3]; len(salt) == 1 && salt[0] == '-' {
		out = append(out, 0)
	} else {
		if len(salt) > 2*255 {
			return nil, false
		}
		if out, ok = appendHex(append(out, byte(len(salt)/2)), fields[3:4]); !ok {
			return nil, false
		}
	}
	next := fields[4]
	if len(next) != 32 { // SHA-1, the only hash there is
		return nil, false
	}
	out, err := base32hex.AppendDecode(append(out, 20), bytes.ToUpper(next))
	if err != nil {
		return nil, false
	}
	return appendPlainTypes(out, fields[5:])
}

// appendPlainTypes packs a bitmap of types in ascending order.
func appendPlainTypes(out []byte, fields [][]byte) ([]byte, bool) {
	var types [64]Type
	if len(fields) > len(types) {
		return nil, false
	}
	for i, field := range fields {
		t, ok := mnemonicType(field)
		if !ok || i > 0 && t <= types[i-1] {
			return nil, false
		}
		types[i] = t
	}
	return appendBitmap(out, types[:len(fields)]), true
}
