package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/lab/strangers"
	"github.com/holdfastdns/holdfast/internal/measure/ask"
	"github.com/holdfastdns/holdfast/internal/tell/authority"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// The test bed as a visitor meets it: in a network namespace a root, a
// top-level domain and the test bed are served, Unbound resolves for the
// machine, and a browser runs the test. Nothing is mapped or pretended: each
// picture that comes has come by Unbound's answer.

const sentinelBed = `database = %q
[web]
listen = "10.53.0.80:80"
staff_token = "0123456789abcdef"
[testbed]
zone = "bed.example"
servers = ["ns1.bed.example 10.53.0.10"]
web = ["10.53.0.80"]
keys = %q
[testbed.dns]
listen = ["10.53.0.10:53"]
[testbed.zones]
paces = ["none"]
`

const sentinelUnbound = `server:
	interface: 127.0.0.%d@53
	outgoing-interface: 10.53.0.%d
	do-daemonize: no
	num-threads: 1
	username: ""
	chroot: ""
	directory: %q
	pidfile: ""
	use-syslog: no
	logfile: ""
	val-log-level: 2
	do-ip6: no
	root-hints: %q
	trust-anchor-file: %q
	module-config: %q
	root-key-sentinel: yes
	trust-anchor-signaling: no
remote-control:
	control-enable: no
`

// rootOver serves a root and example. over the test bed, and answers the
// root's key.
func rootOver(t *testing.T, delegation []string) *wire.Key {
	t.Helper()
	var keys [2]*wire.Key
	var zones [2]authority.Zone
	for i, zone := range []holdfast.Name{"example.", holdfast.Root} {
		key, err := wire.GenerateKey(wire.ECDSAP256SHA256, wire.FlagZone|wire.FlagSEP, 0, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		ds, err := key.DNSKEY.Digest(zone, 2)
		if err != nil {
			t.Fatal(err)
		}
		lines := []string{string(zone) + " 60 IN SOA ns.example. hostmaster.example. 1 3600 600 604800 60", string(zone) + " 60 IN NS ns.example."}
		if zone == "example." {
			lines = append(append(lines, "ns.example. 60 IN A 10.53.0.11"), delegation...)
		}
		plan := authority.Plan{Zone: zone, Keys: []authority.Key{{Pair: key, Publish: true, SignKeys: true, SignData: true}}, DS: []holdfast.DS{ds}}
		for _, line := range lines {
			record, err := wire.ParseRecord(line)
			if err != nil {
				t.Fatal(err)
			}
			plan.Records = append(plan.Records, record)
		}
		edition, err := authority.NewEdition(plan)
		if err != nil {
			t.Fatal(err)
		}
		keys[i], zones[i] = key, authority.Fixed(edition)
	}
	server := authority.New(authority.Config{Listen: []string{"10.53.0.11:53"}}, systemClock{})
	server.SetZones(zones[:])
	strangers.Serve(t, func(ctx context.Context, ready func()) error {
		return server.Run(ctx, func([]netip.AddrPort) { ready() })
	})
	return keys[1]
}

// machineResolver is an Unbound that the machine asks: its modules, and the
// anchor that it trusts.
type machineResolver struct {
	modules string
	trusts  func(root *wire.Key) wire.Record
}

// sentinelWorld serves everything, and makes Unbounds the machine's resolvers:
// the next is asked where one fails.
func sentinelWorld(t *testing.T, resolvers ...machineResolver) *wire.Key {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "holdfast.toml")
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("holdfast.toml", fmt.Sprintf(sentinelBed, filepath.Join(dir, "bed.db"), filepath.Join(dir, "keys")))
	var out strings.Builder
	w := World{Stdout: &out, Stderr: io.Discard, Clock: systemClock{}}
	if err := errors.Join(Init(t.Context(), w, StoreOptions{Config: file}), TestbedInit(w, TestbedOptions{Config: file})); err != nil {
		t.Fatal(err)
	}
	var delegation []string
	for line := range strings.Lines(out.String()) {
		if strings.HasPrefix(line, "bed.example.") || strings.HasPrefix(line, "ns1.bed.") {
			delegation = append(delegation, strings.TrimSpace(line))
		}
	}
	root := rootOver(t, delegation)
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() {
		_, err := TestbedServe(ctx, w, TestbedOptions{Config: file})
		served <- err
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	hints := write("hints", ". 60 IN NS ns.example.\nns.example. 60 IN A 10.53.0.11\n")
	list := "options timeout:10 attempts:1\n"
	for i, r := range resolvers {
		list += fmt.Sprintf("nameserver 127.0.0.%d\n", i+1)
		anchor := write(fmt.Sprintf("anchor%d", i), r.trusts(root).String()+"\n")
		strangers.Daemon(t, "unbound", "-d", "-c", write(fmt.Sprintf("unbound%d.conf", i), fmt.Sprintf(sentinelUnbound, i+1, 20+i, dir, hints, anchor, r.modules)))
	}
	resolve := write("resolv.conf", list)
	if err := syscall.Mount(resolve, "/etc/resolv.conf", "", syscall.MS_BIND, ""); err != nil {
		t.Fatalf("put our resolver in the machine's place: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount("/etc/resolv.conf", 0); err != nil {
			t.Error(err)
		}
	})
	return root
}

