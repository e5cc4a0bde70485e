package main

import (
	"bytes"
	"context"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/app"
	"github.com/holdfastdns/holdfast/internal/lab"
	"github.com/holdfastdns/holdfast/internal/lab/strangers"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// rollLength is how long the test zones take that the test follows.
const rollLength = 90 * time.Second

// The addresses of the test bed and of those who test, in a namespace of
// their own.
var (
	bedServer = netip.MustParseAddr("10.53.0.53")
	testers   = []netip.Addr{netip.MustParseAddr("10.53.0.20"), netip.MustParseAddr("10.53.0.21"), netip.MustParseAddr("10.53.0.22"), netip.MustParseAddr("10.53.0.30"), netip.MustParseAddr("10.53.0.31"), netip.MustParseAddr("10.53.0.32")}
)

// TestResolversFollowTheTestBed goes the whole way of somebody who tests a
// resolver: the form on the zone's page, the mail, the button, the lines of the
// page pasted into real resolvers, and the result reported. Meanwhile the
// parent's DS is wrong: a validator that was not given the key never gets an
// answer, and one that holds it fast fails when the new key signs alone.
func TestResolversFollowTheTestBed(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes a zone's whole roll, which is a minute and a half")
	}
	if !strangers.InNamespace(t, 4*time.Minute, append(testers, bedServer)...) {
		return
	}
	b := openTestBed(t)
	zone := b.newZone()
	page := b.get("/testbed/zones/" + zone)
	follower := []tester{b.unbound(testers[0], page, zone), b.bind(testers[1], page, zone), b.kresd(testers[2], testers[5], page, zone)}
	plain := b.validator(testers[3], "")
	fixed := b.validator(testers[4], fmt.Sprintf("trust-anchor: %q\n", b.ds(page)))

	begins, signs := b.step(page, "the zone begins"), b.step(page, "the new key signs alone")
	until := b.step(page, "the old key is gone").Add(5 * time.Second)
	sampled := make(chan []rollSample)
	go func() { sampled <- sample(t, append(slices.Clone(follower), plain, fixed), zone, until) }()
	manage := b.subscribe(zone, "tester@example.org")
	time.Sleep(time.Until(signs.Add(5 * time.Second)))
	follower[0].Finds(t, manage.label+"."+zone+".", wire.TypeTXT)
	b.report(manage, "signs", "secure", "Unbound", "1.17.1")
	samples := <-sampled
	for _, r := range follower {
		// They need some seconds to start.
		expect(t, samples, r.Name, begins.Add(6*time.Second), until, holdfast.Secure)
	}
	expect(t, samples, plain.Name, begins.Add(6*time.Second), until, holdfast.Bogus)
	// What is in its cache may still answer for a TTL, and the change of the
	// zone is noticed by the server within a second.
	expect(t, samples, fixed.Name, begins.Add(6*time.Second), signs.Add(-time.Second), holdfast.Secure)
	expect(t, samples, fixed.Name, signs.Add(6*time.Second), until, holdfast.Bogus)

	b.wantMails(zone)
	page = b.get("/testbed/zones/" + zone)
	for _, want := range []string{"the new key signs alone</th><td>Unbound 1.17.1</td><td class=\"number\">1</td>", "the new key only: "} {
		if !strings.Contains(page, want) {
			t.Errorf("the zone's page lacks %q:\n%s", want, section(page, "Results"))
		}
	}
	if own := b.get(manage.path); !strings.Contains(own, testBedLocal+" asked for your name") || !strings.Contains(own, "announced that it trusts the new key only") {
		t.Errorf("the tester's page does not know the resolver:\n%s", section(own, "name servers saw"))
	}
	b.endByOneClick(manage)
}

// testBedLocal is the address from which the first tester asks.
const testBedLocal = "10.53.0.20"

type rollSample struct {
	at     time.Time
	who    string
	status holdfast.Status
}

