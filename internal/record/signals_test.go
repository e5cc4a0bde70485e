package record

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
)

// TestSignals: counts of several files add up, none counts twice, and what is
// old can be dropped.
func TestSignals(t *testing.T) {
	r := create(t)
	day := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	tally := func(source string, days int, count int64, tags ...uint16) holdfast.SignalTally {
		return holdfast.SignalTally{Source: netip.MustParseAddr(source), Day: day.AddDate(0, 0, days), Tags: tags, Count: count}
	}
	add := func(name string, tallies ...holdfast.SignalTally) error {
		return r.AddSignals(t.Context(), SignalFile{Hash: [32]byte{name[0]}, Name: name}, day, ".", tallies)
	}
	if err := errors.Join(
		add("a", tally("192.0.2.1", 0, 2, 20326), tally("2001:db8::1", 0, 1, 20326, 38696)),
		add("b", tally("192.0.2.1", 0, 3, 20326), tally("192.0.2.1", 1, 1, 20326, 38696)),
	); err != nil {
		t.Fatal(err)
	}
	if err := add("a", tally("192.0.2.1", 0, 2, 20326)); !errors.Is(err, ErrState) {
		t.Errorf("the same file again: %v, want ErrState", err)
	}
	read := func(since time.Time) (out []string) {
		if err := r.Signals(t.Context(), ".", since, func(s holdfast.SignalTally) error {
			out = append(out, fmt.Sprint(s.Source, " ", s.Day.Format(time.DateOnly), " ", s.Tags, " ", s.Count))
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return out
	}
	want := []string{"192.0.2.1 2026-11-01 [20326] 5", "192.0.2.1 2026-11-02 [20326 38696] 1", "2001:db8::1 2026-11-01 [20326 38696] 1"}
	if got := read(time.Time{}); !slices.Equal(got, want) {
		t.Errorf("recorded %q", got)
	}
	if got := read(day.AddDate(0, 0, 1)); !slices.Equal(got, want[1:2]) {
		t.Errorf("since the second day %q", got)
	}
	if gone, err := r.Prune(t.Context(), Retention{Told: 24 * time.Hour}, day.AddDate(0, 0, 2)); err != nil || gone.Signals != 2 {
		t.Errorf("dropped %d: %v", gone.Signals, err)
	}
	if got := read(time.Time{}); !slices.Equal(got, want[1:2]) {
		t.Errorf("left %q", got)
	}
	if err := r.Signals(t.Context(), "example.", time.Time{}, func(holdfast.SignalTally) error { t.Error("a signal of another zone"); return nil }); err != nil {
		t.Error(err)
	}
}

// TestSignalsGoOn: a file of which a part was recorded is gone on with, and each
// count is recorded once.
func TestSignalsGoOn(t *testing.T) {
	r := create(t)
	day := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	tallies := make([]holdfast.SignalTally, 2*signalsAtOnce+7)
	for i := range tallies {
		tallies[i] = holdfast.SignalTally{Source: netip.AddrFrom4([4]byte{192, byte(i >> 16), byte(i >> 8), byte(i)}), Day: day, Tags: []uint16{1}, Count: 1}
	}
	file := SignalFile{Hash: [32]byte{1}, Name: "a"}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	// A crash behind the first transaction leaves this.
	must(r.write(t.Context(), "a part", func(b *batch) error {
		if _, err := b.signalFile(file, day, "."); err != nil {
			return err
		}
		for _, s := range tallies[:signalsAtOnce] {
			if err := b.exec("INSERT INTO signal (zone, source, day, tags, count) VALUES ('.', ?, ?, '0001', 1)", s.Source.AsSlice(), dayOf(day)); err != nil {
				return err
			}
		}
		return b.exec("UPDATE signal_file SET done = ?", signalsAtOnce)
	}))
	must(r.AddSignals(t.Context(), file, day, ".", tallies))
	n := 0
	must(r.Signals(t.Context(), ".", time.Time{}, func(s holdfast.SignalTally) error {
		if n++; s.Count != 1 {
			t.Errorf("%s counts %d times", s.Source, s.Count)
		}
		return nil
	}))
	if n != len(tallies) {
		t.Errorf("%d counts of %d", n, len(tallies))
	}
	if err := r.AddSignals(t.Context(), file, day, ".", tallies); !errors.Is(err, ErrState) {
		t.Errorf("once more: %v", err)
	}
	must(r.AddSignals(t.Context(), file, day, "example.", tallies[:1])) // the same file for another zone's keys
}
