package app

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/judge/dnssec"
	"github.com/holdfastdns/holdfast/internal/lab"
	"github.com/holdfastdns/holdfast/internal/measure/ask"
)

// Unbound and delv are asked about zones of the lab, healthy and each broken in
// one way, and so is holdfast; all three must find the same of each question.

// posed are the questions of the walk about a zone, as a stranger puts them.
var posed = []struct {
	purpose      holdfast.Purpose
	label, qtype string
}{
	{holdfast.PurposeSOA, "", "SOA"},
	{holdfast.PurposeNS, "", "NS"},
	{holdfast.PurposeNXDomain, "no-such-name.", "A"},
	{holdfast.PurposeNoData, "", "TYPE65399"},
}

// differs is a disagreement that the standards permit: who, about which
// question, may find what, by which clause.
type differs struct {
	who     string
	purpose holdfast.Purpose
	may     holdfast.Status
	clause  string
}

const (
	// withoutSOA: a NODATA answer without an SOA looks like a server's empty
	// words, and need not be taken; ours is NEG-09.
	withoutSOA = "RFC 2308 sections 2.2 and 5"
	// spanned: a name in an opt-out span may be an unsigned delegation, so AD is
	// not set; delv has no AD, and speaks of the records, which are validated.
	spanned = "RFC 5155 section 9.2"
	// ownLimit: from which number of iterations on an answer is insecure is each
	// validator's to choose: 150 for some, 50 for others.
	ownLimit = "RFC 9276 section 3.2"
)

// contested are the zones, each below test., what they say of themselves in the
// lab's format and the fault ordered.
var contested = []struct {
	name, says, fault string
	status            holdfast.Status // of the zone, for holdfast check
	permitted         []differs
}{
	{name: "healthy", status: holdfast.Secure},
	{name: "hashed", says: "nsec3", status: holdfast.Secure},
	{name: "edwards", says: "alg ED448; csk; digest 4", status: holdfast.Secure},
	{name: "two-algorithms", says: "alg RSASHA256; alg ECDSAP384SHA384", status: holdfast.Secure},
	{name: "expired-soa", fault: "* expire SOA", status: holdfast.Bogus},
	{name: "expired-keys", fault: "* expire DNSKEY", status: holdfast.Bogus},
	{name: "not-yet-soa", fault: "* not-yet SOA", status: holdfast.Bogus},
	{name: "broken-ns", fault: "* break NS", status: holdfast.Bogus},
	{name: "stripped-ns", fault: "* strip NS", status: holdfast.Bogus},
	{name: "broken-denial", says: "nsec3", fault: "* break DENIAL", status: holdfast.Bogus},
	{name: "unknown-key", fault: "* unknown-key SOA,NS,DENIAL", status: holdfast.Bogus},
	{name: "wrong-signer", fault: "* wrong-signer SOA", status: holdfast.Bogus},
	{name: "ds-mismatch", fault: "* ds-mismatch", status: holdfast.Bogus},
	{name: "ds-extra", fault: "* ds-extra", status: holdfast.Secure},
	{name: "ds-broken", fault: "* break DS", status: holdfast.Bogus},
	{name: "unsigned-copy", fault: "* unsigned-copy", status: holdfast.Bogus},
	{name: "no-keys", fault: "* dnskey-missing", status: holdfast.Bogus},
	{name: "cut-key", fault: "* cut-key", status: holdfast.Bogus},
	{name: "no-proof", fault: "* no-proof", status: holdfast.Bogus},
	{name: "wrong-proof", fault: "* wrong-proof", status: holdfast.Bogus},
	{name: "wrong-proof-hashed", says: "nsec3", fault: "* wrong-proof", status: holdfast.Bogus},
	{name: "wrong-types", fault: "* wrong-types", status: holdfast.Bogus},
	{name: "wrong-types-hashed", says: "nsec3", fault: "* wrong-types", status: holdfast.Bogus},
	{name: "other-denial", fault: "* other-denial", status: holdfast.Secure},
	{name: "no-soa", fault: "* no-soa", status: holdfast.Secure, permitted: []differs{
		{"delv", holdfast.PurposeNoData, holdfast.Bogus, withoutSOA},
	}},
	{name: "insecure", says: "unsigned", status: holdfast.Insecure},
	{name: "island", says: "island", status: holdfast.Insecure},
	{name: "unknown-algorithm", fault: "* ds-unknown", status: holdfast.Insecure},
	{name: "iterations-200", says: "nsec3 iterations 200", status: holdfast.Secure},
	{name: "opt-out", says: "nsec3 optout", status: holdfast.Secure, permitted: []differs{
		{"delv", holdfast.PurposeNXDomain, holdfast.Secure, spanned},
	}},
	{name: "iterations-100", says: "nsec3 iterations 100", status: holdfast.Secure, permitted: []differs{
		{"unbound", holdfast.PurposeNXDomain, holdfast.Secure, ownLimit},
		{"unbound", holdfast.PurposeNoData, holdfast.Secure, ownLimit},
		{"delv", holdfast.PurposeNXDomain, holdfast.Secure, ownLimit},
		{"delv", holdfast.PurposeNoData, holdfast.Secure, ownLimit},
	}},
	{name: "one-server-broken", fault: "ns1.one-server-broken.test. break SOA,NS,DENIAL", status: holdfast.Secure},
	{name: "sha1-ds", says: "digest 1", status: holdfast.Secure},
}

