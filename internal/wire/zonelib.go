package wire

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"github.com/miekg/dns"

	"github.com/holdfastdns/holdfast"
)

// lineBehind is read by the library behind a record, so that it sees where the
// record ends.
const lineBehind = "\n. 60 IN A 192.0.2.1\n"

// byLibrary has the library read one record, or a directive.
func (s *zoneScanner) byLibrary(text []byte, start int, last bool) error {
	switch {
	case text[0] == '$' && s.readDirective(text):
		return nil
	case text[0] == '$' || !s.hasTTL || last:
		// What the library makes of it cannot be told from its records.
		return s.rest(text, start)
	}
	var records []Record
	in := io.MultiReader(bytes.NewReader(text), strings.NewReader(lineBehind))
	if err := s.parse(in, start, func(r Record) error {
		records = append(records, r)
		return nil
	}); err != nil {
		return err
	}
	for _, r := range records[:max(len(records)-1, 0)] {
		if text[0] != ' ' && text[0] != '\t' {
			s.owner, s.rawOwner = r.Name, s.rawOwner[:0]
		}
		s.sawTTL(r.TTL)
		if err := s.yield(r); err != nil {
			return err
		}
	}
	return nil
}

// rest has the library read the rest of the file; in is nil then.
func (s *zoneScanner) rest(text []byte, start int) error {
	in := io.MultiReader(bytes.NewReader(bytes.Clone(text)), s.in)
	s.in = nil
	return s.parse(in, start, s.yield)
}

// readDirective reads $ORIGIN and $TTL as they are mostly written.
func (s *zoneScanner) readDirective(text []byte) bool {
	text, _, _ = bytes.Cut(text, []byte(";"))
	fields := bytes.Fields(text)
	if len(fields) != 2 || !plainText(text) || bytes.ContainsAny(fields[1], "\\\"()@$") {
		return false
	}
	switch string(fields[0]) {
	case "$TTL":
		ttl, ok := number(fields[1], 32)
		if ok {
			s.ttl, s.hasTTL, s.directive = uint32(ttl), true, true
		}
		return ok
	case "$ORIGIN":
		if _, ok := s.name(nil, fields[1]); !ok {
			return false
		}
		s.setOrigin(s.absolute(fields[1]))
		return true
	}
	return false
}

// parse reads text that begins in the given line with the library's parser,
// which is first told what the lines before have said.
func (s *zoneScanner) parse(text io.Reader, start int, yield func(r Record) error) error {
	var before strings.Builder
	if s.directive {
		fmt.Fprintf(&before, "$TTL %d\n", s.ttl)
	}
	skip := s.owner != "" || s.hasTTL && !s.directive
	if skip {
		owner := s.owner
		if owner == "" {
			owner = holdfast.Root
		}
		if s.hasTTL {
			fmt.Fprintf(&before, "%s %d IN A 192.0.2.1\n", owner, s.ttl)
		} else {
			fmt.Fprintf(&before, "%s IN A 192.0.2.1\n", owner)
		}
	}
	offset := start - 1 - strings.Count(before.String(), "\n")
	parser := dns.NewZoneParser(io.MultiReader(strings.NewReader(before.String()), text), string(s.origin), "")
	var scratch []byte
	for rr, ok := parser.Next(); ok; rr, ok = parser.Next() {
		if skip {
			skip = false
			continue
		}
		record, err := fromLibrary(rr, &scratch)
		if err == nil && len(record.Data) == 0 && !mayBeEmpty(record.Type) {
			// The library lets it pass: dynamic update has such records.
			err = fmt.Errorf("record %s %s: has no data", record.Name, record.Type)
		}
		if err != nil {
			return fmt.Errorf("%s:%d: %w", s.file, start, err)
		}
		if err := yield(record); err != nil {
			return err
		}
	}
	if err := parser.Err(); err != nil {
		return &zoneError{s.file, offset, err}
	}
	return nil
}

// zoneError is the library's complaint with the line as the file counts it.
type zoneError struct {
	file   string
	offset int
	cause  error
}

var libraryLine = regexp.MustCompile(`^dns: (.*) at line: (\d+):\d+$`)

func (e *zoneError) Error() string {
	m := libraryLine.FindStringSubmatch(e.cause.Error())
	if m == nil {
		return fmt.Sprintf("%s: %v", e.file, e.cause)
	}
	line, _ := strconv.Atoi(m[2])
	return fmt.Sprintf("%s:%d: %s", e.file, max(line+e.offset, 1), m[1])
}

func (e *zoneError) Unwrap() error { return errors.Unwrap(e.cause) }

// mayBeEmpty says whether RDATA of no octets is well formed: of all types that
// are known only NULL (RFC 1035 section 3.3.10) and APL (RFC 3123 section 4).
func mayBeEmpty(t Type) bool {
	_, known := dns.TypeToRR[uint16(t)]
	return !known || uint16(t) == dns.TypeNULL || uint16(t) == dns.TypeAPL
}
