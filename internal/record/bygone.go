package record

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/holdfastdns/holdfast"
)

// Closed incidents and notices that have come to their end are kept far longer
// than evidence, but not for ever. What is left of them is a count.

// Bygone counts incidents or notices that retention took.
type Bygone struct {
	Month string        `json:"month"` // "2026-08": when they were closed, or made
	Kind  string        `json:"kind"`  // "incident" or "notice"
	What  string        `json:"what"`  // trouble and peak, "expiry critical"; or audience and end, "contact sent"
	Zone  holdfast.Name `json:"zone"`
	Count int           `json:"count"`
}

// Bygone answers what is left of incidents and notices that retention took,
// oldest first.
func (r *Record) Bygone(ctx context.Context) ([]Bygone, error) {
	const act = "read what retention took"
	rows, err := r.reads.QueryContext(ctx, "SELECT month, kind, what, zone, count FROM bygone ORDER BY month, kind, what, zone LIMIT ?", historyLimit)
	if err != nil {
		return nil, r.failed(act, err)
	}
	defer rows.Close()
	var out []Bygone
	for rows.Next() {
		var b Bygone
		if err := rows.Scan(&b.Month, &b.Kind, &b.What, &b.Zone, &b.Count); err != nil {
			return nil, r.failed(act, err)
		}
		out = append(out, b)
	}
	return out, r.failed(act, rows.Err())
}

// pruneTold takes away incidents closed before an instant, and the notices
// from before it that tell of no incident still there; and key tag signals of
// days before it.
func (r *Record) pruneTold(ctx context.Context, horizon time.Time, gone *Pruned) error {
	steps := []struct {
		drop func(*batch, time.Time) (int, error)
		gone *int
	}{{(*batch).dropIncidents, &gone.Incidents}, {(*batch).dropNotices, &gone.Notices}, {(*batch).dropSignals, &gone.Signals}}
	for _, step := range steps {
		for {
			var n int
			err := r.write(ctx, "prune", func(b *batch) (err error) {
				n, err = step.drop(b, horizon)
				return err
			})
			if err != nil {
				return err
			}
			if n == 0 {
				break
			}
			*step.gone += n
		}
	}
	return nil
}

func (b *batch) dropIncidents(horizon time.Time) (int, error) {
	old, err := read[holdfast.Incident](b, "SELECT data FROM incident WHERE state = 'closed' AND updated < ? ORDER BY updated LIMIT ?", nanos(horizon), pruneLength)
	if err != nil {
		return 0, err
	}
	for _, i := range old {
		ended := i.Closed
		if ended.IsZero() {
			ended = i.Updated
		}
		if err := b.count("incident", ended, string(i.Trouble)+" "+i.Peak.String(), i.Zones); err != nil {
			return 0, err
		}
		for _, query := range []string{"DELETE FROM incident_zone WHERE incident = ?", "DELETE FROM incident_evidence WHERE incident = ?", "DELETE FROM incident WHERE id = ?"} {
			if err := b.exec(query, i.ID); err != nil {
				return 0, fmt.Errorf("incident %s: %w", i.ID, err)
			}
		}
	}
	return len(old), nil
}

func (b *batch) dropNotices(horizon time.Time) (int, error) {
	const query = `SELECT json_object('id', id, 'zones', json_extract(data, '$.zones'), 'audience', audience, 'state', state, 'created', json_extract(data, '$.created'))
		FROM notice WHERE created < ? AND state IN ('sent', 'dropped', 'failed')
		AND NOT EXISTS (SELECT 1 FROM notice_incident JOIN incident ON incident.id = notice_incident.incident WHERE notice_incident.notice = notice.id)
		ORDER BY created LIMIT ?`
	old, err := read[holdfast.Notice](b, query, nanos(horizon), pruneLength)
	if err != nil {
		return 0, err
	}
	for _, n := range old {
		if err := b.count("notice", n.Created, string(n.Audience)+" "+string(n.State), n.Zones); err != nil {
			return 0, err
		}
		for _, query := range []string{"DELETE FROM notice_incident WHERE notice = ?", "DELETE FROM notice WHERE id = ?"} {
			if err := b.exec(query, n.ID); err != nil {
				return 0, fmt.Errorf("notice %s: %w", n.ID, err)
			}
		}
	}
	return len(old), nil
}

// count adds one to what is bygone of each zone.
func (b *batch) count(kind string, at time.Time, what string, zones []holdfast.Name) error {
	for _, zone := range zones {
		err := b.exec(`INSERT INTO bygone (month, kind, what, zone, count) VALUES (?, ?, ?, ?, 1)
			ON CONFLICT (month, kind, what, zone) DO UPDATE SET count = count + 1`, at.UTC().Format("2006-01"), kind, what, string(zone))
		if err != nil {
			return err
		}
	}
	return nil
}

// read is list, within a transaction.
func read[T any](b *batch, query string, args ...any) ([]T, error) {
	rows, err := b.query(query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []T
	for rows.Next() {
		var data []byte
		if err := rows.Scan(&data); err != nil {
			return nil, err
		}
		var v T
		if err := json.Unmarshal(data, &v); err != nil {
			return nil, fmt.Errorf("%w: %w", errDamaged, err)
		}
		out = append(out, v)
	}
	return out, rows.Err()
}
