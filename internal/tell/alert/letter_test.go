package alert

import (
	"net/netip"
	"os/exec"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/holdfastdns/holdfast"
)

func TestMailToStaff(t *testing.T) {
	w := newWatch(t)
	w.contact("xn--p1ai.", "tech@nic.xn--p1ai")
	f := expiring(holdfast.SeverityCritical, start.Add(5*time.Hour+10*time.Minute))
	f.Server = server("xn--p1ai.", 2)
	v := func() {
		w.clock.move(5 * time.Minute)
		if err := w.Consider(t.Context(), holdfast.Subject{Zone: "xn--p1ai.", Unicode: "рф", IDN: true}, w.verdict("xn--p1ai.", f), "s1"); err != nil {
			t.Fatal(err)
		}
	}
	v()
	v()
	n := w.notices(staff)[0]
	if want := "[Holdfast] CRITICAL .xn--p1ai (рф): NS signatures expire 2026-08-03 05:10 UTC (in 5 h) at ns2.nic.xn--p1ai (" + f.Server.Address.String() + ")"; n.Subject != want {
		t.Errorf("subject\n\t%s\nwant\n\t%s", n.Subject, want)
	}
	if !strings.HasPrefix(n.MessageID, "<"+n.ID+"@registry.example>") {
		t.Errorf("Message-ID %s", n.MessageID)
	}
	for _, want := range []string{
		"What is wrong: NS signatures expire 2026-08-03 05:10 UTC",
		"Since: 2026-08-03 00:05 UTC (5 min ago)",
		"Breaks: 2026-08-03 05:10 UTC (in 5 h): from then on validating resolvers",
		"dig @" + f.Server.Address.String() + " xn--p1ai. NS +norecurse +dnssec",
		"To mend it: The signer has not renewed",
		"docs/checks/SIG-02.md",
		"https://watch.registry.example/evidence/m000002/3",
		"https://watch.registry.example/incidents/" + n.Incident,
		"RFC 6781 section 4.4.2",
		"tech@nic.xn--p1ai", "+1 555 0199",
		"CAUTION: its mail domain lies under .xn--p1ai itself",
		"Example Registry Watch, +1 555 0100",
	} {
		if !strings.Contains(strings.Join(strings.Fields(n.Text), " "), strings.Join(strings.Fields(want), " ")) {
			t.Errorf("the text lacks %q:\n%s", want, n.Text)
		}
	}
	for _, want := range []string{"<h1", "рф", "dig @", `<a href="https://watch.registry.example/incidents/`, "CAUTION"} {
		if !strings.Contains(n.HTML, want) {
			t.Errorf("the HTML lacks %q:\n%s", want, n.HTML)
		}
	}
}

func TestMailToContactTellsNothingOfStaff(t *testing.T) {
	w := newWatch(t)
	w.contact("example.", tech)
	w.trouble("example.", expired(start))
	n := w.notices(tech)[0]
	if !strings.Contains(strings.Join(strings.Fields(n.Text), " "), "because you are the technical contact of .example in IANA's RDAP service.") {
		t.Errorf("it does not say why:\n%s", n.Text)
	}
	for _, secret := range []string{"CAUTION", "not public", staff, tech} {
		if strings.Contains(n.Text+n.HTML, secret) {
			t.Errorf("it holds %q", secret)
		}
	}
}

// TestHostileTexts puts what a name server might send into every place.
func TestHostileTexts(t *testing.T) {
	const evil = "x\r\nBcc: all@example.net\r\n\r\n<script>alert(1)</script>\x1b[2J\u202Egnp.exe\x00\xff"
	w := newWatch(t)
	f := holdfast.Finding{Code: "CON-01", Name: "not-answering", Severity: holdfast.SeverityCritical, Text: evil + strings.Repeat("long ", 1000),
		Reference: evil, Server: holdfast.Server{Name: "ns$(reboot).'; rm -rf /;'.example.", Address: netip.MustParseAddr("2001:db8::1")}}
	for range 2 {
		w.clock.move(time.Minute)
		s := holdfast.Subject{Zone: "example.", Unicode: holdfast.UName(evil)}
		if err := w.Consider(t.Context(), s, w.verdict("example.", f), evil); err != nil {
			t.Fatal(err)
		}
	}
	n := w.notices(staff)[0]
	checkMail(t, n)
	if strings.Contains(n.HTML, "<script>") {
		t.Error("a script is in the HTML")
	}
	if len(n.Text) > 20000 {
		t.Errorf("the text has %d octets", len(n.Text))
	}
	if i := w.only(); len(i.Title) > 4*maxLine || strings.ContainsAny(i.Title, "\r\n") {
		t.Errorf("title %q", i.Title)
	}
}

