package app

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/judge/dnssec"
	"github.com/holdfastdns/holdfast/internal/lab"
	"github.com/holdfastdns/holdfast/internal/lab/strangers"
	"github.com/holdfastdns/holdfast/internal/measure/ask"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// Unbound and delv are asked about zones of the lab, healthy and each broken in
// one way, and so is holdfast; all three must find the same of each question.

// posed are the questions of the walk about a zone, as a stranger puts them.
var posed = []struct {
	purpose holdfast.Purpose
	label   string
	qtype   wire.Type
}{
	{holdfast.PurposeSOA, "", wire.TypeSOA},
	{holdfast.PurposeNS, "", wire.TypeNS},
	{holdfast.PurposeNXDomain, "no-such-name.", wire.TypeA},
	{holdfast.PurposeNoData, "", wire.Type(65399)},
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
	// carried: delv asks through Unbound, which does not leave a zone by an NS
	// RRset that it holds for bogus, not even with CD.
	carried = "RFC 4035 section 4.7"
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
	{name: "unknown-key", fault: "* unknown-key SOA,NS,DENIAL", status: holdfast.Bogus, permitted: []differs{
		{"delv", holdfast.PurposeNS, holdfast.Indeterminate, carried},
	}},
	{name: "wrong-signer", fault: "* wrong-signer SOA", status: holdfast.Bogus},
	{name: "ds-mismatch", fault: "* ds-mismatch", status: holdfast.Bogus},
	{name: "ds-extra", fault: "* ds-extra", status: holdfast.Secure},
	{name: "ds-broken", fault: "* break DS", status: holdfast.Bogus},
	{name: "unsigned-copy", fault: "* unsigned-copy", status: holdfast.Bogus},
	{name: "no-keys", fault: "* dnskey-missing", status: holdfast.Bogus},
	{name: "cut-key", fault: "* cut-key", status: holdfast.Bogus, permitted: []differs{
		{"delv", holdfast.PurposeNS, holdfast.Indeterminate, carried},
	}},
	{name: "no-proof", fault: "* no-proof", status: holdfast.Bogus},
	{name: "wrong-proof", fault: "* wrong-proof", status: holdfast.Bogus},
	{name: "wrong-proof-hashed", says: "nsec3", fault: "* wrong-proof", status: holdfast.Bogus},
	{name: "wrong-types", fault: "* wrong-types", status: holdfast.Bogus},
	{name: "wrong-types-hashed", says: "nsec3", fault: "* wrong-types", status: holdfast.Bogus},
	{name: "other-denial", fault: "* other-denial", status: holdfast.Secure},
	{name: "no-soa", fault: "* no-soa", status: holdfast.Secure, permitted: []differs{
		{"delv", holdfast.PurposeNoData, holdfast.Indeterminate, withoutSOA},
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
	for _, program := range []string{"unbound", "delv"} {
		strangers.Need(t, program)
	}
	if !strangers.InNamespace(t, 4*time.Minute) {
		return
	}
	internet := serveLab(t, contest())
	anchors, err := internet.TrustAnchors()
	if err != nil {
		t.Fatal(err)
	}
	world := strangers.World{Hints: internet.RootHintsFile(), Anchors: anchors}
	unbound := strangers.Unbound(t, world)
	validators := map[string]func(testing.TB, string, wire.Type) strangers.Found{"unbound": unbound.Finds, "delv": strangers.NewDelv(t, world, unbound).Finds}
	for _, c := range contested {
		t.Run(c.name, func(t *testing.T) {
			status, ours := holdfastFinds(t, internet, holdfast.Name(c.name+".test."))
			if status != c.status {
				t.Errorf("the zone is %s, want %s", status, c.status)
			}
			for who, finds := range validators {
				for _, q := range posed {
					got, want := finds(t, q.label+c.name+".test.", q.qtype).Status, ours[q.purpose]
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

// serveLab serves a lab on port 53 of its own addresses, by the machine's clock:
// strangers have no other.
func serveLab(t *testing.T, text string) *lab.Internet {
	t.Helper()
	start := time.Now().UTC().Truncate(time.Second)
	plan, err := lab.Parse(strings.NewReader("clock "+start.Format(time.RFC3339)+" rate 1\n"+text), "contest", os.DirFS(t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	internet, err := lab.New(plan, nil)
	if err != nil {
		t.Fatal(err)
	}
	strangers.Serve(t, func(ctx context.Context, ready func()) error {
		return internet.Serve(ctx, lab.ServeConfig{Everywhere: true, Ready: func(map[netip.Addr]netip.AddrPort) { ready() }})
	})
	return internet
}
