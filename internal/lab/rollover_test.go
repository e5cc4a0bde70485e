package lab

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// rolling is a lab with one zone that rolls its keys three days after the
// start. K is 1 h, D 1 d, M 2 d, the TTLs of NS 12 h and 1 d.
func rolling(t testing.TB, statements string) *Internet {
	t.Helper()
	plan := mustParse(t, `clock 2026-08-01T12:00:00Z
zone example.
  ttl default 1h ns 12h
  ns ns1.example. 192.0.2.1
  record long 172800 A 192.0.2.80
  `+statements)
	in, err := New(plan, &stopped{start})
	if err != nil {
		t.Fatal(err)
	}
	return in
}

const partnerText = "partner ns1.other. 192.0.2.2\n"

// legal are the rollovers as they should be: what each is ordered by, and how
// many steps it has.
var legal = []struct {
	statements string
	steps      int
}{
	{"rollover zsk-prepublish at +3d", 3},
	{"nsec3 optout; rollover zsk-prepublish at +3d every 10d", 3 * maxRolls},
	{"rollover zsk-doublesig at +3d", 2},
	{"rollover ksk-doublesig at +3d", 4},
	{"no-cds; rollover ksk-doublesig at +3d", 3},
	{"rollover ksk-doubleds at +3d", 5},
	{"csk; rollover csk at +3d", 4},
	{"rollover algorithm-conservative ED25519 at +3d", 6},
	{"rollover algorithm-liberal ED25519 at +3d", 4},
	{"csk; rollover algorithm-conservative ECDSAP384SHA384 at +3d", 6},
	{"rollover revoke at +3d", 5},
	{"rollover insecure at +3d", 3},
	{"rollover secure at +3d", 2},
	{"rollover insecure at +3d; rollover secure at +9d; rollover ksk-doublesig at +20d", 9},
	{partnerText + "rollover multisigner2-join at +3d; rollover multisigner2-leave at +20d", 8},
	{partnerText + "multisigner 1; rollover multisigner1-join at +3d; rollover multisigner1-leave at +20d", 4},
	{"rollover zsk-prepublish at +3d same-tag", 3},
}

func TestLegalRolloversNeverBreak(t *testing.T) {
	for _, roll := range legal {
		t.Run(roll.statements, func(t *testing.T) {
			t.Parallel()
			in := rolling(t, roll.statements)
			if steps := in.Steps("example."); len(steps) != roll.steps {
				t.Errorf("%d steps, want %d: %v", len(steps), roll.steps, steps)
			}
			if broken := cachesBreak(t, in); broken != "" {
				t.Error(broken)
			}
		})
	}
}

// unsafe are the rollovers that some resolver suffers by.
var unsafe = []string{
	"rollover zsk-prepublish at +3d unsafe sign-early",
	"rollover zsk-prepublish at +3d unsafe key-early",
	"rollover zsk-doublesig at +3d unsafe sign-early",
	"rollover zsk-doublesig at +3d unsafe key-early",
	"rollover ksk-doublesig at +3d unsafe key-early",
	"rollover ksk-doublesig at +3d unsafe key-first",
	"rollover ksk-doublesig at +3d unsafe ds-early",
	"rollover ksk-doublesig at +3d unsafe ds-wrong",
	"rollover ksk-doubleds at +3d unsafe key-early",
	"rollover ksk-doubleds at +3d unsafe ds-wrong",
	"csk; rollover csk at +3d unsafe sign-early",
	"csk; rollover csk at +3d unsafe key-early",
	"csk; rollover csk at +3d unsafe key-first",
	"csk; rollover csk at +3d unsafe ds-early",
	"csk; rollover csk at +3d unsafe ds-wrong",
	"rollover algorithm-conservative ED25519 at +3d unsafe sign-early",
	"rollover algorithm-conservative ED25519 at +3d unsafe key-early",
	"rollover algorithm-conservative ED25519 at +3d unsafe key-first",
	"rollover algorithm-conservative ED25519 at +3d unsafe ds-early",
	"rollover algorithm-liberal ED25519 at +3d unsafe ds-early",
	"rollover algorithm-liberal ED25519 at +3d unsafe key-early",
	"rollover revoke at +3d unsafe ds-early",
	"rollover insecure at +3d unsafe key-early",
	"rollover insecure at +3d unsafe key-first",
	"rollover secure at +3d unsafe ds-early",
	"rollover secure at +3d unsafe ds-wrong",
	partnerText + "rollover multisigner2-join at +3d unsafe no-import",
	partnerText + "rollover multisigner2-join at +3d unsafe ds-early",
	partnerText + "multisigner 1; rollover multisigner1-join at +3d unsafe no-import",
	partnerText + "multisigner 1; rollover multisigner1-leave at +3d unsafe key-early",
	"rollover zsk-prepublish at +3d step 10m",
}