// contest writes the lab: its root, test., and the zones.
func contest() string {
	var b strings.Builder
	b.WriteString("root\n  ns a.root-servers.test. 198.41.0.4\nzone test.\n  ns ns1.nic.test. 192.0.2.1\n  nsec3\n")
	for i, c := range contested {
		fmt.Fprintf(&b, "zone %s.test.\n  ns ns1.%[1]s.test. 198.51.100.%d\n  ns ns2.%[1]s.test. 203.0.113.%[2]d\n", c.name, i+1)
		if c.says != "" {
			b.WriteString("  " + c.says + "\n")
		}
		if c.fault != "" {
			fmt.Fprintf(&b, "fault %s %s.test.\n", c.fault, c.name)
		}
	}
	return b.String()
}

func TestValidatorsAgree(t *testing.T) {
	for _, program := range []string{"unbound", "delv", "dig", "ip"} {
		peer(t, program)
	}
	if !inNamespace(t) {
		return
	}
	internet := serveLab(t, contest())
	validators := map[string]func(name, qtype string) holdfast.Status{}
	at := serveUnbound(t, internet)
	validators["unbound"] = func(name, qtype string) holdfast.Status { return unboundFinds(t, at, name, qtype) }
	anchors := bindAnchors(t, internet)
	validators["delv"] = func(name, qtype string) holdfast.Status { return delvFinds(t, at, anchors, name, qtype) }
	for _, c := range contested {
		t.Run(c.name, func(t *testing.T) {
			status, ours := holdfastFinds(t, internet, holdfast.Name(c.name+".test."))
			if status != c.status {
				t.Errorf("the zone is %s, want %s", status, c.status)
			}
			for who, finds := range validators {
				for _, q := range posed {
					got, want := finds(q.label+c.name+".test.", q.qtype), ours[q.purpose]
					if got == want {
						continue
					}
					i := slices.IndexFunc(c.permitted, func(d differs) bool { return d.who == who && d.purpose == q.purpose && d.may == got })
					if i < 0 {
						t.Errorf("%s finds the answer for %s %s, holdfast finds it %s", who, q.purpose, got, want)
						continue
					}
					t.Logf("%s finds the answer for %s %s, holdfast finds it %s: %s", who, q.purpose, got, want, c.permitted[i].clause)
				}
			}
		})
	}
}

