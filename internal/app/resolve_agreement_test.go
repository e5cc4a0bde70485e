package app

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge/dnssec"
	"github.com/holdfastdns/holdfast/internal/lab"
	"github.com/holdfastdns/holdfast/internal/lab/strangers"
	"github.com/holdfastdns/holdfast/internal/measure/ask"
	"github.com/holdfastdns/holdfast/internal/measure/resolve"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// Unbound, delv, Knot Resolver and `holdfast resolve` are asked the same
// questions about the same zones, in every legal form and broken in every way
// that the lab knows. They must find the same, or a clause must permit the
// difference. docs/agreement.md is the report of a run:
//
//	HOLDFAST_UPDATE=1 go test ./internal/app -run TestResolversAgree

// put are the questions about each zone: a label before its name, and a type.
var put = []struct{ label, kind string }{
	{"", "SOA"}, {"", "DNSKEY"}, {"", "DS"},
	{"www.", "A"}, {"www.", "MX"},
	{"no.", "A"}, {"deep.no.", "A"},
	{"b.c.", "A"},
	{"x.wild.", "TXT"}, {"x.wild.", "A"},
	{"alias.", "A"}, {"out.", "A"}, {"gone.", "A"},
	{"www.moved.", "A"}, {"no.moved.", "A"},
	{"child.", "DS"}, {"no.", "DS"},
	{"", "NS"}, // the last: Unbound does not leave a zone by an NS RRset that it holds for bogus
}

// form is a zone below arena.: what it says of itself in the lab's format, the
// fault ordered, and what resolve must find for www, so that four programs with
// the same mistake are not taken for right.
type form struct {
	name, says, fault string
	www               holdfast.Status
}

