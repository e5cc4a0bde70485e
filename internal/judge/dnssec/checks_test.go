package dnssec_test

import (
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// TestChecks fires each check that the table and the lab do not, and says how
// grave it is.
func TestChecks(t *testing.T) {
	const (
		info, notice, warning, errored, critical = holdfast.SeverityInfo, holdfast.SeverityNotice, holdfast.SeverityWarning, holdfast.SeverityError, holdfast.SeverityCritical
		p256                                     = wire.ECDSAP256SHA256
	)
	lonely := func(rr ...wire.Record) []wire.Record { return rr }
	tests := []struct {
		name     string
		change   func(*world)
		code     string
		severity holdfast.Severity
		server   bool // about one server
	}{
		{"anchor matches nothing", func(w *world) { w.trust = lonely(ds(t, holdfast.Root, w.child[0].ksks[0], 2)) }, "CHN-01", critical, false},
		{"no anchor", func(w *world) { w.trust = nil }, "CHN-01", notice, false},
		{"DS matches no key on one server", func(w *world) {
			other := newEdition(t, zone, p256, 3)
			w.child[1].keys, w.child[1].ksks, w.child[1].zsks = other.keys, other.ksks, other.zsks
		}, "CHN-02", errored, true},
		{"keys signed by the ZSK alone", func(w *world) { w.each(func(e *edition) { e.ksks = e.zsks }) }, "CHN-03", critical, false},
		{"an announced algorithm does not sign", func(w *world) {
			w.each(func(e *edition) { e.keys = append(e.keys, key(t, wire.ED25519, zskFlags, 1)) })
		}, "CHN-04", errored, false},
		{"signatures without a key", func(w *world) {
			w.each(func(e *edition) { e.zsks = append(e.zsks, key(t, wire.ED25519, zskFlags, 1)) })
		}, "CHN-04", notice, false},
		{"stand-by DS", func(w *world) { w.ds = append(w.ds, ds(t, zone, key(t, p256, kskFlags, 8), 2)) }, "CHN-05", notice, false},
		{"KSK without DS", func(w *world) { w.each(func(e *edition) { e.keys = append(e.keys, key(t, p256, kskFlags, 8)) }) }, "CHN-05", info, false},
		{"island", func(w *world) { w.ds = nil }, "CHN-07", warning, false},
		{"SOA expire longer than signatures", func(w *world) { w.each(func(e *edition) { e.expire, e.life = 28*86400, life{time.Hour, 14 * day} }) }, "SIG-03", notice, false},
		{"not yet valid on one server", func(w *world) { w.child[1].lives = map[holdfast.Class]life{holdfast.ClassSOA: {-day, 9 * day}} }, "SIG-05", errored, true},
		{"begins at the moment of signing", func(w *world) { w.each(func(e *edition) { e.life.before = time.Minute }) }, "SIG-05", notice, false},
		{"ends before it begins", func(w *world) {
			w.each(func(e *edition) { e.lives = map[holdfast.Class]life{holdfast.ClassSOA: {-9 * day, day}} })
		}, "SIG-05", critical, false},
		{"signed by a stranger", func(w *world) { w.child[0].zsks = []*wire.Key{key(t, p256, zskFlags, 5)} }, "SIG-08", errored, true},
		{"also signed by a stranger", func(w *world) { w.each(func(e *edition) { e.zsks = append(e.zsks, key(t, p256, zskFlags, 5)) }) }, "SIG-08", notice, false},
		{"NS unsigned on one server", func(w *world) { w.child[1].unsigned = map[holdfast.Class]bool{holdfast.ClassNS: true} }, "SIG-09", errored, true},
		{"DNSKEY unsigned", func(w *world) {
			w.each(func(e *edition) { e.unsigned = map[holdfast.Class]bool{holdfast.ClassDNSKEY: true} })
		}, "SIG-09", critical, false},
		{"CDS unsigned: no resolver minds", func(w *world) {
			w.each(func(e *edition) { e.cds, e.unsigned = true, map[holdfast.Class]bool{holdfast.ClassCDS: true} })
		}, "SIG-09", warning, false},
		{"DS dies in a day", func(w *world) { w.root.lives = map[holdfast.Class]life{holdfast.ClassDS: {13 * day, 23 * time.Hour}} }, "SIG-13", critical, false},
		{"DS dies in three days", func(w *world) { w.root.lives = map[holdfast.Class]life{holdfast.ClassDS: {10 * day, 3 * day}} }, "SIG-13", warning, false},
		{"proof missing on one server", func(w *world) { w.child[1].edit = keepOnly(wire.TypeSOA) }, "NEG-01", errored, true},
		{"proof of something else", func(w *world) { w.each(func(e *edition) { e.edit = dropFirst(wire.TypeNSEC3) }) }, "NEG-02", critical, false},
		{"apex denies the CDS that it has", func(w *world) {
			w.each(func(e *edition) { e.cds, e.edit = true, denyAnswer(t, e, holdfast.PurposeCDS, wire.TypeCDS) })
		}, "NEG-04", warning, false},
		{"iterations", func(w *world) { w.each(func(e *edition) { e.params.Iterations = 10 }) }, "NEG-05", warning, false},
		{"too many iterations", func(w *world) { w.each(func(e *edition) { e.params.Iterations = 100 }) }, "NEG-05", errored, false},
		{"salt", func(w *world) { w.each(func(e *edition) { e.params.Salt = []byte{1, 2} }) }, "NEG-06", notice, false},
		{"NSEC here, NSEC3 there", func(w *world) { w.child[1].params = nil }, "NEG-07", errored, false},
		{"NSEC3PARAM of another chain", func(w *world) {
			w.each(func(e *edition) {
				e.edit = func(p holdfast.Purpose, m *wire.Message) {
					if p == holdfast.PurposeNSEC3PARAM {
						m.Answer = e.signed(t, wire.NewNSEC3PARAM(zone, 0, wire.NSEC3PARAM{Hash: 1, Salt: []byte{9}}))
					}
				}
			})
		}, "NEG-08", warning, false},
		{"no SOA in negative answers", func(w *world) { w.each(func(e *edition) { e.edit = keepOnly(wire.TypeNSEC3) }) }, "NEG-09", warning, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			if v := w.judged(t, now); test.severity > holdfast.SeverityInfo {
				if f, ok := finding(v, test.code); ok {
					t.Fatalf("%s fires in a healthy world: %s", test.code, f.Text)
				}
			}
			test.change(w)
			v := w.judged(t, now)
			f, ok := finding(v, test.code)
			if !ok || f.Severity != test.severity || (f.Server != holdfast.Server{}) != test.server || len(f.Evidence) == 0 || f.Text == "" {
				t.Errorf("%s: %v %+v", test.code, ok, f)
				for _, f := range v.Findings {
					t.Logf("%s %s %s %s: %s", f.Code, f.Severity, f.Server.Name, f.RRset, f.Text)
				}
				t.Logf("status %s: %s", v.Status, v.Reason)
			}
		})
	}
}

