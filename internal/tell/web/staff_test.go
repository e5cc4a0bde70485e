package web

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
)

// leak finds what only staff may read.
var leak = regexp.MustCompile(`secret-contact|555 0100|Person `)

func TestNobodyElseSeesAddresses(t *testing.T) {
	world := invent(t, 40)
	site := world.site(nil)
	for _, path := range append(publicPages(subjects(40)), "/notices", "/notices/n-held", "/contacts") {
		w := get(t, site, path)
		if found := leak.FindString(w.Body.String()); found != "" {
			t.Errorf("%s shows strangers %q", path, found)
		}
	}
	for _, path := range []string{"/notices", "/notices/n-held", "/contacts", "/incidents/i-bogus"} {
		w := get(t, site, path, "Authorization", "Bearer "+staffToken)
		if !leak.MatchString(w.Body.String()) || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: staff do not see addresses, or a cache may keep them: %v", path, w.Header())
		}
		if path == "/incidents/i-bogus" {
			continue
		}
		for _, authorization := range []string{"", "Bearer wrong", "Bearer ", "Basic " + staffToken, "Bearer " + staffToken + "x"} {
			w := get(t, site, path, "Authorization", authorization)
			if w.Code != http.StatusSeeOther || !strings.HasPrefix(w.Header().Get("Location"), "/sign-in?to=") {
				t.Errorf("%s with %q: %d", path, authorization, w.Code)
			}
		}
	}
}

func post(site http.Handler, path string, form url.Values, cookie *http.Cookie, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if cookie != nil {
		r.AddCookie(cookie)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	site.ServeHTTP(w, r)
	return w
}

func signIn(t *testing.T, site http.Handler) *http.Cookie {
	t.Helper()
	w := post(site, "/sign-in", url.Values{"token": {staffToken}, "to": {"/contacts"}}, nil)
	cookies := w.Result().Cookies()
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/contacts" || len(cookies) != 1 {
		t.Fatalf("sign-in: %d to %q with %v", w.Code, w.Header().Get("Location"), cookies)
	}
	return cookies[0]
}

func TestSignIn(t *testing.T) {
	world := invent(t, 20)
	site := world.site(nil)
	if w := post(site, "/sign-in", url.Values{"token": {"wrong"}}, nil); w.Code != http.StatusForbidden || len(w.Result().Cookies()) != 0 {
		t.Errorf("a wrong token: %d", w.Code)
	}
	cookie := signIn(t, site)
	if !cookie.HttpOnly || cookie.SameSite != http.SameSiteStrictMode || strings.Contains(cookie.Value, staffToken) {
		t.Errorf("cookie: %v", cookie)
	}
	with := []string{"Cookie", cookie.Name + "=" + cookie.Value}
	soundPage(t, get(t, site, "/contacts", with...), http.StatusOK)
	for _, forged := range []string{"9999999999.x", "9999999999." + strings.SplitN(cookie.Value, ".", 2)[1], cookie.Value + "x", "", "."} {
		if w := get(t, site, "/contacts", "Cookie", cookie.Name+"="+forged); w.Code != http.StatusSeeOther {
			t.Errorf("forged cookie %q: %d", forged, w.Code)
		}
	}
	world.clock.now = noon.Add(staffSession + time.Second)
	if w := get(t, site, "/contacts", with...); w.Code != http.StatusSeeOther {
		t.Errorf("a session that is over: %d", w.Code)
	}
	world.clock.now = noon
	if w := post(site, "/sign-out", nil, cookie); w.Code != http.StatusSeeOther || w.Result().Cookies()[0].MaxAge >= 0 {
		t.Errorf("sign-out: %d", w.Code)
	}
	other := world.site(func(c *Config) { c.StaffToken = "another token" })
	if w := get(t, other, "/contacts", with...); w.Code != http.StatusSeeOther {
		t.Errorf("the cookie outlives its token: %d", w.Code)
	}
	for _, to := range []string{"https://evil.example/", "//evil.example", "/\\evil.example", "/zone/x?y", "javascript:alert(1)"} {
		w := post(site, "/sign-in", url.Values{"token": {staffToken}, "to": {to}}, nil)
		if w.Header().Get("Location") != "/notices" {
			t.Errorf("sign-in leads to %q", w.Header().Get("Location"))
		}
	}
}

var formField = regexp.MustCompile(`name="form" value="([^"]+)"`)

