package alert

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
)

const tech = "tech@nic.test"

// trouble makes two looks that agree, and ticks.
func (w *watch) trouble(zone holdfast.Name, findings ...holdfast.Finding) {
	w.Helper()
	w.look(zone, findings...)
	w.look(zone, findings...)
	w.tick()
}

func (w *watch) mended(zone holdfast.Name) {
	w.Helper()
	for range 2 {
		w.look(zone)
	}
	w.tick()
}

func TestContactIsHeldByDefault(t *testing.T) {
	w := newWatch(t)
	w.contact("example.", "Tech@NIC.test")
	w.trouble("example.", expiring(holdfast.SeverityWarning, start.Add(100*time.Hour)))
	w.wantTold("Tech@nic.test", "opened warning held")
	n := w.notices("Tech@nic.test")[0]
	if n.Incident != w.only().ID || n.Channel != "mail" || n.ThreadID != "" || fmt.Sprint(n.Zones) != "[example.]" {
		t.Errorf("notice %+v", n)
	}
	w.send()
	w.mended("example.")
	w.wantTold("Tech@nic.test", "opened warning dropped")
	if n := w.notices("Tech@nic.test")[0]; !strings.Contains(n.LastError, "moot") {
		t.Errorf("dropped because %q", n.LastError)
	}
}

func TestContactGetsTheClosingAfterTheOpening(t *testing.T) {
	w := newWatch(t)
	w.contact("example.", tech)
	w.trouble("example.", expiring(holdfast.SeverityWarning, start.Add(100*time.Hour)))
	if err := w.record.ReleaseNotice(t.Context(), w.notices(tech)[0].ID, w.clock.Now()); err != nil {
		t.Fatal(err)
	}
	w.send()
	w.mended("example.")
	w.wantTold(tech, "opened warning sent") // the closing waits for the six hours
	w.clock.move(6 * time.Hour)
	w.tick()
	w.restart()
	w.tick()
	w.wantTold(tech, "opened warning sent, closed warning queued")
	all := w.notices(tech)
	if all[1].ThreadID != all[0].MessageID || !strings.Contains(all[1].Subject, "MENDED .example") {
		t.Errorf("thread %q of %q: %s", all[1].ThreadID, all[0].MessageID, all[1].Subject)
	}
}

func TestHeldNoticeToAFormerContact(t *testing.T) {
	w := newWatch(t)
	w.contact("example.", tech)
	w.trouble("example.", expiring(holdfast.SeverityWarning, start.Add(100*time.Hour)))
	w.contact("example.", "new@nic.test")
	w.clock.move(time.Hour)
	w.tick()
	w.wantTold(tech, "opened warning dropped")
	w.wantTold("new@nic.test", "opened warning held")
	// We sleep while it closes, and for so long that it is forgotten.
	for range 2 {
		w.look("example.")
	}
	w.clock.move(48 * time.Hour)
	w.restart()
	w.tick()
	w.wantTold("new@nic.test", "opened warning dropped")
}

func TestWhatAPersonDroppedStaysDropped(t *testing.T) {
	w := newWatch(t)
	w.contact("example.", tech)
	w.trouble("example.", expiring(holdfast.SeverityWarning, start.Add(100*time.Hour)))
	if err := w.record.DropNotice(t.Context(), w.notices(tech)[0].ID, w.clock.Now(), "known"); err != nil {
		t.Fatal(err)
	}
	w.clock.move(7 * time.Hour)
	w.tick()
	w.wantTold(tech, "opened warning dropped")
	w.mended("example.")
	w.clock.move(7 * time.Hour)
	w.tick()
	w.wantTold(tech, "opened warning dropped")
}

func TestHeldNoticeIsReplacedByTheNext(t *testing.T) {
	w := newWatch(t)
	w.contact("example.", tech)
	until := start.Add(60 * time.Hour)
	w.trouble("example.", expiring(holdfast.SeverityWarning, until))
	w.trouble("example.", expiring(holdfast.SeverityError, until))
	w.wantTold(tech, "opened warning dropped, raised error held")
	w.restart()
	w.tick()
	w.wantTold(tech, "opened warning dropped, raised error held")
	if n := w.notices(tech)[1]; n.ThreadID != "" {
		t.Errorf("it answers a mail that was never sent: %s", n.ThreadID)
	}
}

func TestThreadRelease(t *testing.T) {
	w := newWatch(t, func(c *Config) { c.Contacts = ReleaseThread })
	w.contact("example.", tech)
	until := start.Add(60 * time.Hour)
	w.trouble("example.", expiring(holdfast.SeverityWarning, until))
	w.wantTold(tech, "opened warning held")
	if err := w.record.ReleaseNotice(t.Context(), w.notices(tech)[0].ID, w.clock.Now()); err != nil {
		t.Fatal(err)
	}
	w.send()
	w.trouble("example.", expiring(holdfast.SeverityCritical, until))
	w.wantTold(tech, "opened warning sent, raised critical queued")
}

