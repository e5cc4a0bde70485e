package alert

import (
	_ "embed" // the templates of the mails
	"fmt"
	"html/template"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	text "text/template"
	"time"

	"github.com/holdfastdns/holdfast"
)

// letter is a mail before it is written out. All its strings are clean: one
// line each, without control characters.
type letter struct {
	Subject  string
	Heading  string
	Intro    []string // paragraphs
	Sections []section
	Contacts []contactLine // for staff only
	Closing  bool
	Why      string // why the reader gets it
	Sender   string
}

// section tells of one incident.
type section struct {
	Zones    string
	Severity string
	Title    string
	Since    string
	Fails    string // when what breaks, absolute and relative
	Servers  string
	Problems []problem
	More     int // findings that are not told
	Page     string
	History  []string
}

type problem struct {
	Code, Name, Severity, Where, Text, Until, Reference string
	Dig                                                 []string
	Mend, Docs, Evidence                                string
}

type contactLine struct{ Zone, Who, Source, Doubt string }

// part is an incident and those of its zones that a letter speaks of.
type part struct {
	incident *holdfast.Incident
	zones    []holdfast.Name
	// foreign says that the reader is not staff: zones of others that came and
	// went are left out of the history.
	foreign bool
}

// Bounds on a mail, so that it stays one that people read.
const (
	problemsShown = 8
	serversShown  = 12
	historyShown  = 12
)

// letter makes the mail about one or more incidents, the worst first.
func (a *Alert) letter(reason holdfast.NoticeReason, now time.Time, parts ...part) letter {
	first := parts[0]
	l := letter{Closing: reason == holdfast.ReasonClosed, Sender: clean(a.config.Sender, maxLine)}
	l.Subject = a.subject(reason, now, first, len(parts)-1)
	_, l.Heading, _ = strings.Cut(l.Subject, "] ")
	l.Intro = []string{reasonText(reason, first, now)}
	if l.Closing {
		l.Intro = append(l.Intro, "Resolvers may remember what was broken until the TTL of the records has passed.")
	}
	for _, p := range parts {
		l.Sections = append(l.Sections, a.section(p, now, l.Closing))
	}
	return l
}

// subject is for a sleepy person on a phone: how bad, where, what, and when.
func (a *Alert) subject(reason holdfast.NoticeReason, now time.Time, p part, others int) string {
	i := p.incident
	word := strings.ToUpper(i.Severity.String())
	if len(p.zones) > 0 && i.State == holdfast.StateOpen {
		word = strings.ToUpper(severest(i, p.zones).String())
	}
	if reason == holdfast.ReasonClosed {
		word = "MENDED"
	}
	where := firstZones(i, p.zones, 2)
	if i.Trouble == holdfast.TroubleSelf {
		where = "Holdfast itself"
	}
	what := i.Title
	if when := i.FailsAt; !when.IsZero() && reason != holdfast.ReasonClosed && strings.Contains(what, instant(when)) {
		what = strings.Replace(what, instant(when), instant(when)+" ("+away(when, now)+")", 1)
	}
	if others > 0 {
		what += " (and " + plural(others, "more incident") + ")"
	}
	return "[" + clean(a.config.SubjectTag, 40) + "] " + clean(word+" "+where+": "+what, maxLine)
}

// reasonText says why the mail comes now.
func reasonText(reason holdfast.NoticeReason, p part, now time.Time) string {
	i := p.incident
	switch reason {
	case holdfast.ReasonOpened:
		return "This is new trouble."
	case holdfast.ReasonReopened:
		return "This trouble has come back; it was thought mended."
	case holdfast.ReasonRaised:
		return "This has become worse: it is " + i.Severity.String() + " now."
	case holdfast.ReasonChanged:
		return "The zones that this trouble is on have changed."
	case holdfast.ReasonClosed:
		return "This is mended: every look since has been good."
	case holdfast.ReasonReminder:
		if next, ok := nextDeadline(i, now); ok {
			return "This is a reminder: signatures die " + away(next, now) + ", at " + instant(next) + "."
		}
		if !i.FailsAt.IsZero() {
			return "This is a reminder: signatures have died, the last of them " + away(latestDeadline(i, now), now) + "."
		}
	}
	return "This is a reminder: the trouble stands."
}

