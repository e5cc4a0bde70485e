package record

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/holdfastdns/holdfast"
)

// historyLimit bounds what one question about the past may answer.
const historyLimit = 100_000

// An interval has a row from the moment at which it opens. While it lasts its
// finding is in the latest verdict of its zone, which says when it was last
// seen and what it looks like now; so a look that changes nothing writes no
// row. When it closes, the row is given the finding's last form.

// byKey indexes findings; of two with one key the more severe counts.
func byKey(findings []holdfast.Finding) map[string]*holdfast.Finding {
	out := make(map[string]*holdfast.Finding, len(findings))
	for i := range findings {
		f := &findings[i]
		if other := out[f.Key()]; other == nil || other.Severity < f.Severity {
			out[f.Key()] = f
		}
	}
	return out
}

// saveIntervals closes those findings of the status before that the verdict
// has no more, and opens those that are new in it.
func (b *batch) saveIntervals(zone int64, before *ZoneStatus, v holdfast.Verdict) error {
	var was map[string]*holdfast.Finding
	if before != nil {
		was = byKey(before.Verdict.Findings)
	}
	is := byKey(v.Findings)
	for key, f := range was {
		if is[key] != nil {
			continue
		}
		finding, err := json.Marshal(f)
		if err != nil {
			return fmt.Errorf("encode finding: %w", err)
		}
		err = b.exec("UPDATE interval SET closed = ?, last_seen = ?, measurement = ?, finding = ? WHERE zone = ? AND identity = ? AND closed IS NULL",
			nanos(v.At), nanos(before.Verdict.At), before.Verdict.Measurement, string(finding), zone, key)
		if err != nil {
			return err
		}
	}
	for key, f := range is {
		if was[key] != nil {
			continue
		}
		finding, err := json.Marshal(f)
		if err != nil {
			return fmt.Errorf("encode finding: %w", err)
		}
		err = b.exec("INSERT INTO interval (zone, identity, opened, measurement, finding) VALUES (?, ?, ?, ?, ?)",
			zone, key, nanos(v.At), v.Measurement, string(finding))
		if err != nil {
			return err
		}
	}
	return nil
}

// Intervals answers findings over time, newest first: all that last, and those
// that were closed at or after since. zone "" means every zone. At most 100,000
// are answered.
func (r *Record) Intervals(ctx context.Context, zone holdfast.Name, since time.Time) ([]Interval, error) {
	out, err := r.intervals(ctx, zone, since)
	return out, r.failed("read findings over time", err)
}

func (r *Record) intervals(ctx context.Context, zone holdfast.Name, since time.Time) ([]Interval, error) {
	query := `SELECT zone.name, identity, opened, last_seen, closed, measurement, finding
		FROM interval JOIN zone ON zone.key = interval.zone WHERE (closed IS NULL OR closed >= ?)`
	args := []any{nanos(since)}
	if zone != "" {
		query, args = query+" AND interval.zone = (SELECT key FROM zone WHERE name = ?)", append(args, string(zone))
	}
	rows, err := r.reads.QueryContext(ctx, query+" ORDER BY opened DESC, interval.key DESC LIMIT ?", append(args, historyLimit)...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	latest := map[string]map[string]*holdfast.Finding{} // of the zones that have open ones
	verdicts := map[string]*holdfast.Verdict{}
	var out []Interval
	for rows.Next() {
		var row intervalRow
		if err := rows.Scan(&row.name, &row.identity, &row.opened, &row.lastSeen, &row.closed, &row.measurement, &row.finding); err != nil {
			return nil, err
		}
		interval, err := row.interval()
		if err != nil {
			return nil, err
		}
		if !row.closed.Valid {
			if latest[row.name] == nil {
				status, err := r.Status(ctx, holdfast.Name(row.name))
				if err != nil {
					return nil, err
				}
				verdicts[row.name], latest[row.name] = &status.Verdict, byKey(status.Verdict.Findings)
			}
			interval.refresh(verdicts[row.name], latest[row.name][row.identity])
		}
		out = append(out, interval)
	}
	return out, rows.Err()
}

type intervalRow struct {
	name, identity       string
	opened               int64
	lastSeen, closed     sql.NullInt64
	measurement, finding string
}

func (row intervalRow) interval() (Interval, error) {
	out := Interval{Measurement: row.measurement, Opened: instant(row.opened), LastSeen: instant(row.opened)}
	if row.lastSeen.Valid {
		out.LastSeen = instant(row.lastSeen.Int64)
	}
	if row.closed.Valid {
		out.Closed = instant(row.closed.Int64)
	}
	if err := json.Unmarshal([]byte(row.finding), &out.Finding); err != nil {
		return out, fmt.Errorf("finding %s of %s: %w: %w", row.identity, row.name, errDamaged, err)
	}
	return out, nil
}

// refresh gives an open interval its present form. The verdict may have moved
// on since the row was read; then the finding is absent and the row stands.
func (i *Interval) refresh(v *holdfast.Verdict, f *holdfast.Finding) {
	if f == nil {
		return
	}
	i.Finding, i.Measurement, i.LastSeen = *f, v.Measurement, v.At
}
