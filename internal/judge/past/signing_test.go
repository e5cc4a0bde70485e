package past

import (
	"encoding/json"
	"net/netip"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/wire"
)

var monday = time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC) // a Monday

func serverAt(n byte) holdfast.Server {
	return holdfast.Server{Name: "ns.example.", Address: netip.AddrFrom4([4]byte{192, 0, 2, n})}
}

// shown is what one server gives for the NS RRset: a good signature, or with
// bad one that does not verify.
type shown struct {
	server    byte
	inception time.Time
	life      time.Duration
	bad       bool
}

// caseOf is a look at which the servers gave these signatures.
func caseOf(at time.Time, known holdfast.Past, all ...shown) *judge.Case {
	m := holdfast.Measurement{Subject: holdfast.Subject{Zone: "example."}}
	chain := &judge.Chain{}
	for i, s := range all {
		m.Exchanges = append(m.Exchanges, holdfast.Exchange{Zone: "example.", Purpose: holdfast.PurposeNS, Server: serverAt(s.server), Sent: at.Add(-time.Second)})
		sig := judge.Signature{RRSIG: judge.RRSIG{RRSIG: wire.RRSIG{KeyTag: 7}}, Inception: s.inception, Expiration: s.inception.Add(s.life), Verifies: !s.bad}
		set := &judge.Set{Server: serverAt(s.server), Class: holdfast.ClassNS, Exchange: i, Status: holdfast.Secure, Signatures: []judge.Signature{sig}}
		if s.bad {
			set.Status, set.Best, set.Fault, set.Signatures[0].Fault = holdfast.Bogus, -1, judge.FaultCrypto, judge.FaultCrypto
		}
		chain.Servers = append(chain.Servers, judge.ServerChain{Server: serverAt(s.server), KeysTrusted: true, Sets: []*judge.Set{set}})
	}
	c := judge.NewCase(m, at)
	c.Chain, c.Past = chain, known
	return c
}

// watch looks every hour from monday on for so long; signed gives what the
// servers show at a time.
func watch(d time.Duration, signed func(time.Time) []shown) holdfast.Past {
	var p holdfast.Past
	for at := monday; !at.After(monday.Add(d)); at = at.Add(time.Hour) {
		p = Fold(caseOf(at, p, signed(at)...))
	}
	return p
}

// last is the last time at or before at for which run holds, by minutes.
func last(at time.Time, run func(time.Time) bool) time.Time {
	for at = at.Truncate(time.Minute); !run(at); at = at.Add(-time.Minute) {
	}
	return at
}

func clock(at time.Time, hour, minute int) bool { return at.Hour() == hour && at.Minute() == minute }

func one(inception time.Time, life time.Duration) []shown {
	return []shown{{server: 1, inception: inception, life: life}}
}