func TestOneMailInSixHoursBelowCritical(t *testing.T) {
	w := newWatch(t, func(c *Config) { c.Contacts = ReleaseAutomatic })
	for _, zone := range []holdfast.Name{"a.", "b.", "c.", "d.", "e."} {
		w.contact(zone, tech)
	}
	until := start.Add(90 * time.Hour)
	w.trouble("a.", expiring(holdfast.SeverityWarning, until))
	w.send()
	w.wantTold(tech, "opened warning sent")
	first := w.clock.Now()
	w.trouble("b.", expiring(holdfast.SeverityWarning, until))
	w.trouble("c.", expiring(holdfast.SeverityError, until))
	w.trouble("a.", expiring(holdfast.SeverityError, until))
	w.send()
	w.wantTold(tech, "opened warning sent")
	// Critical does not wait.
	w.trouble("d.", expired(start))
	w.send()
	w.wantTold(tech, "opened warning sent, opened critical sent")
	critical := w.clock.Now()
	w.clock.move(first.Add(6*time.Hour + time.Minute).Sub(w.clock.Now()))
	w.tick()
	w.wantTold(tech, "opened warning sent, opened critical sent")
	w.clock.move(critical.Add(6 * time.Hour).Sub(w.clock.Now()))
	w.tick()
	w.restart()
	w.tick()
	w.wantTold(tech, "opened warning sent, opened critical sent, opened error queued")
	n := w.notices(tech)[2]
	if fmt.Sprint(n.Zones) != "[a. b. c.]" || len(n.Also) != 2 {
		t.Errorf("zones %v, also %v; want one mail about all three", n.Zones, n.Also)
	}
	for _, want := range []string{"(and 2 more incidents)", ".a", ".b", ".c"} {
		if !strings.Contains(n.Subject+n.Text, want) {
			t.Errorf("%q is not in\n%s\n%s", want, n.Subject, n.Text)
		}
	}
}

func TestManyCriticalAtOnceAreOneMail(t *testing.T) {
	w := newWatch(t, func(c *Config) { c.Contacts = ReleaseAutomatic })
	for n := range 20 {
		zone := holdfast.Name(fmt.Sprintf("z%02d.", n))
		w.contact(zone, tech)
		w.lookNow(zone, expired(start))
	}
	w.tick()
	if got := w.notices(tech); len(got) != 1 || len(got[0].Zones) != 20 || len(got[0].Also) != 19 {
		t.Errorf("%d mails", len(got))
	}
	w.send()
	w.clock.move(time.Hour)
	for range 2 {
		w.clock.move(5 * time.Minute)
		for n := range 20 {
			w.lookNow(holdfast.Name(fmt.Sprintf("z%02d.", n)))
		}
	}
	w.tick()
	if got := w.told(tech); got != "opened critical sent, closed critical queued" {
		t.Errorf("told %s", got)
	}
}

func TestAutomaticZonesAndSecondContacts(t *testing.T) {
	w := newWatch(t, func(c *Config) {
		c.Automatic = []string{"a"}
		c.SecondContacts = map[string]string{"a": "boss@nic.test", "b": "boss@nic.test"}
		c.Escalation = []string{"director@registry.example"}
	})
	w.contact("a.", tech)
	w.contact("b.", "other@nic.test")
	w.trouble("a.", expiring(holdfast.SeverityError, start.Add(90*time.Hour)))
	w.trouble("b.", expiring(holdfast.SeverityError, start.Add(80*time.Hour)))
	w.wantTold(tech, "opened error queued")
	w.wantTold("other@nic.test", "opened error held")
	w.wantTold("boss@nic.test", "")
	w.wantTold("director@registry.example", "")
	w.trouble("a.", expired(start))
	w.wantTold("boss@nic.test", "opened critical queued")
	w.wantTold("director@registry.example", "raised critical")
	if n := w.notices("boss@nic.test")[0]; !strings.Contains(n.Text, "second contact of .a") {
		t.Errorf("the second contact reads\n%s", n.Text)
	}
}

func TestNeverMeansNever(t *testing.T) {
	w := newWatch(t, func(c *Config) { c.Contacts = ReleaseNever })
	w.contact("example.", tech)
	w.trouble("example.", expired(start))
	w.wantTold(tech, "")
}