// checkMail holds what must be true of every mail whatever it tells of.
func checkMail(t *testing.T, n holdfast.Notice) {
	t.Helper()
	for where, text := range map[string]string{"subject": n.Subject, "text": n.Text, "html": n.HTML} {
		if !utf8.ValidString(text) {
			t.Errorf("%s is not UTF-8: %q", where, text)
		}
		for _, r := range text {
			if (unicode.IsControl(r) && (r != '\n' || where == "subject")) || unicode.Is(unicode.Bidi_Control, r) {
				t.Errorf("%s holds the control character %q: %q", where, r, text)
				break
			}
		}
	}
	if utf8.RuneCountInString(n.Subject) > maxLine+50 {
		t.Errorf("the subject has %d characters", utf8.RuneCountInString(n.Subject))
	}
}

func TestMailsAreBounded(t *testing.T) {
	w := newWatch(t)
	var findings []holdfast.Finding
	for n := range 200 {
		f := silentServer(holdfast.Server{Name: "ns.example.", Address: netip.AddrFrom4([4]byte{10, 0, 1, byte(n)})})
		findings = append(findings, f)
	}
	w.trouble("example.", findings...)
	n := w.notices(staff)[0]
	if !strings.Contains(n.Text, "and 8 further findings") || len(n.Text) > 10000 {
		t.Errorf("%d octets:\n%s", len(n.Text), n.Text)
	}
	if i := w.only(); len(i.Findings) > findingsPerZone || len(i.Servers) > maxServers {
		t.Errorf("the incident holds %d findings and %d servers", len(i.Findings), len(i.Servers))
	}
}

// TestDigLines asks a shell what it makes of the commands.
func TestDigLines(t *testing.T) {
	any := netip.MustParseAddr("192.0.2.9")
	v6 := holdfast.Server{Name: "ns.example.", Address: netip.MustParseAddr("2001:db8::53")}
	for _, c := range []struct {
		f    holdfast.Finding
		want string
	}{
		{holdfast.Finding{Code: "SIG-01", Zone: "example.", RRset: holdfast.ClassSOA, Server: v6}, "dig @2001:db8::53 example. SOA +norecurse +dnssec"},
		{holdfast.Finding{Code: "SIG-01", Zone: "example.", RRset: holdfast.ClassDenial}, "dig @192.0.2.9 holdfast-no-such-name.example. A +norecurse +dnssec"},
		{holdfast.Finding{Code: "NEG-01", Zone: "."}, "dig @192.0.2.9 holdfast-no-such-name. A +norecurse +dnssec"},
		{holdfast.Finding{Code: "SIG-13", Zone: "example.", RRset: holdfast.ClassDS}, "dig example. DS +cdflag +dnssec"},
		{holdfast.Finding{Code: "CON-02", Zone: "example.", Server: v6}, "dig @2001:db8::53 example. SOA +norecurse +dnssec +tcp"},
		{holdfast.Finding{Code: "DEL-04", Zone: "example."}, "dig +trace +nodnssec example. NS\ndig @192.0.2.9 example. NS +norecurse +dnssec"},
		{holdfast.Finding{Code: "CHN-02", Zone: "example."}, "dig example. DS +cdflag +dnssec\ndig example. DNSKEY +cdflag +dnssec\ndelv example. SOA"},
		{holdfast.Finding{Code: "CST-01", Zone: "a'b$(x).example.", Server: v6}, `dig @2001:db8::53 -q 'a'\''b$(x).example.' SOA +norecurse +dnssec`},
	} {
		if got := strings.Join(digLines(c.f, any), "\n"); got != c.want {
			t.Errorf("%s:\n\t%s\nwant\n\t%s", c.f.Code, got, c.want)
		}
	}
	if lines := digLines(holdfast.Finding{Code: codeWorldDown}, any); lines != nil {
		t.Errorf("%v for trouble of our own", lines)
	}
}

