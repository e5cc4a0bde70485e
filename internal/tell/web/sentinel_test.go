package web

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/holdfastdns/holdfast"
)

// sentinelSite is a site with the test of root keys; what the judge is handed
// is kept.
func sentinelSite(t *testing.T, scheme, port string, handed *SentinelAnswers) *Site {
	t.Helper()
	return invent(t, 20).site(func(c *Config) {
		c.Sentinel = &Sentinel{
			Zone: "sentinel.bed.example.", Insecure: "insecure.sentinel.bed.example.", Scheme: scheme, Port: port,
			Keys: []SentinelKey{{Tag: 19036, Name: "KSK-2010"}, {Tag: 20326, Name: "KSK-2017", Chosen: true}, {Tag: 38696, Name: "KSK-2024", Chosen: true}}, Current: 20326, New: 38696,
			Name: func(trusted bool, tag uint16, below holdfast.Name) holdfast.Name {
				word := map[bool]string{true: "is", false: "not"}[trusted]
				return holdfast.Name(fmt.Sprintf("root-key-sentinel-%s-ta-%05d.%s", word, tag, below))
			},
			Judge: func(a SentinelAnswers) SentinelVerdict {
				*handed = a
				return SentinelVerdict{Keys: []SentinelKeyVerdict{{Tag: 38696, Class: "Vnew", Badge: "fine", Means: "It does <well>"}}, Several: "All is well", Badge: "fine"}
			},
			Askers: func(run string) []SentinelAsker {
				if run != "tabcdefgh" {
					return nil
				}
				return []SentinelAsker{{Address: netip.MustParseAddr("2001:db8::1"), Names: []string{"bogus", "is-ta-38696"}, DO: true}, {Address: netip.MustParseAddr("192.0.2.9"), Names: []string{`<b>`}}}
			},
			Supports: []SentinelSupport{{"d1a13n1.bed.example.", 13, 1, false}, {"d4a13n3.bed.example.", 13, 4, true}, {"d2a15n3.bed.example.", 15, 2, true}},
		}
	})
}

// local is an answer whose pictures of the test are taken for the site's own:
// they are the only thing that any page loads from elsewhere.
type local struct{ answer *http.Response }

func (l local) Result() *http.Response { return l.answer }

func withoutPictures(t *testing.T, w interface{ Result() *http.Response }) (local, string) {
	t.Helper()
	answer := w.Result()
	text, err := io.ReadAll(answer.Body)
	must(t, err)
	plain := regexp.MustCompile(`src="https?://[a-z0-9.:-]+/sentinel/tick\.svg`).ReplaceAll(text, []byte(`src="/sentinel/tick.svg`))
	answer.Body = io.NopCloser(bytes.NewReader(plain))
	return local{answer}, string(text)
}

func TestSentinelPages(t *testing.T) {
	var handed SentinelAnswers
	site := sentinelSite(t, "http", "8080", &handed)
	text := soundPage(t, get(t, site, "/sentinel"), http.StatusOK)
	for _, want := range []string{"Vnew", "Vold", "Vind", "nonV", "insecure-by-revocation", "broken (stale)", "dig @ADDRESS root-key-sentinel-is-ta-20326.sentinel.bed.example A", "dig @ADDRESS insecure.sentinel.bed.example A", `value="38696" checked`} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	answer := get(t, site, "/sentinel/run?tag=38696&other=1+65535")
	page, text := withoutPictures(t, answer)
	soundPage(t, page, http.StatusOK)
	for _, want := range []string{`src="http://bogus.t`, `.sentinel.bed.example:8080/sentinel/tick.svg?run=t`, `root-key-sentinel-not-ta-00001.t`, `root-key-sentinel-is-ta-65535.t`, `name="is-38696"`, `name="tag" value="65535"`, "/assets/sentinel-"} {
		if !strings.Contains(text, want) {
			t.Errorf("the running test lacks %q", want)
		}
	}
	if policy := answer.Result().Header.Get("Content-Security-Policy"); !strings.Contains(policy, "img-src 'self' http://*.sentinel.bed.example:8080;") {
		t.Errorf("pictures of the test are not allowed: %s", policy)
	}
	if policy := get(t, site, "/sentinel").Result().Header.Get("Content-Security-Policy"); strings.Contains(policy, "bed.example") {
		t.Errorf("another page may load them too: %s", policy)
	}
	text = soundPage(t, get(t, site, "/sentinel/verdict?run=tabcdefgh&tag=38696&insecure=y&signed=y&bogus=n&is-38696=y&not-38696=n&validates=y&bare=maybe"), http.StatusOK)
	want := SentinelAnswers{Insecure: Loaded, Signed: Loaded, Bogus: Unloaded, Validates: true, Asked: true, Keys: []SentinelKeyAnswers{{38696, Loaded, Unloaded}}}
	if fmt.Sprint(handed) != fmt.Sprint(want) {
		t.Errorf("the judge was handed %+v, want %+v", handed, want)
	}
	for _, want := range []string{"Vnew", "It does &lt;well&gt;.", "KSK-2024", "2001:db8::1", "192.0.2.9", "&lt;b&gt;", "it does not validate", "All is well", "Questions came from 2 addresses"} {
		if !strings.Contains(text, want) {
			t.Errorf("the verdict lacks %q", want)
		}
	}
	if text := soundPage(t, get(t, site, "/sentinel/verdict?run=tother"), http.StatusOK); !strings.Contains(text, "Nothing is known of it any more") {
		t.Error("a run of long ago is not said to be forgotten")
	}
	page, text = withoutPictures(t, get(t, site, "/algorithms"))
	soundPage(t, page, http.StatusOK)
	if strings.Count(text, "data-support") != 3 || strings.Count(text, "/sentinel/tick.svg?run=") != 6 {
		t.Error("not every zone has its two pictures")
	}
	for _, tags := range []string{"tag=65536", "tag=-1", "other=x", "other=%3Cscript%3E", "tag=" + strings.Repeat("9", 400), "other=1+2+3+4+5+6+7+8+9"} {
		soundPage(t, get(t, site, "/sentinel/run?"+tags), http.StatusBadRequest)
		soundPage(t, get(t, site, "/sentinel/verdict?"+tags), http.StatusBadRequest)
	}
	if links := soundPage(t, get(t, site, "/incidents"), http.StatusOK); !strings.Contains(links, `href="/sentinel"`) || !strings.Contains(links, `href="/algorithms"`) {
		t.Error("the bar has no links to the tests")
	}
}