// holdfastFinds measures a zone as check does, and gives its status and what
// validation made of the answer to each question: the best over its servers,
// for any valid path suffices (RFC 6840 section 5.4).
func holdfastFinds(t *testing.T, internet *lab.Internet, zone holdfast.Name) (holdfast.Status, map[holdfast.Purpose]holdfast.Status) {
	t.Helper()
	anchors, err := internet.TrustAnchors()
	if err != nil {
		t.Fatal(err)
	}
	world := World{
		Stdin: strings.NewReader(""), Stdout: &bytes.Buffer{}, Stderr: &bytes.Buffer{}, Clock: systemClock{}, Vantage: "test",
		Dialer: ask.System{}, Hints: internet.RootHints(), Anchors: anchors,
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	m, err := world.measureOne(ctx, zone, CheckOptions{Only4: true})
	if err != nil {
		t.Fatal(err)
	}
	verdict := NewCatalogue(anchors, nil).Judge(m, world.Clock.Now())
	chain := dnssec.NewValidator(anchors, nil).Validate(judge.NewCase(m, world.Clock.Now()))
	rank := map[holdfast.Status]int{holdfast.Secure: 3, holdfast.Insecure: 2, holdfast.Bogus: 1}
	out := map[holdfast.Purpose]holdfast.Status{}
	for _, q := range posed {
		for i := range chain.Servers {
			if got := judged(chain, &chain.Servers[i], m, q.purpose); rank[got] > rank[out[q.purpose]] {
				out[q.purpose] = got
			}
		}
	}
	return verdict.Status, out
}

// judged is what the chain says of one server's answer to one question.
func judged(chain *judge.Chain, sc *judge.ServerChain, m holdfast.Measurement, purpose holdfast.Purpose) holdfast.Status {
	switch {
	case chain.Link.Status != holdfast.Secure:
		return chain.Link.Status
	case sc.KeySet == nil || sc.KeySet.Status != holdfast.Secure:
		return holdfast.Bogus
	}
	for _, s := range sc.Sets {
		if m.Exchanges[s.Exchange].Purpose == purpose && s.Status != holdfast.Secure {
			return holdfast.Bogus
		}
	}
	for _, d := range sc.Denials {
		switch {
		case d.Purpose != purpose || d.Fault == judge.DenialProven && !d.OptOut:
		case d.Fault == judge.DenialProven, d.Fault == judge.DenialIterations:
			return holdfast.Insecure
		default:
			return holdfast.Bogus
		}
	}
	return holdfast.Secure
}

// inNamespace runs the test once more inside a network namespace in which all
// addresses are local, and answers true there.
func inNamespace(t *testing.T) bool {
	t.Helper()
	if os.Getenv("HOLDFAST_NAMESPACE") == t.Name() {
		return true
	}
	unshare := peer(t, "unshare")
	if out, err := exec.Command(unshare, "-Urn", "true").CombinedOutput(); err != nil {
		if os.Getenv("HOLDFAST_PEERS") == "required" {
			t.Fatalf("unshare -Urn does not work here, and HOLDFAST_PEERS=required: %v %s", err, out)
		}
		t.Skipf("unshare -Urn does not work here: %v %s", err, out)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	script := `PATH=$PATH:/usr/sbin:/sbin; ip link set lo up && ip route add local 0.0.0.0/0 dev lo && ip -6 route add local ::/0 dev lo && exec "$0" "$@"`
	cmd := exec.CommandContext(ctx, unshare, "-Urn", "sh", "-c", script, os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), "HOLDFAST_NAMESPACE="+t.Name())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("inside the namespace: %v\n%s", err, out)
	}
	return false
}