func TestUnsafeRolloversBreak(t *testing.T) {
	for _, statements := range unsafe {
		t.Run(statements, func(t *testing.T) {
			t.Parallel()
			if broken := cachesBreak(t, rolling(t, statements)); broken == "" {
				t.Errorf("no resolver suffers: %v", rolling(t, statements).Steps("example."))
			}
		})
	}
}

// snapshot is what servers said at one instant: with signatures, by provider.
type snapshot struct {
	at      time.Time
	ds      []wire.Record
	keys    [2][]wire.Record
	data    [2][]wire.Record // of long.example., which has the highest TTL
	partner bool
}

func take(t *testing.T, in *Internet, at time.Time) snapshot {
	t.Helper()
	z := in.zones["example."]
	s := snapshot{at: at, partner: z.keysAt(at).partner}
	ask := func(f *frame, name holdfast.Name, qtype wire.Type) []wire.Record {
		m, err := f.resolve(name, qtype, true)
		if err != nil {
			t.Fatal(err)
		}
		return m.Answer
	}
	s.ds = ask(in.newFrame(z.parent, nil, at), "example.", wire.TypeDS)
	for provider := range 1 + len(z.partners) {
		server := in.servers[z.hosts[provider].Addresses[0]]
		s.keys[provider] = ask(in.newFrame(z, server, at), "example.", wire.TypeDNSKEY)
		s.data[provider] = ask(in.newFrame(z, server, at), "long.example.", wire.TypeA)
	}
	return s
}

// cachesBreak looks for a resolver that a rollover leaves with a chain that
// does not hold: what it has in its cache is of one instant, the rest of
// another. It knows nothing of how rollovers are planned, but what validators
// do (RFC 4035 section 5).
func cachesBreak(t *testing.T, in *Internet) string {
	const k, d, m, ns = time.Hour, 24 * time.Hour, 48 * time.Hour, 24 * time.Hour
	var shots []snapshot
	steps := in.Steps("example.")
	for _, step := range steps[:min(len(steps), 12)] {
		for _, after := range []time.Duration{-m, -d, -k, -time.Second, 0, k - time.Second, d - time.Second, m - time.Second} {
			shots = append(shots, take(t, in, step.At.Add(after)))
		}
	}
	slices.SortFunc(shots, func(a, b snapshot) int { return a.at.Compare(b.at) })
	inUse := func(i, provider int) bool { // by some resolver that has the NS RRset in its cache
		for j := i; j >= 0 && shots[i].at.Sub(shots[j].at) < ns; j-- {
			if provider == 0 || shots[j].partner {
				return true
			}
		}
		return false
	}
	checked := map[string]string{}
	for i, a := range shots {
		for j, b := range shots {
			age := b.at.Sub(a.at)
			if j < i || age >= m {
				continue
			}
			for p := range 2 {
				for q := range 2 {
					if !inUse(i, p) || !inUse(j, q) {
						continue
					}
					where := fmt.Sprintf("with %%s of %s from provider %d and %%s of %s from provider %d: %%s", a.at.Format("2 Jan 15:04:05"), p, b.at.Format("2 Jan 15:04:05"), q)
					try := func(old, fresh string, ds, keys, data []wire.Record) string {
						key := fmt.Sprintln(ds, keys, data)
						if _, ok := checked[key]; !ok {
							checked[key] = holds(ds, keys, data, b.at)
						}
						if checked[key] != "" {
							return fmt.Sprintf(where, old, fresh, checked[key])
						}
						return ""
					}
					for _, broken := range []string{
						cond(age < d, func() string { return try("DS", "all else", a.ds, b.keys[q], b.data[q]) }),
						cond(age < k, func() string { return try("DNSKEY", "data", a.ds, a.keys[p], b.data[q]) }),
						cond(age < k, func() string { return try("DNSKEY", "DS", b.ds, a.keys[p], b.data[q]) }),
						cond(age < m, func() string { return try("data", "DNSKEY", b.ds, b.keys[q], a.data[p]) }),
					} {
						if broken != "" {
							return broken
						}
					}
				}
			}
		}
	}
	return ""
}

