package app

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/holdfastdns/holdfast/internal/lab"
)

// The page as a visitor uses it: a real browser clicks, types and tabs through
// a small watch over a lab. What the browser complains of fails the test, and
// so does any request to another host.

// browserLab has a zone in danger, one that is dead, one with a lame server,
// an internationalised one and one that is fine.
const browserLab = `
clock %s rate 1440
root
  ns a.root-servers.lab. 198.51.100.1
  ns b.root-servers.lab. 198.51.100.2
  zonemd
zone example.
  ns a.nic.example. 192.0.2.1 2001:db8:1::1
  ns b.nic.example. 192.0.2.2
zone museum.
  ns a.nic.museum. 192.0.2.11
  ns b.nic.museum. 192.0.2.12
zone jobs.
  ns a.nic.jobs. 192.0.2.21
  ns b.nic.jobs. 192.0.2.22
zone xn--p1ai.
  ns a.nic.xn--p1ai. 192.0.2.31
  ns b.nic.xn--p1ai. 192.0.2.32
zone org.
  ns a.nic.org. 192.0.2.41
  ns b.nic.org. 192.0.2.42
fault * expire NS example. at +20h from -2d
fault * expire * museum.
fault b.nic.jobs. lame jobs.
`

// browserWatch starts a watch over browserLab and waits until it has told of
// the zone in danger. It gives the page's address.
func browserWatch(t *testing.T) string {
	t.Helper()
	start := systemClock{}.Now().Truncate(time.Second)
	plan, err := lab.Parse(strings.NewReader(fmt.Sprintf(browserLab, start.Format(time.RFC3339))), "browser.lab", nil)
	if err != nil {
		t.Fatal(err)
	}
	internet, err := lab.New(plan, nil)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	d, err := newDemo(ctx, World{Stdout: io.Discard, Stderr: io.Discard, Clock: systemClock{}}, internet, t.TempDir(), listener)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- d.run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil && !interrupted(ctx, err) {
			t.Errorf("the watch ended: %v", err)
		}
		d.close()
	})
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if page := fetch(t, d.address+"notices"); strings.Contains(page, "tech-example@registry.demo") && strings.Contains(page, "/release") {
			return d.address
		}
		if time.Now().After(deadline) {
			t.Fatalf("no mail about .example waits for release; the incidents are:\n%s", fetch(t, d.address+"api/v1/incidents"))
		}
	}
}

func fetch(t *testing.T, address string) string {
	t.Helper()
	response, err := http.Get(address)
	if err != nil {
		return err.Error() // it is not listening yet
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 4<<20))
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// visitor is a browser's tab, and what went wrong in it.
type visitor struct {
	*testing.T
	ctx  context.Context
	base string

	mu         sync.Mutex
	complaints []string // guarded by mu
}

// newBrowser starts a browser that can reach nothing but this machine.
func newBrowser(t *testing.T) context.Context {
	t.Helper()
	program := peer(t, "chromium")
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(program), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-quic", true),
		// Smooth scrolling would move what is about to be clicked.
		chromedp.Flag("force-prefers-reduced-motion", true),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"),
	)
	// The test as a whole is bounded: a browser that hangs must not hang it.
	ctx, cancel := context.WithTimeout(context.Background(), 55*time.Second)
	ctx, stop := chromedp.NewExecAllocator(ctx, options...)
	ctx, leave := chromedp.NewContext(ctx)
	t.Cleanup(func() { leave(); stop(); cancel() })
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start the browser: %v", err)
	}
	return ctx
}

// visit opens a tab. At the end of the test its complaints are the test's.
func visit(t *testing.T, browser context.Context, base string) *visitor {
	t.Helper()
	ctx, cancel := context.WithTimeout(browser, 20*time.Second)
	ctx, leave := chromedp.NewContext(ctx)
	v := &visitor{T: t, ctx: ctx, base: base}
	if err := chromedp.Listen(ctx, v.hear); err != nil {
		t.Fatal(err)
	}
	v.do(call(log.Enable, cdp.Empty{}), call(network.Enable, network.EnableParams{}))
	t.Cleanup(func() {
		leave()
		cancel()
		v.mu.Lock()
		defer v.mu.Unlock()
		for _, complaint := range v.complaints {
			t.Errorf("the browser complains: %s", complaint)
		}
	})
	return v
}

