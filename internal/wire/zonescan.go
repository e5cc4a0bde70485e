package wire

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/netip"
	"time"

	"github.com/miekg/dns"

	"github.com/holdfastdns/holdfast"
)

// maxPlainLine is the longest line that the scanner reads by itself: below the
// length at which the library's lexer gives up on a token, so that the two
// accept the same files. A signature by a 4096-bit key makes a line of 800.
const maxPlainLine = 2000

// zoneScanner reads the plain lines of a master file: absolute owner, TTL,
// class IN, type and data on one line, without quotes, escapes or parentheses.
// Signed zones as registries and dig publish them consist of little else, and
// it reads them some eight times as fast as the library's lexer does. At the
// first line that is not plain the library takes over for the rest of the file.
type zoneScanner struct {
	in     *bufio.Reader
	origin holdfast.Name
	file   string

	lines int // lines read so far
	// last is the last line that held a record, lastAt its number: owner and
	// TTL of the lines that follow may lean on it.
	last   []byte
	lastAt int

	rawOwner []byte        // the owner as the last line wrote it
	owner    holdfast.Name // the same as a name

	fields  [][]byte // of the line at hand, reused
	scratch []byte   // RDATA under construction, reused
}

func newZoneScanner(in io.Reader, origin holdfast.Name, file string) *zoneScanner {
	return &zoneScanner{in: bufio.NewReaderSize(in, 1<<16), origin: origin, file: file}
}

// scan hands over the records of plain lines. It ends with rest nil at the end
// of the file, or with a reader for the library that begins where it stopped;
// skip then says that the first record that the library reads was handed over
// already.
func (s *zoneScanner) scan(yield func(Record) error) (rest io.Reader, skip bool, err error) {
	for {
		line, readErr := s.in.ReadSlice('\n')
		if readErr != nil && (readErr != io.EOF || len(line) == 0) {
			if readErr == io.EOF {
				return nil, false, nil
			}
			// A line longer than the buffer, or a failing reader: the library
			// meets the latter when it has read what is before it.
			return s.handOver(line), s.last != nil, nil
		}
		s.lines++
		record, state := s.plain(line)
		switch state {
		case lineForLibrary:
			s.lines--
			return s.handOver(line), s.last != nil, nil
		case lineRecord:
			s.last, s.lastAt = append(s.last[:0], line...), s.lines
			if err := yield(record); err != nil {
				return nil, false, err
			}
		case lineEmpty:
		}
		if readErr == io.EOF {
			return nil, false, nil
		}
	}
}

// handOver is the rest of the file for the library. The last record's line is
// read again, so that its owner and TTL are known; empty lines stand for what
// was read, so that errors name the right line.
func (s *zoneScanner) handOver(line []byte) io.Reader {
	line = bytes.Clone(line)
	if s.last == nil {
		return io.MultiReader(newlines(s.lines), bytes.NewReader(line), s.in)
	}
	return io.MultiReader(newlines(s.lastAt-1), bytes.NewReader(s.last),
		newlines(s.lines-s.lastAt), bytes.NewReader(line), s.in)
}

// newlines reads n empty lines.
func newlines(n int) io.Reader { return io.LimitReader(emptyLines{}, int64(n)) }

type emptyLines struct{}

func (emptyLines) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '\n'
	}
	return len(p), nil
}

type lineState int

const (
	lineForLibrary lineState = iota
	lineEmpty
	lineRecord
)

// plain reads one line, or says that the library must.
func (s *zoneScanner) plain(line []byte) (Record, lineState) {
	if len(line) > maxPlainLine {
		return Record{}, lineForLibrary
	}
	if !s.split(line) {
		return Record{}, lineForLibrary
	}
	if len(s.fields) == 0 {
		return Record{}, lineEmpty
	}
	if len(s.fields) < 5 {
		return Record{}, lineForLibrary
	}
	ttlField, classField := s.fields[1], s.fields[2]
	if len(classField) > 0 && classField[0] <= '9' {
		ttlField, classField = classField, ttlField
	}
	ttl, ok := number(ttlField, 32)
	if !ok || string(classField) != "IN" {
		return Record{}, lineForLibrary
	}
	if !bytes.Equal(s.rawOwner, s.fields[0]) {
		if _, ok := appendPlainName(s.scratch[:0], s.fields[0]); !ok {
			return Record{}, lineForLibrary
		}
		s.rawOwner = append(s.rawOwner[:0], s.fields[0]...)
		s.owner = canonical(string(s.rawOwner))
	}
	t, ok := mnemonicType(s.fields[3])
	if !ok {
		return Record{}, lineForLibrary
	}
	data, ok := appendPlainData(s.scratch[:0], t, s.fields[4:])
	if !ok {
		return Record{}, lineForLibrary
	}
	s.scratch = data
	return Record{Name: s.owner, Type: t, Class: ClassIN, TTL: uint32(ttl), Data: bytes.Clone(data)}, lineRecord
}

