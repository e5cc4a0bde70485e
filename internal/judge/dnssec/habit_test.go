package dnssec_test

import (
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge/dnssec"
)

// signedEvery is what is known of a zone that signed a class n times, the last
// time at last, every so often and with so much left.
func signedEvery(class holdfast.Class, n int, every, left, validity time.Duration, last time.Time) holdfast.SigningPast {
	s := holdfast.SigningPast{Class: class, Inception: last, Expiration: last.Add(validity), Renewed: last, Dies: last.Add(validity)}
	for i := range n {
		s.Renewals = append(s.Renewals, holdfast.Renewal{At: last.Add(-every * time.Duration(n-1-i)), Gap: every, Left: left, Least: left, Life: validity})
	}
	return s
}

func (w *world) follow(t testing.TB, at time.Time, signing ...holdfast.SigningPast) holdfast.Verdict {
	t.Helper()
	m := w.measured(t)
	for i := range m.Exchanges {
		m.Exchanges[i].Sent = at
	}
	v, _ := catalogue(w.trust, nil).Follow(m, holdfast.Past{Since: now.Add(-365 * day), Until: at.Add(-time.Hour), Looks: 1000, Signing: signing}, at)
	return v
}

// TestLifeLeftAgainstHabit: what is usual for the zone is not alarming, and
// what is not is told by the old thresholds (check catalogue, section 8).
func TestLifeLeftAgainstHabit(t *testing.T) {
	const none = holdfast.Severity(-1)
	tests := []struct {
		name     string
		span     life // about now
		usual    time.Duration
		n        int
		severity holdfast.Severity // of SIG-02 over the NS RRset, on all servers
	}{
		{"a fifth left of 60 h, nothing known", life{48 * time.Hour, 12 * time.Hour}, 0, 0, holdfast.SeverityWarning},
		{"the same, and it always is so", life{48 * time.Hour, 12 * time.Hour}, 12 * time.Hour, 6, none},
		{"the same, known from four times only", life{48 * time.Hour, 12 * time.Hour}, 12 * time.Hour, 4, holdfast.SeverityWarning},
		{"half an hour below what is usual is the look's lateness", life{2550 * time.Minute, 690 * time.Minute}, 12 * time.Hour, 6, none},
		{"two hours below it", life{50 * time.Hour, 10 * time.Hour}, 12 * time.Hour, 6, holdfast.SeverityWarning},
		{"less than a tenth, usually a day", life{226 * time.Hour, 14 * time.Hour}, 24 * time.Hour, 6, holdfast.SeverityError},
		{"half of what is usual", life{230 * time.Hour, 11 * time.Hour}, 24 * time.Hour, 6, holdfast.SeverityCritical},
		{"a day left of 14, usually five", life{13 * day, day - time.Minute}, 5 * day, 6, holdfast.SeverityCritical},
		{"six days left of 28, usually 21", life{22 * day, 6 * day}, 21 * day, 6, holdfast.SeverityWarning},
	}
	for _, test := range tests {
		w := newWorld(t)
		w.each(func(e *edition) { e.lives = map[holdfast.Class]life{holdfast.ClassNS: test.span} })
		var known []holdfast.SigningPast
		if test.n > 0 {
			known = append(known, signedEvery(holdfast.ClassNS, test.n, 2*day, test.usual, test.span.before+test.span.after, now.Add(-test.span.before)))
		}
		got := none
		for _, f := range w.follow(t, now, known...).Findings {
			if f.Code == "SIG-02" && f.RRset == holdfast.ClassNS {
				got = f.Severity
			}
		}
		if got != test.severity {
			t.Errorf("%s: %v, want %v", test.name, got, test.severity)
		}
	}
}