func FuzzArgument(f *testing.F) {
	for _, seed := range []string{"example.", "a'b", "$(reboot).x.", "-h", "`id`", "a\nb", `\'`, "*", "~"} {
		f.Add(seed)
	}
	shell, err := exec.LookPath("sh")
	if err != nil {
		f.Skip("no shell to ask")
	}
	f.Fuzz(func(t *testing.T, name string) {
		if strings.Contains(name, "\x00") || len(name) > 300 || name == "" {
			return
		}
		words := argument(name)
		out, err := exec.Command(shell, "-c", `printf '%s\n' `+words).Output()
		if err != nil {
			t.Fatalf("%q: %v", words, err)
		}
		got := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
		want := clean(name, 4*255)
		if words == name {
			want = name
		}
		if got[len(got)-1] != want || len(got) > 2 {
			t.Errorf("%q reached the command as %q", name, got)
		}
	})
}

func FuzzClean(f *testing.F) {
	f.Add("plain", 10)
	f.Add("a\r\nb\x00\xff\u202e", 5)
	f.Add(strings.Repeat("é ", 300), 180)
	f.Fuzz(func(t *testing.T, text string, limit int) {
		limit = 2 + limit&0xff
		got := clean(text, limit)
		if !utf8.ValidString(got) || utf8.RuneCountInString(got) > limit || strings.ContainsFunc(got, unicode.IsControl) {
			t.Errorf("%q became %q", text, got)
		}
		if again := clean(got, limit); again != got {
			t.Errorf("%q is not clean: %q", got, again)
		}
	})
}

func TestWords(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "now", 20 * time.Second: "now", 5 * time.Minute: "in 5 min", -90 * time.Minute: "1 h 30 min ago", 2 * time.Hour: "in 2 h",
		5*time.Hour + 10*time.Minute: "in 5 h 10 min", 7*time.Hour + 50*time.Minute: "in 7 h", 26 * time.Hour: "in 1 d 2 h", -24 * time.Hour: "1 d ago", 100 * time.Hour: "in 4 d",
	} {
		if got := away(start.Add(d), start); got != want {
			t.Errorf("%s away is %q, want %q", d, got, want)
		}
	}
	for zone, want := range map[holdfast.Name]string{".": "the root zone", "example.": ".example", "co.example.": "co.example"} {
		if got := zoneText(zone, holdfast.UName(zone.Short())); got != want {
			t.Errorf("%s is %q, want %q", zone, got, want)
		}
	}
	text := fold("  ", strings.Repeat("word ", 50))
	for line := range strings.SplitSeq(text, "\n") {
		if len(line) > 76 || !strings.HasPrefix(line, "  word") {
			t.Errorf("line %q", line)
		}
	}
	for zone, want := range map[holdfast.Name]string{".": "root", "xn--p1ai.": "xn--p1ai", `a\.b<>@.c.`: "a--b----c"} {
		if got := label(zone); got != want {
			t.Errorf("%s as a label: %q, want %q", zone, got, want)
		}
	}
}

// TestAdviceOnEveryCheck holds that whoever is told of a check is told what to
// do. The pages of the checks are the list of those that exist.
func TestAdviceOnEveryCheck(t *testing.T) {
	for _, family := range []string{"SIG", "CHN", "NEG", "DEL", "CON", "CST", "ALG"} {
		if adviceOn(family+"-99") == "" {
			t.Errorf("no advice for %s", family)
		}
	}
	for _, code := range []string{codeWorldDown, codeUndelivered, codeRoster, SelfClock, SelfLate, SelfStale, SelfDisk, "SELF-00"} {
		if adviceOn(code) == "" {
			t.Errorf("no advice for %s", code)
		}
	}
	for code, advice := range mend {
		if strings.ContainsAny(advice, "\n\t") || len(advice) > 400 {
			t.Errorf("the advice on %s is too long or has more than one line", code)
		}
	}
}