// Servers that fail for minutes are nothing to write to anybody about; those
// that do for half an hour are, and those of which none is left are at once.
func TestContactIsNotToldOfMinutes(t *testing.T) {
	w := newWatch(t, func(c *Config) { c.Contacts = ReleaseAutomatic })
	w.contact("example.", tech)
	fail := func(severity holdfast.Severity, looks int) {
		for range looks {
			f := silentServer(server("example.", 1))
			f.Severity = severity
			w.look("example.", f)
			w.tick()
		}
	}
	mend := func() {
		for range 5 {
			w.look("example.")
			w.tick()
		}
	}
	fail(holdfast.SeverityError, 6) // 20 minutes after the second, which opens it
	w.wantTold(tech, "")
	mend()
	w.wantTold(tech, "")
	fail(holdfast.SeverityWarning, 6)
	w.wantTold(tech, "")
	fail(holdfast.SeverityWarning, 3)
	w.wantTold(tech, "opened warning queued")
	w.send()
	w.clock.move(7 * time.Hour)
	mend()
	w.wantTold(tech, "opened warning sent, closed warning queued")
	w.send()
	w.clock.move(7 * time.Hour)
	fail(holdfast.SeverityWarning, 3)
	w.wantTold(tech, "opened warning sent, closed warning sent")
	fail(holdfast.SeverityCritical, 1)
	w.wantTold(tech, "opened warning sent, closed warning sent, reopened critical queued")
}

func TestContactOfAGroupReadsOfTheirOwnZones(t *testing.T) {
	w := newWatch(t, func(c *Config) { c.Contacts = ReleaseAutomatic })
	w.contact("a.", tech)
	w.contact("b.", "other@nic.test")
	dead := func(zone holdfast.Name) holdfast.Finding { return silentServer(server(".", 1)) }
	for range 2 {
		w.look("a.", dead("a."))
		w.look("b.", dead("b."))
	}
	w.clock.move(30 * time.Minute)
	w.look("a.", dead("a."))
	w.look("b.", dead("b."))
	w.tick()
	n := w.notices(tech)[0]
	if fmt.Sprint(n.Zones) != "[a.]" || strings.Contains(n.Text, ".b") || !strings.Contains(n.Text, "1 further zone on the same servers") {
		t.Errorf("zones %v\n%s", n.Zones, n.Text)
	}
	w.send()
	w.clock.move(7 * time.Hour)
	// Its zone leaves: that is its closing mail, whatever the others do.
	for range 2 {
		w.look("a.")
		w.look("b.", dead("b."))
	}
	w.tick()
	w.wantTold(tech, "opened warning sent, closed warning queued")
	w.wantTold("other@nic.test", "opened warning sent")
	w.send()
	w.clock.move(7 * time.Hour)
	w.mended("b.")
	if last := w.notices("other@nic.test")[1]; last.Reason != holdfast.ReasonClosed || strings.Contains(last.Text+last.HTML, ".a") {
		t.Errorf("the other contact reads of a zone that is not theirs:\n%s", last.Text)
	}
}

func TestReopenedIsToldToContacts(t *testing.T) {
	w := newWatch(t, func(c *Config) { c.Contacts = ReleaseAutomatic })
	w.contact("example.", tech)
	w.trouble("example.", expired(start))
	w.send()
	w.mended("example.")
	w.send()
	w.trouble("example.", expired(start))
	w.wantTold(tech, "opened critical sent, closed critical sent, reopened critical queued")
}

func TestContactWithoutAUsableAddress(t *testing.T) {
	w := newWatch(t, func(c *Config) { c.Contacts = ReleaseAutomatic })
	w.contact("a.", "not an address\r\nBcc: x@example.net")
	w.trouble("a.", expired(start))
	if n := w.notices(staff)[0]; !strings.Contains(n.Text, "CAUTION: its mail address cannot be used") || strings.Contains(n.Text, "\r") {
		t.Errorf("staff read\n%s", n.Text)
	}
	if all := w.notices(""); len(all) != 1 {
		t.Errorf("%d notices", len(all))
	}
}

func TestDoubts(t *testing.T) {
	servers := []holdfast.Server{{Name: "ns1.dns.operator.net."}, {Name: "a.nic.example."}}
	for email, want := range map[string]string{
		"a@registry.test":        "",
		"a@nic.example":          "under .example itself",
		"a@EXAMPLE":              "under .example itself",
		"a@dns.operator.net":     "under dns.operator.net",
		"a@eu.dns.operator.net":  "under dns.operator.net",
		"a@operator.net":         "",
		"a@notexample":           "",
		"nobody":                 "cannot be used",
		"a@exa mple\r\nBcc: b@c": "cannot be used",
	} {
		got := doubts(holdfast.Contact{Email: email}, "example.", servers)
		if want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%q: %q, want %q", email, got, want)
		}
	}
}