func (a *Alert) section(p part, now time.Time, closing bool) section {
	i := p.incident
	s := section{
		Zones: firstZones(i, p.zones, 40), Severity: i.Severity.String(), Title: i.Title,
		Since: instant(i.Opened) + " (" + away(i.Opened, now) + ")", Servers: serverList(i.Servers),
	}
	if others := len(i.Zones) - len(p.zones); others > 0 {
		s.Zones += "; " + plural(others, "further zone") + " on the same servers"
	}
	if !i.FailsAt.IsZero() && !closing {
		s.Fails = failsText(i, now)
	}
	if a.config.BaseURL != "" {
		s.Page = a.config.BaseURL + "incidents/" + i.ID
	}
	var any netip.Addr
	if addresses := addressesOf(i.Servers); len(addresses) > 0 {
		any = addresses[0]
	}
	advised := make(map[string]bool)
	for _, f := range i.Findings {
		if f.Zone != "" && !slices.Contains(p.zones, f.Zone) {
			continue
		}
		if len(s.Problems) == problemsShown {
			s.More++
			continue
		}
		s.Problems = append(s.Problems, a.problem(f, any, now, len(p.zones) > 1, !advised[f.Code] && !closing))
		advised[f.Code] = true
	}
	for _, e := range i.Log[max(0, len(i.Log)-historyShown):] {
		if p.foreign && (e.What == "joined" || e.What == "left") {
			continue
		}
		s.History = append(s.History, instant(e.At)+"  "+e.What+" ("+e.Severity.String()+"): "+clean(e.Text, maxText))
	}
	return s
}

// failsText says when what breaks, and what that will mean.
func failsText(i *holdfast.Incident, now time.Time) string {
	when := instant(i.FailsAt) + " (" + away(i.FailsAt, now) + ")"
	everywhere := len(i.Findings) > 0 && i.Findings[0].Server == (holdfast.Server{})
	reach := "validating resolvers that ask the servers named refuse what they answer"
	if everywhere {
		reach = "every validating resolver refuses the zone and all below it that the records named vouch for"
	}
	if !i.FailsAt.After(now) {
		return "since " + when + ": " + reach
	}
	return when + ": from then on " + reach
}

func serverList(servers []holdfast.Server) string {
	var words []string
	for _, s := range servers[:min(len(servers), serversShown)] {
		words = append(words, serverText(s))
	}
	list := strings.Join(words, ", ")
	if more := len(servers) - serversShown; more > 0 {
		list += " and " + strconv.Itoa(more) + " more"
	}
	return list
}

func (a *Alert) problem(f holdfast.IncidentFinding, any netip.Addr, now time.Time, naming, advise bool) problem {
	p := problem{Code: f.Code, Name: f.Name, Severity: f.Severity.String(), Text: clean(f.Text, maxText), Reference: f.Reference}
	if f.Server != (holdfast.Server{}) {
		p.Where = serverText(f.Server)
	}
	if naming && f.Zone != "" {
		p.Where = strings.Join(nonEmpty(zoneText(f.Zone, ""), p.Where), ", ")
	}
	if !f.Until.IsZero() {
		p.Until = instant(f.Until) + " (" + away(f.Until, now) + ")"
	}
	p.Dig = digLines(f.Finding, any)
	if advise {
		p.Mend = adviceOn(f.Code)
		if !strings.HasPrefix(f.Code, "SELF-") {
			p.Docs = a.config.DocsURL + f.Code + ".md"
		}
	}
	if a.config.BaseURL != "" && f.Measurement != "" {
		p.Evidence = a.config.BaseURL + "evidence/" + f.Measurement
		if len(f.Evidence) > 0 {
			p.Evidence += "/" + strconv.Itoa(f.Evidence[0])
		}
	}
	return p
}

//go:embed letter.txt
var textTemplate string

//go:embed letter.html
var htmlTemplate string

// render writes a letter out as plain text and as HTML.
func (l letter) render() (plain, html string, err error) {
	t, err := text.New("letter.txt").Funcs(text.FuncMap{"fold": fold}).Parse(textTemplate)
	if err != nil {
		return "", "", fmt.Errorf("read the text template: %w", err)
	}
	h, err := template.New("letter.html").Parse(htmlTemplate)
	if err != nil {
		return "", "", fmt.Errorf("read the HTML template: %w", err)
	}
	var p, b strings.Builder
	if err := t.Execute(&p, l); err != nil {
		return "", "", fmt.Errorf("write a mail's text: %w", err)
	}
	if err := h.Execute(&b, l); err != nil {
		return "", "", fmt.Errorf("write a mail's HTML: %w", err)
	}
	return p.String(), b.String(), nil
}

// fold breaks a paragraph at 76 columns and indents the lines. A word longer
// than that (an address of a page) stays whole.
func fold(indent string, paragraph string) string {
	const width = 76
	var out strings.Builder
	column := 0
	for word := range strings.FieldsSeq(paragraph) {
		length := len([]rune(word))
		switch {
		case column == 0:
			out.WriteString(indent)
			column = len(indent)
		case column+1+length > width:
			out.WriteString("\n" + indent)
			column = len(indent)
		default:
			out.WriteString(" ")
			column++
		}
		out.WriteString(word)
		column += length
	}
	return out.String()
}
