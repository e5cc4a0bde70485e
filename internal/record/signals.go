package record

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/holdfastdns/holdfast"
)

// SignalFile is a record of traffic whose signals are taken up.
type SignalFile struct {
	Hash [32]byte // SHA-256
	Name string
}

// signalsAtOnce is how many counts one transaction takes: others wait for it,
// and a watch in another process gives up after ten seconds.
const signalsAtOnce = 10_000

// AddSignals adds the counts of a file, in the order of SignalTally's fields, to
// those that are recorded of a zone. ErrState says that the file was taken up
// before: then nothing is added. If we were to crash in it, to add the same file
// again would go on where it ended.
func (r *Record) AddSignals(ctx context.Context, file SignalFile, at time.Time, zone holdfast.Name, tallies []holdfast.SignalTally) error {
	for whole := false; !whole; {
		err := r.write(ctx, "record signals of "+file.Name, func(b *batch) error {
			done, err := b.signalFile(file, at, zone)
			if err != nil {
				return err
			}
			end := min(done+signalsAtOnce, len(tallies))
			for _, t := range tallies[min(done, end):end] {
				err := b.exec("INSERT INTO signal (zone, source, day, tags, count) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET count = count + excluded.count",
					string(zone), t.Source.Unmap().AsSlice(), dayOf(t.Day), tagsText(t.Tags), t.Count)
				if err != nil {
					return err
				}
			}
			whole = end == len(tallies)
			return b.exec("UPDATE signal_file SET done = ?, whole = ? WHERE hash = ? AND zone = ?", end, whole, file.Hash[:], string(zone))
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// signalFile says how many counts of a file are recorded already; ErrState:
// all of them. A file that is not known is noted.
func (b *batch) signalFile(file SignalFile, at time.Time, zone holdfast.Name) (done int, err error) {
	var taken int64
	var whole bool
	err = b.get("SELECT taken, done, whole FROM signal_file WHERE hash = ? AND zone = ?", []any{file.Hash[:], string(zone)}, &taken, &done, &whole)
	switch {
	case errors.Is(err, ErrNotFound):
		return 0, b.exec("INSERT INTO signal_file (hash, zone, name, taken, done, whole) VALUES (?, ?, ?, ?, 0, 0)", file.Hash[:], string(zone), file.Name, nanos(at))
	case err == nil && whole:
		return 0, fmt.Errorf("they were recorded %s: %w", time.Unix(0, taken).UTC().Format(time.RFC3339), ErrState)
	}
	return done, err
}

func dayOf(at time.Time) int64 { return at.Unix() / (24 * 60 * 60) }

// Signals hands out the counts of a zone since a day, by source, day and keys.
func (r *Record) Signals(ctx context.Context, zone holdfast.Name, since time.Time, yield func(holdfast.SignalTally) error) error {
	return r.failed("read signals of "+zone.Short(), r.signals(ctx, zone, since, yield))
}

func (r *Record) signals(ctx context.Context, zone holdfast.Name, since time.Time, yield func(holdfast.SignalTally) error) error {
	from := int64(0)
	if !since.IsZero() {
		from = dayOf(since)
	}
	rows, err := r.reads.QueryContext(ctx, "SELECT source, day, tags, count FROM signal WHERE zone = ? AND day >= ? ORDER BY length(source), source, day, tags", string(zone), from)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var t holdfast.SignalTally
		var source []byte
		var day int64
		var tags string
		if err := rows.Scan(&source, &day, &tags, &t.Count); err != nil {
			return err
		}
		var ok bool
		if t.Source, ok = netip.AddrFromSlice(source); !ok {
			return fmt.Errorf("source %x is no address", source)
		}
		if t.Tags, err = readTags(tags); err != nil {
			return err
		}
		t.Day = time.Unix(day*24*60*60, 0).UTC()
		if err := yield(t); err != nil {
			return err
		}
	}
	return rows.Err()
}

// dropSignals takes away counts of days before an instant, some at a time.
func (b *batch) dropSignals(horizon time.Time) (int, error) {
	n, err := b.change("DELETE FROM signal WHERE (zone, source, day, tags) IN (SELECT zone, source, day, tags FROM signal WHERE day < ? LIMIT 10000)", dayOf(horizon))
	return int(n), err
}