// serveLab serves a lab on port 53 of its own addresses, by the machine's
// clock: strangers have no other.
func serveLab(t *testing.T, text string) *lab.Internet {
	t.Helper()
	start := time.Now().UTC().Truncate(time.Second)
	text = "clock " + start.Format(time.RFC3339) + " rate 1\n" + text
	plan, err := lab.Parse(strings.NewReader(text), "contest", os.DirFS(t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	internet, err := lab.New(plan, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done, ready := make(chan error, 1), make(chan struct{})
	go func() {
		done <- internet.Serve(ctx, lab.ServeConfig{Everywhere: true, Ready: func(map[netip.Addr]netip.AddrPort) { close(ready) }})
	}()
	select {
	case <-ready:
	case err := <-done:
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return internet
}

// serveUnbound runs a validating resolver over the lab.
func serveUnbound(t *testing.T, internet *lab.Internet) netip.AddrPort {
	t.Helper()
	dir := t.TempDir()
	anchors, err := internet.TrustAnchors()
	if err != nil {
		t.Fatal(err)
	}
	hints := write(t, filepath.Join(dir, "hints"), internet.RootHintsFile())
	anchor := write(t, filepath.Join(dir, "anchor"), anchors[1].String()+"\n")
	at := netip.MustParseAddrPort("127.0.0.9:5300")
	config := fmt.Sprintf(`server:
	interface: %s@%d
	access-control: 127.0.0.0/8 allow
	do-daemonize: no
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
	do-not-query-localhost: no
	module-config: "validator iterator"
	trust-anchor-signaling: no
	root-key-sentinel: no
	aggressive-nsec: no
	local-zone: "test." nodefault
remote-control:
	control-enable: no
`, at.Addr(), at.Port(), dir, hints, anchor)
	daemon(t, "unbound", "-d", "-c", write(t, filepath.Join(dir, "unbound.conf"), config))
	awaitServer(t, at)
	return at
}

// unboundFinds reads Unbound's verdict: AD, SERVFAIL or neither. What it calls
// bogus it must give with CD, so that no other trouble is taken for that.
func unboundFinds(t *testing.T, at netip.AddrPort, name, qtype string) holdfast.Status {
	t.Helper()
	dig := func(flag string) string {
		return tool(t, ".", "dig", flag, "+dnssec", "+tries=3", "+time=5", "-p", fmt.Sprint(at.Port()), "@"+at.Addr().String(), name, qtype)
	}
	out := dig("+nocdflag")
	_, flags, _ := strings.Cut(out, ";; flags:")
	flags, _, _ = strings.Cut(flags, ";")
	switch {
	case strings.Contains(out, "status: SERVFAIL"):
		if again := dig("+cdflag"); strings.Contains(again, "status: SERVFAIL") {
			t.Errorf("unbound fails for %s %s even unvalidated:\n%s", name, qtype, again)
		}
		return holdfast.Bogus
	case strings.Contains(flags, " ad"):
		return holdfast.Secure
	}
	return holdfast.Insecure
}

// bindAnchors writes the lab's trust anchor as BIND reads it.
func bindAnchors(t *testing.T, internet *lab.Internet) string {
	t.Helper()
	anchors, err := internet.TrustAnchors()
	if err != nil {
		t.Fatal(err)
	}
	text := ""
	for _, r := range anchors {
		if ds, err := r.DS(); err == nil {
			text += fmt.Sprintf("trust-anchors { . static-ds %d %d %d \"%X\"; };\n", ds.KeyTag, ds.Algorithm, ds.DigestType, ds.Digest)
		}
	}
	return write(t, filepath.Join(t.TempDir(), "anchors"), text)
}

// delvFinds has delv validate by itself; Unbound only carries (CD).
func delvFinds(t *testing.T, at netip.AddrPort, anchors, name, qtype string) holdfast.Status {
	t.Helper()
	out, err := exec.Command(peer(t, "delv"), "-a", anchors, "+root=.", "+cdflag", "-p", fmt.Sprint(at.Port()), "@"+at.Addr().String(), name, qtype).CombinedOutput()
	text := string(out)
	switch {
	case strings.Contains(text, "unsigned answer"):
		return holdfast.Insecure
	case strings.Contains(text, "fully validated"):
		return holdfast.Secure
	case strings.Contains(text, "resolution failed: ") && !strings.Contains(text, "timed out") && !strings.Contains(text, "SERVFAIL"):
		return holdfast.Bogus
	}
	t.Errorf("delv %s %s: %v\n%s", name, qtype, err, text)
	return ""
}
