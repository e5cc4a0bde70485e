package web

import (
	"fmt"
	"html/template"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/holdfastdns/holdfast"
)

// functions are what the templates may call.
var functions = template.FuncMap{
	"clean":   clean,
	"comma":   comma,
	"href":    zoneHref,
	"instant": instant,
	"moment":  moment,
	"since":   span,
	"at": func(t time.Time) string {
		if t.IsZero() {
			return "–"
		}
		return shortly(t)
	},
	"status":    statusBadge,
	"severity":  severityBadge,
	"event":     eventBadge,
	"zones":     zonesInWords,
	"algorithm": algorithmName,
	"typename":  typeName,
	"short":     func(n holdfast.Name) string { return clean(n.Short()) },
	"percent":   func(f float64) string { return strconv.FormatFloat(f, 'f', 2, 64) + "%" },
}

// clean makes foreign text fit to be shown: what would move the cursor, turn
// the direction of writing or hide is shown as its code point instead. HTML is
// escaped by the templates, not here.
func clean(text string) string {
	hostile := func(r rune) bool {
		return r == utf8.RuneError || r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Co, r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r))
	}
	if strings.IndexFunc(text, hostile) < 0 {
		return text
	}
	var out strings.Builder
	for _, r := range text {
		if hostile(r) {
			fmt.Fprintf(&out, "\\u{%x}", r)
		} else {
			out.WriteRune(r)
		}
	}
	return out.String()
}

// comma writes a number with its thousands apart.
func comma(n int) string {
	digits := strconv.Itoa(n)
	start := 0
	if n < 0 {
		start = 1
	}
	for i := len(digits) - 3; i > start; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// span writes a duration in the two units that matter at its size. The page's
// script writes the same (assets/page.js): keep them alike.
func span(d time.Duration) string {
	d = d.Abs()
	seconds := int64(d / time.Second)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", seconds)
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", seconds/60, seconds%60)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h %d min", seconds/3600, seconds/60%60)
	case d < 60*24*time.Hour:
		return fmt.Sprintf("%d d %d h", seconds/86400, seconds/3600%24)
	}
	return fmt.Sprintf("%d d", seconds/86400)
}

// relative is "in 3 d 4 h" or "3 d 4 h ago".
func relative(now, t time.Time) string {
	if d := t.Sub(now); d >= 0 {
		return "in " + span(d)
	}
	return span(now.Sub(t)) + " ago"
}

func instant(t time.Time) string { return t.UTC().Format("2 Jan 2006 15:04:05") + " UTC" }

// moment is an instant as a distance from now, with the instant behind it. The
// script lets it tick. All that goes into it was made here of digits.
func moment(now, t time.Time) template.HTML {
	if t.IsZero() {
		return "–"
	}
	return template.HTML(`<time datetime="` + t.UTC().Format(time.RFC3339) + `" title="` + instant(t) + `">` + relative(now, t) + `</time>`)
}

// zoneHref is the path of a zone's page. The root's is /zone/@, as a path that
// ends in a dot would be read as a folder's.
func zoneHref(zone holdfast.Name) string {
	if zone == holdfast.Root {
		return "/zone/@"
	}
	return "/zone/" + url.PathEscape(zone.Short())
}

// level is how a zone stands, in one word: its status and its worst finding
// taken together. Greater is worse.
type level int

const (
	levelUnknown level = iota
	levelInsecure
	levelFine
	levelNotice
	levelWarning
	levelError
	levelCritical
	levelDown // bogus or unreachable
)

// badge is how a level or status looks: never by colour alone.
type badge struct{ class, glyph, word string }

var levels = [...]badge{
	levelUnknown:  {"unknown", "?", "not known"},
	levelInsecure: {"insecure", "○", "unsigned"},
	levelFine:     {"fine", "✓", "good"},
	levelNotice:   {"notice", "·", "notice"},
	levelWarning:  {"warning", "!", "warning"},
	levelError:    {"error", "!!", "error"},
	levelCritical: {"critical", "▲", "critical"},
	levelDown:     {"down", "✕", "bogus or unreachable"},
}

func (l level) class() string { return levels[l].class }

