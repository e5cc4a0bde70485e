package web

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/record"
)

// ill are the places of the zones that invent makes ill.
const (
	illBogus, illUnreached, illLagging, illInsecure = 9, 10, 11, 12
)

// publicPages are all pages that need no token.
func publicPages(all []holdfast.Subject) []string {
	return []string{
		"/", "/?q=xn--&kind=idn", "/?status=trouble&sort=failure", "/?alg=8&sort=name", "/?fails=6h", "/?q=" + "%3Cscript%3E",
		zonePath(all[0]), zonePath(all[illBogus]), zonePath(all[illUnreached]), zonePath(all[illLagging]), zonePath(all[illInsecure]),
		"/evidence/m-00009", "/evidence/m-00009/0", "/evidence/m-00009/2",
		"/incidents", "/incidents/i-bogus", "/incidents/i-past", "/sweeps", "/forecast", "/forecast?at=30d", "/forecast?at=%3Cscript%3E", "/checks", "/checks/SIG-01", "/sign-in",
	}
}

func TestEveryPageIsSound(t *testing.T) {
	world := invent(t, 120)
	site := world.site(nil)
	staff := []string{"Authorization", "Bearer " + staffToken}
	for _, path := range publicPages(subjects(120)) {
		t.Run(path, func(t *testing.T) {
			soundPage(t, get(t, site, path), http.StatusOK)
			soundPage(t, get(t, site, path, staff...), http.StatusOK)
		})
	}
	for _, path := range []string{"/notices", "/notices/n-held", "/contacts"} {
		t.Run(path, func(t *testing.T) { soundPage(t, get(t, site, path, staff...), http.StatusOK) })
	}
	for _, path := range []string{"/nothing", "/zone/zz-none", "/zone/..%2f", "/evidence/none", "/evidence/none/0", "/evidence/m-00009/99", "/evidence/m-00009/-1", "/evidence/m-00009/0/else", "/evidence/m-00009/2/reply", "/incidents/none", "/checks/XXX-01", "/checks/..", "/checks/README"} {
		t.Run(path, func(t *testing.T) {
			if w := get(t, site, path); w.Code != http.StatusMovedPermanently && w.Code != http.StatusTemporaryRedirect {
				soundPage(t, w, http.StatusNotFound)
			}
		})
	}
}

var void = []string{"meta", "link", "img", "br", "input", "hr", "col"}

// soundPage checks what a browser would forgive: balanced elements, ids that
// occur once, nothing that the site's own policy forbids, nothing hostile.
func soundPage(t *testing.T, w interface {
	Result() *http.Response
}, status int) string {
	t.Helper()
	answer := w.Result()
	text, err := io.ReadAll(answer.Body)
	must(t, err)
	if answer.StatusCode != status {
		t.Fatalf("status %d, want %d\n%s", answer.StatusCode, status, text)
	}
	policy := answer.Header.Get("Content-Security-Policy")
	if !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") || answer.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("headers do not protect: %v", answer.Header)
	}
	if i := bytes.IndexFunc(text, func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' || r == 0x202e }); i >= 0 {
		t.Errorf("a hostile character came through: %q", text[max(0, i-40):min(len(text), i+10)])
	}
	var open []string
	ids := map[string]bool{}
	for z := html.NewTokenizer(bytes.NewReader(text)); ; {
		kind := z.Next()
		if kind == html.ErrorToken {
			break
		}
		token := z.Token()
		switch kind {
		case html.StartTagToken:
			soundAttributes(t, token, ids)
			if !slices.Contains(void, token.Data) {
				open = append(open, token.Data)
			}
		case html.EndTagToken:
			if len(open) == 0 || open[len(open)-1] != token.Data {
				t.Fatalf("</%s> closes %v", token.Data, open)
			}
			open = open[:len(open)-1]
		}
	}
	if len(open) > 0 {
		t.Errorf("never closed: %v", open)
	}
	return string(text)
}