var forms = []form{
	{"healthy", "", "", holdfast.Secure},
	{"hashed", "nsec3", "", holdfast.Secure},
	{"salted", "nsec3 salt aabb", "", holdfast.Secure},
	{"opt-out", "nsec3 optout", "", holdfast.Secure},
	{"iterations-1", "nsec3 iterations 1", "", holdfast.Secure},
	{"iterations-100", "nsec3 iterations 100", "", holdfast.Secure},
	{"iterations-200", "nsec3 iterations 200", "", holdfast.Secure},
	{"rsasha1", "alg RSASHA1", "", holdfast.Secure},
	{"rsasha1-hashed", "alg RSASHA1-NSEC3-SHA1; nsec3", "", holdfast.Secure},
	{"rsasha256", "alg RSASHA256", "", holdfast.Secure},
	{"rsasha512", "alg RSASHA512; nsec3", "", holdfast.Secure},
	{"p384", "alg ECDSAP384SHA384", "", holdfast.Secure},
	{"ed25519", "alg ED25519", "", holdfast.Secure},
	{"ed448", "alg ED448; nsec3", "", holdfast.Secure},
	{"two-algorithms", "alg RSASHA256; alg ECDSAP256SHA256", "", holdfast.Secure},
	{"csk", "csk", "", holdfast.Secure},
	{"sha1-ds", "digest 1", "", holdfast.Secure},
	{"sha384-ds", "digest 4", "", holdfast.Secure},
	{"three-digests", "digest 1 2 4", "", holdfast.Secure},
	{"ds-extra", "", "* ds-extra", holdfast.Secure},
	{"unsigned", "unsigned", "", holdfast.Insecure},
	{"island", "island", "", holdfast.Insecure},
	{"ds-missing", "", "* ds-missing", holdfast.Insecure},
	{"ds-unknown", "", "* ds-unknown", holdfast.Insecure},
	{"other-denial", "", "* other-denial", holdfast.Secure},
	{"other-denial-hashed", "nsec3", "* other-denial", holdfast.Secure},
	{"one-broken", "", "ns1.one-broken.arena. break *", holdfast.Secure},
	{"one-refuses", "", "ns1.one-refuses.arena. refuse", holdfast.Secure},
	{"lame", "", "ns1.lame.arena. lame-empty", holdfast.Secure},
	{"truncates", "", "* truncate-udp", holdfast.Secure},

	{"expired-www", "", "* expire A", holdfast.Bogus},
	{"expired-soa", "", "* expire SOA", holdfast.Secure},
	{"expired-keys", "", "* expire DNSKEY", holdfast.Bogus},
	{"expired-denial", "", "* expire DENIAL", holdfast.Secure},
	{"expired-ds", "", "* expire DS", holdfast.Bogus},
	{"expired-alias", "", "* expire CNAME,DNAME", holdfast.Secure},
	{"not-yet-www", "", "* not-yet A", holdfast.Bogus},
	{"not-yet-keys", "nsec3", "* not-yet DNSKEY", holdfast.Bogus},
	{"broken-www", "", "* break A", holdfast.Bogus},
	{"broken-soa", "", "* break SOA", holdfast.Secure},
	{"broken-keys", "", "* break DNSKEY", holdfast.Bogus},
	{"broken-denial", "", "* break DENIAL", holdfast.Secure},
	{"broken-denial-hashed", "nsec3", "* break DENIAL", holdfast.Secure},
	{"broken-ds", "", "* break DS", holdfast.Bogus},
	{"broken-aliases", "", "* break CNAME,DNAME,TXT", holdfast.Secure},
	{"broken-all", "nsec3", "* break *", holdfast.Bogus},
	{"stripped-www", "", "* strip A", holdfast.Bogus},
	{"stripped-www-hashed", "nsec3", "* strip A", holdfast.Bogus},
	{"stripped-denial", "", "* strip DENIAL", holdfast.Secure},
	{"stripped-soa", "", "* strip SOA", holdfast.Secure},
	{"stripped-ds", "", "* strip DS", holdfast.Bogus},
	{"stripped-keys", "", "* strip DNSKEY", holdfast.Bogus},
	{"stripped-all", "", "* strip *", holdfast.Bogus},
	{"unknown-key-www", "", "* unknown-key A", holdfast.Bogus},
	{"unknown-key-all", "", "* unknown-key SOA,NS,A,DENIAL,CNAME,DNAME,TXT", holdfast.Bogus},
	{"unknown-key-keys", "", "* unknown-key DNSKEY", holdfast.Bogus},
	{"wrong-signer-www", "", "* wrong-signer A", holdfast.Bogus},
	{"wrong-signer-keys", "", "* wrong-signer DNSKEY", holdfast.Bogus},
	{"no-keys", "", "* dnskey-missing", holdfast.Bogus},
	{"unsigned-copy", "", "* unsigned-copy", holdfast.Bogus},
	{"no-proof", "", "* no-proof", holdfast.Secure},
	{"no-proof-hashed", "nsec3", "* no-proof", holdfast.Secure},
	{"wrong-proof", "", "* wrong-proof", holdfast.Secure},
	{"wrong-proof-hashed", "nsec3", "* wrong-proof", holdfast.Secure},
	{"wrong-types", "", "* wrong-types", holdfast.Secure},
	{"wrong-types-hashed", "nsec3", "* wrong-types", holdfast.Secure},
	{"no-soa", "", "* no-soa", holdfast.Secure},
	{"cut-key", "", "* cut-key", holdfast.Bogus},
	{"ds-mismatch", "", "* ds-mismatch", holdfast.Bogus},
	{"parent-differs", "", "* parent-differs", holdfast.Secure},
	{"dead", "", "* servfail", holdfast.Indeterminate},
}

// arena writes the lab: its root, arena., a zone for aliases that lead out,
// one hosted by its parent's servers, and the forms.
func arena() string {
	var b strings.Builder
	b.WriteString("root\n  ns a.root-servers.arena. 198.41.0.4\nzone arena.\n  ns ns1.nic.arena. 192.0.2.1\n  nsec3\n" +
		"zone elsewhere.arena.\n  ns ns1.elsewhere.arena. 192.0.2.2\n  record www A 192.0.2.80\n")
	for i, f := range forms {
		fmt.Fprintf(&b, "zone %s.arena.\n  ns ns1.%[1]s.arena. 198.51.100.%d\n  ns ns2.%[1]s.arena. 203.0.113.%[2]d\n", f.name, i+1)
		b.WriteString("  record www A 192.0.2.80\n  record www TXT \"www\"\n  record a.b.c TXT \"deep\"\n  record *.wild TXT \"wild\"\n" +
			"  record alias CNAME www\n  record out CNAME www.elsewhere.arena.\n  record gone CNAME no.elsewhere.arena.\n" +
			"  record moved DNAME elsewhere.arena.\n  record child NS ns1.elsewhere.arena.\n")
		if f.says != "" {
			b.WriteString("  " + f.says + "\n")
		}
		if f.fault != "" {
			fmt.Fprintf(&b, "fault %s %s.arena.\n", f.fault, f.name)
		}
	}
	return b.String()
}

// allowed is a difference that a clause permits: in which forms (a prefix each),
// about which questions, who may find what where we find what. Empty fields fit
// all.
type allowed struct {
	forms         []string
	labels, kinds []string
	who           []string
	ours, theirs  holdfast.Status
	why           string
}