// call is a command of the protocol as an action.
func call[P, R any](command cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, t, command, params)
		return chromedp.Void{}, err
	}
}

// hear is called for every event of the tab.
func (v *visitor) hear(event any) {
	complain := func(format string, args ...any) {
		v.mu.Lock()
		defer v.mu.Unlock()
		v.complaints = append(v.complaints, fmt.Sprintf(format, args...))
	}
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		complain("exception: %v", e.ExceptionDetails.Text)
	case *runtime.EventConsoleAPICalled:
		complain("console %s", e.Type)
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			complain("%s: %s (%s)", e.Entry.Level, e.Entry.Text, e.Entry.URL)
		}
	case *network.EventRequestWillBeSent:
		if !strings.HasPrefix(e.Request.URL, v.base) && !strings.HasPrefix(e.Request.URL, "data:") {
			complain("request to %s", e.Request.URL)
		}
	}
}

func (v *visitor) do(steps ...chromedp.Action[chromedp.Void]) {
	v.Helper()
	if err := chromedp.Do(v.ctx, steps...); err != nil {
		v.Fatal(err)
	}
}

// open goes to a page by its path, without the slash before it.
func (v *visitor) open(path string) {
	v.Helper()
	v.do(chromedp.Navigate(v.base + path))
}

// follow clicks on something that leads to another page, and waits for it.
func (v *visitor) follow(css string) {
	v.Helper()
	v.arrive(chromedp.Click(chromedp.CSS(css)))
}

// arrive does something that leads to another page, and waits for it.
func (v *visitor) arrive(steps ...chromedp.Action[chromedp.Void]) {
	v.Helper()
	response, err := chromedp.RunResponse(v.ctx, steps...)
	if err != nil {
		v.Fatal(err)
	}
	if response.Status != http.StatusOK {
		v.Fatalf("%s answers %d", response.URL, response.Status)
	}
}

func (v *visitor) text(css string) string {
	v.Helper()
	text, err := chromedp.Run(v.ctx, chromedp.Text(chromedp.CSS(css)))
	if err != nil {
		v.Fatalf("%s: %v", css, err)
	}
	return text
}

func (v *visitor) wantText(css string, wants ...string) {
	v.Helper()
	text := v.text(css)
	for _, want := range wants {
		if !strings.Contains(text, want) {
			v.Fatalf("%s: %s says %q, want %q in it", v.path(), css, text, want)
		}
	}
}

// path is where the visitor is, with the query.
func (v *visitor) path() string {
	v.Helper()
	location, err := chromedp.Run(v.ctx, chromedp.Location())
	if err != nil {
		v.Fatal(err)
	}
	u, err := url.Parse(location)
	if err != nil {
		v.Fatal(err)
	}
	return u.RequestURI()
}

// asked is what an expression comes to in the page.
func asked[T any](v *visitor, expression string) T {
	v.Helper()
	value, err := chromedp.Run(v.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		v.Fatalf("%s: %v", expression, err)
	}
	return value
}

func TestBrowser(t *testing.T) {
	browser := newBrowser(t)
	base := browserWatch(t)
	for _, c := range []struct {
		name string
		test func(*visitor)
	}{
		{"clicks from the list to the bytes", testClicks},
		{"reads an incident and its check", testIncident},
		{"releases a mail", testRelease},
		{"works by keyboard alone", testKeyboard},
		{"needs no script", testNoScript},
		{"fits every screen", testFits},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(visit(t, browser, base)) })
	}
}

func testClicks(v *visitor) {
	v.open("")
	v.wantText("h1", "6 zones under watch")
	v.do(chromedp.SendKeys(chromedp.CSS("#q"), "exam"))
	v.follow(".filter button")
	if got := v.path(); !strings.HasPrefix(got, "/?q=exam&") {
		v.Errorf("the filter leads to %s", got)
	}
	if rows := asked[int](v, `document.querySelectorAll(".zones tbody tr").length`); rows != 1 {
		v.Errorf("%d zones are called exam-something", rows)
	}
	v.follow(".zones tbody th a")
	v.wantText("h1", "example")
	v.wantText(".head", "secure", "critical", "by NS")
	v.wantText(".matrix", "a.nic.example", "192.0.2.2", "SIG-02")
	v.follow(`.findings td:last-child a`)
	v.wantText("h1", "example.", "at")
	v.wantText("main", ";; ANSWER SECTION:", "RRSIG", "00000000")
	v.follow(`.crumbs a[href^="/evidence/"]`)
	v.wantText("h1", "What was asked about example")
	v.open("?q=" + url.QueryEscape("рф"))
	v.wantText(".zones tbody", "рф", "xn--p1ai")
}