// TestHabits: signers as there are, each watched for nine weeks. due is when a
// run that does not come is noticed, from the last one on; quiet is how long
// the signer's own longest pause is, which must not be noticed.
func TestHabits(t *testing.T) {
	weekday := func(at time.Time) bool { return at.Weekday() != time.Saturday && at.Weekday() != time.Sunday }
	tests := []struct {
		name     string
		life     time.Duration
		run      func(time.Time) bool
		stop     time.Time // the last look
		slots    string    // empty: no calendar
		left     time.Duration
		earliest time.Time // it must not be due before
		latest   time.Time // and must be by then
	}{
		{"weekly on Monday at 03:10", 28 * day, func(at time.Time) bool { return at.Weekday() == time.Monday && clock(at, 3, 10) },
			monday.Add(63*day + 12*time.Hour), "on Mon by 04:00 UTC", 21 * day, monday.Add(70*day + 4*time.Hour), monday.Add(71 * day)},
		{"every working day at 22:30", 14 * day, func(at time.Time) bool { return weekday(at) && clock(at, 22, 30) },
			monday.Add(60*day + 23*time.Hour), "on Mon, Tue, Wed, Thu, Fri by 23:00 UTC", 11 * day, monday.Add(63*day + 23*time.Hour), monday.Add(64*day + 8*time.Hour)},
		{"twice a day", 13 * day, func(at time.Time) bool { return clock(at, 4, 0) || clock(at, 16, 0) },
			monday.Add(63*day + 5*time.Hour), "every day by 04:00 UTC", 13*day - 12*time.Hour, monday.Add(63*day + 16*time.Hour), monday.Add(64*day + 12*time.Hour)},
		{"every nine days", 14 * day, func(at time.Time) bool { return (at.Unix()/86400)%9 == 0 && clock(at, 11, 0) },
			monday.Add(63 * day), "", 5 * day, monday.Add(9 * day), monday.Add(63*day + 14*day)},
	}
	for _, test := range tests {
		p := watch(test.stop.Sub(monday), func(at time.Time) []shown { return one(last(at, test.run), test.life) })
		s := p.Signing[0]
		h, ok := HabitOf(s)
		if !ok || !h.Settled {
			t.Errorf("%s: no settled habit of %d renewals", test.name, len(s.Renewals))
			continue
		}
		slots := ""
		if h.Slots != nil {
			slots = h.Slots.String()
		}
		if slots != test.slots {
			t.Errorf("%s: calendar %q, want %q", test.name, slots, test.slots)
		}
		if diff := test.left - h.Left; diff < 0 || diff > time.Hour {
			t.Errorf("%s: usually %s left, want about %s", test.name, h.Left, test.left)
		}
		due, rule := h.Due(s.Renewed, s.Inception, s.Expiration)
		if due.Before(test.earliest) || due.After(test.latest) {
			t.Errorf("%s: due at %s (%s), want between %s and %s", test.name, due, rule, test.earliest, test.latest)
		}
		if len(s.Renewals) > holdfast.MaxRenewals {
			t.Errorf("%s: %d renewals kept", test.name, len(s.Renewals))
		}
	}
}

// TestHabitIsNeverOverdueWhileKept: over nine weeks no look at a signer that
// keeps its habit finds it overdue, its irregularities included.
func TestHabitIsNeverOverdueWhileKept(t *testing.T) {
	tests := []struct {
		name  string
		life  time.Duration
		shown func(time.Time) time.Time // inception of what is served
	}{
		{"working days, the hour varying", 10 * day, func(at time.Time) time.Time {
			return last(at, func(at time.Time) bool {
				wd := at.Weekday()
				return wd != time.Saturday && wd != time.Sunday && clock(at, 8+at.Day()%4, 0)
			})
		}},
		{"on line, each answer anew", 3 * day, func(at time.Time) time.Time { return at.Add(-day) }},
		{"every other day, half a day before the end", 60 * time.Hour, func(at time.Time) time.Time {
			return last(at, func(at time.Time) bool { return at.YearDay()%2 == 0 && clock(at, 12, 0) })
		}},
		{"the first of the month", 60 * day, func(at time.Time) time.Time {
			return last(at, func(at time.Time) bool { return at.Day() == 1 && clock(at, 6, 0) })
		}},
		{"from Monday to Friday around midnight", 14 * day, func(at time.Time) time.Time {
			return last(at, func(at time.Time) bool {
				noon := at.Add(12 * time.Hour) // of the day whose midnight it is
				minute := noon.Hour()*60 + noon.Minute()
				return noon.Weekday() != time.Sunday && noon.Weekday() != time.Monday && minute == 11*60+45+noon.Day()*7%30
			})
		}},
	}
	for _, test := range tests {
		var p holdfast.Past
		for at := monday; at.Before(monday.Add(100 * day)); at = at.Add(time.Hour) {
			c := caseOf(at, p, one(test.shown(at), test.life)...)
			p = Fold(c)
			s := p.Signing[0]
			h, ok := HabitOf(s)
			if !ok {
				continue
			}
			if due, rule := h.Due(s.Renewed, s.Inception, s.Expiration); !due.IsZero() && !at.Before(due) {
				t.Errorf("%s: overdue at %s by %s: %+v", test.name, at, rule, h)
				break
			}
		}
	}
}

