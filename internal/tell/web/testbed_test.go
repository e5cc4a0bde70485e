package web

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/desk/testbed"
	"github.com/holdfastdns/holdfast/internal/record"
)

// bedWorld is a site with the desk of a test bed behind it, over a real record.
type bedWorld struct {
	t     *testing.T
	rec   *record.Record
	clock *stillClock
	desk  *testbed.Desk
	site  *Site
	zone  holdfast.TestZone // the weekly one
}

func newBedWorld(t *testing.T, adjust func(*Config)) *bedWorld {
	t.Helper()
	b := &bedWorld{t: t, rec: newRecord(t), clock: &stillClock{noon}}
	config := testbed.Config{Paces: []string{"weekly"}, Algorithm: 15, BaseURL: "https://bed.example/"}
	host := testbed.Host{Base: "bed.example.", Servers: []holdfast.Name{"ns1.bed.example."}, Mailbox: "hostmaster.bed.example."}
	var err error
	b.desk, err = testbed.New(t.Context(), config, host, b.rec, b.clock, "bed.example", slog.New(slog.DiscardHandler))
	must(t, err)
	must(t, b.desk.Round(t.Context()))
	zones, err := b.rec.TestZones(t.Context(), noon)
	must(t, err)
	b.zone = zones[0]
	c := Config{Testbed: b.desk, StaffToken: staffToken}
	if adjust != nil {
		adjust(&c)
	}
	b.site = New(c, b.rec, b.clock)
	return b
}

func (b *bedWorld) path() string { return testZonePath(b.zone.Name) }

// letter is the newest notice.
func (b *bedWorld) letter() holdfast.Notice {
	b.t.Helper()
	notices, err := b.rec.Notices(b.t.Context(), record.NoticeFilter{Limit: 1})
	must(b.t, err)
	if len(notices) == 0 {
		b.t.Fatal("no mail was decided on")
	}
	return notices[0]
}

var bedLink = regexp.MustCompile(`https://bed\.example(/testbed/(?:confirm|subscription)\?(\S+))`)

func (b *bedWorld) link() (path string, values url.Values) {
	b.t.Helper()
	found := bedLink.FindStringSubmatch(b.letter().Text)
	if found == nil {
		b.t.Fatalf("no link in %s", b.letter().Text)
	}
	values, err := url.ParseQuery(found[2])
	must(b.t, err)
	return found[1], values
}

// follow subscribes an address by the pages, and answers its own page's path
// and the form's values.
func (b *bedWorld) follow(address string) (string, url.Values) {
	b.t.Helper()
	if w := post(b.site, b.path(), url.Values{"address": {address}}, nil); w.Code != http.StatusOK {
		b.t.Fatalf("the form: %d %s", w.Code, w.Body)
	}
	_, values := b.link()
	if w := post(b.site, "/testbed/confirm", values, nil); w.Code != http.StatusOK {
		b.t.Fatalf("the button: %d %s", w.Code, w.Body)
	}
	return b.link()
}

func TestTestbedPagesAreSound(t *testing.T) {
	b := newBedWorld(t, nil)
	own, values := b.follow("ann@example.org")
	must(t, b.rec.SawTests(t.Context(), []holdfast.TestSighting{
		{Zone: b.zone.Name, Source: netip.MustParseAddr("192.0.2.9"), Tags: []uint16{b.zone.Old.Tag, b.zone.New.Tag}, First: noon, Last: noon, Count: 3}}, 10))
	for _, at := range []time.Time{noon, b.zone.When(holdfast.TestSigns), b.zone.When(holdfast.TestRevokes), b.zone.When(holdfast.TestEnds).Add(time.Hour)} {
		b.clock.now = at
		for _, path := range []string{"/testbed", b.path(), own, "/testbed/unsubscribe?" + values.Encode(), "/testbed/confirm?" + values.Encode()} {
			t.Run(at.Format("2006-01-02")+path[:min(len(path), 25)], func(t *testing.T) { soundPage(t, get(t, b.site, path), http.StatusOK) })
		}
	}
	for _, path := range []string{"/testbed/zones/none.example", "/testbed/zones/..%2f", "/testbed/subscription", "/testbed/confirm?id=x&token=y"} {
		soundPage(t, get(t, b.site, path), http.StatusNotFound)
	}
}

// TestOnlyTheButtonConfirms: programs that look into mails open every link.
func TestOnlyTheButtonConfirms(t *testing.T) {
	b := newBedWorld(t, nil)
	post(b.site, b.path(), url.Values{"address": {"ann@example.org"}}, nil)
	path, values := b.link()
	for range 3 {
		get(t, b.site, path)
		get(t, b.site, strings.Replace(path, "confirm", "unsubscribe", 1))
	}
	if s, err := b.rec.Subscription(t.Context(), values.Get("id")); err != nil || s.State != holdfast.SubscriptionPending {
		t.Errorf("after the link was opened it is %s, %v", s.State, err)
	}
	if w := get(t, b.site, path); w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("X-Robots-Tag") != "noindex" {
		t.Errorf("a page behind a secret link may be kept: %v", w.Header())
	}
}

