package dnssec_test

import (
	"slices"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// TestTable is the table of ten broken top-level domains on which the surveyed
// tools say too little (check catalogue, section 1).
func TestTable(t *testing.T) {
	const (
		errored, critical = holdfast.SeverityError, holdfast.SeverityCritical
	)
	soon := life{before: 14*day - 6*time.Hour, after: 6 * time.Hour}
	all := []holdfast.Class{holdfast.ClassSOA, holdfast.ClassNS, holdfast.ClassDNSKEY, holdfast.ClassDenial}
	tests := []struct {
		name   string
		change func(*world)
		status holdfast.Status
		ede    int
		failBy holdfast.Class
		wants  []want
	}{
		{"good", func(w *world) {}, holdfast.Secure, 0, "", nil},
		{"stale", func(w *world) {
			w.child[1].life = life{before: 24 * day, after: -10 * day}
		}, holdfast.Secure, 0, holdfast.ClassDNSKEY, each("SIG-01", critical, 2, append(all, holdfast.ClassNSEC3PARAM)...)},
		{"stalenear", func(w *world) {
			w.child[1].life = soon
		}, holdfast.Secure, 0, "", each("SIG-02", errored, 2, append(all, holdfast.ClassNSEC3PARAM)...)},
		{"nearexp", func(w *world) {
			w.each(func(e *edition) {
				e.lives = map[holdfast.Class]life{holdfast.ClassNS: soon, holdfast.ClassDenial: soon}
			})
		}, holdfast.Secure, 0, "", each("SIG-02", critical, 0, holdfast.ClassNS, holdfast.ClassDenial)},
		{"ksknear", func(w *world) {
			w.each(func(e *edition) { e.lives = map[holdfast.Class]life{holdfast.ClassDNSKEY: soon} })
		}, holdfast.Secure, 0, holdfast.ClassDNSKEY, each("SIG-02", critical, 0, holdfast.ClassDNSKEY)},
		{"nsec3bad", func(w *world) {
			w.each(func(e *edition) { e.broken = map[holdfast.Class]bool{holdfast.ClassDenial: true} })
		}, holdfast.Bogus, 6, "", each("NEG-03", critical, 0, holdfast.ClassDenial)},
		{"soacrypt", func(w *world) {
			w.child[1].broken = map[holdfast.Class]bool{holdfast.ClassSOA: true}
		}, holdfast.Secure, 0, "", each("SIG-07", errored, 2, holdfast.ClassSOA)},
		{"dsmismatch", func(w *world) {
			w.ds = []wire.Record{ds(t, zone, key(t, wire.ECDSAP256SHA256, kskFlags, 9), 2)}
		}, holdfast.Bogus, 9, "", each("CHN-02", critical, 0, holdfast.ClassDNSKEY)},
		{"nodnskey", func(w *world) {
			w.each(func(e *edition) { e.edit = dropAnswers(holdfast.PurposeDNSKEY) })
		}, holdfast.Bogus, 9, "", each("CHN-06", critical, 0, holdfast.ClassDNSKEY)},
		{"nosig", func(w *world) {
			w.child[1].bare = true
		}, holdfast.Secure, 0, "", each("CHN-06", errored, 2, holdfast.ClassDNSKEY)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			test.change(w)
			v := w.judged(t, now)
			expect(t, v, test.wants...)
			if v.Status != test.status || v.EDE != test.ede {
				t.Errorf("status %s with code %d, want %s with %d (%s)", v.Status, v.EDE, test.status, test.ede, v.Reason)
			}
			if test.failBy != "" && v.FailsBy != test.failBy {
				t.Errorf("fails by %s at %s, want %s", v.FailsBy, v.FailsAt, test.failBy)
			}
		})
	}
}

func each(code string, severity holdfast.Severity, server int, classes ...holdfast.Class) []want {
	var out []want
	for _, class := range classes {
		s := severity
		if class == holdfast.ClassNSEC3PARAM || class == holdfast.ClassCDS || class == holdfast.ClassCDNSKEY {
			s = min(s, holdfast.SeverityWarning)
		}
		out = append(out, want{code, s, server, class})
	}
	return out
}

func dropAnswers(purposes ...holdfast.Purpose) func(holdfast.Purpose, *wire.Message) {
	return func(p holdfast.Purpose, m *wire.Message) {
		if slices.Contains(purposes, p) {
			m.Answer = nil
		}
	}
}