// levelOf is a zone's level by its latest verdict.
func levelOf(v holdfast.Verdict) level {
	if v.Status == holdfast.Bogus || v.Status == holdfast.Unreached {
		return levelDown
	}
	if worst := v.Worst(); worst >= holdfast.SeverityNotice {
		return severityLevel(worst)
	}
	switch v.Status {
	case holdfast.Secure:
		return levelFine
	case holdfast.Insecure:
		return levelInsecure
	}
	return levelUnknown
}

func severityLevel(s holdfast.Severity) level {
	switch {
	case s >= holdfast.SeverityCritical:
		return levelCritical
	case s == holdfast.SeverityError:
		return levelError
	case s == holdfast.SeverityWarning:
		return levelWarning
	case s == holdfast.SeverityNotice:
		return levelNotice
	}
	return levelFine
}

func (b badge) html() template.HTML {
	return template.HTML(`<span class="badge ` + b.class + `"><i aria-hidden="true">` + b.glyph + `</i> ` + b.word + `</span>`)
}

func statusBadge(s holdfast.Status) template.HTML {
	switch s {
	case holdfast.Secure:
		return badge{"fine", "✓", "secure"}.html()
	case holdfast.Insecure:
		return badge{"insecure", "○", "insecure"}.html()
	case holdfast.Bogus:
		return badge{"down", "✕", "bogus"}.html()
	case holdfast.Unreached:
		return badge{"down", "✕", "unreachable"}.html()
	case holdfast.Indeterminate:
		return badge{"unknown", "?", "indeterminate"}.html()
	}
	return badge{"unknown", "?", "not measured"}.html()
}

// eventBadge is how a line of an incident's log looks.
func eventBadge(e holdfast.IncidentEvent) template.HTML {
	if e.What == "closed" || e.What == "passed" {
		return badge{"fine", "✓", "good again"}.html()
	}
	return severityBadge(e.Severity)
}

// zonesNamed is how many zones a line of text has room for.
const zonesNamed = 3

// zonesInWords is ".aero", ".aero, .bike" or ".aero, .bike, .cat and 9 more".
// What is about no zone is about the watch.
func zonesInWords(zones []holdfast.Name) string {
	if len(zones) == 0 {
		return "the watch itself"
	}
	var names []string
	for _, z := range zones[:min(len(zones), zonesNamed)] {
		names = append(names, "."+strings.TrimPrefix(clean(z.Short()), "."))
	}
	text := strings.Join(names, ", ")
	if more := len(zones) - zonesNamed; more > 0 {
		text += " and " + comma(more) + " more"
	}
	return text
}

func severityBadge(s holdfast.Severity) template.HTML {
	b := levels[severityLevel(s)]
	if s == holdfast.SeverityInfo {
		b = badge{"insecure", "i", "info"}
	}
	return b.html()
}

// algorithmName is the mnemonic of IANA's registry "DNS Security Algorithm
// Numbers", or the number where we know none.
func algorithmName(a uint8) string {
	switch a {
	case 1:
		return "RSAMD5"
	case 3:
		return "DSA"
	case 5:
		return "RSASHA1"
	case 6:
		return "DSA-NSEC3-SHA1"
	case 7:
		return "RSASHA1-NSEC3-SHA1"
	case 8:
		return "RSASHA256"
	case 10:
		return "RSASHA512"
	case 12:
		return "ECC-GOST"
	case 13:
		return "ECDSAP256SHA256"
	case 14:
		return "ECDSAP384SHA384"
	case 15:
		return "ED25519"
	case 16:
		return "ED448"
	}
	return strconv.Itoa(int(a))
}

// typeName is the mnemonic of the record types that a walk asks for, else
// TYPE12345 (RFC 3597).
func typeName(t uint16) string {
	switch t {
	case 1:
		return "A"
	case 2:
		return "NS"
	case 6:
		return "SOA"
	case 28:
		return "AAAA"
	case 43:
		return "DS"
	case 48:
		return "DNSKEY"
	case 51:
		return "NSEC3PARAM"
	case 59:
		return "CDS"
	case 60:
		return "CDNSKEY"
	}
	return "TYPE" + strconv.Itoa(int(t))
}