func soundAttributes(t *testing.T, token html.Token, ids map[string]bool) {
	t.Helper()
	attributes := map[string]string{}
	for _, a := range token.Attr {
		attributes[a.Key] = a.Val
		if strings.HasPrefix(a.Key, "on") || a.Key == "style" || strings.ContainsAny(a.Key, "<'\"") {
			t.Errorf("<%s> has the attribute %s", token.Data, a.Key)
		}
		if (a.Key == "href" || a.Key == "src" || a.Key == "action") && !strings.HasPrefix(a.Val, "/") && !strings.HasPrefix(a.Val, "#") || strings.HasPrefix(a.Val, "//") {
			// A markdown page may have had a bad link; it must have been defused.
			if token.Data != "a" || a.Val != "" {
				t.Errorf("<%s %s=%q> leads elsewhere", token.Data, a.Key, a.Val)
			}
		}
	}
	if id, found := attributes["id"]; found {
		if ids[id] || id == "" {
			t.Errorf("id %q occurs twice or is empty", id)
		}
		ids[id] = true
	}
	// Tables of the pages about checks come from markdown, which has no scope.
	if _, scoped := attributes["scope"]; token.Data == "th" && !scoped && !strings.Contains(t.Name(), "Check") && !strings.Contains(t.Name(), "/checks") {
		t.Error("<th> without scope")
	}
	if token.Data == "style" || token.Data == "script" && attributes["src"] == "" {
		t.Errorf("<%s> within the page: the policy would refuse it", token.Data)
	}
}

func TestWorstComesFirst(t *testing.T) {
	world, all := invent(t, 120), subjects(120)
	text := soundPage(t, get(t, world.site(nil), "/"), http.StatusOK)
	table := text[strings.Index(text, "<tbody"):]
	last := -1
	for _, i := range []int{illBogus, illUnreached, illLagging, 0, 1, illInsecure} {
		at := strings.Index(table, `href="`+zonePath(all[i])+`"`)
		if at <= last {
			t.Errorf("%s stands at %d, not behind the worse ones", all[i].Zone, at)
		}
		last = at
	}
	for _, want := range []string{"120 zones under watch", "рф", "xn--p1ai", "26 h 0 min ago", "in 5 h 20 min", `title="1 Aug 2026 17:20:00 UTC"`, "Root zone 2026073102", "ended"} {
		if !strings.Contains(text, want) {
			t.Errorf("the front page does not say %q", want)
		}
	}
}

func TestFilters(t *testing.T) {
	world, all := invent(t, 120), subjects(120)
	site := world.site(nil)
	for query, want := range map[string]struct{ has, hasNot int }{
		"q=рф":                  {0, 1},
		"q=XN--P1AI":            {0, 1},
		"q=ab.":                 {illBogus, 0},
		"kind=idn":              {3, illBogus},
		"kind=country-code":     {illBogus, 119 + 1},
		"status=bogus":          {illBogus, illUnreached},
		"status=trouble":        {illLagging, illInsecure},
		"status=insecure":       {illInsecure, illBogus},
		"status=level-warning":  {0, illLagging},
		"alg=13":                {illBogus, illUnreached},
		"fails=dead":            {illBogus, illLagging},
		"fails=6h":              {illLagging, illBogus},
		"status=bogus&kind=idn": {-1, illBogus},
	} {
		text := get(t, site, "/?"+strings.ReplaceAll(query, "рф", "%D1%80%D1%84")).Body.String()
		_, table, _ := strings.Cut(text, "<tbody")
		if want.has >= 0 && !strings.Contains(table, `"`+zonePath(all[want.has])+`"`) {
			t.Errorf("%s does not list %s", query, all[want.has].Zone)
		}
		if want.hasNot < len(all) && strings.Contains(table, `"`+zonePath(all[want.hasNot])+`"`) {
			t.Errorf("%s lists %s", query, all[want.hasNot].Zone)
		}
	}
}

func TestZoneSaysWhereItFails(t *testing.T) {
	world, all := invent(t, 40), subjects(40)
	site := world.site(nil)
	text := soundPage(t, get(t, site, zonePath(all[illLagging])), http.StatusOK)
	for _, want := range []string{
		"ns2.nic.ad 192.0.2.11", "5 of 6 servers", ">fails</text>", ">now</text>", "fails first",
		`href="/checks/SIG-02"`, `href="/evidence/m-00011/0"`, `href="/incidents/i-lag"`, "as the zone" /* not here */, "holdfast check ad",
	} {
		if has := strings.Contains(text, want); has == (want == "as the zone") {
			t.Errorf("the zone's page: %q is there: %v", want, has)
		}
	}
	text = soundPage(t, get(t, site, zonePath(all[illBogus])), http.StatusOK)
	for _, want := range []string{"as the zone", ">failed</text>", "expired", "a server refused two zones", "extended error 7"} {
		if !strings.Contains(text, want) {
			t.Errorf("the bogus zone's page does not say %q", want)
		}
	}
	if w := get(t, site, "/zone/%D1%80%D1%84"); w.Code != http.StatusMovedPermanently || w.Header().Get("Location") != "/zone/xn--p1ai" {
		t.Errorf("U-labels lead to %d %s", w.Code, w.Header().Get("Location"))
	}
	if w := get(t, site, "/zone/XN--P1AI."); w.Code != http.StatusMovedPermanently {
		t.Errorf("capitals lead to %d", w.Code)
	}
}

