package record

import (
	"context"
	"time"

	"github.com/holdfastdns/holdfast"
)

// LastLooks answers when each zone was last looked at, by depth: the start of
// its latest measurement. A program that starts takes up its loops from it.
func (r *Record) LastLooks(ctx context.Context) (map[holdfast.Name]map[holdfast.Depth]time.Time, error) {
	const act = "read the latest looks"
	rows, err := r.reads.QueryContext(ctx, "SELECT zone.name, latest.depth, latest.started FROM latest JOIN zone ON zone.key = latest.zone")
	if err != nil {
		return nil, r.failed(act, err)
	}
	defer rows.Close()
	out := make(map[holdfast.Name]map[holdfast.Depth]time.Time)
	for rows.Next() {
		var zone holdfast.Name
		var depth holdfast.Depth
		var started int64
		if err := rows.Scan(&zone, &depth, &started); err != nil {
			return nil, r.failed(act, err)
		}
		if out[zone] == nil {
			out[zone] = make(map[holdfast.Depth]time.Time, 2)
		}
		out[zone][depth] = time.UnixMilli(started).UTC()
	}
	return out, r.failed(act, rows.Err())
}

// Withhold marks a measurement as one that is not to be judged: it was made
// while our own network was in trouble, and recovery must not blame the zone
// for it either. The evidence stays.
func (r *Record) Withhold(ctx context.Context, id string) error {
	return r.write(ctx, "withhold measurement "+id, func(b *batch) error {
		return b.exec("DELETE FROM unjudged WHERE look = (SELECT key FROM look WHERE id = ?)", packID(id))
	})
}