func testIncident(v *visitor) {
	v.open("incidents")
	v.follow(`.incidents a[href$="example-expiry"]`)
	v.wantText("h1", ".example", "NS signatures expire")
	v.wantText(".course", "opened")
	v.wantText("main", "tech-example@registry.demo", "held for release by a person")
	v.follow(`.findings a[href^="/checks/"]`)
	v.wantText("h1", "SIG-02")
	v.wantText("main", "How to mend")
	v.follow(".crumbs a")
	v.wantText("h1", "The checks")
	v.follow(`a[href="/checks/SIG-01"]`)
	v.wantText("h1", "SIG-01")
	v.open("checks/SIG-01.md") // as mails may name it
	if got := v.path(); got != "/checks/SIG-01" {
		v.Errorf("a page's file leads to %s", got)
	}
}

func testRelease(v *visitor) {
	v.open("notices")
	const card = `//article[contains(., "tech-example@registry.demo")]`
	id, err := chromedp.Run(v.ctx, chromedp.Evaluate[string](`document.evaluate('`+card+`', document, null, 9, null).singleNodeValue.id`))
	if err != nil {
		v.Fatal(err)
	}
	v.follow(`form[action="/notices/` + id + `/release"] button`)
	if asked[bool](v, `!!document.querySelector('form[action="/notices/`+id+`/release"]')`) {
		v.Error("the notice is still held")
	}
	v.open("mailbox")
	// The page fetches itself again; the mail appears without a hand.
	v.do(chromedp.WaitVisible(chromedp.Search(`//td[.="tech-example@registry.demo"]`)))
	v.arrive(chromedp.Click(chromedp.Search(`//tr[td[.="tech-example@registry.demo"]]//a`)))
	v.wantText("h1", ".example", "NS signatures expire")
	v.wantText("pre", "To mend it", "dig @")
	letter := v.path()[1:]
	v.follow(`pre a[href*="/incidents/"]`)
	v.wantText("h1", ".example")
	v.open(letter)
	v.follow(`pre a[href*="/checks/"]`)
	v.wantText("h1", "SIG-02")
}

// testKeyboard finds its way with Tab and Enter, and sees where it is.
func testKeyboard(v *visitor) {
	v.open("")
	v.do(chromedp.KeyEvent(kb.Tab))
	if got := asked[string](v, `document.activeElement.textContent`); got != "Skip to the content" {
		v.Fatalf("the first stop is %q", got)
	}
	v.seesFocus()
	v.do(chromedp.KeyEvent(kb.Enter))
	if got := asked[string](v, `document.activeElement.id`); got != "main" {
		v.Fatalf("the skip link leads to %q", got)
	}
	v.tabTo(`document.activeElement.id === "q"`)
	v.seesFocus()
	v.arrive(chromedp.KeyEvent("museum" + kb.Enter))
	v.tabTo(`document.activeElement.matches(".zones tbody th a")`)
	v.seesFocus()
	v.arrive(chromedp.KeyEvent(kb.Enter))
	v.wantText("h1", "museum")
	v.wantText(".head", "bogus")
	v.tabTo(`document.activeElement.matches(".findings td a")`)
	v.seesFocus()
	v.arrive(chromedp.KeyEvent(kb.Enter))
	v.wantText("main", "ANSWER SECTION")
}

// tabTo presses Tab until a condition holds.
func (v *visitor) tabTo(condition string) {
	v.Helper()
	for range 120 {
		v.do(chromedp.KeyEvent(kb.Tab))
		if asked[bool](v, condition) {
			return
		}
	}
	v.Fatalf("%s: 120 tabs do not lead to %s", v.path(), condition)
}

