package testbed

import (
	"fmt"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
)

// telling is a guide: its four texts in their order.
type telling holdfast.TestGuide

// guide says what a step of a zone is.
func guide(z holdfast.TestZone, move holdfast.TestMove) holdfast.TestGuide {
	return holdfast.TestGuide(tell(z, move))
}

// tell says it with the clauses of RFC 5011.
func tell(z holdfast.TestZone, move holdfast.TestMove) telling {
	before, after := z.Old.Tag, z.New.Tag
	switch move {
	case holdfast.TestBegins:
		return telling{"the zone begins",
			fmt.Sprintf("The zone is signed, and its key %d is the only one to be trusted.", before),
			fmt.Sprintf("Give your resolver this key as a trust anchor until %s, and let it run.", stamp(z.Closes())),
			"NOERROR with AD. SERVFAIL: the key is not in use yet."}
	case holdfast.TestPublishes:
		return telling{"the new key is published",
			fmt.Sprintf("Key %d stands beside key %d, which signs both (RFC 5011 section 6.1).", after, before),
			"Nothing. Do not take away what your resolver has written.",
			fmt.Sprintf("NOERROR with AD. The state of key %d becomes AddPend, and stays so for %s (RFC 5011 sections 2.2 and 4.1).", after, words(z.Timers.Add))}
	case holdfast.TestAccepts:
		return telling{"the new key should be trusted by now",
			fmt.Sprintf("Nothing changed in the zone. The hold-down of %s has passed for all who saw key %d when it came (RFC 5011 section 2.4.1).", words(z.Timers.Add), after),
			fmt.Sprintf("See whether your resolver holds key %d as valid. If it does not, it will fail at %s.", after, stamp(z.When(holdfast.TestSigns))),
			fmt.Sprintf("NOERROR with AD. The state of key %d is Valid.", after)}
	case holdfast.TestSigns:
		return telling{"the new key signs alone",
			fmt.Sprintf("Key %d is still there, and signs no more. This is the test.", before),
			"Ask, and report what you see.",
			fmt.Sprintf("NOERROR with AD. SERVFAIL: your resolver did not come to trust key %d.", after)}
	case holdfast.TestRevokes:
		return telling{"the old key is revoked",
			fmt.Sprintf("Key %d has the REVOKE bit, which makes its tag %d, and both keys sign (RFC 5011 sections 2.1 and 6.2).", before, z.Old.Revoked),
			"Ask, and report what you see.",
			fmt.Sprintf("NOERROR with AD. The state of key %d becomes Revoked.", before)}
	case holdfast.TestRemoves:
		return telling{"the old key is gone",
			fmt.Sprintf("Key %d alone is left.", after),
			"Ask, and report what you see.",
			fmt.Sprintf("NOERROR with AD. After a remove hold-down of %s your resolver forgets key %d (RFC 5011 section 2.4.2).", words(z.Timers.Remove), before)}
	}
	return telling{"the zone has ended", "The zone is gone.",
		"Take its trust anchor out of your resolver's configuration, and the files that it wrote for it. What you reported stays on the zone's page. Thank you.",
		"NXDOMAIN, once the trust anchor is out."}
}

// stamp is an instant for mails.
func stamp(t time.Time) string { return t.UTC().Format("Mon 2 Jan 2006 15:04:05") + " UTC" }

// words is a length of time for people.
func words(d time.Duration) string {
	switch {
	case d%day == 0 && d >= 2*day:
		return fmt.Sprintf("%d days", d/day)
	case d%time.Minute == 0 && d >= 2*time.Minute:
		return fmt.Sprintf("%d minutes", d/time.Minute)
	}
	return fmt.Sprintf("%d seconds", d.Round(time.Second)/time.Second)
}

// letters writes the mails to one subscriber.
type letters struct {
	config Config
	domain string // right-hand side of Message-IDs
	zone   holdfast.TestZone
	to     holdfast.Subscription
	links  links
	now    time.Time
}

// links are the addresses that only the subscriber knows.
type links struct{ confirm, manage, unsubscribe, page string }

// prefix begins the id of each notice of a subscription.
func prefix(id string) string { return noticePrefix + id + "-" }

const noticePrefix = "testbed-"

// notice is a mail of a kind. Its Message-ID follows from subscription and
// kind: a mail that is decided on twice is the same mail.
func (l letters) notice(kind string, reason holdfast.NoticeReason, subject, text string) holdfast.Notice {
	id := prefix(l.to.ID) + kind
	n := holdfast.Notice{
		ID: id, Reason: reason, Severity: holdfast.SeverityNotice, Zones: []holdfast.Name{l.zone.Name}, Audience: holdfast.ForSubscriber, Channel: "mail",
		Recipient: l.to.Address, MessageID: "<" + id + "@" + l.domain + ">", Subject: "[" + l.config.SubjectTag + "] " + subject,
		Text: text, State: holdfast.NoticeQueued, Created: l.now, NotBefore: l.now,
	}
	if reason == holdfast.ReasonStep {
		n.Unsubscribe = l.links.unsubscribe
		if kind != welcomeKind {
			n.ThreadID = "<" + prefix(l.to.ID) + welcomeKind + "@" + l.domain + ">"
		}
	}
	return n
}

