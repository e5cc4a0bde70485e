package record

import (
	"context"
	"encoding/json"

	"github.com/holdfastdns/holdfast"
)

// defaultLimit is how many rows a list has where its caller names no limit.
const defaultLimit = 1000

func limited(limit int) int {
	if limit <= 0 {
		return defaultLimit
	}
	return limit
}

// BeginSweep records a sweep as it begins. One that is resumed after a restart
// may be begun again.
func (r *Record) BeginSweep(ctx context.Context, s holdfast.Sweep) error {
	return r.saveSweep(ctx, "begin sweep "+s.ID, s)
}

// EndSweep records what became of a sweep.
func (r *Record) EndSweep(ctx context.Context, s holdfast.Sweep) error {
	return r.saveSweep(ctx, "end sweep "+s.ID, s)
}

func (r *Record) saveSweep(ctx context.Context, act string, s holdfast.Sweep) error {
	data, err := json.Marshal(s)
	if err != nil {
		return r.failed(act, err)
	}
	return r.write(ctx, act, func(b *batch) error {
		return b.exec(`INSERT INTO sweep (id, started, data) VALUES (?, ?, ?)
			ON CONFLICT (id) DO UPDATE SET started = excluded.started, data = excluded.data`, s.ID, nanos(s.Started), string(data))
	})
}

// Sweeps answers the latest sweeps, newest first; limit 0 means 1000.
func (r *Record) Sweeps(ctx context.Context, limit int) ([]holdfast.Sweep, error) {
	sweeps, err := list[holdfast.Sweep](ctx, r, "SELECT data FROM sweep WHERE data IS NOT NULL ORDER BY started DESC, key DESC LIMIT ?", limited(limit))
	return sweeps, r.failed("read sweeps", err)
}

// list reads rows of one column of JSON.
func list[T any](ctx context.Context, r *Record, query string, args ...any) ([]T, error) {
	rows, err := r.reads.QueryContext(ctx, query, args...)
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
			return nil, err
		}
		out = append(out, v)
	}
	return out, rows.Err()
}

// one reads a row of one column of JSON; ErrNotFound where there is none.
func one[T any](ctx context.Context, r *Record, query string, args ...any) (v T, err error) {
	var data []byte
	if err := r.reads.QueryRowContext(ctx, query, args...).Scan(&data); err != nil {
		return v, found(err)
	}
	return v, json.Unmarshal(data, &v)
}