func TestEvidence(t *testing.T) {
	world := invent(t, 20)
	site := world.site(nil)
	text := soundPage(t, get(t, site, "/evidence/m-00009/0"), http.StatusOK)
	for _, want := range []string{"hostmaster.ab.", "00000000  00 09 84 00", "dig @192.0.2.9 ab. SOA &#43;norecurse &#43;dnssec &#43;nsid &#43;bufsize=1232", "12ms", `href="/evidence/m-00009/0/reply"`, "next exchange"} {
		if !strings.Contains(text, want) {
			t.Errorf("the evidence does not show %q", want)
		}
	}
	m, err := world.Measurement(context.Background(), "m-00009")
	must(t, err)
	w := get(t, site, "/evidence/m-00009/0/reply")
	if !bytes.Equal(w.Body.Bytes(), m.Exchanges[0].Reply) || w.Header().Get("Content-Type") != "application/dns-message" || !strings.HasPrefix(w.Header().Get("Content-Disposition"), "attachment") {
		t.Errorf("download: %v, %d octets", w.Header(), w.Body.Len())
	}
	broken := world.site(func(c *Config) {
		c.Decode = func([]byte) (string, error) { return "half", fmt.Errorf("bad %s", hostile) }
	})
	if text := soundPage(t, get(t, broken, "/evidence/m-00009/0"), http.StatusOK); !strings.Contains(text, "cannot be read whole") {
		t.Error("a message that cannot be read is not said to be so")
	}
	plain := world.site(func(c *Config) { c.Decode = nil })
	soundPage(t, get(t, plain, "/evidence/m-00009/0"), http.StatusOK)
}

func TestChecksAreRenderedSafely(t *testing.T) {
	site := invent(t, 20).site(nil)
	text := soundPage(t, get(t, site, "/checks/sig-01"), http.StatusOK)
	if strings.Contains(text, "alert(1)</script>") || strings.Contains(text, "javascript:") || !strings.Contains(text, "<table>") && !strings.Contains(text, "<td>1</td>") {
		t.Errorf("check page: %s", text)
	}
	index := soundPage(t, get(t, site, "/checks"), http.StatusOK)
	for _, want := range []string{`<a href="/checks/SIG-01">SIG-01</a>`, `<a href="/checks/SIG-02">soon</a>`, `<a href="#main">elsewhere</a>`, `<a href="/checks">itself</a>`} {
		if !strings.Contains(index, want) {
			t.Errorf("index of checks lacks %s: %s", want, index)
		}
	}
	without := invent(t, 20).site(func(c *Config) { c.Checks = nil })
	soundPage(t, get(t, without, "/checks"), http.StatusNotFound)
	soundPage(t, get(t, without, "/checks/SIG-01"), http.StatusNotFound)
	if text := get(t, without, "/").Body.String(); strings.Contains(text, `"/checks"`) {
		t.Error("the bar leads to pages that are not there")
	}
}

func TestStaleWorldSaysSo(t *testing.T) {
	world := invent(t, 20)
	site := world.site(nil)
	if text := get(t, site, "/").Body.String(); strings.Contains(text, "shows the past") {
		t.Error("a fresh world is called stale")
	}
	world.clock.now = noon.Add(time.Hour)
	if text := get(t, site, "/").Body.String(); !strings.Contains(text, "shows the past: the last sweep ended 1 h 2 min ago") {
		t.Error("a stale world is not called so")
	}
	empty := New(Config{}, newRecord(t), &stillClock{noon})
	text := soundPage(t, get(t, empty, "/"), http.StatusOK)
	if !strings.Contains(text, "roster is empty") || !strings.Contains(text, "No sweep has been finished") {
		t.Error("an empty world does not explain itself")
	}
	for _, path := range []string{"/incidents", "/sweeps", "/sign-in"} {
		soundPage(t, get(t, empty, path), http.StatusOK)
	}
}

