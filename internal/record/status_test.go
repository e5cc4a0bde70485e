package record

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
)

// twice runs a check on the record and once more after it was closed and opened
// again: nothing that was answered from memory may differ from what is on disk.
func twice(t *testing.T, r *Record, check func(r *Record)) {
	t.Helper()
	check(r)
	noError(t, r.Close())
	again, err := Open(t.Context(), r.path)
	noError(t, err)
	t.Cleanup(func() { again.Close() })
	check(again)
}

func TestStatusFollowsVerdicts(t *testing.T) {
	r, w := create(t), newWorld(11, 2)
	z := w.zones[0]
	at := func(minutes int) time.Time { return morning.Add(time.Duration(minutes) * time.Minute) }
	found := func(minutes int, change func(v *holdfast.Verdict)) {
		t.Helper()
		m := w.core(z, at(minutes).String(), "", "", at(minutes))
		noError(t, r.Measured(t.Context(), m))
		v := w.verdict(z, m.ID, at(minutes).Add(3*time.Second))
		change(&v)
		noError(t, r.Found(t.Context(), z.subject, v, holdfast.Past{}))
	}
	bogus := func(v *holdfast.Verdict) {
		v.Status = holdfast.Bogus
		v.Findings = []holdfast.Finding{finding(z, "SIG-01", holdfast.SeverityCritical)}
	}
	found(0, func(*holdfast.Verdict) {})
	found(5, func(*holdfast.Verdict) {})
	found(10, bogus)
	found(15, bogus)
	// Too late: it changes nothing.
	found(7, func(v *holdfast.Verdict) { v.Status = holdfast.Unreached })
	twice(t, r, func(r *Record) {
		got, err := r.Status(t.Context(), z.subject.Zone)
		noError(t, err)
		if got.Verdict.Status != holdfast.Bogus || len(got.Verdict.Findings) != 1 || len(got.Verdict.Windows) != 5*len(z.servers) {
			t.Errorf("status %s with %d findings and %d windows", got.Verdict.Status, len(got.Verdict.Findings), len(got.Verdict.Windows))
		}
		for what, pair := range map[string][2]time.Time{
			"since":     {got.Since, at(10).Add(3 * time.Second)},
			"last good": {got.LastGood, at(5).Add(3 * time.Second)},
			"measured":  {got.Measured, at(15).Add(2345 * time.Millisecond)},
		} {
			if !pair[0].Equal(pair[1]) {
				t.Errorf("%s is %v, want %v", what, pair[0], pair[1])
			}
		}
		if _, err := r.Status(t.Context(), "zone1."); !errors.Is(err, ErrNotFound) {
			t.Errorf("status of a zone never judged: %v", err)
		}
	})
}

func TestStatusesAreTheRoster(t *testing.T) {
	r, w := create(t), newWorld(12, 3)
	for _, z := range w.zones {
		noError(t, r.Found(t.Context(), z.subject, w.verdict(z, "none", morning), holdfast.Past{}))
	}
	names := func(r *Record) (names string) {
		statuses, err := r.Statuses(t.Context())
		noError(t, err)
		for _, s := range statuses {
			names += string(s.Subject.Zone) + string(s.Verdict.Status) + " "
		}
		return names
	}
	if got, want := names(r), "zone0.secure zone1.secure zone2.secure "; got != want {
		t.Errorf("without a roster: %q, want %q", got, want)
	}
	if _, err := r.Roster(t.Context()); !errors.Is(err, ErrNotFound) {
		t.Errorf("no roster: %v", err)
	}
	roster := Roster{Serial: 2026080100, Source: "root.zone", Fetched: morning,
		Subjects: []holdfast.Subject{w.zones[2].subject, {Zone: "new."}, w.zones[0].subject}}
	noError(t, r.SaveRoster(t.Context(), roster))
	twice(t, r, func(r *Record) {
		if got, want := names(r), "new. zone0.secure zone2.secure "; got != want {
			t.Errorf("%q, want %q", got, want)
		}
		got, err := r.Roster(t.Context())
		noError(t, err)
		if !reflect.DeepEqual(got, roster) {
			t.Errorf("roster %+v, want %+v", got, roster)
		}
		if s, err := r.Status(t.Context(), "new."); err != nil || s.Subject.Zone != "new." {
			t.Errorf("status of a zone not yet judged: %+v, %v", s, err)
		}
		if s, err := r.Status(t.Context(), "zone1."); err != nil || s.Verdict.Status != holdfast.Secure {
			t.Errorf("a zone that left the roster keeps what is known: %+v, %v", s, err)
		}
	})
}