// sample asks each resolver for the zone's SOA, over and over.
func sample(t *testing.T, resolvers []tester, zone string, until time.Time) []rollSample {
	var samples []rollSample
	for time.Now().Before(until) {
		for _, r := range resolvers {
			at := time.Now()
			samples = append(samples, rollSample{at, r.Name, r.status(t.Context(), zone)})
		}
		time.Sleep(400 * time.Millisecond)
	}
	return samples
}

// expect wants one status from somebody for a time, sampled often enough.
func expect(t *testing.T, samples []rollSample, who string, from, to time.Time, want holdfast.Status) {
	t.Helper()
	seen := 0
	for _, s := range samples {
		if s.who != who || s.at.Before(from) || s.at.After(to) || s.status == holdfast.Indeterminate {
			continue
		}
		seen++
		if s.status != want {
			t.Errorf("%s: %.1f s after the zone began it is %s, want %s", who, s.at.Sub(from).Seconds(), s.status, want)
		}
	}
	if least := int(to.Sub(from).Seconds() / 8); seen < least {
		t.Errorf("%s was asked %d times between %s and %s", who, seen, from, to)
	}
}

// testBed is `holdfast testbed serve` with its post office.
type testBed struct {
	t       *testing.T
	post    *postOffice
	address string // of the page
	parent  string // the DS that the zone above has to publish
}

func openTestBed(t *testing.T) *testBed {
	t.Helper()
	b := &testBed{t: t, post: &postOffice{}, address: "http://127.0.0.1:8053"}
	if err := b.post.open(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.post.close)
	dir := t.TempDir()
	config := filepath.Join(dir, "holdfast.toml")
	text := fmt.Sprintf(`database = %q
[web]
listen = "127.0.0.1:8053"
[notify.mail]
server = %q
tls = "none"
from = "Test bed <bed@bed.example>"
[testbed]
zone = "bed.example"
servers = ["ns1.bed.example %s"]
web = ["10.53.0.80"]
keys = %q
[testbed.dns]
listen = ["%s:53"]
limit = { answers = -1, negative = -1, errors = -1 }
[testbed.zones]
paces = ["hourly"]
hour = %q
base_url = "http://127.0.0.1:8053"
`, filepath.Join(dir, "holdfast.db"), b.post.address, bedServer, filepath.Join(dir, "keys"), bedServer, rollLength)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	world := app.World{Stdin: strings.NewReader(""), Stdout: &out, Stderr: io.Discard, Clock: lab.NewClock(time.Now(), 1), Vantage: "test"}
	for _, args := range [][]string{{"init"}, {"testbed", "init"}} {
		if exit := run(t.Context(), append(args, "--config", config), world); exit != app.Healthy {
			t.Fatalf("holdfast %v: exit %d", args, exit)
		}
	}
	for line := range strings.Lines(out.String()) {
		if fields := strings.Fields(line); len(fields) > 4 && slices.Contains(fields, "DS") {
			b.parent = strings.Join(fields, " ")
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan app.Exit, 1)
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	world.Stderr = log
	go func() { done <- run(ctx, []string{"testbed", "serve", "--config", config}, world) }()
	t.Cleanup(func() {
		cancel()
		if exit := <-done; exit != app.Healthy {
			t.Errorf("testbed serve: exit %d", exit)
		}
		if said, err := os.ReadFile(log.Name()); err == nil && t.Failed() {
			t.Logf("testbed serve said:\n%s", said)
		}
		_ = log.Close()
	})
	b.wait(20*time.Second, "the page", func() bool {
		answer, err := http.Get(b.address + "/testbed")
		return err == nil && answer.Body.Close() == nil && answer.StatusCode == http.StatusOK
	})
	return b
}

func (b *testBed) wait(limit time.Duration, what string, done func() bool) {
	b.t.Helper()
	for end := time.Now().Add(limit); !done(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			b.t.Fatalf("%s did not come within %s", what, limit)
		}
	}
}

