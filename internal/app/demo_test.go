package app

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"
)

// labClock is a clock that a test moves.
type labClock struct{ at time.Time }

func (c *labClock) Now() time.Time                       { return c.at }
func (c *labClock) After(time.Duration) <-chan time.Time { return nil }

func TestTheDemosStoryIsToldInOrder(t *testing.T) {
	all, err := acts(demoFaults)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 6 {
		t.Fatalf("the story has %d acts", len(all))
	}
	for i, a := range all {
		if i > 0 && a.at < all[i-1].at {
			t.Errorf("%q comes before %q", all[i-1].text, a.text)
		}
		// A newcomer is promised to have seen it all within two minutes.
		if a.at < 0 || a.at > 2*time.Minute {
			t.Errorf("%q is told at %s", a.text, a.at)
		}
		if len(a.text) > 100 {
			t.Errorf("%q is too long for a line", a.text)
		}
	}
	if _, err := acts("#> soon zone/aero something"); err == nil {
		t.Error("an act at no hour is accepted")
	}
	if _, err := acts("#> +2h zone/aero"); err == nil {
		t.Error("an act without a text is accepted")
	}
}

func TestNarratorTellsTheStoryAndCountsTheRest(t *testing.T) {
	start := time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)
	clock, box := &labClock{at: start}, &mailbox{}
	var out bytes.Buffer
	n, err := newNarrator(&out, box, clock, start, "http://127.0.0.1:1/")
	if err != nil {
		t.Fatal(err)
	}
	n.acts = []act{{10 * time.Second, "zone/aero", "It begins."}, {70 * time.Second, "incidents", "It ends."}}
	tellAt := func(since time.Duration) string {
		out.Reset()
		n.tell(since)
		return out.String()
	}
	if got := tellAt(5 * time.Second); got != "" {
		t.Errorf("before anything: %q", got)
	}
	box.put(letter{To: "staff@holdfast.demo", Subject: "[Holdfast] WARNING .aero: " + strings.Repeat("x", 100)})
	box.put(letter{To: "staff@holdfast.demo", Subject: "[Holdfast] WARNING .xxx: refuses"})
	want := "0:10  It begins.\n      look at http://127.0.0.1:1/zone/aero\n0:10    mail to staff: WARNING .aero: " + strings.Repeat("x", 64) + "…\n"
	if got := tellAt(10 * time.Second); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if got := tellAt(21 * time.Second); got != "0:21    and 1 mail about other zones: http://127.0.0.1:1/mailbox\n" {
		t.Errorf("the rest: %q", got)
	}
	if got := tellAt(72 * time.Second); got != "1:12  It ends.\n      look at http://127.0.0.1:1/incidents\n" {
		t.Errorf("at the end: %q", got)
	}
}

func TestLinkedFollowsOwnAddressesOnly(t *testing.T) {
	const base = "http://127.0.0.1:8099/"
	for _, c := range []struct{ text, want string }{
		{"nothing", "nothing"},
		{"see " + base + "zone/aero\nand", `see <a href="http://127.0.0.1:8099/zone/aero">http://127.0.0.1:8099/zone/aero</a>` + "\nand"},
		{"(" + base + ")", `(<a href="http://127.0.0.1:8099/">http://127.0.0.1:8099/</a>)`},
		{"http://example.net/ <b>", "http://example.net/ &lt;b&gt;"},
		{base + `x"onclick=1`, `<a href="http://127.0.0.1:8099/x">http://127.0.0.1:8099/x</a>&#34;onclick=1`},
		{base + "a?b&c", `<a href="http://127.0.0.1:8099/a?b&amp;c">http://127.0.0.1:8099/a?b&amp;c</a>`},
	} {
		if got := string(linked(base, c.text)); got != c.want {
			t.Errorf("linked(%q) is %q, want %q", c.text, got, c.want)
		}
	}
}

func TestReadLetter(t *testing.T) {
	l, err := readLetter(strings.NewReader(strings.ReplaceAll(`Subject: =?utf-8?q?=2E=D1=80=D1=84?=
Date: Sat, 01 Aug 2026 12:00:00 +0000
In-Reply-To: <first@holdfast.demo>
Content-Type: multipart/alternative; boundary=b

--b
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

one =3D two
--b
Content-Type: text/html

<p>no</p>
--b--
`, "\n", "\r\n")))
	if err != nil || l.Subject != ".рф" || !l.Reply || strings.TrimSpace(l.Text) != "one = two" {
		t.Errorf("got %+v, %v", l, err)
	}
	if _, err := readLetter(strings.NewReader("no header")); err == nil {
		t.Error("what is no mail is accepted")
	}
}

func TestMailboxIsBounded(t *testing.T) {
	m := &mailbox{}
	for i := range maxMailbox + 3 {
		m.put(letter{Subject: fmt.Sprint(i)})
	}
	if got := m.letters(); len(got) != maxMailbox || got[0].Number != maxMailbox+3 {
		t.Errorf("%d letters, the newest is %d", len(got), got[0].Number)
	}
	if _, found := m.letter(1); found {
		t.Error("the oldest is still there")
	}
}

// TestDemoStaysAtHome holds that nobody else can reach a page on which every
// visitor is staff.
func TestDemoStaysAtHome(t *testing.T) {
	for listen, want := range map[string]bool{"127.0.0.1:0": true, "[::1]:8080": true, "localhost:80": true, "0.0.0.0:80": false, ":80": false, "192.0.2.1:80": false, "8080": false} {
		if got := demoAddress(listen) == nil; got != want {
			t.Errorf("--listen %s: allowed %v, want %v", listen, got, want)
		}
	}
}

// TestDocsBesideThePage holds that mails lead to the page's own texts where
// there is a page.
func TestDocsBesideThePage(t *testing.T) {
	for text, want := range map[string]string{
		`alert.base_url = "https://watch.example/"`:                                            "https://watch.example/checks/",
		`alert.base_url = "https://watch.example"`:                                             "https://watch.example/checks/",
		"alert.base_url = \"https://watch.example/\"\nalert.docs_url = \"https://d.example/\"": "https://d.example/",
		"alert.base_url = \"https://watch.example/\"\nweb.listen = \"off\"":                    "",
	} {
		c, err := readConfig([]byte(text))
		if err != nil || c.Alert.DocsURL != want {
			t.Errorf("%s: docs at %q, %v; want %q", text, c.Alert.DocsURL, err, want)
		}
	}
}
