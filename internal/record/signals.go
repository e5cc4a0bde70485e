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

// AddSignals adds the counts of a file to those that are recorded of a zone, in
// one transaction. ErrState says that the file was taken up before: then
// nothing is added.
func (r *Record) AddSignals(ctx context.Context, file SignalFile, at time.Time, zone holdfast.Name, tallies []holdfast.SignalTally) error {
	return r.write(ctx, "record signals of "+file.Name, func(b *batch) error {
		var taken int64
		err := b.get("SELECT taken FROM signal_file WHERE hash = ?", []any{file.Hash[:]}, &taken)
		if err == nil {
			return fmt.Errorf("they were recorded %s: %w", time.Unix(0, taken).UTC().Format(time.RFC3339), ErrState)
		}
		if !errors.Is(err, ErrNotFound) {
			return err
		}
		if err := b.exec("INSERT INTO signal_file (hash, name, taken) VALUES (?, ?, ?)", file.Hash[:], file.Name, nanos(at)); err != nil {
			return err
		}
		for _, t := range tallies {
			err := b.exec("INSERT INTO signal (zone, source, day, tags, count) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET count = count + excluded.count",
				string(zone), t.Source.Unmap().AsSlice(), dayOf(t.Day), tagsText(t.Tags), t.Count)
			if err != nil {
				return err
			}
		}
		return nil
	})
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