func TestReleaseAndDrop(t *testing.T) {
	world := invent(t, 20)
	site := world.site(nil)
	cookie := signIn(t, site)
	page := get(t, site, "/notices/n-held", "Cookie", cookie.Name+"="+cookie.Value).Body.String()
	field := formField.FindStringSubmatch(page)
	if field == nil {
		t.Fatal("the notice's page has no form token")
	}
	state := func() holdfast.NoticeState {
		n, err := world.Notice(context.Background(), "n-held")
		must(t, err)
		return n.State
	}
	good := url.Values{"form": {field[1]}}
	for name, w := range map[string]*httptest.ResponseRecorder{
		"no session":       post(site, "/notices/n-held/release", good, nil),
		"no form token":    post(site, "/notices/n-held/release", nil, cookie),
		"wrong form token": post(site, "/notices/n-held/release", url.Values{"form": {"x"}}, cookie),
		"another site":     post(site, "/notices/n-held/release", good, cookie, "Sec-Fetch-Site", "cross-site"),
		"another origin":   post(site, "/notices/n-held/release", good, cookie, "Origin", "https://evil.example"),
	} {
		if w.Code != http.StatusForbidden || state() != holdfast.NoticeHeld {
			t.Errorf("%s: %d, and the notice is %s", name, w.Code, state())
		}
	}
	if w := post(site, "/notices/n-held/burn", good, cookie); w.Code != http.StatusNotFound {
		t.Errorf("an unknown verb: %d", w.Code)
	}
	if w := post(site, "/notices/n-none/release", good, cookie); w.Code != http.StatusNotFound {
		t.Errorf("an unknown notice: %d", w.Code)
	}
	if w := post(site, "/notices/n-held/release", good, cookie, "Sec-Fetch-Site", "same-origin"); w.Code != http.StatusSeeOther || state() != holdfast.NoticeQueued {
		t.Errorf("release: %d, and the notice is %s", w.Code, state())
	}
	if w := post(site, "/notices/n-held/release", good, cookie); w.Code != http.StatusConflict {
		t.Errorf("a second release: %d", w.Code)
	}
	if w := post(site, "/notices/n-held/drop", url.Values{"form": {field[1]}, "why": {"mended meanwhile"}}, cookie); w.Code != http.StatusSeeOther || state() != holdfast.NoticeDropped {
		t.Errorf("drop: %d, and the notice is %s", w.Code, state())
	}
	if w := post(site, "/notices/n-sent/drop", url.Values{"why": {strings.Repeat("x", formLimit)}, "form": {field[1]}}, cookie); w.Code != http.StatusForbidden {
		t.Errorf("a form beyond the limit: %d", w.Code)
	}
}

func TestOpenToStaffUnderLoopbackNamesOnly(t *testing.T) {
	world := invent(t, 20)
	site := world.site(func(c *Config) { c.StaffToken, c.StaffOpen = "", true })
	ask := func(host string) int {
		r := httptest.NewRequest(http.MethodGet, "/contacts", nil)
		r.Host = host
		w := httptest.NewRecorder()
		site.ServeHTTP(w, r)
		return w.Code
	}
	for _, host := range []string{"localhost", "localhost:8080", "127.0.0.1:80", "[::1]:80", "127.9.9.9"} {
		if code := ask(host); code != http.StatusOK {
			t.Errorf("%s: %d", host, code)
		}
	}
	for _, host := range []string{"evil.example", "evil.example:80", "127.0.0.1.evil.example", "192.0.2.1", ""} {
		if code := ask(host); code != http.StatusForbidden {
			t.Errorf("%s: %d", host, code)
		}
	}
	r := httptest.NewRequest(http.MethodGet, "/notices", nil)
	r.Host = "localhost"
	w := httptest.NewRecorder()
	site.ServeHTTP(w, r)
	field := formField.FindStringSubmatch(w.Body.String())
	if field == nil {
		t.Fatal("no form token on the open page")
	}
	r = httptest.NewRequest(http.MethodPost, "/notices/n-held/release", strings.NewReader(url.Values{"form": {field[1]}}.Encode()))
	r.Host = "localhost"
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w = httptest.NewRecorder()
	site.ServeHTTP(w, r)
	if w.Code != http.StatusSeeOther {
		t.Errorf("release on the open page: %d", w.Code)
	}
	closed := world.site(func(c *Config) { c.StaffToken = "" })
	for _, path := range []string{"/contacts", "/notices"} {
		if w := get(t, closed, path, "Authorization", "Bearer "); w.Code != http.StatusForbidden {
			t.Errorf("without a token %s answers %d", path, w.Code)
		}
	}
	if w := post(closed, "/sign-in", url.Values{"token": {""}}, nil); w.Code != http.StatusForbidden {
		t.Errorf("an empty token signs in where none is configured: %d", w.Code)
	}
}