// keepOnly leaves records of a type, and their signatures, in the authority
// section of negative answers.
func keepOnly(t wire.Type) func(holdfast.Purpose, *wire.Message) {
	return func(_ holdfast.Purpose, m *wire.Message) {
		var kept []wire.Record
		for _, r := range m.Authority {
			if sig, err := r.RRSIG(); r.Type == t || err == nil && sig.Covered == t {
				kept = append(kept, r)
			}
		}
		m.Authority = kept
	}
}

// dropFirst takes the first record of a type out of negative answers to the
// question for a name that is not there.
func dropFirst(t wire.Type) func(holdfast.Purpose, *wire.Message) {
	return func(p holdfast.Purpose, m *wire.Message) {
		for i, r := range m.Authority {
			if p == holdfast.PurposeNXDomain && r.Type == t {
				m.Authority = append(m.Authority[:i:i], m.Authority[i+1:]...)
				return
			}
		}
	}
}

// denyAnswer answers that a type of the apex is not there, with the apex's own
// proof, in which it is.
func denyAnswer(t *testing.T, e *edition, purpose holdfast.Purpose, typ wire.Type) func(holdfast.Purpose, *wire.Message) {
	return func(p holdfast.Purpose, m *wire.Message) {
		if p != purpose {
			return
		}
		m.Answer = nil
		m.Authority = e.signed(t, e.soa(t))
		for _, r := range e.proof(t, e.zone) {
			m.Authority = append(m.Authority, e.signed(t, r)...)
		}
	}
}