func (a allowed) fits(f form, label, kind, who string, ours, theirs strangers.Found) bool {
	in := func(list []string, s string) bool { return len(list) == 0 || slices.Contains(list, s) }
	return in(a.forms, f.name) && in(a.labels, label) && in(a.kinds, kind) && in(a.who, who) && a.ours == ours.Status && a.theirs == theirs.Status
}

func TestResolversAgree(t *testing.T) {
	for _, program := range []string{"unbound", "delv", "kresd"} {
		strangers.Need(t, program)
	}
	if !strangers.InNamespace(t, 8*time.Minute) {
		return
	}
	internet := serveLab(t, arena())
	anchors, err := internet.TrustAnchors()
	if err != nil {
		t.Fatal(err)
	}
	world := strangers.World{Hints: internet.RootHintsFile(), Anchors: anchors}
	unbound, kresd := strangers.Unbound(t, world), strangers.Kresd(t, world)
	delv := strangers.NewDelv(t, world, unbound)
	others := map[string]func(testing.TB, string, wire.Type) strangers.Found{"unbound": unbound.Finds, "kresd": kresd.Finds, "delv": delv.Finds}
	ours := newOurs(t, internet)
	run := report{count: map[holdfast.Status]int{}}
	var work sync.WaitGroup
	room := make(chan struct{}, 4)
	for i, f := range forms {
		work.Go(func() {
			room <- struct{}{}
			defer func() { <-room }()
			for _, q := range put {
				run.compare(t, i, q.label, q.kind, ours, others)
			}
			if got := ours(t, "www."+f.name+".arena.", wire.TypeA); got.Status != f.www {
				t.Errorf("www.%s.arena. A is %s, want %s", f.name, got, f.www)
			}
		})
	}
	work.Wait()
	run.finish(t)
}

