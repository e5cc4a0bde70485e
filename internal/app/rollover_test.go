package app

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/judge/dnssec"
	"github.com/holdfastdns/holdfast/internal/lab"
	"github.com/holdfastdns/holdfast/internal/measure/ask"
	"github.com/holdfastdns/holdfast/internal/measure/walk"
)

// rolled is a lab with one zone whose keys change, and all that watches it.
type rolled struct {
	internet  *lab.Internet
	clock     *lab.Clock
	walker    *walk.Walker
	catalogue judge.Catalogue
	past      holdfast.Past
}

const rollingZone = holdfast.Name("example.")

// rollingLab is one in which the TTLs are all different, so that no wait can
// be mistaken for another: DNSKEY 2 h, DS 5 h, the zone's data 3 h at most.
func rollingLab(t *testing.T, zone string) *rolled {
	t.Helper()
	return labUnderWatch(t, `clock 2026-08-01T12:00:00Z
root
  ns a.root-servers.net. 198.41.0.4
  ns b.root-servers.net. 170.247.170.2
zone example.
  ttl default 1h ns 3h dnskey 2h delegation 12h ds 5h
  validity 14d resign 5h phase 30m
  ns ns1.example. 192.0.2.1
  ns ns2.example. 192.0.2.2
  record signed NS ns.signed
  record signed DS 1 13 2 `+strings.Repeat("ab", 32)+`
`+zone)
}

// labUnderWatch is a lab of which the zone "example." is watched.
func labUnderWatch(t *testing.T, text string) *rolled {
	t.Helper()
	plan, err := lab.Parse(strings.NewReader(text), "watched", nil)
	if err != nil {
		t.Fatal(err)
	}
	r := &rolled{clock: lab.NewClock(plan.Start, 1e-9)}
	if r.internet, err = lab.New(plan, r.clock); err != nil {
		t.Fatal(err)
	}
	// A machine that is busy with other tests must not lose answers.
	const patience = holdfast.Duration(time.Minute)
	asker, err := ask.New(ask.Config{Rate: -1, UDPWait: patience, TCPWait: patience}, r.internet, r.clock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { asker.Close() })
	r.walker = walk.New(walk.Config{Roots: r.internet.Servers(holdfast.Root), Seed: 7, Budget: 10 * patience}, asker, r.clock, "rolling")
	anchors, err := r.internet.TrustAnchors()
	if err != nil {
		t.Fatal(err)
	}
	r.catalogue = NewCatalogue(anchors, dnssec.NewCache(100000))
	return r
}

// look measures the zone in full and judges it in the light of what is known.
func (r *rolled) look(t *testing.T) holdfast.Verdict {
	t.Helper()
	m, err := r.walker.NewSweep("").Measure(context.Background(), holdfast.Subject{Zone: rollingZone}, holdfast.Full)
	if err != nil {
		t.Fatal(err)
	}
	var v holdfast.Verdict
	v, r.past = r.catalogue.Follow(m, r.past, r.clock.Now().Truncate(time.Second)) // the clock creeps by nanoseconds
	return v
}

// looks are the instants at which a rollover is watched: at the clock's start,
// at each step, every so often in the half day after it, and else twice a day
// until all is over.
func (r *rolled) looks(every, rest time.Duration) []time.Time {
	steps := r.internet.Steps(rollingZone)
	begin, end := r.clock.Now().Truncate(time.Second), steps[len(steps)-1].At.Add(rest)
	out := []time.Time{steps[0].At.Add(-every)}
	for at := begin; at.Before(end); at = at.Add(12 * time.Hour) {
		out = append(out, at)
	}
	for _, s := range steps {
		for after := time.Duration(0); after < min(12*time.Hour, rest); after += every {
			out = append(out, s.At.Add(after))
		}
	}
	slices.SortFunc(out, func(a, b time.Time) int { return a.Compare(b) })
	return slices.CompactFunc(out, time.Time.Equal)
}

func (r *rolled) goTo(at time.Time) { r.clock.Advance(at.Sub(r.clock.Now())) }

func tell(f holdfast.Finding) string {
	until := ""
	if !f.Until.IsZero() {
		until = " until " + f.Until.Format(time.RFC3339)
	}
	return fmt.Sprintf("%s %s %s %s%s: %s", f.Code, f.Severity, f.Server.Name, f.RRset, until, f.Text)
}