func TestFindingsAreIntervals(t *testing.T) {
	r, w := create(t), newWorld(13, 2)
	z := w.zones[0]
	at := func(minutes int) time.Time { return morning.Add(time.Duration(minutes) * time.Minute) }
	found := func(minutes int, findings ...holdfast.Finding) {
		t.Helper()
		v := w.verdict(z, "m"+at(minutes).Format("1504"), at(minutes))
		v.Findings = findings
		noError(t, r.Found(t.Context(), z.subject, v, holdfast.Past{}))
	}
	soon, dead := finding(z, "SIG-02", holdfast.SeverityWarning), finding(z, "SIG-01", holdfast.SeverityCritical)
	worse := soon
	worse.Severity, worse.Text, worse.Evidence = holdfast.SeverityError, "the signature expires within a day", []int{1}
	found(0)
	found(5, soon)
	found(10, soon, worse) // one key twice: the worse counts
	found(15, worse, dead)
	found(20, dead)
	found(25, dead, soon)
	noError(t, r.Found(t.Context(), w.zones[1].subject, w.verdict(w.zones[1], "other", at(25)), holdfast.Past{}))

	want := []Interval{
		{Finding: soon, Measurement: "m0625", Opened: at(25), LastSeen: at(25)},
		{Finding: dead, Measurement: "m0625", Opened: at(15), LastSeen: at(25)},
		{Finding: worse, Measurement: "m0615", Opened: at(5), LastSeen: at(15), Closed: at(20)},
	}
	twice(t, r, func(r *Record) {
		for _, c := range []struct {
			zone  holdfast.Name
			since time.Time
			want  []Interval
		}{
			{z.subject.Zone, time.Time{}, want}, {"", at(20), want}, {"", at(21), want[:2]}, {"zone1.", time.Time{}, nil}, {"none.", time.Time{}, nil},
		} {
			got, err := r.Intervals(t.Context(), c.zone, c.since)
			noError(t, err)
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("intervals of %q since %v:\n got %+v\nwant %+v", c.zone, c.since, got, c.want)
			}
		}
	})
}

func TestWindowsOverTime(t *testing.T) {
	r, w := create(t), newWorld(14, 1)
	z := w.zones[0]
	at := func(minutes int) time.Time { return morning.Add(time.Duration(minutes) * time.Minute) }
	window := func(server, signed int) holdfast.Window {
		return holdfast.Window{Server: z.servers[server], Class: holdfast.ClassSOA, Inception: at(signed), Expiration: at(signed + 600), KeyTag: 1, Algorithm: 13, Signer: z.subject.Zone, TTL: 60}
	}
	found := func(minutes int, windows ...holdfast.Window) {
		t.Helper()
		v := w.verdict(z, "m", at(minutes))
		v.Windows = windows
		noError(t, r.Found(t.Context(), z.subject, v, holdfast.Past{}))
	}
	found(0, window(0, 0), window(1, 0), window(2, 0))
	found(5, window(0, 0), window(1, 0), window(2, 0))
	found(10, window(0, 7), window(1, 0), window(2, 7)) // server 1 lags
	found(15, window(0, 7), window(1, 7), window(2, 7))
	found(20, window(0, 7), window(1, 7)) // server 2 shows none
	want := []WindowSpan{
		{window(0, 0), at(0), at(5)}, {window(0, 7), at(10), at(20)},
		{window(1, 0), at(0), at(10)}, {window(1, 7), at(15), at(20)},
		{window(2, 0), at(0), at(5)}, {window(2, 7), at(10), at(15)},
	}
	twice(t, r, func(r *Record) {
		got, err := r.WindowHistory(t.Context(), z.subject.Zone, time.Time{})
		noError(t, err)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("\n got %+v\nwant %+v", got, want)
		}
		got, err = r.WindowHistory(t.Context(), z.subject.Zone, at(16))
		noError(t, err)
		if len(got) != 2 {
			t.Errorf("since then: %+v, want those of servers 0 and 1", got)
		}
	})
	if _, err := r.WindowHistory(t.Context(), "none.", time.Time{}); !errors.Is(err, ErrNotFound) {
		t.Errorf("of an unknown zone: %v", err)
	}
}