// anchorOf is the root's key as a DS record.
func anchorOf(root *wire.Key) wire.Record {
	ds, _ := root.DNSKEY.Digest(holdfast.Root, 2) // SHA-256 is supported
	return wire.NewDS(holdfast.Root, 60, ds)
}

// inSentinelNamespace is true inside the namespace, where the test goes on.
func inSentinelNamespace(t *testing.T) bool {
	t.Helper()
	for _, program := range []string{"chromium", "unbound"} {
		strangers.Need(t, program)
	}
	var addresses []netip.Addr
	for _, last := range []byte{10, 11, 20, 21, 80} {
		addresses = append(addresses, netip.AddrFrom4([4]byte{10, 53, 0, last}))
	}
	return strangers.InNamespace(t, 2*time.Minute, addresses...)
}

// sentinelVisit opens the page in a browser that resolves by the machine.
func sentinelVisit(t *testing.T) *visitor {
	t.Helper()
	// The processes of the namespace are in its own /proc.
	if err := syscall.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		t.Fatal(err)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(strangers.Need(t, "chromium")), chromedp.NoSandbox,
		chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()), chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-quic", true))
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Second)
	ctx, stop := chromedp.NewExecAllocator(ctx, options...)
	ctx, leave := chromedp.NewContext(ctx)
	t.Cleanup(func() { leave(); stop(); cancel() })
	return &visitor{T: t, ctx: ctx, base: "http://bed.example/"}
}

// picture keeps what the browser shows, where somebody wants to look at it.
func (v *visitor) picture(name string) {
	v.Helper()
	dir := os.Getenv("HOLDFAST_PICTURES")
	if dir == "" {
		return
	}
	shot, err := chromedp.Run(v.ctx, chromedp.FullScreenshot(90))
	if err != nil {
		v.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), shot, 0o644); err != nil {
		v.Fatal(err)
	}
}

// wantNoScript runs the test in a browser that runs no scripts: the pictures
// come all the same, and what is seen is filled in by hand.
func (v *visitor) wantNoScript(tag string) {
	v.Helper()
	scripts := func(off bool) {
		v.do(call(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: off}))
	}
	scripts(true)
	v.do(chromedp.Navigate(v.base + "sentinel/run?tag=" + tag))
	v.picture("sentinel-run")
	for _, what := range []struct{ field, value string }{{"insecure", "y"}, {"signed", "y"}, {"bogus", "n"}, {"is-" + tag, "y"}, {"not-" + tag, "n"}} {
		v.do(chromedp.SetValue(chromedp.CSS(`select[name="`+what.field+`"]`), what.value))
	}
	v.do(chromedp.Click(chromedp.CSS("#run button")), chromedp.WaitVisible(chromedp.CSS("ul.plain")))
	v.wantText("tbody tr:first-child", tag, "Vnew")
	scripts(false)
}

// wantAudit asks by the command that the page names, and has it see by our
// names that the resolver validates.
func wantAudit(t *testing.T) {
	t.Helper()
	var out strings.Builder
	w := World{Stdout: &out, Stderr: io.Discard, Clock: systemClock{}, Dialer: ask.System{}}
	if _, err := Audit(t.Context(), w, AuditOptions{Target: "127.0.0.1", Signed: "signed.sentinel.bed.example", Bogus: "bogus.sentinel.bed.example"}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "yes: a bogus name SERVFAIL") {
		t.Errorf("the audit does not see that the resolver validates: %s", out.String())
	}
}

