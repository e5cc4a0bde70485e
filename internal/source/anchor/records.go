package anchor

import (
	"bytes"
	"regexp"
	"strings"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

var recordType = regexp.MustCompile(`(?mi)^[^;#\n]*\s(DS|DNSKEY)\s+\d+\s`)

func likeRecords(_ string, text []byte) bool { return recordType.Match(text) }

// parseRecords reads DS and DNSKEY records in presentation format
// (RFC 1035 section 5.1).
func parseRecords(f *File) error {
	return f.eachRecord(func(from, to int, record wire.Record, _ string) error {
		key, err := anchorOf(record)
		if err != nil {
			return err
		}
		f.hold(from, to, record.Name, key)
		return nil
	})
}

// eachRecord hands out the records of the text, each with where it stands and
// the comment behind it. A record in parentheses may take several lines.
// $ORIGIN and $TTL are allowed and mean nothing for absolute names.
func (f *File) eachRecord(yield func(from, to int, record wire.Record, comment string) error) error {
	for from := 0; from < len(f.text); {
		to, open := lineEnd(f.text, from)
		if open {
			return f.fault(from, "a parenthesis is not closed")
		}
		line := string(bytes.TrimRight(f.text[from:to], "\r\n"))
		bare, comment := uncomment(line)
		if text := strings.TrimSpace(bare); text != "" && !strings.HasPrefix(text, "$TTL") && !strings.HasPrefix(text, "$ORIGIN") {
			record, err := wire.ParseRecord(text)
			if err == nil && record.Class != wire.ClassIN {
				return f.fault(from, "class %d: want IN", record.Class)
			}
			if err == nil {
				err = yield(from, from+len(line), record, comment)
			}
			if err != nil {
				return f.fault(from, "%w", err)
			}
		}
		from = to
	}
	return nil
}

// lineEnd is where the logical line that begins at from ends: behind the
// newline that is not within parentheses. open: they are not closed.
func lineEnd(text []byte, from int) (end int, open bool) {
	depth, comment, quoted := 0, false, false
	for i := from; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\n':
			comment, quoted = false, false
			if depth <= 0 {
				return i + 1, false
			}
		case comment:
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == ';':
			comment = true
		case c == '(':
			depth++
		case c == ')':
			depth--
		}
	}
	return len(text), depth > 0
}

// uncomment parts a logical line from its comments.
func uncomment(line string) (bare, comment string) {
	var b, c strings.Builder
	for part := range strings.Lines(line) {
		text, said, _ := strings.Cut(part, ";")
		b.WriteString(text)
		if strings.Contains(part, ";") && strings.HasSuffix(part, "\n") {
			b.WriteByte('\n')
		}
		c.WriteString(said)
	}
	return b.String(), c.String()
}

func recordLine(zone holdfast.Name, key holdfast.TrustedKey) (string, error) {
	record, err := RecordOf(zone, key, 172800)
	if err != nil {
		return "", err
	}
	return presentation(record) + "\n", nil
}
