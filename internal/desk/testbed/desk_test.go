package testbed

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/record"
	"github.com/holdfastdns/holdfast/internal/wire"
)

type stillClock struct{ now time.Time }

func (c *stillClock) Now() time.Time                       { return c.now }
func (c *stillClock) After(time.Duration) <-chan time.Time { return nil }

// bench is a desk over a real record.
type bench struct {
	*Desk
	t     *testing.T
	clock *stillClock
	rec   *record.Record
	from  netip.Addr
}

func newBench(t *testing.T, c Config) *bench {
	t.Helper()
	rec, err := record.Create(t.Context(), filepath.Join(t.TempDir(), "holdfast.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = rec.Close() })
	b := &bench{t: t, clock: &stillClock{monday.Add(time.Hour)}, rec: rec, from: netip.MustParseAddr("192.0.2.1")}
	b.open(c)
	return b
}

// open makes a desk over the record, as a start of the program does.
func (b *bench) open(c Config) {
	b.t.Helper()
	c.Algorithm, c.BaseURL = wire.ED25519, "https://testbed.example/"
	var err error
	if b.Desk, err = New(b.t.Context(), c, host, b.rec, b.clock, "testbed.example", slog.New(slog.DiscardHandler)); err != nil {
		b.t.Fatal(err)
	}
	b.round()
}

func (b *bench) round() {
	b.t.Helper()
	if err := b.Round(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) weekly() holdfast.TestZone {
	b.t.Helper()
	z, err := b.rec.TestZone(b.t.Context(), "2026-11-16.ksk-test.example.")
	if err != nil {
		b.t.Fatal(err)
	}
	return z
}

func (b *bench) subscribe(zone holdfast.Name, address string) string {
	b.t.Helper()
	refused, err := b.Subscribe(b.t.Context(), zone, address, b.from)
	if err != nil {
		b.t.Fatal(err)
	}
	return refused
}

// mails are the notices recorded, oldest first.
func (b *bench) mails() []holdfast.Notice {
	b.t.Helper()
	notices, err := b.rec.Notices(b.t.Context(), record.NoticeFilter{})
	if err != nil {
		b.t.Fatal(err)
	}
	slices.Reverse(notices)
	return notices
}

var link = regexp.MustCompile(`https://testbed\.example(/testbed/(?:confirm|subscription|unsubscribe))\?(\S+)`)

// linkOf is the id and the token of the link in a mail.
func linkOf(t *testing.T, text string) (id, token string) {
	t.Helper()
	found := link.FindStringSubmatch(text)
	if found == nil {
		t.Fatalf("no link in %q", text)
	}
	values, err := url.ParseQuery(found[2])
	if err != nil {
		t.Fatal(err)
	}
	return values.Get("id"), values.Get("token")
}

func (b *bench) settle(id, token string, to holdfast.SubscriptionState) string {
	b.t.Helper()
	refused, err := b.Settle(b.t.Context(), id, token, to)
	if err != nil {
		b.t.Fatal(err)
	}
	return refused
}

// follow subscribes and confirms, and answers id and token of the subscriber.
func (b *bench) follow(zone holdfast.Name, address string) (id, token string) {
	b.t.Helper()
	if refused := b.subscribe(zone, address); refused != "" {
		b.t.Fatal(refused)
	}
	all := b.mails()
	id, token = linkOf(b.t, all[len(all)-1].Text)
	if refused := b.settle(id, token, holdfast.SubscriptionConfirmed); refused != "" {
		b.t.Fatal(refused)
	}
	all = b.mails()
	return linkOf(b.t, all[len(all)-1].Text)
}

func TestDoubleOptIn(t *testing.T) {
	b := newBench(t, Config{Paces: []string{"weekly"}})
	zone := b.weekly().Name
	if refused := b.subscribe(zone, "Ann@Example.ORG"); refused != "" {
		t.Fatal(refused)
	}
	mails := b.mails()
	if len(mails) != 1 || mails[0].Recipient != "Ann@example.org" || mails[0].State != holdfast.NoticeQueued || mails[0].Unsubscribe != "" {
		t.Fatalf("after the form: %+v", mails)
	}
	// Nothing of a step is told before the address confirmed it.
	b.clock.now = b.weekly().When(holdfast.TestPublishes).Add(-12 * time.Hour)
	id, token := linkOf(t, mails[0].Text)
	if _, err := b.Settle(t.Context(), id, token, holdfast.SubscriptionConfirmed); !errors.Is(err, record.ErrNotFound) {
		t.Errorf("a link of six days ago: %v", err)
	}
	b.clock.now = monday.Add(2 * time.Hour)
	if _, err := b.Settle(t.Context(), id, "x"+token[1:], holdfast.SubscriptionConfirmed); !errors.Is(err, record.ErrNotFound) {
		t.Errorf("a wrong token: %v", err)
	}
	if got := b.settle(id, token, holdfast.SubscriptionConfirmed); got != "" {
		t.Error(got)
	}
	if got := b.settle(id, token, holdfast.SubscriptionConfirmed); got != "" {
		t.Errorf("the button pressed twice: %s", got)
	}
	mails = b.mails()
	if len(mails) != 2 || len(mails[1].Calendar) != 6 || !strings.HasPrefix(mails[1].Unsubscribe, "https://testbed.example/testbed/unsubscribe?") {
		t.Fatalf("after the button: %d mails, the last %+v", len(mails), mails[len(mails)-1])
	}
	for _, want := range []string{DNSKEY(b.weekly()), DS(b.weekly()), "Mon 28 Dec 2026 00:00:00 UTC"} {
		if !strings.Contains(mails[1].Text, want) {
			t.Errorf("the welcome lacks %q:\n%s", want, mails[1].Text)
		}
	}
}

func TestAddressesAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		"ann@example.org": "ann@example.org", " ann.b+c@Example.org ": "ann.b+c@example.org",
		"ann@example": "", "ann@[192.0.2.1]": "", "ann@192.0.2.1": "", `"a b"@example.org`: "", "Ann <ann@example.org>": "", "ann@example.org, bob@example.org": "",
		"ann@example.org\r\nBcc: all@example.org": "", "@example.org": "", "ann@": "", "": "", "ann..b@example.org": "", "ann@exa mple.org": "",
		"ann%bob@example.org@relay.example": "", strings.Repeat("a", 65) + "@example.org": "", "ännchen@example.org": "", "ann@-example.org": "",
	} {
		if got, ok := mailbox(text); got != want && ok || ok != (want != "") {
			t.Errorf("%q: %q %v, want %q", text, got, ok, want)
		}
	}
}

// TestNobodyIsFlooded: an address that never asked gets three mails at most,
// however often forms are sent, from wherever.
func TestNobodyIsFlooded(t *testing.T) {
	b := newBench(t, Config{Hour: holdfast.Duration(time.Minute)})
	for n := range 200 {
		b.clock.now = b.clock.now.Add(7 * time.Second)
		b.round()
		zones, err := b.rec.TestZones(t.Context(), b.clock.now)
		if err != nil {
			t.Fatal(err)
		}
		for _, z := range zones {
			if !z.Live(b.clock.now) {
				continue
			}
			b.from = netip.AddrFrom4([4]byte{198, 51, 100, byte(n)})
			if refused := b.subscribe(z.Name, "victim@example.org"); refused != "" && !strings.Contains(refused, "Too many") {
				t.Fatal(refused)
			}
		}
	}
	if got := len(b.mails()); got != pendingEach {
		t.Errorf("%d mails", got)
	}
}

func TestFormsOfOneSourceAreBounded(t *testing.T) {
	b := newBench(t, Config{Paces: []string{"weekly"}})
	b.from = netip.MustParseAddr("2001:db8:1:200::1")
	refusals := 0
	for n := range 20 {
		if n == 10 {
			b.from = netip.MustParseAddr("2001:db8:1:2ff::9") // of the same /56
		}
		if b.subscribe(b.weekly().Name, fmt.Sprintf("a%d@example.org", n)) != "" {
			refusals++
		}
	}
	if refusals != 20-burst {
		t.Errorf("%d forms of 20 were refused", refusals)
	}
	b.clock.now = b.clock.now.Add(refill)
	if refused := b.subscribe(b.weekly().Name, "later@example.org"); refused != "" {
		t.Error(refused)
	}
}

func TestAskingAgainSendsNoMore(t *testing.T) {
	b := newBench(t, Config{Paces: []string{"weekly"}})
	zone := b.weekly().Name
	for range 3 {
		b.subscribe(zone, "ann@example.org")
	}
	if got := len(b.mails()); got != 1 {
		t.Fatalf("%d mails for one wish", got)
	}
	id, token := linkOf(t, b.mails()[0].Text)
	b.settle(id, token, holdfast.SubscriptionEnded)
	if refused := b.subscribe(zone, "ann@example.org"); refused != "" || len(b.mails()) != 1 {
		t.Errorf("who said no was asked again at once: %q, %d mails", refused, len(b.mails()))
	}
	b.clock.now = b.clock.now.Add(confirmWithin + time.Minute)
	b.subscribe(zone, "ann@example.org")
	if got := len(b.mails()); got != 2 {
		t.Errorf("a day later: %d mails", got)
	}
	if _, err := b.Settle(t.Context(), id, token, holdfast.SubscriptionConfirmed); !errors.Is(err, record.ErrNotFound) {
		t.Errorf("the link of the first mail confirms the second wish: %v", err)
	}
}

// TestStepsAreTold goes through the whole of a zone, a start of the program at
// each step, and a process that was down for the third.
func TestStepsAreTold(t *testing.T) {
	b := newBench(t, Config{Paces: []string{"weekly"}})
	z := b.weekly()
	b.follow(z.Name, "ann@example.org")
	b.subscribe(z.Name, "unconfirmed@example.org")
	before := b.mails()
	for _, s := range z.Steps[1:] {
		if s.Move == holdfast.TestAccepts {
			continue
		}
		if s.Move != holdfast.TestSigns {
			b.clock.now = s.At.Add(-time.Second)
			b.round() // nothing is told before its time
		}
		b.clock.now = s.At
		b.round()
		b.open(Config{Paces: []string{"weekly"}})
		b.round()
	}
	told := b.mails()[len(before)-1:] // the mail to who did not confirm is forgotten
	var subjects []string
	for _, n := range told {
		subjects = append(subjects, n.Subject)
		if n.Recipient != "ann@example.org" || n.ThreadID != before[1].MessageID || n.Unsubscribe == "" || n.Audience != holdfast.ForSubscriber {
			t.Errorf("notice %+v", n)
		}
		for line := range strings.Lines(n.Text) {
			if len(line) > 79 && !strings.Contains(line, "https://") {
				t.Errorf("a line of %d: %q", len(line), line)
			}
		}
	}
	want := []string{"the new key is published", "the new key signs alone", "the old key is revoked", "the old key is gone", "the zone has ended"}
	for n, w := range want {
		want[n] = "[Test bed] 2026-11-16.ksk-test.example: " + w
	}
	if !slices.Equal(subjects, want) {
		t.Errorf("told %q, want %q", subjects, want)
	}
	steps, err := b.rec.AnnouncedTestSteps(t.Context(), z.Name)
	if err != nil || len(steps) != len(z.Steps) {
		t.Errorf("steps noted %v, %v", steps, err)
	}
}

func TestEndingDropsWhatWaits(t *testing.T) {
	b := newBench(t, Config{Paces: []string{"weekly"}})
	z := b.weekly()
	id, token := b.follow(z.Name, "ann@example.org")
	b.follow(z.Name, "bob@example.org")
	b.clock.now = z.When(holdfast.TestPublishes)
	b.round()
	b.settle(id, token, holdfast.SubscriptionEnded)
	b.settle(id, token, holdfast.SubscriptionEnded)
	for _, n := range b.mails() {
		want := holdfast.NoticeQueued
		if n.Recipient == "ann@example.org" {
			want = holdfast.NoticeDropped
		}
		if n.State != want {
			t.Errorf("%s to %s is %s", n.Subject, n.Recipient, n.State)
		}
	}
	b.clock.now = z.When(holdfast.TestAccepts)
	b.round()
	all := b.mails()
	if last := all[len(all)-1]; last.Recipient != "bob@example.org" {
		t.Errorf("told %s", last.Recipient)
	}
}

func TestResultsAreChecked(t *testing.T) {
	b := newBench(t, Config{Paces: []string{"weekly"}})
	z := b.weekly()
	id, token := b.follow(z.Name, "ann@example.org")
	good := holdfast.TestResult{Move: holdfast.TestBegins, Outcome: holdfast.OutcomeSecure, Software: "Unbound", Version: "1.17.1"}
	for what, change := range map[string]func(*holdfast.TestResult){
		"a step to come":      func(r *holdfast.TestResult) { r.Move = holdfast.TestSigns },
		"no step":             func(r *holdfast.TestResult) { r.Move = "dances" },
		"no outcome":          func(r *holdfast.TestResult) { r.Outcome = "fine" },
		"unknown software":    func(r *holdfast.TestResult) { r.Software = "<b>" },
		"a version of markup": func(r *holdfast.TestResult) { r.Version = "<script>" },
		"a long version":      func(r *holdfast.TestResult) { r.Version = strings.Repeat("1", 41) },
	} {
		r := good
		change(&r)
		if refused, err := b.Report(t.Context(), id, token, r); err != nil || refused == "" {
			t.Errorf("%s was taken (%v)", what, err)
		}
	}
	if _, err := b.Report(t.Context(), id, "guess", good); !errors.Is(err, record.ErrNotFound) {
		t.Errorf("a wrong token: %v", err)
	}
	for _, outcome := range []holdfast.TestOutcome{holdfast.OutcomeOther, holdfast.OutcomeSecure} {
		good.Outcome = outcome
		if refused, err := b.Report(t.Context(), id, token, good); err != nil || refused != "" {
			t.Fatal(refused, err)
		}
	}
	results, err := b.rec.TestResults(t.Context(), z.Name)
	if err != nil || len(results) != 1 || results[0].Outcome != holdfast.OutcomeSecure || results[0].Version != "1.17.1" || !results[0].At.Equal(b.clock.now) {
		t.Errorf("kept %+v, %v", results, err)
	}
}

// TestForgotten: addresses go a month after the zone's end, results stay
// without them, and go with the zone.
func TestForgotten(t *testing.T) {
	b := newBench(t, Config{Paces: []string{"weekly"}})
	z := b.weekly()
	id, token := b.follow(z.Name, "ann@example.org")
	if _, err := b.Report(t.Context(), id, token, holdfast.TestResult{Move: holdfast.TestBegins, Outcome: holdfast.OutcomeSecure, Software: "BIND"}); err != nil {
		t.Fatal(err)
	}
	ends := z.When(holdfast.TestEnds)
	mine, err := b.rec.Subscription(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	b.Saw(Question{At: b.clock.now, From: netip.MustParseAddr("192.0.2.53"), Name: holdfast.Name(mine.Label) + "." + z.Name, Zone: z.Name})
	b.round()
	for _, n := range b.mails() {
		if err := errors.Join(b.rec.ClaimNotice(t.Context(), n.ID, b.clock.now), b.rec.SettleNotice(t.Context(), n.ID, holdfast.NoticeSent, b.clock.now, time.Time{}, "")); err != nil {
			t.Fatal(err)
		}
	}
	b.clock.now = ends.Add(31 * day)
	b.open(Config{Paces: []string{"none"}})
	s, err := b.rec.Subscription(t.Context(), id)
	if err != nil || strings.Contains(s.Address, "@") {
		t.Errorf("address %q, %v", s.Address, err)
	}
	for _, n := range b.mails() {
		t.Errorf("notice %s to %s is still there", n.ID, n.Recipient)
	}
	if seen, err := b.rec.TestSightings(t.Context(), z.Name); err != nil || len(seen) != 0 {
		t.Errorf("whose resolver it was is still there: %+v, %v", seen, err)
	}
	if keys, err := b.rec.TestZoneKeys(t.Context(), z.Name); err != nil || len(keys) != 0 {
		t.Errorf("%d octets of private keys of a zone that has ended, %v", len(keys), err)
	}
	results, err := b.rec.TestResults(t.Context(), z.Name)
	if err != nil || len(results) != 1 {
		t.Errorf("results %v, %v", results, err)
	}
	b.clock.now = ends.Add(401 * day)
	b.round()
	if _, err := b.rec.TestZone(t.Context(), z.Name); !errors.Is(err, record.ErrNotFound) {
		t.Errorf("the zone is still there: %v", err)
	}
}

// TestUnconfirmedIsForgotten: as the mail says, the address goes with the wish,
// and so does the mail.
func TestUnconfirmedIsForgotten(t *testing.T) {
	b := newBench(t, Config{Paces: []string{"weekly"}})
	b.follow(b.weekly().Name, "bob@example.org")
	b.subscribe(b.weekly().Name, "ann@example.org")
	b.clock.now = b.clock.now.Add(confirmWithin)
	b.round()
	for _, n := range b.mails() {
		if n.Recipient != "bob@example.org" {
			t.Errorf("%s to %s is still there", n.ID, n.Recipient)
		}
	}
	if _, err := b.rec.SubscriptionOf(t.Context(), b.weekly().Name, "ann@example.org"); !errors.Is(err, record.ErrNotFound) {
		t.Errorf("the wish is still there: %v", err)
	}
}

// TestRefusedAddressesAreLeftAlone: what a mail server refuses for good is the
// last that is sent there.
func TestRefusedAddressesAreLeftAlone(t *testing.T) {
	b := newBench(t, Config{Paces: []string{"weekly"}})
	z := b.weekly()
	id, _ := b.follow(z.Name, "ann@example.org")
	welcome := b.mails()[1]
	if err := b.Bounced(t.Context(), welcome); err != nil {
		t.Fatal(err)
	}
	if err := b.Bounced(t.Context(), holdfast.Notice{ID: "20260803-0000-example-expiry"}); err != nil {
		t.Errorf("a notice that is none of ours: %v", err)
	}
	if s, err := b.rec.Subscription(t.Context(), id); err != nil || s.State != holdfast.SubscriptionEnded {
		t.Errorf("it is %s, %v", s.State, err)
	}
	b.clock.now = z.When(holdfast.TestPublishes)
	b.round()
	if got := len(b.mails()); got != 2 {
		t.Errorf("%d mails", got)
	}
}

// TestIdleZonesGo: four zones an hour that nobody followed would fill the
// record.
func TestIdleZonesGo(t *testing.T) {
	b := newBench(t, Config{Paces: []string{"hourly"}})
	b.follow("2026-11-16-0100.ksk-test.example.", "ann@example.org")
	for range 30 * 4 {
		b.clock.now = b.clock.now.Add(15 * time.Minute)
		b.round()
	}
	zones, err := b.rec.TestZones(t.Context(), time.Time{})
	if err != nil || len(zones) > 25*4+6 || zones[len(zones)-1].Name != "2026-11-16-0100.ksk-test.example." {
		t.Errorf("%d zones after 30 hours, the oldest %s, %v", len(zones), zones[len(zones)-1].Name, err)
	}
}

// TestZonesGoOn: a program that is started again serves the zones with the
// keys that they had, and makes those that began while it was away.
func TestZonesGoOn(t *testing.T) {
	b := newBench(t, Config{})
	before := b.Courses()
	if len(before) != 2 {
		t.Fatalf("%d zones", len(before))
	}
	b.open(Config{})
	for name, course := range before {
		after := b.Courses()[name]
		if len(after) == 0 || after[0].Keys[0].Pair.Tag != course[0].Keys[0].Pair.Tag {
			t.Errorf("%s has other keys after a start", name)
		}
	}
	b.clock.now = monday.Add(8*day + 3*time.Hour) // the next zone began a day ago, its keys do not roll yet
	b.round()
	if _, ok := b.Courses()["2026-11-23.ksk-test.example."]; !ok {
		t.Error("the zone that began while nobody looked was not made")
	}
	if _, ok := b.Courses()["2026-11-16-0100.ksk-test.example."]; ok {
		t.Error("a zone that has ended is still served")
	}
}

func TestSightings(t *testing.T) {
	b := newBench(t, Config{Paces: []string{"weekly"}})
	z := b.weekly()
	id, _ := b.follow(z.Name, "ann@example.org")
	s, err := b.rec.Subscription(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	from := netip.MustParseAddr("192.0.2.53")
	ask := func(label string) {
		b.Saw(Question{At: b.clock.now, From: from, Name: holdfast.Name(label) + "." + z.Name, Zone: z.Name})
	}
	ask("_ta-4f66-9728")
	ask("_ta-4f66-9728")
	ask(s.Label)
	ask("_ta-4f6")
	ask("_ta-xyzw")
	ask("www")
	b.Saw(Question{At: b.clock.now, From: from, Name: "_ta-4f66.", Zone: holdfast.Root})
	b.Saw(Question{At: b.clock.now, From: from, Name: "_ta-4f66.other.example.", Zone: "other.example."})
	b.clock.now = b.clock.now.Add(time.Minute)
	b.round()
	ask("_ta-4f66-9728")
	b.round()
	seen, err := b.rec.TestSightings(t.Context(), z.Name)
	if err != nil || len(seen) != 2 {
		t.Fatalf("kept %+v, %v", seen, err)
	}
	for _, g := range seen {
		switch {
		case g.Label != "" && (g.Label != s.Label || g.Count != 1 || g.Source != from):
			t.Errorf("label %+v", g)
		case g.Label == "" && (!slices.Equal(g.Tags, []uint16{20326, 38696}) || g.Count != 3 || g.Last.Sub(g.First) != time.Minute):
			t.Errorf("tags %+v", g)
		}
	}
	for range 3 * sightingQueue {
		ask("_ta-0001") // nobody reads: it must not wait
	}
}

func TestConfigIsChecked(t *testing.T) {
	for text, c := range map[string]Config{
		"paces":     {Paces: []string{"daily"}},
		"hour":      {Hour: holdfast.Duration(time.Second)},
		"algorithm": {Algorithm: 5},
		"base_url":  {BaseURL: "testbed.example"},
		"negative":  {Subscribers: -1},
		"keep":      {Keep: 1, Forget: 2},
	} {
		if err := c.Check(); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%s: %v", text, err)
		}
	}
	if err := (Config{}).Check(); err != nil {
		t.Error(err)
	}
}

// TestZonesAreThereBeforeTheyBegin: a resolver that asks for a name that is not
// there yet keeps that answer for longer than a short zone lasts.
func TestZonesAreThereBeforeTheyBegin(t *testing.T) {
	b := newBench(t, Config{Paces: []string{"hourly"}})
	const next = "2026-11-16-0115.ksk-test.example."
	if _, there := b.Courses()[next]; there {
		t.Error("it is made a quarter of an hour too early")
	}
	b.clock.now = time.Date(2026, 11, 16, 1, 14, 1, 0, time.UTC)
	b.round()
	if _, there := b.Courses()[next]; !there {
		t.Error("it is not made a minute before")
	}
	if refused := b.subscribe(next, "ann@example.org"); refused == "" {
		t.Error("somebody could subscribe to what is not shown")
	}
}

// FuzzMailbox: whatever a form holds, what is written to is one plain address.
func FuzzMailbox(f *testing.F) {
	for _, seed := range []string{"ann@example.org", "a b@example.org", "a@b@example.org", "ann@example.org\r\nBcc: x@example.org", "\"a\"@example.org", "a@[192.0.2.1]", "a@xn--p1ai.example"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		address, ok := mailbox(text)
		if !ok {
			return
		}
		if strings.Count(address, "@") != 1 || strings.ContainsAny(address, " \t\r\n<>,;:\"()[]\\") || len(address) > 254 {
			t.Errorf("%q became %q", text, address)
		}
		if again, ok := mailbox(address); !ok || again != address {
			t.Errorf("%q is refused, or becomes %q", address, again)
		}
	})
}

// FuzzSighting: whatever name is asked for, what is kept is small and of a form
// that is known.
func FuzzSighting(f *testing.F) {
	for _, seed := range []string{"_ta-4f66-9728", "_ta-", "_ta-4F66", "_ta-zzzz", "t-abcdefghijklmnop", "_ta-4f66-4f66-4f66"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, label string) {
		s, ok := sightingOf(Question{}, label)
		if ok && (len(s.Label) > 18 || len(s.Tags) > len(label)/5+1 || s.Label != "" && len(s.Tags) > 0) {
			t.Errorf("%q: %+v", label, s)
		}
	})
}