// TestSentinelInBrowser: Unbound trusts the root's key, knows the sentinels,
// and is told from one that trusts another.
func TestSentinelInBrowser(t *testing.T) {
	if !inSentinelNamespace(t) {
		return
	}
	root := sentinelWorld(t, machineResolver{"validator iterator", anchorOf})
	v := sentinelVisit(t)
	v.do(chromedp.Navigate(v.base+"sentinel"), chromedp.WaitVisible(chromedp.CSS("form.card")))
	v.picture("sentinel")
	tag := strconv.Itoa(int(root.Tag))
	v.do(chromedp.SendKeys(chromedp.CSS("#other"), tag), chromedp.Click(chromedp.CSS("form.card button")), chromedp.WaitVisible(chromedp.CSS("ul.plain")))
	v.picture("sentinel-verdict")
	v.wantText("tbody tr:last-child", tag, "Vnew")
	v.wantText("tbody tr:first-child", "20326", "Vold")
	v.wantText("ul.plain", "unsigned name: loaded", "signed name: loaded", "bogus name: did not load", "is-ta "+tag+": loaded; not-ta "+tag+": did not load")
	v.wantText("main", "Who asked for you", "bogus", fmt.Sprintf("is-ta-%05d", root.Tag))

	v.wantNoScript(tag)
	wantAudit(t)

	v.do(chromedp.Navigate(v.base + "algorithms"))
	if _, err := chromedp.Run(v.ctx, chromedp.Poll[bool](`[...document.querySelectorAll("[data-support] output")].every((o) => o.textContent !== "")`)); err != nil {
		t.Fatal(err)
	}
	v.picture("algorithms")
	words, err := chromedp.Run(v.ctx, chromedp.Evaluate[[]string](`[...document.querySelectorAll("[data-support] output")].map((o) => o.textContent)`))
	if err != nil {
		t.Fatal(err)
	}
	if len(words) != len(authority.Supports()) || slices.ContainsFunc(words, func(w string) bool { return w != "validates" }) {
		t.Errorf("of %d zones the browser says %v: Unbound validates every one", len(authority.Supports()), words)
	}
}

// runSentinel starts the test and reads the verdict.
func (v *visitor) runSentinel(tag string) {
	v.Helper()
	v.do(chromedp.Navigate(v.base+"sentinel/run?tag="+tag), chromedp.WaitVisible(chromedp.CSS("ul.plain")))
}

// TestSentinelInBrowserInsecure: a resolver that does not validate; whether it
// should, the visitor has to say.
func TestSentinelInBrowserInsecure(t *testing.T) {
	if !inSentinelNamespace(t) {
		return
	}
	tag := strconv.Itoa(int(sentinelWorld(t, machineResolver{"iterator", anchorOf}).Tag))
	v := sentinelVisit(t)
	v.runSentinel(tag)
	v.wantText("tbody tr:first-child", tag, "nonV", "forged data passes")
	v.wantText("ul.plain", "bogus name: loaded")
	v.do(chromedp.Click(chromedp.CSS(`a[href*="validates=y"]`)), chromedp.WaitNotPresent(chromedp.CSS(`a[href*="validates=y"]`)))
	v.wantText("tbody tr:first-child", tag, "insecure-by-revocation", "RFC 5011 section 5")
	v.picture("sentinel-insecure")
}

// TestSentinelInBrowserStale: a resolver whose key signs no more fails for all
// names; the page, reached by its address, says so.
func TestSentinelInBrowserStale(t *testing.T) {
	if !inSentinelNamespace(t) {
		return
	}
	tag := strconv.Itoa(int(sentinelWorld(t, machineResolver{"validator iterator", func(*wire.Key) wire.Record {
		another, err := wire.GenerateKey(wire.ECDSAP256SHA256, wire.FlagZone|wire.FlagSEP, 0, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return anchorOf(another)
	}}).Tag))
	v := sentinelVisit(t)
	v.base = "http://10.53.0.80/"
	v.runSentinel(tag)
	v.wantText("main", "whose root keys are stale", "your resolver asked for them, and was answered", "unsigned name: did not load", "signed name: did not load")
	v.picture("sentinel-stale")
}

// TestSentinelInBrowserSeveral: a machine with two resolvers goes on to the
// second where the first refuses. The page sees them apart by who asked, and
// says by RFC 8509 section 4.3 what a rollover does to somebody who has both.
func TestSentinelInBrowserSeveral(t *testing.T) {
	if !inSentinelNamespace(t) {
		return
	}
	root := sentinelWorld(t, machineResolver{"validator iterator", anchorOf}, machineResolver{"iterator", anchorOf})
	tag := strconv.Itoa(int(root.Tag))
	v := sentinelVisit(t)
	v.runSentinel("20326&tag=" + tag)
	v.wantText("ul.plain", "bogus name: loaded", "is-ta "+tag+": loaded")
	v.wantText("p.banner", "One resolver at least does not validate", "does no harm")
	v.wantText("main", "10.53.0.20", "10.53.0.21")
	v.picture("sentinel-several")
}