// TestUsualMinimumOfAllServers: the least life is that of the server that is
// last to get the new signatures, and one outage does not become a habit.
func TestUsualMinimumOfAllServers(t *testing.T) {
	run := func(at time.Time) bool { return at.Weekday() == time.Monday && clock(at, 3, 0) }
	p := watch(100*day, func(at time.Time) []shown {
		lag := 12 * time.Hour
		if at.After(monday.Add(49*day)) && at.Before(monday.Add(55*day)) {
			lag += 6 * day // it fell behind once
		}
		return append(one(last(at, run), 14*day), shown{server: 2, inception: last(at.Add(-lag), run), life: 14 * day})
	})
	h, ok := HabitOf(p.Signing[0])
	if !ok || h.Left != 7*day || h.Least != 7*day-12*time.Hour {
		t.Errorf("usually %s left, at least %s; want 7 days, and 12 hours less", h.Left, h.Least)
	}
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var again holdfast.Past
	if err := json.Unmarshal(text, &again); err != nil {
		t.Fatal(err)
	}
	if h2, _ := HabitOf(again.Signing[0]); h2.Left != h.Left || h2.Least != h.Least || !again.Signing[0].Renewals[3].At.Equal(p.Signing[0].Renewals[3].At) {
		t.Errorf("read again it is another habit: %+v", h2)
	}
	if len(text) > 1500 {
		t.Errorf("a class takes %d octets", len(text))
	}
}

// TestAnotherValidityIsAnotherHabit: after the signer's settings changed the
// old habit says nothing.
func TestAnotherValidityIsAnotherHabit(t *testing.T) {
	run := func(at time.Time) bool { return at.Weekday() == time.Monday && clock(at, 3, 0) }
	p := watch(75*day, func(at time.Time) []shown {
		life := 28 * day
		if at.After(monday.Add(70 * day)) {
			life = 14 * day
		}
		return one(last(at, run), life)
	})
	if h, ok := HabitOf(p.Signing[0]); ok {
		t.Errorf("it is held to %+v", h)
	}
}

// TestNothingChangesWhereNothingDid: the past of a look that showed nothing
// new differs in Until and Looks only.
func TestNothingChangesWhereNothingDid(t *testing.T) {
	a := Fold(caseOf(monday, holdfast.Past{}, one(monday.Add(-day), 14*day)...))
	b := Fold(caseOf(monday.Add(time.Hour), a, one(monday.Add(-day), 14*day)...))
	b.Until, b.Looks = a.Until, a.Looks
	x, _ := json.Marshal(a)
	y, _ := json.Marshal(b)
	if string(x) != string(y) {
		t.Errorf("%s became %s", x, y)
	}
}

// TestTrials: failures are counted by server, serial and tag; a server that
// fails, recovers and fails again alternates; and all is forgotten a day after.
func TestTrials(t *testing.T) {
	var p holdfast.Past
	at := monday
	see := func(bad ...bool) {
		at = at.Add(5 * time.Minute)
		var all []shown
		for i, b := range bad {
			all = append(all, shown{server: byte(i + 1), inception: monday.Add(-day), life: 14 * day, bad: b})
		}
		p = Fold(caseOf(at, p, all...))
	}
	see(false, false)
	if p.Signing[0].Trials != nil {
		t.Errorf("of a sound zone trials are kept: %v", p.Signing[0].Trials)
	}
	see(true, false)
	see(true, false)
	see(false, false)
	trials := p.Signing[0].Trials
	if len(trials) != 1 || trials[0].Server != serverAt(1) || trials[0].Good != 1 || trials[0].Bad != 2 || trials[0].Tag != 7 {
		t.Fatalf("trials %+v", trials)
	}
	if _, yes := Alternates(trials, serverAt(1)); yes {
		t.Error("broken once and mended is not now and then")
	}
	see(true, true)
	if since, yes := Alternates(p.Signing[0].Trials, serverAt(1)); !yes || !since.Equal(monday.Add(10*time.Minute-time.Second)) {
		t.Errorf("alternates %v since %s", yes, since)
	}
	if _, yes := Alternates(p.Signing[0].Trials, serverAt(2)); yes {
		t.Error("server 2 failed once")
	}
	at = at.Add(25 * time.Hour)
	see(false, false)
	if p.Signing[0].Trials != nil {
		t.Errorf("a day later they are still kept: %v", p.Signing[0].Trials)
	}
}