// split cuts the line into its fields, without the comment; false where the
// line holds anything that has a meaning beyond the field.
func (s *zoneScanner) split(line []byte) bool {
	s.fields = s.fields[:0]
	start := -1
	for i, c := range line {
		switch {
		case c > ' ' && c < 0x7f:
			switch c {
			case ';':
				if start >= 0 {
					return false // the lexer's own ideas begin here
				}
				return plainComment(line[i:])
			case '"', '\\', '(', ')', '$', '@':
				return false
			}
			if start < 0 {
				if len(s.fields) == 0 && i > 0 {
					return false // a blank owner: the one before it
				}
				start = i
			}
		case c == ' ' || c == '\t' || c == '\n':
			if start >= 0 {
				s.fields = append(s.fields, line[start:i])
				start = -1
			}
		default:
			return false
		}
	}
	if start >= 0 {
		s.fields = append(s.fields, line[start:])
	}
	return true
}

// plainComment says whether a comment holds nothing but text.
func plainComment(text []byte) bool {
	for _, c := range text {
		if c != '\t' && c != '\n' && (c < ' ' || c >= 0x7f) {
			return false
		}
	}
	return true
}

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

// mnemonicType reads a type's upper-case mnemonic.
func mnemonicType(field []byte) (Type, bool) {
	for _, c := range field {
		if (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return 0, false
		}
	}
	t, ok := dns.StringToType[string(field)]
	return Type(t), ok
}

// appendPlainName packs an absolute name without escapes.
func appendPlainName(out, field []byte) ([]byte, bool) {
	if len(field) == 1 && field[0] == '.' {
		return append(out, 0), true
	}
	if len(field) < 2 || len(field) > 254 || field[len(field)-1] != '.' {
		return nil, false
	}
	for len(field) > 0 {
		length := bytes.IndexByte(field, '.')
		if length < 1 || length > 63 {
			return nil, false
		}
		out = append(append(out, byte(length)), field[:length]...)
		field = field[length+1:]
	}
	return append(out, 0), true
}

// appendPlainData packs the RDATA of the types that fill a signed zone. It
// answers false for all others, and for data that is not plain.
func appendPlainData(out []byte, t Type, fields [][]byte) ([]byte, bool) {
	ok := false
	switch t {
	case TypeNS, TypeCNAME:
		if len(fields) == 1 {
			out, ok = appendPlainName(out, fields[0])
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
		if out, ok = appendPlainName(out, fields[0]); !ok {
			return nil, false
		}
		if out, ok = appendPlainName(out, fields[1]); ok {
			out, ok = appendNumbers(out, fields[2:], 32, 32, 32, 32, 32)
		}
	case TypeRRSIG:
		out, ok = appendPlainRRSIG(out, fields)
	case TypeNSEC:
		if len(fields) < 2 {
			return nil, false
		}
		if out, ok = appendPlainName(out, fields[0]); ok {
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

func appendPlainRRSIG(out []byte, fields [][]byte) ([]byte, bool) {
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
	if out, ok = appendPlainName(out, fields[7]); !ok {
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

// ReadZone reads a master file (RFC 1035 section 5) and hands over record
// after record, in bounded memory. $INCLUDE is refused: a zone file from a
// stranger must not read ours. file names it in errors. It stops at the first
// error, its own or yield's.
func ReadZone(in io.Reader, origin holdfast.Name, file string, yield func(Record) error) error {
	rest, skip, err := newZoneScanner(in, origin, file).scan(yield)
	if err != nil || rest == nil {
		return err
	}
	return readByLibrary(rest, origin, file, func(record Record) error {
		if skip {
			skip = false
			return nil
		}
		return yield(record)
	})
}

// readByLibrary reads a master file with the library's parser.
func readByLibrary(in io.Reader, origin holdfast.Name, file string, yield func(Record) error) error {
	parser := dns.NewZoneParser(in, string(origin), file)
	var scratch []byte
	for rr, ok := parser.Next(); ok; rr, ok = parser.Next() {
		record, err := fromLibrary(rr, &scratch)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		if len(record.Data) == 0 && !mayBeEmpty(record.Type) {
			// The library lets it pass: dynamic update has such records.
			return fmt.Errorf("%s: record %s %s: has no data", file, record.Name, record.Type)
		}
		if err := yield(record); err != nil {
			return err
		}
	}
	if err := parser.Err(); err != nil {
		return fmt.Errorf("read zone: %w", err)
	}
	return nil
}

// mayBeEmpty says whether RDATA of no octets is well formed: of all types that
// are known only NULL (RFC 1035 section 3.3.10) and APL (RFC 3123 section 4).
func mayBeEmpty(t Type) bool {
	_, known := dns.TypeToRR[uint16(t)]
	return !known || uint16(t) == dns.TypeNULL || uint16(t) == dns.TypeAPL
}