func cond(ok bool, f func() string) string {
	if ok {
		return f()
	}
	return ""
}

// holds says what is wrong with a chain, "" where it is secure or, without DS,
// insecure.
func holds(ds, keys, data []wire.Record, at time.Time) string {
	if count(ds, wire.TypeDS) == 0 {
		return ""
	}
	anchored := false
	for _, r := range ds {
		want, err := r.DS()
		if err != nil {
			continue
		}
		for _, key := range dnskeysOf(keys) {
			got, err := key.Digest("example.", want.DigestType)
			if err == nil && slices.Equal(got.Digest, want.Digest) && signedBy(keys, wire.TypeDNSKEY, []wire.DNSKEY{key}, at) {
				anchored = true
			}
		}
	}
	switch {
	case !anchored:
		return "no DS leads to a key that signs the DNSKEY RRset"
	case !signedBy(data, wire.TypeA, dnskeysOf(keys), at):
		return "no key signs the data"
	}
	return ""
}

func dnskeysOf(records []wire.Record) []wire.DNSKEY {
	var out []wire.DNSKEY
	for _, r := range records {
		if key, err := r.DNSKEY(); err == nil && key.Flags&flagRevoke == 0 {
			out = append(out, key)
		}
	}
	return out
}

func signedBy(records []wire.Record, t wire.Type, keys []wire.DNSKEY, at time.Time) bool {
	var set []wire.Record
	for _, r := range records {
		if r.Type == t {
			set = append(set, r)
		}
	}
	for _, sig := range signatures(records, t) {
		begins, ends := sig.Times(at)
		for _, key := range keys {
			if !at.Before(begins) && at.Before(ends) && wire.Verify(sig, key, set) == nil {
				return true
			}
		}
	}
	return false
}

// TestStepsFollowTheTTLs: the instants of steps, reckoned by hand.
func TestStepsFollowTheTTLs(t *testing.T) {
	for statements, want := range map[string]string{
		"rollover zsk-prepublish at +3d":                        "0s 2h0m0s 51h0m0s",
		"rollover ksk-doublesig at +3d":                         "0s 2h0m0s 3h0m0s 28h0m0s",
		"rollover ksk-doubleds at +3d":                          "0s 1h0m0s 26h0m0s 28h0m0s 29h0m0s",
		"rollover algorithm-conservative 15 at +3d":             "0s 49h0m0s 51h0m0s 52h0m0s 77h0m0s 79h0m0s",
		"rollover zsk-doublesig at +3d step 10m":                "0s 10m0s",
		"rollover insecure at +3d":                              "0s 1h0m0s 26h0m0s",
		"ttl dnskey 6h ds 2h; rollover ksk-doublesig at +3d":    "0s 7h0m0s 8h0m0s 11h0m0s",
		partnerText + "rollover multisigner2-join at +3d":       "0s 1h0m0s 2h0m0s 27h0m0s",
		"rollover ksk-doublesig at +3d unsafe key-early":        "0s 2h0m0s 3h0m0s",
		"no-cds; rollover ksk-doublesig at +3d unsafe ds-wrong": "0s 2h0m0s 27h0m0s",
	} {
		var got []string
		for _, s := range rolling(t, statements).Steps("example.") {
			got = append(got, s.At.Sub(start.Add(3*day)).String())
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %v, want %s", statements, got, want)
		}
	}
}

// TestSerialsFollowSteps: with each step the serial of what changed grows, and
// no serial ever falls.
func TestSerialsFollowSteps(t *testing.T) {
	for _, serial := range []string{"unix", "date", "count"} {
		in := rolling(t, "serial "+serial+"; rollover ksk-doublesig at +3d; rollover zsk-prepublish at +5d")
		before := map[holdfast.Name]uint32{}
		for at := start; at.Before(start.Add(10 * day)); at = at.Add(30 * time.Minute) {
			for _, zone := range []holdfast.Name{".", "example."} {
				records, err := in.SignedZone(zone, at)
				if err != nil {
					t.Fatal(err)
				}
				soa, err := records[0].SOA()
				if err != nil {
					t.Fatal(err)
				}
				grown := soa.Serial > before[zone]
				for _, step := range in.Steps("example.") {
					if step.At.Equal(at) && (zone == "." && step.Parent || zone != "." && step.Own) != grown {
						t.Errorf("serial %s, %s at %s (%s): the serial was %d and is %d", serial, zone, at, step.Text, before[zone], soa.Serial)
					}
				}
				if soa.Serial < before[zone] {
					t.Errorf("serial %s, %s at %s: the serial fell from %d to %d", serial, zone, at, before[zone], soa.Serial)
				}
				before[zone] = soa.Serial
			}
		}
	}
}