// seesFocus wants a ring around what has the focus.
func (v *visitor) seesFocus() {
	v.Helper()
	if ring := asked[string](v, `(s => s.outlineStyle + " " + s.outlineWidth)(getComputedStyle(document.activeElement))`); ring != "solid 3px" {
		v.Errorf("%s: the focus shows as %q", v.path(), ring)
	}
}

func testNoScript(v *visitor) {
	v.do(call(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}))
	v.open("")
	v.wantText(".zones", "museum", "example", "рф")
	if asked[bool](v, `!document.getElementById("live").hidden`) {
		v.Error("a script has run")
	}
	v.do(chromedp.SendKeys(chromedp.CSS("#q"), "museum"))
	v.follow(".filter button")
	v.follow(".zones tbody th a")
	v.wantText("h1", "museum")
	v.follow(`.findings td:last-child a`)
	v.wantText("main", "ANSWER SECTION")
	for _, path := range []string{"incidents", "sweeps", "checks", "notices", "contacts", "mailbox"} {
		v.open(path)
		v.wantText("nav [aria-current]", strings.ToUpper(path[:1])+path[1:])
	}
}

// oddities are what a page must not have, by rules that need no eye: scrolling
// sideways, levels of headings left out, fields without labels, tables without
// captions, landmarks missing, links and buttons without a name.
const oddities = `(() => {
  const all = (css) => [...document.querySelectorAll(css)], found = [];
  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) {
    const wide = all("body *").filter((e) => e.getBoundingClientRect().right > root.clientWidth + 1 && !e.closest(".scroll, pre, .skip, .hidden"));
    found.push("scrolls sideways: " + root.scrollWidth + " by " + wide.slice(0, 3).map((e) => e.tagName + "." + e.getAttribute("class")));
  }
  for (const c of all(".scroll")) {
    if (c.querySelector(".zones, .incidents, .findings") && c.scrollWidth > c.clientWidth) found.push("cut off: " + c.firstElementChild.className);
  }
  let level = 0;
  for (const h of all("h1, h2, h3, h4")) {
    if (+h.tagName[1] > level + 1) found.push("heading " + h.tagName + " after level " + level + ": " + h.textContent);
    level = +h.tagName[1];
  }
  if (all("h1").length !== 1) found.push(all("h1").length + " first headings");
  for (const one of ["header", "nav", "main", "footer"]) if (all(one).length !== 1) found.push(all(one).length + " of " + one);
  for (const f of all("input:not([type=hidden]), select")) if (!f.labels.length) found.push("no label: " + f.name);
  for (const t of all("main table")) if (!t.caption && !t.closest(".prose")) found.push("no caption: " + t.className);
  for (const e of all("a, button")) if (!(e.textContent.trim() || e.getAttribute("aria-label") || e.closest("[aria-hidden]"))) found.push("no name: " + e.outerHTML);
  for (const s of all("main svg[role=img]")) if (!s.getAttribute("aria-label")) found.push("picture without words");
  const ids = all("[id]").map((e) => e.id);
  for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) found.push("twice: #" + id);
  return found.join("\n");
})()`

func testFits(v *visitor) {
	v.open("zone/museum")
	exchange := asked[string](v, `document.querySelector(".findings td:last-child a").getAttribute("href")`)
	v.open("incidents")
	incident := asked[string](v, `document.querySelector(".incidents th a").getAttribute("href")`)
	v.open("notices")
	notice := asked[string](v, `document.querySelector('main a[href^="/notices/"]').getAttribute("href")`)
	v.open("mailbox")
	letter := asked[string](v, `document.querySelector("table a").getAttribute("href")`)
	pages := []string{"", "?q=nothing-like-this", "zone/museum", "zone/example", "zone/xn--p1ai", "incidents", incident[1:], exchange[1:],
		exchange[1:strings.LastIndex(exchange, "/")], "sweeps", "forecast?at=30d", "checks", "checks/SIG-01", "notices", notice[1:], "contacts", "mailbox", letter[1:], "sign-in"}
	for _, width := range []int64{375, 1280} {
		v.do(chromedp.EmulateViewport(width, 800))
		for _, path := range pages {
			v.open(path)
			if odd := asked[string](v, oddities); odd != "" {
				v.Errorf("/%s at %d pixels:\n%s", path, width, odd)
			}
		}
	}
}
