package lab

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast/internal/lab/strangers"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// need finds another people's tool, or skips.
func need(t *testing.T, tool string) string {
	t.Helper()
	return strangers.Need(t, tool)
}

// inNamespace runs the test once more inside a network namespace in which all
// addresses are local, and answers true there.
func inNamespace(t *testing.T) bool {
	t.Helper()
	return strangers.InNamespace(t, 3*time.Minute)
}

// serveHere serves a lab on every address of the namespace, by the machine's
// clock: strangers have no other.
func serveHere(t *testing.T, plan Plan) *Internet {
	t.Helper()
	plan.Start = time.Now().UTC().Truncate(time.Second)
	plan.Rate = 1
	in, err := New(plan, nil)
	if err != nil {
		t.Fatal(err)
	}
	strangers.Serve(t, func(ctx context.Context, ready func()) error {
		return in.Serve(ctx, ServeConfig{Everywhere: true, Ready: func(map[netip.Addr]netip.AddrPort) { ready() }})
	})
	return in
}

// anchorFile writes the lab's trust anchor as BIND reads it.
func anchorFile(t *testing.T, in *Internet) string {
	t.Helper()
	anchors, err := in.TrustAnchors()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString("trust-anchors {\n")
	for _, r := range anchors {
		if ds, err := r.DS(); err == nil {
			fmt.Fprintf(&b, "\t. static-ds %d %d %d \"%X\";\n", ds.KeyTag, ds.Algorithm, ds.DigestType, ds.Digest)
		}
	}
	b.WriteString("};\n")
	path := filepath.Join(t.TempDir(), "anchors")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// startUnbound runs a validating resolver over the lab and gives its address.
func startUnbound(t *testing.T, in *Internet) string {
	t.Helper()
	anchors, err := in.TrustAnchors()
	if err != nil {
		t.Fatal(err)
	}
	return strangers.Unbound(t, strangers.World{Hints: in.RootHintsFile(), Anchors: anchors}).At.Addr().String()
}

// questions that every validator must find secure, and the response code.
var sound = []struct{ name, qtype, rcode string }{
	{"test.", "SOA", "NOERROR"},
	{"test.", "DNSKEY", "NOERROR"},
	{"test.", "TXT", "NOERROR"},
	{"nothing.", "A", "NXDOMAIN"},
	{"www.nsec.test.", "A", "NOERROR"},
	{"www.nsec.test.", "TXT", "NOERROR"},
	{"alias.nsec.test.", "AAAA", "NOERROR"},
	{"no.nsec.test.", "A", "NXDOMAIN"},
	{"a.b.c.nsec.test.", "A", "NXDOMAIN"},
	{"the.wood.nsec.test.", "A", "NOERROR"},
	{"wood.nsec.test.", "A", "NOERROR"},
	{"x.wood.nsec.test.", "A", "NXDOMAIN"},
	{"deep.in.the.wood.nsec.test.", "TXT", "NOERROR"},
	{"x.wild.nsec.test.", "TXT", "NOERROR"},
	{"x.y.wild.nsec.test.", "MX", "NOERROR"},
	{"x.wild.nsec.test.", "A", "NOERROR"},
	{"under.wild.nsec.test.", "TXT", "NOERROR"},
	{"x.under.wild.nsec.test.", "TXT", "NXDOMAIN"},
	{"wild.nsec.test.", "TXT", "NOERROR"},
	{"insecure.nsec.test.", "DS", "NOERROR"},
	{"secure.nsec.test.", "DS", "NOERROR"},
	{"a\\.b.nsec.test.", "A", "NOERROR"},
	{"\\000nul.nsec.test.", "A", "NOERROR"},
	{"moved.nsec.test.", "DNAME", "NOERROR"},
	{"moved.nsec.test.", "A", "NOERROR"},
	{"deep.in.the.moved.nsec.test.", "TXT", "NOERROR"},
	{"the.moved.nsec.test.", "A", "NOERROR"},
	{"no.moved.nsec.test.", "A", "NXDOMAIN"},
	{"chain3.nsec.test.", "A", "NXDOMAIN"},
	{"a.star.nsec.test.", "AAAA", "NOERROR"},
	{"a.star.nsec.test.", "TXT", "NOERROR"},
	{"a.b.star.nsec.test.", "A", "NOERROR"},
	{"star.nsec.test.", "A", "NOERROR"},
	{"www.nsec.test.", "NSEC", "NOERROR"},
	{"nsec.test.", "CDS", "NOERROR"},
	{"nsec.test.", "CDNSKEY", "NOERROR"},
	{"kid.nsec.test.", "SOA", "NOERROR"},
	{"nsec3.test.", "NSEC3PARAM", "NOERROR"},
	{"nsec3.test.", "ZONEMD", "NOERROR"},
	{"both.test.", "SOA", "NOERROR"},
	{"no.both.test.", "A", "NXDOMAIN"},
	{"ed448.test.", "SOA", "NOERROR"},
	{"no.ed448.test.", "A", "NXDOMAIN"},
	{".", "ZONEMD", "NOERROR"},
}

// soundQuestions are those of sound, with the questions for the zone of NSEC
// put to the zones of NSEC3 as well.
func soundQuestions() []struct{ name, qtype, rcode string } {
	out := append(sound[:0:0], sound...)
	for _, q := range sound {
		if strings.HasSuffix(q.name, ".nsec.test.") && !strings.HasPrefix(q.name, "kid.") {
			for _, zone := range []string{"nsec3", "optout"} {
				q.name = strings.TrimSuffix(q.name, "nsec.test.") + zone + ".test."
				out = append(out, q)
				q.name = strings.TrimSuffix(q.name, zone+".test.") + "nsec.test."
			}
		}
	}
	return out
}

// mayBeInsecure: where the proof that a name does not exist comes from an
// opt-out span, an unsigned delegation may hide there (RFC 5155 section 9.2);
// the answer is not AD, and not SERVFAIL either.
func mayBeInsecure(name, qtype, rcode string) bool {
	optout := strings.HasSuffix(name, ".optout.test.") || strings.Count(name, ".") == 2 && strings.HasSuffix(name, ".test.")
	return optout && (rcode == "NXDOMAIN" || qtype == "DS" || strings.Contains(name, ".wild.") || strings.Contains(name, ".star."))
}

func TestUnboundValidates(t *testing.T) {
	need(t, "unbound")
	need(t, "dig")
	if !inNamespace(t) {
		return
	}
	in := serveHere(t, readPlan(t, "small.lab"))
	at := startUnbound(t, in)
	for _, q := range soundQuestions() {
		status, flags := digStatus(t, at, q.name, q.qtype)
		if status != q.rcode {
			t.Errorf("%s %s: %s, want %s", q.name, q.qtype, status, q.rcode)
		}
		secure := strings.Contains(flags, " ad")
		if !secure && !mayBeInsecure(q.name, q.qtype, q.rcode) {
			t.Errorf("%s %s: flags %q, want ad", q.name, q.qtype, flags)
		}
	}
	for _, name := range []string{"island.test.", "plain.test."} {
		if status, flags := digStatus(t, at, name, "SOA"); status != "NOERROR" || strings.Contains(flags, " ad") {
			t.Errorf("%s: %s %s, want NOERROR and insecure", name, status, flags)
		}
	}
}

// TestUnboundFollowsRollovers has Unbound, which comes without a cache, look at
// the zone a minute after each step of each legal rollover.
func TestUnboundFollowsRollovers(t *testing.T) {
	need(t, "unbound")
	need(t, "dig")
	if !inNamespace(t) {
		return
	}
	for _, roll := range legal {
		if roll.steps > 9 {
			continue // the same again
		}
		steps := rolling(t, roll.statements).Steps("example.")
		for i, step := range steps {
			t.Run(step.Text, func(t *testing.T) {
				plan := mustParse(t, "clock 2026-08-01T12:00:00Z\nzone example.\nttl default 1h ns 12h\nns ns1.example. 192.0.2.1\nrecord long 172800 A 192.0.2.80\n"+roll.statements)
				past := time.Now().UTC().Add(-time.Minute).Sub(step.At).Truncate(time.Second)
				rolls := plan.Zone("example.").Rollovers
				for j := range rolls {
					rolls[j].At = rolls[j].At.Add(past)
				}
				in := serveHere(t, plan)
				if now := in.Steps("example.")[i].At; time.Since(now) < 0 || i+1 < len(steps) && time.Until(in.Steps("example.")[i+1].At) < 0 {
					t.Fatalf("step %d is at %s", i, now)
				}
				at := startUnbound(t, in)
				secure := len(in.zones["example."].keysAt(time.Now()).ds) > 0
				for _, q := range [][2]string{{"long.example.", "A"}, {"example.", "DNSKEY"}, {"no.example.", "A"}} {
					status, flags := digStatus(t, at, q[0], q[1])
					if status == "SERVFAIL" || strings.Contains(flags, " ad") != secure {
						t.Errorf("%s %s: %s, flags%s; want secure %v", q[0], q[1], status, flags, secure)
					}
				}
			})
		}
	}
}

func digStatus(t *testing.T, at, name, qtype string) (status, flags string) {
	t.Helper()
	out, err := exec.Command("dig", "+dnssec", "+tries=4", "+time=3", "-p", "5300", "@"+at, name, qtype).CombinedOutput()
	if err != nil {
		t.Fatalf("dig %s %s: %v\n%s", name, qtype, err, out)
	}
	for line := range strings.Lines(string(out)) {
		if _, after, ok := strings.Cut(line, "status: "); ok {
			status, _, _ = strings.Cut(after, ",")
		}
		if after, ok := strings.CutPrefix(line, ";; flags:"); ok {
			flags, _, _ = strings.Cut(after, ";")
		}
	}
	return status, flags
}

// TestDelvValidates has delv walk the lab by itself, from the root.
func TestDelvValidates(t *testing.T) {
	delv := need(t, "delv")
	if !inNamespace(t) {
		return
	}
	in := serveHere(t, readPlan(t, "small.lab"))
	anchors := anchorFile(t, in)
	at := startUnbound(t, in)
	for _, q := range soundQuestions() {
		// +cd: unbound only carries; what is true delv finds by itself.
		out, err := exec.Command(delv, "-a", anchors, "+root=.", "+cdflag", "-p", "5300", "@"+at, q.name, q.qtype).CombinedOutput()
		text := string(out)
		if err != nil {
			t.Errorf("delv %s %s: %v\n%s", q.name, q.qtype, err, text)
			continue
		}
		secure := strings.Contains(text, "fully validated") && !strings.Contains(text, "unsigned answer")
		if !secure && !mayBeInsecure(q.name, q.qtype, q.rcode) {
			t.Errorf("delv %s %s: not validated:\n%s", q.name, q.qtype, text)
		}
		if absent := strings.Contains(text, "ncache nxdomain"); absent != (q.rcode == "NXDOMAIN") {
			t.Errorf("delv %s %s: want %s:\n%s", q.name, q.qtype, q.rcode, text)
		}
	}
}

// TestWholeZones has complete zones verified by ldns and by BIND.
func TestWholeZones(t *testing.T) {
	plan := readPlan(t, "small.lab")
	plan.Start = time.Now().UTC().Truncate(time.Second)
	in, err := New(plan, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, zone := range in.Zones() {
		if !in.zones[zone].signed() {
			continue
		}
		records, err := in.SignedZone(zone, in.Start())
		if err != nil {
			t.Fatal(err)
		}
		path := writeZone(t, records)
		t.Run("ldns/"+string(zone), func(t *testing.T) {
			args := []string{"-V", "2", path}
			if in.zones[zone].signing.ZONEMD {
				args = append([]string{"-ZZ"}, args...)
			}
			if out, err := exec.Command(need(t, "ldns-verify-zone"), args...).CombinedOutput(); err != nil {
				t.Errorf("ldns-verify-zone: %v\n%s", err, out)
			}
		})
		t.Run("bind/"+string(zone), func(t *testing.T) {
			args := []string{"-o", string(zone), path}
			if in.zones[zone].signing.CSK {
				args = append([]string{"-z"}, args...)
			}
			if out, err := exec.Command(need(t, "dnssec-verify"), args...).CombinedOutput(); err != nil {
				t.Errorf("dnssec-verify: %v\n%s", err, out)
			}
		})
	}
}

func writeZone(t *testing.T, records []wire.Record) string {
	t.Helper()
	var b strings.Builder
	for _, r := range records {
		b.WriteString(r.String() + "\n")
	}
	path := filepath.Join(t.TempDir(), "zone")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// faultsSeen are faults of every kind that validators mind, or do not, and what
// Unbound makes of a question then.
var faultsSeen = []struct{ order, name, qtype, status, flags string }{
	{"* expire SOA nsec.test.", "nsec.test.", "SOA", "SERVFAIL", ""},
	{"* expire A nsec.test.", "www.nsec.test.", "A", "SERVFAIL", ""},
	{"* expire A nsec.test.", "nsec.test.", "SOA", "NOERROR", " ad"},
	{"* expire DNSKEY nsec3.test.", "nsec3.test.", "SOA", "SERVFAIL", ""},
	{"* expire DENIAL nsec3.test.", "no.nsec3.test.", "A", "SERVFAIL", ""},
	{"* expire DS nsec.test.", "nsec.test.", "SOA", "SERVFAIL", ""},
	{"* not-yet SOA nsec.test.", "nsec.test.", "SOA", "SERVFAIL", ""},
	{"* break SOA ed448.test.", "ed448.test.", "SOA", "SERVFAIL", ""},
	{"* break DS nsec3.test.", "nsec3.test.", "SOA", "SERVFAIL", ""},
	{"* strip A nsec3.test.", "www.nsec3.test.", "A", "SERVFAIL", ""},
	{"* unknown-key SOA nsec.test.", "nsec.test.", "SOA", "SERVFAIL", ""},
	{"* wrong-signer SOA nsec.test.", "nsec.test.", "SOA", "SERVFAIL", ""},
	{"* ds-mismatch nsec.test.", "nsec.test.", "SOA", "SERVFAIL", ""},
	{"* ds-extra nsec.test.", "nsec.test.", "SOA", "NOERROR", " ad"},
	{"* ds-unknown nsec.test.", "nsec.test.", "SOA", "NOERROR", ""},
	{"* ds-missing nsec.test.", "nsec.test.", "SOA", "NOERROR", ""},
	{"* dnskey-missing nsec.test.", "nsec.test.", "SOA", "SERVFAIL", ""},
	{"* unsigned-copy nsec.test.", "nsec.test.", "SOA", "SERVFAIL", ""},
	{"* no-proof nsec.test.", "no.nsec.test.", "A", "SERVFAIL", ""},
	{"* wrong-proof nsec.test.", "no.nsec.test.", "A", "SERVFAIL", ""},
	{"* wrong-proof nsec3.test.", "no.nsec3.test.", "A", "SERVFAIL", ""},
	{"* wrong-types nsec.test.", "www.nsec.test.", "TXT", "SERVFAIL", ""},
	{"* wrong-types nsec3.test.", "www.nsec3.test.", "TXT", "SERVFAIL", ""},
	{"* other-denial nsec.test.", "no.nsec.test.", "A", "NXDOMAIN", " ad"},
	{"* other-denial nsec3.test.", "www.nsec3.test.", "TXT", "NOERROR", " ad"},
	{"* other-param nsec3.test.", "no.nsec3.test.", "A", "NXDOMAIN", " ad"},
	{"* cut-key nsec.test.", "nsec.test.", "SOA", "SERVFAIL", ""},
	{"* stale 20d nsec3.test.", "nsec3.test.", "SOA", "SERVFAIL", ""},
	{"ns2.nsec.test. ns-mismatch nsec.test.", "nsec.test.", "NS", "NOERROR", " ad"},
	{"ns1.nsec.test. wrong-source nsec.test.", "www.nsec.test.", "A", "NOERROR", " ad"},
	{"ns1.nsec.test. refuse nsec.test.", "www.nsec.test.", "A", "NOERROR", " ad"},
	{"* truncate-udp nsec.test.", "www.nsec.test.", "A", "NOERROR", " ad"},
	{"* truncate nsec.test.", "www.nsec.test.", "A", "SERVFAIL", ""},
	{"* servfail nsec.test.", "www.nsec.test.", "A", "SERVFAIL", ""},
	{"* lame-empty nsec.test.", "www.nsec.test.", "A", "SERVFAIL", ""},
}

// TestUnboundSeesFaults orders the faults of signatures, keys and proofs one
// after the other, and has Unbound say what each does to the zone.
func TestUnboundSeesFaults(t *testing.T) {
	need(t, "unbound")
	need(t, "dig")
	if !inNamespace(t) {
		return
	}
	in := serveHere(t, readPlan(t, "small.lab"))
	for _, fault := range faultsSeen {
		t.Run(fault.order, func(t *testing.T) {
			f, err := ParseFault(fault.order, in.Start())
			if err != nil {
				t.Fatal(err)
			}
			id, err := in.Order(f)
			if err != nil {
				t.Fatal(err)
			}
			defer in.Repair(id)
			status, flags := digStatus(t, startUnbound(t, in), fault.name, fault.qtype)
			if status != fault.status || strings.Contains(flags, " ad") != (fault.flags != "") {
				t.Errorf("%s %s: %s, flags%s; want %s%s", fault.name, fault.qtype, status, flags, fault.status, fault.flags)
			}
		})
	}
}

// TestDigTransfers has dig transfer the root from the lab.
func TestDigTransfers(t *testing.T) {
	dig := need(t, "dig")
	if !inNamespace(t) {
		return
	}
	in := serveHere(t, readPlan(t, "small.lab"))
	want, err := in.RootZone(in.Start())
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(dig, "+noall", "+answer", "@198.41.0.4", ".", "AXFR").CombinedOutput()
	if err != nil {
		t.Fatalf("dig: %v\n%s", err, out)
	}
	lines := strings.Count(strings.TrimSpace(string(out)), "\n") + 1
	if lines != len(want)+1 {
		t.Errorf("%d records transferred, want %d and the SOA again", lines, len(want))
	}
}

// TestBrokenZonesAreRefused: zones written out under faults of every server
// are broken, as ldns sees it, and the very fault is what breaks them.
func TestBrokenZonesAreRefused(t *testing.T) {
	tool := need(t, "ldns-verify-zone")
	for _, order := range []string{
		"* expire A nsec.test. at -2d", "* break DENIAL nsec3.test.", "* strip NS nsec.test.", "* unknown-key SOA nsec.test.",
		"* no-proof nsec3.test.", "* not-yet SOA nsec.test. at +2d", "* dnskey-missing nsec.test.",
	} {
		in, _ := small(t)
		f, err := ParseFault(order, start)
		if err != nil {
			t.Fatal(err)
		}
		verdict := func() error {
			records, err := in.SignedZone(f.Zone, start)
			if err != nil {
				t.Fatal(err)
			}
			return exec.Command(tool, "-t", "20260801120000", writeZone(t, records)).Run()
		}
		if err := verdict(); err != nil {
			t.Fatalf("%s before any fault: %v", f.Zone, err)
		}
		id, err := in.Order(f)
		if err != nil {
			t.Fatal(err)
		}
		if verdict() == nil {
			t.Errorf("%s: the zone is still good", order)
		}
		in.Repair(id)
		if err := verdict(); err != nil {
			t.Errorf("%s, repaired: %v", order, err)
		}
	}
}

// TestTransferFollowsFaults: a whole zone is kept no longer than it is true.
func TestTransferFollowsFaults(t *testing.T) {
	in, clock := small(t)
	f, err := ParseFault("* ds-missing nsec3.test. from +30s to +40s", start)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := in.Order(f); err != nil {
		t.Fatal(err)
	}
	for after, want := range map[time.Duration]int{0: 1, 30 * time.Second: 0, 39 * time.Second: 0, 40 * time.Second: 1} {
		clock.at = start.Add(after)
		records, err := in.SignedZone("test.", clock.at)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, r := range records {
			if r.Name == "nsec3.test." && r.Type == wire.TypeDS {
				n++
			}
		}
		if n != want {
			t.Errorf("after %s: %d DS, want %d", after, n, want)
		}
	}
}