// TestExpiryLevels walks a signature of 20 days towards its end (check
// catalogue, section 8): warning below 5 days (a quarter), error below 2 days
// (a tenth), critical below 1 day where all servers are, error for one alone.
func TestExpiryLevels(t *testing.T) {
	tests := []struct {
		left time.Duration
		all  holdfast.Severity
		one  holdfast.Severity
	}{
		{6 * day, holdfast.SeverityInfo, holdfast.SeverityInfo},
		{5*day - time.Minute, holdfast.SeverityWarning, holdfast.SeverityWarning},
		{2*day - time.Minute, holdfast.SeverityError, holdfast.SeverityError},
		{day - time.Minute, holdfast.SeverityCritical, holdfast.SeverityError},
	}
	for _, test := range tests {
		for _, all := range []bool{true, false} {
			w := newWorld(t)
			span := map[holdfast.Class]life{holdfast.ClassSOA: {20*day - test.left, test.left}}
			want := test.one
			w.child[1].lives = span
			if all {
				w.child[0].lives = span
				want = test.all
			}
			v := w.judged(t, now)
			f, ok := finding(v, "SIG-02")
			if ok != (want > holdfast.SeverityInfo) || f.Severity != want {
				t.Errorf("%s left on all servers %v: %v %s, want %s", test.left, all, ok, f.Severity, want)
			}
			if ok && (!f.Until.Equal(now.Add(test.left)) || (f.Server == holdfast.Server{}) != all) {
				t.Errorf("%s left: until %s about %s", test.left, f.Until, f.Server)
			}
		}
	}
}

// TestShortValidity: a zone signed for a day alarms at the last tenth of it,
// not always.
func TestShortValidity(t *testing.T) {
	for left, want := range map[time.Duration]holdfast.Severity{
		7 * time.Hour: holdfast.SeverityInfo, 5 * time.Hour: holdfast.SeverityWarning, 2 * time.Hour: holdfast.SeverityCritical,
	} {
		w := newWorld(t)
		w.each(func(e *edition) { e.life = life{day - left, left} })
		f, _ := finding(w.judged(t, now), "SIG-02")
		if f.Severity != want {
			t.Errorf("%s left of a day: %s, want %s", left, f.Severity, want)
		}
	}
}

// TestExpiredByQuorum: one of three expired is an error, for resolvers have
// two others; the instant is when it began.
func TestExpiredByQuorum(t *testing.T) {
	w := newWorld(t)
	third := *w.child[0]
	w.child = append(w.child, &third)
	w.servers = append(w.servers, holdfast.Server{Name: "ns3.example.", Address: w.servers[0].Address.Next().Next()})
	w.child[2].lives = map[holdfast.Class]life{holdfast.ClassSOA: {20 * day, -10 * day}}
	v := w.judged(t, now)
	f, ok := finding(v, "SIG-01")
	if !ok || f.Severity != holdfast.SeverityError || f.Server.Name != "ns3.example." || !f.Until.Equal(now.Add(-10*day)) || f.EDE != 7 {
		t.Errorf("%+v", f)
	}
	w.each(func(e *edition) { e.lives = w.child[2].lives })
	v = w.judged(t, now)
	if f, _ := finding(v, "SIG-01"); f.Severity != holdfast.SeverityCritical || f.Server.Name != "" || f.Count != 3 {
		t.Errorf("%+v", f)
	}
	if v.Status != holdfast.Bogus || !v.FailsAt.Equal(now.Add(-10*day)) || v.FailsBy != holdfast.ClassSOA {
		t.Errorf("status %s, failed at %s by %s", v.Status, v.FailsAt, v.FailsBy)
	}
}

// TestTextsAreSteady: the words of findings do not change while time passes
// and the probe's name does.
func TestTextsAreSteady(t *testing.T) {
	w := newWorld(t)
	w.each(func(e *edition) { e.life = life{12 * day, 2 * day} })
	m := w.measured(t)
	c := catalogue(w.trust, nil)
	first, second := c.Judge(m, now), c.Judge(m, now.Add(time.Minute))
	if len(first.Findings) == 0 || len(first.Findings) != len(second.Findings) {
		t.Fatalf("%d and %d findings", len(first.Findings), len(second.Findings))
	}
	for i, f := range first.Findings {
		if g := second.Findings[i]; f.Text != g.Text || f.Key() != g.Key() {
			t.Errorf("%q became %q", f.Text, g.Text)
		}
	}
}