func (b *testBed) get(path string) string {
	b.t.Helper()
	answer, err := http.Get(b.address + path)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.body(answer, path)
}

func (b *testBed) send(path string, form url.Values) string {
	b.t.Helper()
	answer, err := http.PostForm(b.address+path, form)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.body(answer, path)
}

func (b *testBed) body(answer *http.Response, path string) string {
	b.t.Helper()
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		b.t.Fatalf("%s: %s %v\n%s", path, answer.Status, err, text)
	}
	return string(text)
}

var zoneLink = regexp.MustCompile(`/testbed/zones/(\d{4}-\d\d-\d\d-\d{4,6}\.bed\.example)"`)

// newZone waits for a zone that has just begun, and answers its name.
func (b *testBed) newZone() (zone string) {
	b.t.Helper()
	known := zoneLink.FindStringSubmatch(b.get("/testbed"))
	b.wait(rollLength/2, "a zone", func() bool {
		found := zoneLink.FindStringSubmatch(b.get("/testbed"))
		if found == nil || known != nil && known[1] == found[1] {
			return false
		}
		zone = found[1]
		return true
	})
	return zone
}

// managed is what a subscriber has from the mails.
type managed struct{ path, label string }

var mailLink = regexp.MustCompile(`http://127\.0\.0\.1:8053(/testbed/(?:confirm|subscription)\?\S+)`)

// subscribe fills in the form, opens the link of the mail, and presses its
// button: neither the form nor the link alone makes a subscriber.
func (b *testBed) subscribe(zone, address string) *managed {
	b.t.Helper()
	if said := b.send("/testbed/zones/"+zone, url.Values{"address": {address}}); !strings.Contains(said, "A mail is on its way") {
		b.t.Fatalf("the form: %s", said)
	}
	confirm := b.link(1)
	b.get(confirm)
	b.get(confirm)
	query, _ := url.ParseQuery(confirm[strings.Index(confirm, "?")+1:])
	if said := b.send("/testbed/confirm", query); !strings.Contains(said, "You follow the zone") {
		b.t.Fatalf("the button: %s", said)
	}
	path := b.link(2)
	label := regexp.MustCompile(`(t-[a-z0-9]{16})\.` + regexp.QuoteMeta(zone)).FindStringSubmatch(b.get(path))
	if label == nil {
		b.t.Fatal("the subscriber's page names no label")
	}
	return &managed{path: path, label: label[1]}
}

// link is the address in the Nth mail.
func (b *testBed) link(n int) string {
	b.t.Helper()
	b.wait(20*time.Second, fmt.Sprintf("mail %d", n), func() bool { return len(b.post.all()) >= n })
	raw := strings.ReplaceAll(strings.ReplaceAll(b.post.all()[n-1].raw, "=\r\n", ""), "=3D", "=")
	found := mailLink.FindStringSubmatch(raw)
	if found == nil {
		b.t.Fatalf("no link in mail %d:\n%s", n, raw)
	}
	return found[1]
}

func (b *testBed) report(m *managed, step, outcome, software, version string) {
	b.t.Helper()
	path, query, _ := strings.Cut(m.path, "?")
	form, err := url.ParseQuery(query)
	if err != nil {
		b.t.Fatal(err)
	}
	for key, value := range map[string]string{"step": step, "outcome": outcome, "software": software, "version": version} {
		form.Set(key, value)
	}
	if said := b.send(path, form); !strings.Contains(said, "Thank you") {
		b.t.Errorf("the report: %s", said)
	}
}