// TestRenewalOverdue: a weekly signer that misses its day is told so the same
// day, and warned of when it misses the second.
func TestRenewalOverdue(t *testing.T) {
	last := now.Add(-7*day - 8*time.Hour)
	weekly := func(class holdfast.Class) holdfast.SigningPast {
		return signedEvery(class, 6, 7*day, 21*day, 28*day, last)
	}
	w := newWorld(t)
	w.each(func(e *edition) { e.life = life{now.Sub(last), 28*day - now.Sub(last)} })
	v := w.follow(t, now, weekly(holdfast.ClassNS), weekly(holdfast.ClassSOA), weekly(holdfast.ClassDNSKEY))
	said := map[holdfast.Class]holdfast.Finding{}
	for _, f := range v.Findings {
		if f.Code == "SIG-04" {
			said[f.RRset] = f
		}
	}
	if len(said) != 2 || said[""].Severity != holdfast.SeverityNotice || said[""].Count != 2 || said["DNSKEY"].Count != 1 {
		t.Errorf("said %+v", said)
	}
	if !said[""].Until.Equal(last.Add(28 * day)) {
		t.Errorf("until %s", said[""].Until)
	}
	w.each(func(e *edition) { e.life = life{now.Sub(last) + 7*day, 21*day - now.Sub(last)} })
	late := weekly(holdfast.ClassNS)
	late.Inception, late.Expiration, late.Renewed = last.Add(-7*day), last.Add(21*day), last.Add(-7*day)
	for i := range late.Renewals {
		late.Renewals[i].At = late.Renewals[i].At.Add(-7 * day)
	}
	if f, _ := finding(w.follow(t, now, late), "SIG-04"); f.Severity != holdfast.SeverityWarning {
		t.Errorf("missed twice: %v", f)
	}
}

// TestRenewalNotOverdue: what looks late but is not.
func TestRenewalNotOverdue(t *testing.T) {
	last := now.Add(-7*day - 8*time.Hour)
	span := life{now.Sub(last), 28*day - now.Sub(last)}
	ns := signedEvery(holdfast.ClassNS, 6, 7*day, 21*day, 28*day, last)
	tests := []struct {
		name string
		past holdfast.SigningPast
		edit func(*edition)
		at   time.Time
	}{
		{"not known for long", signedEvery(holdfast.ClassNS, 4, 7*day, 21*day, 28*day, last), nil, now},
		{"renewed in this very look", ns, func(e *edition) { e.life = life{time.Hour, 28 * day} }, now},
		{"two hours late", ns, nil, now.Add(-6 * time.Hour)},
		{"an SOA that was signed with each change, and nothing changed", signedEvery(holdfast.ClassSOA, 16, day, 27*day, 28*day, last), nil, now},
		{"expired everywhere: SIG-01 speaks", ns, func(e *edition) { e.life = life{28 * day, -time.Hour} }, now},
	}
	for _, test := range tests {
		w := newWorld(t)
		w.each(func(e *edition) {
			e.life = span
			if test.edit != nil {
				test.edit(e)
			}
		})
		if f, found := finding(w.follow(t, test.at, test.past), "SIG-04"); found {
			t.Errorf("%s: %s", test.name, f.Text)
		}
	}
}

// TestOldEvidenceIsNotOverdue: signatures that were last seen before they were
// due say nothing about whether they were renewed since, and the verdict does
// not outlast the look.
func TestOldEvidenceIsNotOverdue(t *testing.T) {
	last := now.Add(-7*day - 8*time.Hour)
	w := newWorld(t)
	w.each(func(e *edition) { e.life = life{now.Sub(last), 28*day - now.Sub(last)} })
	m := w.measured(t)
	for i := range m.Exchanges {
		m.Exchanges[i].Sent = now
		if m.Exchanges[i].Purpose == holdfast.PurposeNS {
			m.Exchanges[i].Sent = now.Add(-12 * time.Hour)
		}
	}
	p := holdfast.Past{Since: now.Add(-365 * day), Until: now.Add(-5 * time.Minute), Signing: []holdfast.SigningPast{signedEvery(holdfast.ClassNS, 6, 7*day, 21*day, 28*day, last)}}
	v, _ := catalogue(w.trust, dnssec.NewCache(100)).Follow(m, p, now)
	if f, found := finding(v, "SIG-04"); found {
		t.Errorf("said: %s", f.Text)
	}
	if v.Holds.IsZero() || v.Holds.After(now.Add(time.Second)) {
		t.Errorf("the verdict holds until %s", v.Holds)
	}
}
