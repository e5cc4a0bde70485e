package wire

import (
	"bufio"
	"bytes"
	"fmt"
	"io"

	"github.com/holdfastdns/holdfast"
)

// ReadZone reads a master file (RFC 1035 section 5) and hands over record
// after record, in bounded memory. $INCLUDE is refused: a zone file from a
// stranger must not read ours. Errors begin with file and the line. It stops at
// the first error, its own or yield's.
func ReadZone(in io.Reader, origin holdfast.Name, file string, yield func(Record) error) error {
	s := &zoneScanner{in: bufio.NewReaderSize(in, maxLine), file: file, yield: yield}
	s.setOrigin(origin)
	return s.scan()
}

// maxLine is the longest record that the scanner reads by itself.
const maxLine = 1 << 16

// zoneScanner reads a master file. It reads by itself what a signed zone mostly
// consists of: records of the common types without quotes or escapes, on one
// line or in parentheses, owner, TTL and class written or left out; some eight
// times as fast as the library's lexer does. Records that are not of this sort
// it gives to the library one by one, with what it must know of those before;
// where a record is longer than the scanner's memory, the rest of the file.
type zoneScanner struct {
	in    *bufio.Reader
	file  string
	yield func(Record) error
	lines int // read so far

	origin       holdfast.Name
	packedOrigin []byte
	owner        holdfast.Name // of the last record; empty: there was none
	rawOwner     []byte        // as it was written, under this origin
	// ttl is that of records without one: the last that was written, or that
	// of $TTL, which stands whatever records say.
	ttl       uint32
	hasTTL    bool
	directive bool

	text    []byte   // a record of several lines, reused
	fields  [][]byte // of the record at hand, reused
	scratch []byte   // RDATA under construction, reused
	arena   []byte   // where the RDATA of records goes
}

func (s *zoneScanner) setOrigin(origin holdfast.Name) {
	s.origin, s.rawOwner = origin, s.rawOwner[:0]
	s.packedOrigin, _ = PackName(origin) // one that cannot be packed makes relative names the library's
}

// scan reads to the end of the file.
func (s *zoneScanner) scan() error {
	for {
		line, err := s.in.ReadSlice('\n')
		switch {
		case err == bufio.ErrBufferFull:
			return s.rest(line, s.lines+1)
		case err == io.EOF && len(line) == 0:
			return nil
		case err != nil && err != io.EOF:
			return s.readError(err)
		}
		s.lines++
		if err := s.record(line, err == io.EOF); err != nil || s.in == nil {
			return err
		}
	}
}

func (s *zoneScanner) readError(err error) error {
	return fmt.Errorf("%s:%d: read zone: %w", s.file, s.lines+1, err)
}

// record reads the record that begins with the line, or hands the rest of the
// file to the library and sets in to nil.
func (s *zoneScanner) record(line []byte, last bool) error {
	start := s.lines
	state, odd := s.split(line)
	if state == lineOpen {
		s.text = append(s.text[:0], line...)
		line = s.text
	}
	for state == lineOpen && !last {
		more, err := s.in.ReadSlice('\n')
		if err != nil && err != io.EOF && err != bufio.ErrBufferFull {
			return s.readError(err)
		}
		s.text = append(s.text, more...)
		line = s.text
		if err == bufio.ErrBufferFull || len(line) > maxLine {
			return s.rest(line, start)
		}
		s.lines++
		last = err == io.EOF
		state, odd = s.split(line)
	}
	if state == lineOpen { // a quote or a parenthesis that nothing closes
		odd = true
	}
	switch {
	case odd && s.mentionsSOA():
		return s.rest(line, start)
	case odd:
		return s.byLibrary(line, start, last)
	case len(s.fields) == 0:
		return nil
	}
	r, ok, known := s.plain(line[0] == ' ' || line[0] == '\t')
	switch {
	case ok:
		return s.yield(r)
	case known:
		return s.rest(line, start)
	}
	return s.byLibrary(line, start, last)
}

// mentionsSOA says whether the record may be an SOA: where one is too short the
// library reads on behind the line, and must have what follows.
func (s *zoneScanner) mentionsSOA() bool {
	for _, f := range s.fields[:min(len(s.fields), 4)] {
		if t, ok := mnemonicType(f); ok && t == TypeSOA {
			return true
		}
	}
	return false
}

type lineState int

const (
	lineWhole lineState = iota
	lineOpen            // a parenthesis or a quote is open: the record goes on
)