// TestStrangersVerifyEveryStep: each copy of the zone verifies by itself, as
// ldns sees it.
func TestStrangersVerifyEveryStep(t *testing.T) {
	tool := need(t, "ldns-verify-zone")
	for _, roll := range legal {
		t.Run(roll.statements, func(t *testing.T) {
			t.Parallel()
			in := rolling(t, roll.statements)
			for _, step := range in.Steps("example.")[:min(roll.steps, 8)] {
				for _, z := range []holdfast.Name{".", "example."} {
					f := in.newFrame(in.zones[z], nil, step.At)
					if !f.signed() {
						continue
					}
					records, err := in.whole(f)
					if err != nil {
						t.Fatal(err)
					}
					out, err := exec.Command(tool, "-t", step.At.Add(time.Minute).UTC().Format("20060102150405"), writeZone(t, records)).CombinedOutput()
					if err != nil {
						t.Errorf("%s after %q at %s: %v\n%s", z, step.Text, step.At, err, out)
					}
				}
			}
		})
	}
}

func TestRolloversAreRefused(t *testing.T) {
	for _, statements := range []string{
		"rollover bewitch at +3d", "rollover zsk-prepublish", "rollover zsk-prepublish at +3d unsafe ds-early", "rollover csk at +3d",
		"csk; rollover ksk-doublesig at +3d", "rollover algorithm-liberal at +3d", "rollover algorithm-liberal NOSUCH at +3d", "rollover secure at +3d; rollover secure at +20d",
		"rollover zsk-prepublish at +3d; rollover ksk-doublesig at +3d1h", "rollover multisigner2-join at +3d", "rollover zsk-prepublish at +3d every 1h",
		"multisigner 3", "partner", "rollover", "rollover zsk-prepublish at +3d step", "rollover zsk-prepublish ED25519 at +3d", "unsigned; rollover insecure at +3d",
	} {
		plan, err := Parse(strings.NewReader("clock 2026-08-01T12:00:00Z\nzone example.\nns ns1.example. 192.0.2.1\n"+statements), "lab", nil)
		if err == nil {
			_, err = New(plan, &stopped{start})
		}
		if err == nil {
			t.Errorf("%q was taken", statements)
		}
	}
}

func TestRolloversAreDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/formats/lab.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range Rolls {
		if !strings.Contains(string(text), "| `"+string(d.Kind)) || !strings.Contains(string(text), d.Text) {
			t.Errorf("docs/formats/lab.md does not say of %s: %s", d.Kind, d.Text)
		}
		for _, h := range d.Hazards {
			if !strings.Contains(string(text), "| `"+string(h)+"` |") {
				t.Errorf("docs/formats/lab.md does not say what %s is", h)
			}
		}
	}
}

// TestRootAnchorsFollowItsRollover: the root's new key is an anchor from its
// publication on, the old one until it is revoked (RFC 5011), a month later.
func TestRootAnchorsFollowItsRollover(t *testing.T) {
	clock := &stopped{start}
	in, err := New(mustParse(t, "clock 2026-08-01T12:00:00Z\nroot\nns a.root-servers.net. 198.41.0.4\nrollover revoke at +3d"), clock)
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []struct {
		after time.Duration
		want  int
	}{{0, 1}, {3 * day, 2}, {33 * day, 2}, {34 * day, 1}, {80 * day, 1}} {
		clock.at = start.Add(at.after)
		anchors, err := in.TrustAnchors()
		if err != nil {
			t.Fatal(err)
		}
		if n := count(anchors, wire.TypeDS); n != at.want || n != count(anchors, wire.TypeDNSKEY) {
			t.Errorf("after %s: %d anchors, want %d; steps %v", at.after, n, at.want, in.Steps("."))
		}
		records, err := in.RootZone(clock.at)
		if err != nil {
			t.Fatal(err)
		}
		var keys []wire.DNSKEY
		for _, r := range anchors {
			if key, err := r.DNSKEY(); err == nil {
				keys = append(keys, key)
			}
		}
		if !signedBy(records, wire.TypeDNSKEY, keys, clock.at) {
			t.Errorf("after %s: no anchor signs the root's keys", at.after)
		}
	}
}
