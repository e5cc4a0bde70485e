package record

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
)

// TestSignalsDamaged: rows that no version wrote are an error with the zone, and
// never a wrong count; a reader's own error comes through; a file that could not
// be written wholly counts when it is added again.
func TestSignalsDamaged(t *testing.T) {
	day := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	tally := holdfast.SignalTally{Source: netip.MustParseAddr("::ffff:192.0.2.1"), Day: day.Add(13 * time.Hour), Tags: []uint16{20326}, Count: 2}
	none := func(holdfast.SignalTally) error { return nil }
	for name, statement := range map[string]string{
		"a source of three octets": "INSERT INTO signal (zone, source, day, tags, count) VALUES ('.', x'c00002', 20000, '4f66', 1)",
		"tags that are none":       "INSERT INTO signal (zone, source, day, tags, count) VALUES ('.', x'c0000201', 20000, '4f66-', 1)",
		"a tag that is no number":  "INSERT INTO signal (zone, source, day, tags, count) VALUES ('.', x'c0000201', 20000, 'zzzz', 1)",
	} {
		r := create(t)
		_, err := r.writer.conn.ExecContext(t.Context(), statement)
		noError(t, err)
		if err := r.Signals(t.Context(), ".", time.Time{}, none); err == nil || !strings.Contains(err.Error(), "read signals of .") {
			t.Errorf("%s: %v", name, err)
		}
	}
	r := create(t)
	file := SignalFile{Hash: [32]byte{1}, Name: "f"}
	noError(t, r.AddSignals(t.Context(), file, day, ".", []holdfast.SignalTally{tally}))
	noError(t, r.Signals(t.Context(), ".", day, func(s holdfast.SignalTally) error {
		if s.Source.String() != "192.0.2.1" || !s.Day.Equal(day) || s.Count != 2 {
			t.Errorf("%+v", s)
		}
		return nil
	}))
	enough := errors.New("enough")
	if err := r.Signals(t.Context(), ".", time.Time{}, func(holdfast.SignalTally) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("%v, want the reader's error", err)
	}
	// A file without any count is taken up too: once.
	empty := SignalFile{Hash: [32]byte{2}, Name: "empty"}
	noError(t, r.AddSignals(t.Context(), empty, day, ".", nil))
	if err := r.AddSignals(t.Context(), empty, day, ".", nil); !errors.Is(err, ErrState) {
		t.Errorf("an empty file again: %v", err)
	}
	// What is shorter than it was when a part of it was recorded adds nothing.
	part := SignalFile{Hash: [32]byte{3}, Name: "part"}
	noError(t, r.write(t.Context(), "a part", func(b *batch) error {
		if _, err := b.signalFile(part, day, "."); err != nil {
			return err
		}
		return b.exec("UPDATE signal_file SET done = 9 WHERE name = 'part'")
	}))
	noError(t, r.AddSignals(t.Context(), part, day, ".", []holdfast.SignalTally{tally}))
	noError(t, r.Signals(t.Context(), ".", day, func(s holdfast.SignalTally) error {
		if s.Count != 2 {
			t.Errorf("counts %d", s.Count)
		}
		return nil
	}))
	noError(t, r.Close())
	if err := r.Signals(t.Context(), ".", time.Time{}, none); err == nil {
		t.Error("a closed record answers")
	}
	if err := r.AddSignals(t.Context(), SignalFile{Hash: [32]byte{4}}, day, ".", nil); err == nil {
		t.Error("a closed record records")
	}
}