// newOurs is `holdfast resolve` over the lab.
func newOurs(t *testing.T, internet *lab.Internet) func(testing.TB, string, wire.Type) strangers.Found {
	t.Helper()
	asker, err := ask.New(ask.Config{Rate: -1}, ask.System{}, systemClock{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { asker.Close() })
	anchors, err := internet.TrustAnchors()
	if err != nil {
		t.Fatal(err)
	}
	validator := dnssec.NewValidator(anchors, dnssec.NewCache(1<<14))
	return func(t testing.TB, name string, kind wire.Type) strangers.Found {
		q := holdfast.Question{Name: holdfast.Name(name), Type: uint16(kind)}
		m, err := resolve.Measure(t.Context(), resolve.Config{Roots: internet.RootHints(), IPv4: true}, asker, systemClock{}, q)
		if err != nil {
			t.Errorf("resolve %s: %v", name, err)
		}
		found := validator.Resolve(m, q, m.Finished)
		if found.Status != holdfast.Secure && (found.Reason == "" || found.Reference == "") {
			t.Errorf("resolve %s %s is %s without reason or clause: %q %q", name, kind, found.Status, found.Reason, found.Reference)
		}
		if found.Status == holdfast.Bogus || found.Status == holdfast.Indeterminate {
			found.Rcode = ""
		}
		return strangers.Found{Status: found.Status, Rcode: found.Rcode}
	}
}

// report is what a run came to.
type report struct {
	mutex   sync.Mutex
	asked   int                     // guarded by mutex
	count   map[holdfast.Status]int // guarded by mutex
	excused map[string][]string     // guarded by mutex: by why
}

// compare puts one question to all.
func (r *report) compare(t *testing.T, i int, label, kind string, ours func(testing.TB, string, wire.Type) strangers.Found, others map[string]func(testing.TB, string, wire.Type) strangers.Found) {
	f := forms[i]
	name := label + f.name + ".arena."
	rrtype, err := wire.ParseType(kind)
	if err != nil {
		t.Fatal(err)
	}
	own := ours(t, name, rrtype)
	r.mutex.Lock()
	r.asked++
	r.count[own.Status]++
	r.mutex.Unlock()
	for _, who := range slices.Sorted(maps.Keys(others)) {
		theirs := others[who](t, name, rrtype)
		sameCode := theirs.Rcode == "" || own.Rcode == "" || theirs.Rcode == own.Rcode
		if theirs.Status == own.Status && sameCode {
			continue
		}
		j := slices.IndexFunc(permitted, func(a allowed) bool { return sameCode && a.fits(f, label, kind, who, own, theirs) })
		if j < 0 {
			t.Errorf("%s %s (%s; %s): holdfast finds it %s, %s %s", name, kind, f.says, f.fault, own, who, theirs)
			continue
		}
		r.mutex.Lock()
		if r.excused == nil {
			r.excused = map[string][]string{}
		}
		why := permitted[j].why
		r.excused[why] = append(r.excused[why], fmt.Sprintf("| `%s` | %s%s | %s | %s | %s |", f.name, label, kind, own.Status, who, theirs.Status))
		r.mutex.Unlock()
	}
}

// finish writes docs/agreement.md where asked to, and holds it to the forms and
// clauses otherwise.
func (r *report) finish(t *testing.T) {
	t.Helper()
	file := filepath.Join("..", "..", "docs", "agreement.md")
	if os.Getenv("HOLDFAST_UPDATE") != "" && !t.Failed() {
		write(t, file, r.page(t))
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range forms {
		if !strings.Contains(string(text), "`"+f.name+"`") {
			t.Errorf("docs/agreement.md lacks %s: HOLDFAST_UPDATE=1 go test ./internal/app -run TestResolversAgree", f.name)
		}
	}
}

func (r *report) page(t *testing.T) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Agreement with other validators\n\nWritten by `HOLDFAST_UPDATE=1 go test ./internal/app -run TestResolversAgree`, which asks the same %d questions of\n"+
		"`holdfast resolve` and of others about %d zones of the lab, healthy and broken, and fails where they find different things without a clause that\npermits it.\n\n", r.asked, len(forms))
	fmt.Fprintf(&b, "- Unbound, %s\n- %s\n- %s\n\n", strangers.Version(t, "unbound", "-V"), strangers.Version(t, "delv", "-v"), strangers.Version(t, "kresd", "--version"))
	fmt.Fprintf(&b, "Of all answers it finds %d secure, %d insecure, %d bogus; for %d no server gives an answer of use.\n\n",
		r.count[holdfast.Secure], r.count[holdfast.Insecure], r.count[holdfast.Bogus], r.count[holdfast.Indeterminate])
	b.WriteString("## Zones\n\nEach has the questions ")
	for i, q := range put {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString("`" + strings.TrimSpace(strings.TrimSuffix(q.label, ".")+" "+q.kind) + "`")
	}
	b.WriteString(".\n\n| zone | in the lab's words | fault |\n|---|---|---|\n")
	for _, f := range forms {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", f.name, f.says, f.fault)
	}
	b.WriteString("\n## Differences, each with what permits it\n")
	for _, why := range slices.Sorted(maps.Keys(r.excused)) {
		rows := r.excused[why]
		slices.Sort(rows)
		fmt.Fprintf(&b, "\n%s\n\n| zone | question | holdfast | who | finds |\n|---|---|---|---|---|\n%s\n", why, strings.Join(rows, "\n"))
	}
	return b.String()
}

// permitted are the differences that are no mistake of anybody's.
var permitted = []allowed{
	{
		forms: []string{"iterations-100"}, who: []string{"unbound", "delv"}, ours: holdfast.Insecure, theirs: holdfast.Secure,
		why: "RFC 9276 section 3.2: from which number of iterations on a proof is insecure is each validator's to choose, 150 for some, 50 for others.",
	},
	{
		forms: []string{"opt-out"}, who: []string{"delv"}, ours: holdfast.Insecure, theirs: holdfast.Secure,
		why: "RFC 5155 section 9.2: AD is not set where an unsigned delegation may hide in an opt-out span. delv has no AD; it speaks of the records, which are validated.",
	},
	{
		forms: []string{"no-soa"}, who: []string{"delv"}, ours: holdfast.Secure, theirs: holdfast.Indeterminate,
		why: "RFC 2308 sections 2.2 and 5: NODATA without an SOA looks like a server's empty words, and need not be taken. For us it is NEG-09.",
	},
	{
		forms: []string{"cut-key", "unknown-key-all"}, labels: []string{""}, kinds: []string{"NS"}, who: []string{"delv"}, ours: holdfast.Bogus, theirs: holdfast.Indeterminate,
		why: "RFC 4035 section 4.7: a resolver may keep what it found bogus. delv asks through Unbound, which does not leave a zone by an NS RRset that it holds for bogus, not even with CD.",
	},
	{
		forms: []string{"lame"}, who: []string{"kresd"}, ours: holdfast.Secure, theirs: holdfast.Bogus,
		why: "RFC 1034 section 5.3.3: a resolver may go on to the next server after a useless reply. kresd takes the empty one for NODATA, finds it unproven, and does not.",
	},
}