// split cuts text into its fields, without comments. odd says that there is
// something that has a meaning beyond fields: the library must read it.
func (s *zoneScanner) split(text []byte) (state lineState, odd bool) {
	s.fields = s.fields[:0]
	start, depth := -1, 0
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c > ' ' && c < 0x7f && c != ';' && c != '"' && c != '\\' && c != '(' && c != ')' {
			if start < 0 {
				start = i
				odd = odd || c == '$' || c == '@' && i+1 < len(text) && text[i+1] > ' '
			} else if c == '$' || c == '@' {
				odd = true
			}
			continue
		}
		if start >= 0 {
			s.fields = append(s.fields, text[start:i])
			start = -1
			odd = odd || c == ';' || c == '(' // the lexer's own ideas begin here
		}
		switch c {
		case ' ', '\t':
		case '\n':
			// Within parentheses the library takes what begins a line otherwise.
			odd = odd || depth > 0 && i+1 < len(text) && text[i+1] > ' '
		case ';':
			end := bytes.IndexByte(text[i:], '\n')
			if end < 0 {
				end = len(text) - i
			}
			odd = odd || !plainText(text[i:i+end])
			i += end - 1
		case '(':
			depth++
			odd = odd || depth > 1 || i == 0
		case ')':
			depth--
			odd = odd || depth < 0 || i+1 < len(text) && text[i+1] > ' ' && text[i+1] != ';'
		case '"', '\\':
			end, closed := quoted(text, i)
			if !closed {
				return lineOpen, true
			}
			i, odd = end, true
		default:
			odd = true
		}
	}
	if start >= 0 {
		s.fields = append(s.fields, text[start:])
	}
	if depth > 0 {
		return lineOpen, odd
	}
	return lineWhole, odd
}

// quoted is the last octet of a quoted text or of an escape; false where the
// text ends before.
func quoted(text []byte, at int) (int, bool) {
	if text[at] == '\\' {
		return at + 1, at+1 < len(text)
	}
	for i := at + 1; i < len(text); i++ {
		switch text[i] {
		case '"':
			return i, true
		case '\\':
			i++
		}
	}
	return len(text), false
}

// plainText says whether there is nothing but printable text.
func plainText(text []byte) bool {
	for _, c := range text {
		if c != '\t' && c != '\n' && (c < ' ' || c >= 0x7f) {
			return false
		}
	}
	return true
}

// plain reads a record of the fields, or says that the library must. known says
// that it is of a type that we read, and only its data is not what we know.
func (s *zoneScanner) plain(ownerless bool) (r Record, ok, known bool) {
	fields := s.fields
	if !ownerless {
		fields = fields[1:]
	}
	ttl, hasTTL, hasClass := s.ttl, false, false
	for ; len(fields) > 2; fields = fields[1:] {
		if f := fields[0]; f[0] >= '0' && f[0] <= '9' {
			v, ok := number(f, 32)
			if !ok || hasTTL {
				return Record{}, false, false
			}
			ttl, hasTTL = uint32(v), true
		} else if len(f) == 2 && f[0]|0x20 == 'i' && f[1]|0x20 == 'n' && !hasClass {
			hasClass = true
		} else {
			break
		}
	}
	if len(fields) < 2 || !hasTTL && !s.hasTTL || ownerless && s.owner == "" {
		return Record{}, false, false
	}
	t, ok := mnemonicType(fields[0])
	if !ok {
		return Record{}, false, false
	}
	data, ok := s.data(s.scratch[:0], t, fields[1:])
	if !ok {
		return Record{}, false, reads(t)
	}
	if !ownerless && !s.setOwner(s.fields[0]) {
		return Record{}, false, false
	}
	s.scratch = data
	if hasTTL {
		s.sawTTL(ttl)
	}
	return Record{Name: s.owner, Type: t, Class: ClassIN, TTL: ttl, Data: s.keep(data)}, true, true
}

func (s *zoneScanner) sawTTL(ttl uint32) {
	if !s.directive {
		s.ttl, s.hasTTL = ttl, true
	}
}

// setOwner makes an owner as it is written the owner of this record and those
// that follow.
func (s *zoneScanner) setOwner(raw []byte) bool {
	if s.owner != "" && bytes.Equal(s.rawOwner, raw) {
		return true
	}
	if _, ok := s.name(nil, raw); !ok {
		return false
	}
	s.owner = s.absolute(raw)
	s.rawOwner = append(s.rawOwner[:0], raw...)
	return true
}

// absolute is a name as it is written, under the origin where it is relative.
func (s *zoneScanner) absolute(raw []byte) holdfast.Name {
	switch text := string(raw); {
	case text == "@":
		return canonical(string(s.origin))
	case text[len(text)-1] == '.':
		return canonical(text)
	case s.origin == holdfast.Root:
		return canonical(text + ".")
	default:
		return canonical(text + "." + string(s.origin))
	}
}

// keep is a copy of the data. Many share one piece of memory.
func (s *zoneScanner) keep(data []byte) []byte {
	if len(s.arena) < len(data) {
		s.arena = make([]byte, max(1<<14, len(data)))
	}
	kept := s.arena[:len(data):len(data)]
	s.arena = s.arena[len(data):]
	copy(kept, data)
	return kept
}