// endByOneClick is what a mail program sends (RFC 8058 section 3.2).
func (b *testBed) endByOneClick(m *managed) {
	b.t.Helper()
	raw := b.post.all()[1].raw
	found := regexp.MustCompile(`(?i)List-Unsubscribe: <http://127\.0\.0\.1:8053(\S+)>`).FindStringSubmatch(strings.ReplaceAll(raw, "\r\n ", ""))
	if found == nil {
		b.t.Fatalf("no List-Unsubscribe in\n%s", raw)
	}
	if said := b.send(found[1], url.Values{"List-Unsubscribe": {"One-Click"}}); !strings.Contains(said, "No more mails") {
		b.t.Errorf("one click: %s", said)
	}
	if !strings.Contains(b.get(m.path), "This subscription has ended") {
		b.t.Error("the subscription goes on")
	}
}

// wantMails wants one mail for each step that came while somebody followed, all
// of them in the thread of the first, with a calendar of what comes next.
func (b *testBed) wantMails(zone string) {
	b.t.Helper()
	want := []string{"Please confirm: steps of test zone " + zone, "You follow test zone " + zone, zone + ": the new key should be trusted by now",
		zone + ": the new key signs alone", zone + ": the old key is revoked", zone + ": the old key is gone"}
	var mails []sentMail
	b.wait(20*time.Second, "the mail of the last step", func() bool {
		// How soon it was confirmed decides whether the first step was still told.
		mails = slices.DeleteFunc(b.post.all(), func(m sentMail) bool { return strings.HasSuffix(m.subject, "the new key is published") })
		return len(mails) >= len(want)
	})
	for n, m := range mails {
		if n >= len(want) || m.subject != "[Test bed] "+want[n] || m.to != "tester@example.org" {
			b.t.Errorf("mail %d to %s: %q", n+1, m.to, m.subject)
		}
		if n > 1 && m.inReplyTo != mails[1].messageID {
			b.t.Errorf("mail %d is in reply to %q, want %q", n+1, m.inReplyTo, mails[1].messageID)
		}
		if n > 0 && !strings.Contains(m.raw, "text/calendar") {
			b.t.Errorf("mail %d has no calendar", n+1)
		}
	}
}

// section is a part of a page, for messages.
func section(page, from string) string {
	_, rest, _ := strings.Cut(page, from)
	return rest[:min(len(rest), 1500)]
}

var stepRow = regexp.MustCompile(`class="time">([^<]+ UTC)`)

// step is when a zone makes a step, as its page says.
func (b *testBed) step(page, title string) time.Time {
	b.t.Helper()
	_, steps, _ := strings.Cut(page, `<table class="steps"`)
	for row := range strings.SplitSeq(steps, "<tr") {
		if found := stepRow.FindStringSubmatch(row); found != nil && strings.Contains(row, title) {
			at, err := time.Parse("2 Jan 2006 15:04:05 MST", found[1])
			if err != nil {
				b.t.Fatal(err)
			}
			return at
		}
	}
	b.t.Fatalf("the page has no step %q", title)
	return time.Time{}
}

// recipe are the files that the page has for a resolver, by their paths.
func (b *testBed) recipe(page, resolver string) map[string]string {
	b.t.Helper()
	_, rest, ok := strings.Cut(page, "<summary>"+resolver+"</summary>")
	rest, _, _ = strings.Cut(rest, "</details>")
	if !ok {
		b.t.Fatalf("the page has no lines for %s", resolver)
	}
	files := map[string]string{}
	for _, found := range regexp.MustCompile(`(?s)<p class="quiet">([^<]*)</p>\s*<pre[^>]*>(.*?)</pre>`).FindAllStringSubmatch(rest, -1) {
		files[html.UnescapeString(found[1])] = html.UnescapeString(found[2])
	}
	return files
}

// ds is the zone's first key as a DS record, as the page has it.
func (b *testBed) ds(page string) string {
	b.t.Helper()
	found := regexp.MustCompile(`(?m)^\S+ IN DS \S+ \S+ 2 [0-9A-F]+`).FindString(html.UnescapeString(page))
	if found == "" {
		b.t.Fatal("the page has no DS record")
	}
	return found
}