func TestFrontPageIsSmallAndFresh(t *testing.T) {
	world := invent(t, 1438)
	site := world.site(nil)
	w := get(t, site, "/", "Accept-Encoding", "br;q=1.0, gzip;q=0.8")
	if w.Header().Get("Content-Encoding") != "gzip" {
		t.Fatal("not compressed")
	}
	t.Logf("front page: %d bytes compressed", w.Body.Len())
	if w.Body.Len() > 200_000 {
		t.Errorf("the page of all zones has %d bytes, more than 200 KB", w.Body.Len())
	}
	z, err := gzip.NewReader(bytes.NewReader(w.Body.Bytes()))
	must(t, err)
	plain, err := io.ReadAll(z)
	must(t, err)
	t.Logf("front page: %d bytes plain", len(plain))
	if bytes.Count(plain, []byte(`<tr role="row"><th scope="row"`)) != 1438 {
		t.Error("not all zones are listed")
	}
	tag := w.Header().Get("ETag")
	if again := get(t, site, "/", "Accept-Encoding", "gzip", "If-None-Match", tag); again.Code != http.StatusNotModified || again.Body.Len() != 0 {
		t.Errorf("the same page again: %d with %d bytes", again.Code, again.Body.Len())
	}
	if other := get(t, site, "/"); other.Header().Get("ETag") == tag || other.Header().Get("Content-Encoding") != "" {
		t.Error("the plain page is taken for the compressed one")
	}
	// What the record learns is seen a second later, kept page or not.
	all := subjects(1438)
	status, err := world.Status(context.Background(), all[500].Zone)
	must(t, err)
	v := status.Verdict
	v.Status, v.At, v.Measurement = holdfast.Bogus, noon, "m-00500"
	must(t, world.Found(context.Background(), all[500], v, holdfast.Past{}))
	world.clock.now = noon.Add(time.Second)
	changed := get(t, site, "/", "Accept-Encoding", "gzip", "If-None-Match", tag)
	if changed.Code != http.StatusOK {
		t.Errorf("a new verdict does not change the page: %d", changed.Code)
	}
}

// TestForecastPage: the page says what the nouns say (outlook_test.go), and
// names the zones.
func TestForecastPage(t *testing.T) {
	world := invent(t, 120)
	site := world.site(nil)
	all := subjects(120)
	text := soundPage(t, get(t, site, "/forecast?at=30d"), http.StatusOK)
	for _, want := range []string{"if nobody does anything", "By 31 Aug 2026", `href="` + zonePath(all[illBogus]) + `"`, "<rect", `selected`} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if bad := soundPage(t, get(t, site, "/forecast?at=soon"), http.StatusOK); !strings.Contains(bad, "neither an instant") {
		t.Error("a wish that cannot be read is not said")
	}
}

func TestAssets(t *testing.T) {
	site := New(Config{}, nil, &stillClock{noon})
	for _, a := range []asset{site.style, site.script, site.icon} {
		w := get(t, site, a.path, "Accept-Encoding", "gzip")
		if w.Code != http.StatusOK || w.Header().Get("Content-Encoding") != "gzip" || !strings.Contains(w.Header().Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %d %v", a.path, w.Code, w.Header())
		}
		if plain := get(t, site, a.path); !bytes.Equal(plain.Body.Bytes(), a.plain) || plain.Header().Get("Content-Type") != a.kind {
			t.Errorf("%s is not served as it is", a.path)
		}
	}
}

func TestPageOfAnotherRoom(t *testing.T) {
	site := New(Config{Title: "Demo", Links: []Link{{"/mailbox", "Mailbox"}}}, nil, &stillClock{noon})
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		site.Page(w, r, "Mailbox", "/mailbox", "<h1>Mail</h1>")
	})
	text := get(t, handler, "/mailbox").Body.String()
	for _, want := range []string{"<title>Mailbox – Demo</title>", `<a href="/mailbox" aria-current="page">Mailbox</a>`, "<h1>Mail</h1>"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
}

