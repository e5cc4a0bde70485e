package alert

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/holdfastdns/holdfast"
)

// Bounds on what the network may put into a mail.
const (
	maxText = 400 // characters of one finding's text
	maxLine = 180 // characters of a subject or a title
)

// clean makes one line of bounded length of a text that may come from the
// network: control and format characters (which could end a header, move a
// terminal's cursor or turn the direction of writing) become spaces, bad
// UTF-8 the replacement character, and runs of spaces one.
func clean(text string, limit int) string {
	if !utf8.ValidString(text) {
		text = strings.ToValidUTF8(text, "\uFFFD")
	}
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r) {
			return ' '
		}
		return r
	}, text)
	text = strings.Join(strings.Fields(text), " ")
	if utf8.RuneCountInString(text) <= limit {
		return text
	}
	return strings.TrimSpace(string([]rune(text)[:limit-1])) + "…"
}

func cleanFinding(f holdfast.Finding) holdfast.Finding {
	f.Text = clean(f.Text, maxText)
	f.Reference = clean(f.Reference, maxLine)
	if len(f.Evidence) > maxEvidence {
		f.Evidence = f.Evidence[:maxEvidence]
	}
	return f
}

// maxEvidence is how many exchanges a finding names in an incident; the zone's
// page has them all.
const maxEvidence = 16