// TestFormsOfOtherSitesAreRefused: another site cannot make a visitor's browser
// subscribe anybody (Sec-Fetch-Site, Origin), and a mail program's one click,
// which is no browser, ends a subscription (RFC 8058 section 3.2).
func TestFormsOfOtherSitesAreRefused(t *testing.T) {
	b := newBedWorld(t, nil)
	form := url.Values{"address": {"victim@example.org"}}
	for _, header := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Origin", "https://elsewhere.example"}} {
		if w := post(b.site, b.path(), form, nil, header...); w.Code != http.StatusForbidden {
			t.Errorf("%v: %d", header, w.Code)
		}
	}
	notices, err := b.rec.Notices(t.Context(), record.NoticeFilter{})
	if err != nil || len(notices) != 0 {
		t.Errorf("%d mails were decided on, %v", len(notices), err)
	}
	own, values := b.follow("ann@example.org")
	click := strings.TrimPrefix(b.letter().Unsubscribe, "https://bed.example")
	if w := post(b.site, click, url.Values{"List-Unsubscribe": {"One-Click"}}, nil); w.Code != http.StatusOK {
		t.Errorf("one click: %d %s", w.Code, w.Body)
	}
	if s, err := b.rec.Subscription(t.Context(), values.Get("id")); err != nil || s.State != holdfast.SubscriptionEnded {
		t.Errorf("after one click it is %s, %v", s.State, err)
	}
	if w := get(t, b.site, own); !strings.Contains(w.Body.String(), "has ended") {
		t.Error("the page does not say so")
	}
}

// TestAddressesOfSubscribersAreNotShown: neither in pages for everybody, nor in
// the answer to a form, which is the same for an address that is known.
func TestAddressesOfSubscribersAreNotShown(t *testing.T) {
	b := newBedWorld(t, nil)
	b.follow("ann@example.org")
	for _, path := range []string{"/testbed", b.path()} {
		if strings.Contains(get(t, b.site, path).Body.String(), "example.org") {
			t.Errorf("%s shows an address", path)
		}
	}
	known := post(b.site, b.path(), url.Values{"address": {"ann@example.org"}}, nil)
	fresh := post(b.site, b.path(), url.Values{"address": {"bob@example.org"}}, nil)
	if known.Code != fresh.Code || known.Body.String() != fresh.Body.String() {
		t.Error("the answer tells that an address is known")
	}
}

func TestRefusedFormsSayWhy(t *testing.T) {
	b := newBedWorld(t, nil)
	w := post(b.site, b.path(), url.Values{"address": {`"><script>`}}, nil)
	soundPage(t, w, http.StatusUnprocessableEntity)
	if body := w.Body.String(); !strings.Contains(body, "not a mail address") || strings.Contains(body, `"><script>`) {
		t.Errorf("a bad address: %s", body)
	}
	own, values := b.follow("ann@example.org")
	values.Set("step", "signs")
	values.Set("outcome", "secure")
	values.Set("software", "Unbound")
	w = post(b.site, "/testbed/subscription", values, nil)
	soundPage(t, w, http.StatusUnprocessableEntity)
	if !strings.Contains(w.Body.String(), "has not come to that step") {
		t.Errorf("a step to come: %s", w.Body)
	}
	values.Set("step", "begins")
	if w = post(b.site, "/testbed/subscription", values, nil); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "Thank you") {
		t.Errorf("a good report: %d %s", w.Code, w.Body)
	}
	if !strings.Contains(get(t, b.site, own).Body.String(), "NOERROR with AD, by Unbound") || !strings.Contains(get(t, b.site, b.path()).Body.String(), "<td>Unbound </td>") {
		t.Error("what was reported is not shown")
	}
	long := post(b.site, b.path(), url.Values{"address": {strings.Repeat("a", formLimit) + "@example.org"}}, nil)
	if long.Code == http.StatusOK {
		t.Error("a form without end was taken")
	}
}

// TestVisitorBehindAProxy: limits go by what the proxy says, never by what a
// visitor claims.
func TestVisitorBehindAProxy(t *testing.T) {
	for _, test := range []struct {
		proxied   bool
		forwarded string
		want      string
	}{
		{false, "198.51.100.7", "192.0.2.1"}, {true, "198.51.100.7", "198.51.100.7"}, {true, "203.0.113.1, 198.51.100.7", "198.51.100.7"}, {true, "nonsense", "192.0.2.1"}, {true, "", "192.0.2.1"},
	} {
		site := &Site{config: Config{Proxied: test.proxied}}
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.RemoteAddr = "192.0.2.1:4711"
		if test.forwarded != "" {
			r.Header.Set("X-Forwarded-For", test.forwarded)
		}
		if got := site.visitor(r).String(); got != test.want {
			t.Errorf("%+v: %s", test, got)
		}
	}
}

func TestTestbedOnly(t *testing.T) {
	b := newBedWorld(t, func(c *Config) { c.TestbedOnly = true })
	if w := get(t, b.site, "/"); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/testbed" {
		t.Errorf("the front page: %d to %s", w.Code, w.Header().Get("Location"))
	}
	if body := get(t, b.site, "/testbed").Body.String(); strings.Contains(body, `href="/incidents"`) || !strings.Contains(body, `href="/testbed" aria-current="page"`) {
		t.Error("the bar is a watch's")
	}
}

func TestStepsAsCalendar(t *testing.T) {
	b := newBedWorld(t, nil)
	w := get(t, b.site, b.path()+"/steps.ics")
	if kind := w.Header().Get("Content-Type"); w.Code != http.StatusOK || !strings.HasPrefix(kind, "text/calendar") {
		t.Fatalf("%d %s", w.Code, kind)
	}
	if got := strings.Count(w.Body.String(), "BEGIN:VEVENT"); got != len(b.zone.Steps) {
		t.Errorf("%d entries", got)
	}
}