// TestSentinelTick: other sites' pages may load the picture, and no cache may
// answer in a resolver's place.
func TestSentinelTick(t *testing.T) {
	var handed SentinelAnswers
	site := sentinelSite(t, "http", "", &handed)
	answer := get(t, site, "/sentinel/tick.svg?run=x").Result()
	for header, want := range map[string]string{"Content-Type": "image/svg+xml", "Cache-Control": "no-store", "Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"} {
		if got := answer.Header.Get(header); got != want {
			t.Errorf("%s is %q, want %q", header, got, want)
		}
	}
	plain := invent(t, 20).site(nil)
	for _, path := range []string{"/sentinel", "/sentinel/run", "/sentinel/tick.svg", "/algorithms"} {
		if w := get(t, plain, path); w.Code != http.StatusNotFound {
			t.Errorf("%s is served by a site without the test: %d", path, w.Code)
		}
	}
}

// TestSentinelHTTPS: a certificate for *.sentinel.ZONE is good for one label
// only, so that names have none of a run.
func TestSentinelHTTPS(t *testing.T) {
	var handed SentinelAnswers
	site := sentinelSite(t, "https", "", &handed)
	page, text := withoutPictures(t, get(t, site, "/sentinel/run"))
	soundPage(t, page, http.StatusOK)
	if !strings.Contains(text, `src="https://root-key-sentinel-is-ta-20326.sentinel.bed.example/sentinel/tick.svg?run=t`) {
		t.Errorf("no name without a run's label:\n%s", text)
	}
	if text := soundPage(t, get(t, site, "/algorithms"), http.StatusOK); strings.Contains(text, "<img src=\"https://") {
		t.Error("pictures are to be loaded by names that no certificate is good for")
	}
	if text := soundPage(t, get(t, site, "/sentinel/verdict?"+url.Values{"run": {"tabcdefgh"}}.Encode()), http.StatusOK); strings.Contains(text, "Who asked for you") {
		t.Error("runs cannot be told apart, and yet it is said who asked")
	}
}

// TestSentinelBehindTLS: a page that came by https cannot load what has http
// only; the visitor is led to where it can.
func TestSentinelBehindTLS(t *testing.T) {
	var handed SentinelAnswers
	site := sentinelSite(t, "http", "8080", &handed)
	proxied := []string{"X-Forwarded-Proto", "https"}
	if text := get(t, site, "/sentinel/run?tag=38696", proxied...).Body.String(); !strings.Contains(text, "sentinel/tick.svg") {
		t.Error("whoever writes a header is taken for a proxy")
	}
	site.config.Proxied = true
	for path, want := range map[string]string{"/sentinel/run?tag=38696": `href="http://sentinel.bed.example:8080/sentinel/run?tag=38696"`, "/algorithms": `href="http://sentinel.bed.example:8080/algorithms"`} {
		if text := get(t, site, path, proxied...).Body.String(); !strings.Contains(text, want) || strings.Contains(text, "tick.svg") {
			t.Errorf("%s by https lacks %q, or loads pictures all the same", path, want)
		}
	}
}
