package notify

import (
	"encoding/base64"
	netmail "net/mail"
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
)

func entries() []holdfast.CalendarEntry {
	at := time.Date(2026, 12, 28, 0, 0, 0, 0, time.UTC)
	return []holdfast.CalendarEntry{{UID: "signs@2026-11-16.bed.example", At: at, Until: at.Add(30 * time.Minute),
		Summary: "2026-11-16.bed.example: the new key signs alone", Text: "One, two; three\\four\nand " + strings.Repeat("длинно ", 30), URL: "https://bed.example/testbed"}}
}

// TestCalendarIsWhatRFC5545Wants: lines end in CRLF and have 75 octets at most
// (section 3.1), text is escaped (3.3.11), instants are in UTC (3.3.5), and the
// properties that must be there are (3.4, 3.6.1, 3.7).
func TestCalendarIsWhatRFC5545Wants(t *testing.T) {
	text, err := Calendar(entries(), start)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(string(text), "\r\n"), "\r\n") {
		if len(line) > 75 || strings.ContainsAny(line, "\r\n") {
			t.Errorf("line of %d octets: %q", len(line), line)
		}
	}
	whole := strings.ReplaceAll(string(text), "\r\n ", "")
	for _, want := range []string{"BEGIN:VCALENDAR\r\n", "VERSION:2.0\r\n", "PRODID:", "METHOD:PUBLISH\r\n", "BEGIN:VEVENT\r\n", "UID:signs@2026-11-16.bed.example\r\n",
		"DTSTAMP:20260803T000000Z\r\n", "DTSTART:20261228T000000Z\r\n", "DTEND:20261228T003000Z\r\n", "SUMMARY:2026-11-16.bed.example: the new key signs alone\r\n",
		`DESCRIPTION:One\, two\; three\\four\nand длинно`, "END:VEVENT\r\nEND:VCALENDAR\r\n"} {
		if !strings.Contains(whole, want) {
			t.Errorf("lacks %q:\n%s", want, whole)
		}
	}
	again, err := Calendar(entries(), start)
	if err != nil || string(again) != string(text) {
		t.Errorf("the same entries come to another calendar (%v)", err)
	}
}

// TestMailsToSubscribers: a calendar is attached, one click ends them where the
// page has TLS (RFC 8058 section 3.1), and nothing can be smuggled in.
func TestMailsToSubscribers(t *testing.T) {
	s := newServer(t)
	n := notice("n1", "ann@example.org")
	n.Incident, n.Audience, n.HTML = "", holdfast.ForSubscriber, ""
	n.Calendar, n.Unsubscribe = entries(), "https://bed.example/testbed/unsubscribe?id=a&token=b"
	m := newMail(t, mailConfig(s))
	if err := m.Deliver(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	got, err := netmail.ReadMessage(strings.NewReader(s.got()[0].data))
	if err != nil {
		t.Fatal(err)
	}
	for header, want := range map[string]string{"List-Unsubscribe": "<" + n.Unsubscribe + ">", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click", "X-Holdfast-Incident": ""} {
		if value := got.Header.Get(header); value != want {
			t.Errorf("%s is %q, want %q", header, value, want)
		}
	}
	all := parts(t, got)
	calendar, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(all["text/calendar"], "\r\n", ""))
	if err != nil || !strings.Contains(string(calendar), "BEGIN:VEVENT\r\n") || all["text/plain"] == "" {
		t.Errorf("parts %q, %v", all, err)
	}
	n.Unsubscribe = "http://127.0.0.1/u"
	if err := m.Deliver(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(s.got()[1].data, "List-Unsubscribe-Post") {
		t.Error("one click is promised without TLS")
	}
	n.Unsubscribe = "https://bed.example/>\r\nBcc: all@example.org"
	if err := m.Deliver(t.Context(), n); err == nil {
		t.Error("a header was smuggled in")
	}
}