func TestLifeLeftShowsTheSaw(t *testing.T) {
	server := serversOf(0, subjects(1)[0])[0]
	var spans []record.WindowSpan
	for d := 20; d > 0; d -= 5 { // signed for 8 days, every 5; the last time 2 days late
		first := noon.Add(-time.Duration(d) * day)
		spans = append(spans, record.WindowSpan{
			Window:    holdfast.Window{Server: server, Class: holdfast.ClassSOA, Inception: first, Expiration: first.Add(8 * day)},
			FirstSeen: first, LastSeen: first.Add(5 * day),
		})
	}
	p := newLifePicture(spans, noon)
	if len(p.Strokes) != 4 || p.Least != 3*day || p.LeastBy != holdfast.ClassSOA {
		t.Fatalf("%d strokes, least %v by %s", len(p.Strokes), p.Least, p.LeastBy)
	}
	for _, s := range p.Strokes {
		if s.Y1 != "0.00%" || s.Y2 != "56.25%" { // 8 of 8 days, then 3 of 8: 0.9 * 5/8
			t.Errorf("a tooth goes from %s to %s", s.Y1, s.Y2)
		}
	}
	spans[0].LastSeen = spans[0].Window.Expiration.Add(2 * time.Hour)
	if low := newLifePicture(spans, noon).Low(); !strings.Contains(low, "2 h 0 min after they had died") {
		t.Errorf("signatures that died on the shelf: %s", low)
	}
	if p := newLifePicture(spans[:1], spans[0].FirstSeen.Add(time.Minute)); len(p.Strokes) != 0 {
		t.Error("a minute of history is drawn")
	}
	if p := newLifePicture(nil, noon); len(p.Strokes) != 0 {
		t.Error("nothing is drawn as something")
	}
}

func TestWindowsFarAwayAreCut(t *testing.T) {
	server := serversOf(0, subjects(1)[0])[0]
	v := holdfast.Verdict{FailsAt: noon.Add(2 * day), Windows: []holdfast.Window{
		{Server: server, Class: holdfast.ClassSOA, Inception: noon.Add(-900 * day), Expiration: noon.Add(2 * day)},
		{Server: server, Class: holdfast.ClassDS, Inception: noon.Add(-day), Expiration: noon.Add(900 * day)},
		{Server: server, Class: "ODD", Inception: noon.Add(-800 * day), Expiration: noon.Add(-700 * day)},
	}}
	p := newWindowsPicture(v, noon)
	if len(p.Lanes) != 3 || p.Lanes[0].Class != holdfast.ClassDS || p.Lanes[2].Class != "ODD" {
		t.Fatalf("lanes: %+v", p.Lanes)
	}
	ds, soa, odd := p.Lanes[0], p.Lanes[1], p.Lanes[2]
	if !ds.Late || ds.Early || !soa.Early || soa.Late || soa.Note != "fails first" || odd.Note != "expired" || odd.Level != "down" {
		t.Errorf("DS %+v\nSOA %+v\nODD %+v", ds, soa, odd)
	}
	if p.Fails == "" || p.FailsWord != "fails" {
		t.Errorf("the failure stands at %q", p.Fails)
	}
}

// BenchmarkFrontPageServed asks over loopback, the page rendered anew every
// second as in life, and reports the slowest hundredth.
func BenchmarkFrontPageServed(b *testing.B) {
	world := invent(b, 1438)
	server := httptest.NewServer(New(Config{}, world.Record, runningClock{}))
	defer server.Close()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true}}
	var mu sync.Mutex
	var waits []time.Duration
	b.SetParallelism(8)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		var own []time.Duration
		for pb.Next() {
			r, _ := http.NewRequest(http.MethodGet, server.URL, nil)
			r.Header.Set("Accept-Encoding", "gzip")
			began := time.Now()
			answer, err := client.Do(r)
			if err != nil {
				b.Error(err)
				return
			}
			if _, err := io.Copy(io.Discard, answer.Body); err != nil {
				b.Error(err)
			}
			answer.Body.Close()
			own = append(own, time.Since(began))
		}
		mu.Lock()
		waits = append(waits, own...)
		mu.Unlock()
	})
	slices.Sort(waits)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
	b.ReportMetric(float64(waits[len(waits)*99/100].Microseconds())/1000, "p99-ms")
}

type runningClock struct{}

func (runningClock) Now() time.Time                         { return time.Now() }
func (runningClock) After(d time.Duration) <-chan time.Time { return time.After(d) }

func BenchmarkFrontPage(b *testing.B) {
	world := invent(b, 1438)
	site := world.site(nil)
	b.Run("kept", func(b *testing.B) {
		size := 0
		for b.Loop() {
			size = get(b, site, "/", "Accept-Encoding", "gzip").Body.Len()
		}
		b.ReportMetric(float64(size), "bytes/page")
	})
	b.Run("rendered", func(b *testing.B) {
		size := 0
		for b.Loop() {
			world.clock.now = world.clock.now.Add(time.Second)
			size = get(b, site, "/", "Accept-Encoding", "gzip").Body.Len()
		}
		b.ReportMetric(float64(size), "bytes/page")
	})
	b.Run("filtered", func(b *testing.B) {
		for b.Loop() {
			get(b, site, "/?status=trouble", "Accept-Encoding", "gzip")
		}
	})
}