const partnered = "  partner ns1.partner.test. 203.0.113.1\n"

// legalRolls are rollovers as the RFCs have them, by what the zone says beside.
var legalRolls = []struct{ kind, extra string }{
	{"zsk-prepublish", ""}, {"zsk-doublesig", ""}, {"ksk-doublesig", ""}, {"ksk-doubleds", ""}, {"csk", "  csk\n"},
	{"algorithm-conservative ED25519", ""}, {"algorithm-liberal ED25519", ""}, {"revoke", ""},
	{"multisigner1-join", partnered + "  multisigner 1\n"}, {"multisigner1-leave", partnered + "  multisigner 1\n"},
	{"multisigner2-join", partnered}, {"multisigner2-leave", partnered},
}

// TestLegalRolloversAreSilent: each kind of rollover, watched every hour from
// before its first step until after its last, with signatures renewed on the
// way, gives not one finding of warning or above.
func TestLegalRolloversAreSilent(t *testing.T) {
	for _, roll := range legalRolls {
		for _, denial := range []string{"nsec", "nsec3"} {
			t.Run(roll.kind+" "+denial, func(t *testing.T) {
				t.Parallel()
				r := rollingLab(t, "  "+denial+"\n"+roll.extra+"  rollover "+roll.kind+" at +3h\n")
				seen := map[string]bool{}
				for _, at := range r.looks(time.Hour, 24*time.Hour) {
					r.goTo(at)
					for _, f := range r.look(t).Findings {
						if strings.HasPrefix(f.Code, "ROL") && testing.Verbose() && !seen[f.Text] {
							seen[f.Text] = true
							t.Log(at.Format(time.RFC3339), tell(f))
						}
						if f.Severity >= holdfast.SeverityWarning {
							t.Errorf("%s %s", at.Format(time.RFC3339), tell(f))
						}
					}
				}
			})
		}
	}
}

// The TTLs of rollingLab, by which the safe instants below are reckoned: the
// symbols are those of RFC 7583 section 3. The copies follow at once (Dprp = 0).
const (
	ttlKey = 2 * time.Hour // of DNSKEY
	ttlDS  = 5 * time.Hour
	ttlSig = 3 * time.Hour // the highest of the zone's data: NS
	wait   = time.Hour     // that the lab lets pass beside the TTLs between two steps
)

// unsafeRolls are rollovers with one step that comes too soon. at says when the
// unsafe step happens after the rollover begins, safe from when it would have
// been safe; zero: it is never, as things stand.
var unsafeRolls = []struct {
	kind, extra, hazard string
	code                string
	at, safe            time.Duration
}{
	// Ipub = Dprp + TTLkey: the new key signs when no cache lacks it.
	{"zsk-prepublish", "", "sign-early", "ROL-04", 0, ttlKey},
	{"zsk-doublesig", "", "sign-early", "ROL-04", 0, ttlKey},
	{"csk", "  csk\n", "sign-early", "ROL-04", 0, ttlKey},
	// Iret = Dsgn + Dprp + TTLsig: the old key goes when no cache holds a
	// signature of it alone.
	{"zsk-prepublish", "", "key-early", "ROL-01", ttlKey + wait, ttlKey + wait + ttlSig},
	{"zsk-doublesig", "", "key-early", "ROL-01", 0, ttlSig},
	{"multisigner1-leave", partnered + "  multisigner 1\n", "key-early", "ROL-01", 0, ttlSig},
	{"multisigner2-leave", partnered, "key-early", "ROL-01", 0, ttlSig},
	// Iret = DprpP + TTLds: the old key goes when no cache holds its DS alone.
	// With CDS the lab's parent changes an hour after them.
	{"ksk-doublesig", "", "key-early", "ROL-01", ttlKey + 2*wait, ttlKey + 2*wait + ttlDS},
	{"ksk-doublesig", "  no-cds\n", "key-early", "ROL-01", ttlKey + wait, ttlKey + wait + ttlDS},
	{"csk", "  csk\n", "key-early", "ROL-01", ttlSig + 2*wait, ttlSig + 2*wait + ttlDS},
	{"algorithm-liberal ED25519", "", "key-early", "ROL-01", ttlSig + 2*wait, ttlSig + 2*wait + ttlDS},
	{"insecure", "", "key-early", "ROL-01", wait, wait + ttlDS},
	// IpubP = DprpP + TTLds: the new key takes the place of the old when no
	// cache lacks its DS. This hazard comes ten minutes after the DS.
	{"ksk-doubleds", "", "key-early", "ROL-01", wait + 10*time.Minute, wait + ttlDS},
	// The key that the DS in the parent name is withdrawn: not safe at all.
	{"ksk-doublesig", "", "key-first", "ROL-01", ttlKey + wait, 0},
	{"csk", "  csk\n", "key-first", "ROL-01", ttlSig + wait, 0},
	{"insecure", "", "key-first", "ROL-01", 0, 0},
	// Ipub = Dprp + TTLkey: the DS change when no cache lacks the new key.
	{"ksk-doublesig", "", "ds-early", "ROL-03", 0, ttlKey},
	{"csk", "  csk\n", "ds-early", "ROL-03", 0, ttlKey},
	{"revoke", "", "ds-early", "ROL-03", 0, ttlKey},
	{"algorithm-liberal ED25519", "", "ds-early", "ROL-03", 0, ttlKey},
	{"algorithm-conservative ED25519", "", "ds-early", "ROL-03", ttlSig + wait, ttlSig + wait + ttlKey},
	{"secure", "", "ds-early", "ROL-03", 0, 0},
	// DS of a key that there is not: not safe at all.
	{"ksk-doublesig", "", "ds-wrong", "ROL-03", ttlKey + 2*wait, 0},
	{"csk", "  csk\n", "ds-wrong", "ROL-03", ttlSig + 2*wait, 0},
	// RFC 8901 section 2.1: neither provider has the other's ZSK.
	{"multisigner1-join", partnered + "  multisigner 1\n", "no-import", "ROL-09", ttlKey + wait, 0},
	{"multisigner2-join", partnered, "no-import", "ROL-09", 2*wait + ttlDS + wait, 0},
}

