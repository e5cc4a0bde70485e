package lab

import (
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

func TestScheduleByHand(t *testing.T) {
	s := newSchedule(Signing{Validity: 14 * day, Resign: 7 * day, Publish: day}.withDefaults(), start, 0, nil)
	for _, at := range []struct {
		after          time.Duration
		soaEnd, aEnd   time.Duration // after start
		serialFromUnix time.Duration
	}{
		{0, 14 * day, 14 * day, 0},
		{day - time.Second, 14 * day, 14 * day, 0},
		{day, 15 * day, 14 * day, day},
		{7*day - time.Second, 20 * day, 14 * day, 6 * day},
		{7 * day, 21 * day, 21 * day, 7 * day},
		{-time.Second, 13 * day, 7 * day, -day},
		{-20 * day, -6 * day, -7 * day, -20 * day},
	} {
		m := s.at(start.Add(at.after))
		begin, soaEnd := s.window(m, "x.", wire.TypeSOA, time.Time{})
		_, aEnd := s.window(m, "x.", wire.TypeA, time.Time{})
		if !soaEnd.Equal(start.Add(at.soaEnd)) || !aEnd.Equal(start.Add(at.aEnd)) {
			t.Errorf("after %s: SOA ends %s, A ends %s", at.after, soaEnd.Sub(start), aEnd.Sub(start))
		}
		if !begin.Equal(soaEnd.Add(-14*day - time.Hour)) {
			t.Errorf("after %s: inception %s", at.after, begin)
		}
		if got, want := s.serial(m), uint32(start.Add(at.serialFromUnix).Unix()); got != want {
			t.Errorf("after %s: serial %d, want %d", at.after, got, want)
		}
	}
}

func TestSerialsRiseByOneVersion(t *testing.T) {
	for _, scheme := range []SerialScheme{SerialUnix, SerialDate, SerialCount} {
		for _, publish := range []time.Duration{30 * time.Minute, 5 * time.Hour, 12 * time.Hour, day, 7 * day} {
			signing := Signing{Validity: 14 * day, Resign: 7 * day, Publish: publish, Serial: scheme, Phase: 77777 * time.Second}
			s := newSchedule(signing.withDefaults(), start, 2026080100, nil)
			last := s.at(start.Add(-10 * day))
			for at := start.Add(-10 * day); at.Before(start.Add(20 * day)); at = at.Add(7 * time.Minute) {
				m := s.at(at)
				c := wire.CompareSerial(s.serial(m), s.serial(last))
				if m == last && c != 0 || m != last && c <= 0 {
					t.Fatalf("%s every %s at %s: serial %d after %d", scheme, publish, at, s.serial(m), s.serial(last))
				}
				if born := s.published(m); born.After(at) || at.Sub(born) > publish+time.Minute {
					t.Fatalf("%s every %s at %s: version born %s", scheme, publish, at, born)
				}
				last = m
			}
		}
	}
	count := newSchedule(Signing{Serial: SerialCount}.withDefaults(), start, 42, nil)
	if got := count.serial(count.at(start)); got != 42 {
		t.Errorf("at the start the serial is %d, want the file's 42", got)
	}
}

func TestJitterIsStableAndBounded(t *testing.T) {
	s := newSchedule(Signing{Jitter: 6 * time.Hour}.withDefaults(), start, 0, nil)
	ends := map[time.Time]bool{}
	for _, name := range []string{"a.", "b.", "c.", "d."} {
		_, end := s.window(s.at(start), "x.", wire.TypeA, time.Time{})
		_, again := s.window(s.at(start.Add(day)), "x.", wire.TypeA, time.Time{})
		if !end.Equal(again) {
			t.Error("it differs from one asking to the next")
		}
		_, end = s.window(s.at(start), holdfast.Name(name), wire.TypeA, time.Time{})
		if early := start.Add(28 * day).Sub(end); early < 0 || early >= 6*time.Hour {
			t.Errorf("%s ends %s early", name, early)
		}
		ends[end] = true
	}
	if len(ends) < 3 {
		t.Errorf("all names end at once: %v", ends)
	}
}

func TestClock(t *testing.T) {
	c := NewClock(start, 1440)
	if now := c.Now(); now.Before(start) || now.After(start.Add(time.Hour)) {
		t.Errorf("it begins at %s", now)
	}
	c.Advance(day)
	if now := c.Now(); now.Before(start.Add(day)) {
		t.Errorf("a day on it is %s", now)
	}
	began := time.Now()
	at := <-c.After(time.Minute) // 42 ms
	if took := time.Since(began); took > 10*time.Second || at.Before(start.Add(day+time.Minute)) {
		t.Errorf("a minute took %s and ended at %s", took, at)
	}
	if NewClock(start, 0).Rate() != 1 || NewClock(start, -1).Rate() != 1 {
		t.Error("a rate that is not positive counts as 1")
	}
}