const welcomeKind = "welcome"

// confirm asks whether the subscription was meant. It holds nothing that who
// filled in the form could have written but the address itself.
func (l letters) confirm() holdfast.Notice {
	text := fmt.Sprintf(`Somebody, we think you, asked at
  %s
that this address be told of each step of the test zone
  %s

If that is right, open this page and press its button, before
%s:
  %s

If it is not, do nothing. Nothing more will be sent, and this address is
forgotten then.
`, l.links.page, l.zone.Name.Short(), stamp(l.to.Expires), l.links.confirm)
	return l.notice(fmt.Sprintf("confirm-%d", l.to.Created.Unix()), holdfast.ReasonConfirm, "Please confirm: steps of test zone "+l.zone.Name.Short(), text)
}

// welcome says how to take part, and has the whole schedule in its calendar.
func (l letters) welcome() holdfast.Notice {
	var b strings.Builder
	fmt.Fprintf(&b, "You will be told of each step of the test zone\n  %s\n\nIts first key, tag %d, as a DNSKEY and as a DS record:\n\n%s\n\n%s\n\n",
		l.zone.Name.Short(), l.zone.Old.Tag, DNSKEY(l.zone), DS(l.zone))
	fmt.Fprintf(&b, "How to give it to your resolver, and which resolvers can follow:\n  %s\n\n", l.links.page)
	if l.zone.Closes().Before(l.now) {
		fmt.Fprintf(&b, "It is late to begin: a resolver that is given the key now may not come to\ntrust the next one in time. The page lists zones that begin.\n\n")
	}
	b.WriteString("The steps:\n")
	for _, s := range l.zone.Steps {
		fmt.Fprintf(&b, "  %s  %s\n", stamp(s.At), guide(l.zone, s.Move).Title)
	}
	b.WriteString("\n" + l.how())
	n := l.notice(welcomeKind, holdfast.ReasonStep, "You follow test zone "+l.zone.Name.Short(), b.String()+l.foot())
	n.Calendar = Calendar(l.zone, l.links.page, l.now)
	return n
}

// step tells of a step that has come.
func (l letters) step(step holdfast.TestStep) holdfast.Notice {
	t := guide(l.zone, step.Move)
	var b strings.Builder
	fmt.Fprintf(&b, "%s:\n%s, since %s.\n\n%s\n\n%s\n\n%s\n\n", l.zone.Name.Short(), t.Title, stamp(step.At), fold(t.What), fold("To do: "+t.Do), fold("Expected: "+t.Expect))
	if step.Move != holdfast.TestEnds {
		b.WriteString(l.how())
	}
	next, ok := l.zone.After(step.At)
	if ok {
		fmt.Fprintf(&b, "Next: %s,\n%s.\n", guide(l.zone, next.Move).Title, stamp(next.At))
	}
	n := l.notice(string(step.Move), holdfast.ReasonStep, l.zone.Name.Short()+": "+t.Title, b.String()+l.foot())
	if ok {
		n.Calendar = []holdfast.CalendarEntry{entry(l.zone, next, l.links.page)}
	}
	return n
}

// how says how to look.
func (l letters) how() string {
	return fmt.Sprintf("To see what your resolver makes of it (RESOLVER is its address):\n  dig @RESOLVER %s.%s TXT +dnssec\nand look for \"status:\" and for \"ad\" among the flags. The name is yours alone:\nasking for it shows us which resolver is yours.\n\n", l.to.Label, l.zone.Name.Short())
}

func (l letters) foot() string {
	return fmt.Sprintf("\nReport what you see, or end these mails:\n  %s\n", l.links.manage)
}

// fold breaks a paragraph into lines of 76 characters and less.
func fold(text string) string {
	const width = 76
	var b strings.Builder
	column := 0
	for n, word := range strings.Fields(text) {
		switch {
		case n == 0:
		case column+1+len(word) > width:
			b.WriteString("\n")
			column = 0
		default:
			b.WriteString(" ")
			column++
		}
		b.WriteString(word)
		column += len(word)
	}
	return b.String()
}

// Calendar are the steps of a zone that come after an instant.
func Calendar(z holdfast.TestZone, page string, after time.Time) []holdfast.CalendarEntry {
	var out []holdfast.CalendarEntry
	for _, s := range z.Steps {
		if s.At.After(after) {
			out = append(out, entry(z, s, page))
		}
	}
	return out
}

// entry is a step in a calendar; its UID stays, so that a calendar that has it
// already changes it.
func entry(z holdfast.TestZone, s holdfast.TestStep, page string) holdfast.CalendarEntry {
	t := guide(z, s.Move)
	return holdfast.CalendarEntry{UID: string(s.Move) + "@" + z.Name.Short(), At: s.At, Until: s.At.Add(min(30*time.Minute, z.Timers.Add)),
		Summary: z.Name.Short() + ": " + t.Title, Text: t.What + "\n\n" + t.Do + "\n\n" + t.Expect, URL: page}
}