// TestUnsafeRolloversAreErrors: each unsafe step is an error at the first look
// after it, with the instant from which it would have been safe, and until
// then; no look before it blames anybody.
func TestUnsafeRolloversAreErrors(t *testing.T) {
	for _, roll := range unsafeRolls {
		t.Run(roll.kind+" "+roll.hazard, func(t *testing.T) {
			t.Parallel()
			r := rollingLab(t, roll.extra+"  rollover "+roll.kind+" at +3h unsafe "+roll.hazard+"\n")
			begin := r.clock.Now().Truncate(time.Second).Add(3 * time.Hour)
			step, safe := begin.Add(roll.at), begin.Add(roll.safe)
			for _, at := range r.looks(30*time.Minute, 12*time.Hour) {
				r.goTo(at)
				v := r.look(t)
				i := slices.IndexFunc(v.Findings, func(f holdfast.Finding) bool { return f.Code == roll.code && f.Severity == holdfast.SeverityError })
				blamed := slices.ContainsFunc(v.Findings, func(f holdfast.Finding) bool {
					return strings.HasPrefix(f.Code, "ROL") && f.Severity >= holdfast.SeverityWarning
				})
				switch {
				case at.Before(step) && blamed:
					t.Errorf("%s: blamed before anything was done: %s", at, tell(v.Findings[max(i, 0)]))
				case at.Equal(step) && i < 0:
					t.Errorf("%s: no %s: %s", at, roll.code, all(v))
				case at.Equal(step) && roll.safe != 0 && !v.Findings[i].Until.Equal(safe):
					t.Errorf("%s: safe from %s, want %s: %s", at, v.Findings[i].Until, safe, tell(v.Findings[i]))
				case at.Equal(step) && roll.safe == 0 && !v.Findings[i].Until.IsZero():
					t.Errorf("%s: safe from %s, and it is never: %s", at, v.Findings[i].Until, tell(v.Findings[i]))
				case roll.safe != 0 && !at.Before(safe) && i >= 0:
					t.Errorf("%s: still blamed: %s", at, tell(v.Findings[i]))
				case roll.safe != 0 && at.After(step) && at.Before(safe) && i < 0:
					t.Errorf("%s: blamed no more before %s: %s", at, safe, all(v))
				}
			}
		})
	}
}

func all(v holdfast.Verdict) string {
	var out strings.Builder
	for _, f := range v.Findings {
		out.WriteString("\n    " + tell(f))
	}
	return out.String()
}