// Another process that writes a verdict must not be overlooked by this one.
func TestAnotherProcessIsNoticed(t *testing.T) {
	r, w := create(t), newWorld(15, 1)
	z := w.zones[0]
	noError(t, r.Found(t.Context(), z.subject, w.verdict(z, "m1", morning), holdfast.Past{}))
	other, err := Open(t.Context(), r.path)
	noError(t, err)
	defer other.Close()
	v := w.verdict(z, "m2", morning.Add(time.Minute))
	v.Findings = []holdfast.Finding{finding(z, "SIG-01", holdfast.SeverityCritical)}
	noError(t, other.Found(t.Context(), z.subject, v, holdfast.Past{}))
	noError(t, r.Found(t.Context(), z.subject, w.verdict(z, "m3", morning.Add(2*time.Minute)), holdfast.Past{}))
	got, err := r.Intervals(t.Context(), "", time.Time{})
	noError(t, err)
	if len(got) != 1 || got[0].Closed.IsZero() || got[0].Measurement != "m2" {
		t.Errorf("%+v, want one finding of the other process, closed by this one's verdict", got)
	}
}

func TestSweeps(t *testing.T) {
	r := create(t)
	s1 := holdfast.Sweep{ID: "s1", Depth: holdfast.Core, Started: morning, Outcomes: map[holdfast.Outcome]int{holdfast.Answered: 3}, Statuses: map[holdfast.Status]int{}}
	s2 := s1
	s2.ID, s2.Started, s2.Serial = "s2", morning.Add(time.Hour), 7
	w := newWorld(16, 1)
	noError(t, r.Measured(t.Context(), w.core(w.zones[0], "m", "s2", "", morning))) // before its sweep begins: no matter
	noError(t, r.BeginSweep(t.Context(), s1))
	noError(t, r.BeginSweep(t.Context(), s2))
	s1.Finished, s1.Withheld = morning.Add(time.Minute), true
	noError(t, r.EndSweep(t.Context(), s1))
	got, err := r.Sweeps(t.Context(), 0)
	noError(t, err)
	if want := []holdfast.Sweep{s2, s1}; !reflect.DeepEqual(got, want) {
		t.Errorf("\n got %+v\nwant %+v", got, want)
	}
	if got, err := r.Sweeps(t.Context(), 1); err != nil || len(got) != 1 {
		t.Errorf("limit 1: %d sweeps, %v", len(got), err)
	}
}

func TestFactsAndContacts(t *testing.T) {
	r := create(t)
	if _, err := r.Fact(t.Context(), "k"); !errors.Is(err, ErrNotFound) {
		t.Errorf("a fact never set: %v", err)
	}
	for _, value := range [][]byte{nil, []byte("one"), []byte("two")} {
		noError(t, r.SetFact(t.Context(), "k", value))
		if got, err := r.Fact(t.Context(), "k"); err != nil || string(got) != string(value) {
			t.Errorf("%q, %v, want %q", got, err, value)
		}
	}
	b := holdfast.Contact{Zone: "b.", Role: "technical", Email: "tech@b.example", Source: holdfast.ContactFromRDAP, Fetched: morning}
	a := b
	a.Zone = "a."
	noError(t, r.SaveContact(t.Context(), b))
	noError(t, r.SaveContact(t.Context(), a))
	b.Email = "noc@b.example"
	noError(t, r.SaveContact(t.Context(), b))
	got, err := r.Contacts(t.Context())
	noError(t, err)
	if !reflect.DeepEqual(got, []holdfast.Contact{a, b}) {
		t.Errorf("%+v", got)
	}
	if got, err := r.Contact(t.Context(), "b."); err != nil || got != b {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := r.Contact(t.Context(), "c."); !errors.Is(err, ErrNotFound) {
		t.Errorf("no contact: %v", err)
	}
}
