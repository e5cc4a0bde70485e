package record

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

const (
	// pruneLength is how much one transaction of Prune takes away: writers
	// wait for it, so it must be a matter of milliseconds.
	pruneLength = 500
	// vacuumPages is how many pages are given back at a time, for the same reason.
	vacuumPages = 2000
)

// Prune takes away what retention does not keep: what is older than keep.Age,
// and then, oldest first, as much evidence as the size asks. Whatever their
// age these stay: measurements that were not judged yet, the latest of each
// zone and depth, those on which an incident rests, and the bases of all that
// stay. Closed incidents and the notices of them go when they are older than
// keep.Told, and leave counts (Bygone); contacts stay. The file becomes
// smaller.
//
// It works in short transactions: others may write meanwhile, and if it ends
// early, what it took is gone and the rest is whole.
func (r *Record) Prune(ctx context.Context, keep Retention, now time.Time) (Pruned, error) {
	var gone Pruned
	err := r.prune(ctx, keep, now, &gone)
	return gone, r.failed("prune", err)
}

func (r *Record) prune(ctx context.Context, keep Retention, now time.Time, gone *Pruned) error {
	before, err := r.fileSize()
	if err != nil {
		return err
	}
	if keep.Told > 0 { // first: they hold evidence
		if err := r.pruneTold(ctx, now.Add(-keep.Told), gone); err != nil {
			return err
		}
	}
	if keep.Age > 0 {
		if err := r.pruneByAge(ctx, now.Add(-keep.Age), gone); err != nil {
			return err
		}
	}
	if keep.Size > 0 {
		if err := r.pruneBySize(ctx, keep.Size, gone); err != nil {
			return err
		}
	}
	if err := r.shrink(ctx); err != nil {
		return err
	}
	after, err := r.fileSize()
	gone.Bytes = max(0, before-after)
	return err
}

func (r *Record) pruneByAge(ctx context.Context, horizon time.Time, gone *Pruned) error {
	for {
		n, err := r.pruneLooks(ctx, millis(horizon), gone)
		if err != nil {
			return err
		}
		if n == 0 {
			break
		}
	}
	for _, rows := range []struct {
		query string
		args  []any
		gone  *int
	}{
		{"DELETE FROM interval WHERE key IN (SELECT key FROM interval WHERE closed < ? LIMIT ?)", []any{nanos(horizon)}, &gone.Intervals},
		// A day more: the last looks of a sweep begin long after it did.
		{"DELETE FROM sweep WHERE key IN (SELECT key FROM sweep WHERE started < ? AND key NOT IN (SELECT sweep FROM look WHERE started < ? AND sweep IS NOT NULL) LIMIT ?)",
			[]any{nanos(horizon.Add(-24 * time.Hour)), millis(horizon)}, &gone.Sweeps},
		// The newest from before the horizon stays: the evidence kept is judged again from there on.
		{`DELETE FROM past_day WHERE (zone, until) IN (SELECT zone, until FROM past_day AS old WHERE until < ?1
			AND EXISTS (SELECT 1 FROM past_day AS newer WHERE newer.zone = old.zone AND newer.until > old.until AND newer.until < ?1) LIMIT ?2)`,
			[]any{nanos(horizon)}, &gone.Pasts},
	} {
		if err := r.pruneRows(ctx, rows.query, rows.args, rows.gone); err != nil {
			return err
		}
	}
	return r.pruneSpans(ctx, horizon, gone)
}

// pruneSpans takes away the spans that had ended before an instant. They stand
// in the order in which they began, so it stops at the first that began later.
func (r *Record) pruneSpans(ctx context.Context, horizon time.Time, gone *Pruned) error {
	last := int64(0)
	for {
		var end, began, n int64
		err := r.write(ctx, "prune", func(b *batch) error {
			err := b.get(`SELECT coalesce(max(key), 0), coalesce(min(first_seen), 0)
				FROM (SELECT key, first_seen FROM span WHERE key > ? ORDER BY key LIMIT ?)`, []any{last, 10 * pruneLength}, &end, &began)
			if err == nil {
				n, err = b.change("DELETE FROM span WHERE key > ? AND key <= ? AND last_seen < ?", last, end, nanos(horizon))
			}
			return err
		})
		if err != nil || end == 0 || began >= nanos(horizon) {
			return err
		}
		gone.Windows += int(n)
		last = end
	}
}

// pruneRows repeats a deletion, whose last argument is how much at a time,
// until nothing is left for it.
func (r *Record) pruneRows(ctx context.Context, query string, args []any, gone *int) error {
	for {
		var n int64
		err := r.write(ctx, "prune", func(b *batch) (err error) {
			n, err = b.change(query, append(args[:len(args):len(args)], 10*pruneLength)...)
			return err
		})
		if err != nil || n == 0 {
			return err
		}
		*gone += int(n)
	}
}

// pruneBySize takes the oldest evidence until what is left fits.
func (r *Record) pruneBySize(ctx context.Context, size int64, gone *Pruned) error {
	for {
		used, err := r.usedBytes(ctx)
		if err != nil || used <= size {
			return err
		}
		// No measurement begins after the year 9999.
		n, err := r.pruneLooks(ctx, 253402300800000, gone)
		if err != nil || n == 0 {
			return err
		}
	}
}

// usedBytes is what the database takes without the pages that are free.
func (r *Record) usedBytes(ctx context.Context) (used int64, err error) {
	err = r.reads.QueryRowContext(ctx, `SELECT (page_count - freelist_count) * page_size
		FROM pragma_page_count(), pragma_freelist_count(), pragma_page_size()`).Scan(&used)
	return used, err
}

// pruneLooks takes away some of the oldest looks begun before an instant (in
// milliseconds) and what only they rested on, and says how many.
func (r *Record) pruneLooks(ctx context.Context, before int64, gone *Pruned) (n int, err error) {
	var replies int
	err = r.write(ctx, "prune", func(b *batch) error {
		n, replies, err = b.dropLooks(before)
		return err
	})
	if err != nil {
		return 0, err
	}
	gone.Measurements += n
	gone.Replies += replies
	return n, nil
}

func (b *batch) dropLooks(before int64) (looks, replies int, err error) {
	rows, err := b.query(`SELECT key, outcome, coalesce(base, 0) FROM look WHERE started < ?
		AND NOT EXISTS (SELECT 1 FROM unjudged WHERE unjudged.look = look.key)
		AND NOT EXISTS (SELECT 1 FROM latest WHERE latest.look = look.key)
		AND NOT EXISTS (SELECT 1 FROM incident_evidence WHERE measurement = look.id)
		AND NOT EXISTS (SELECT 1 FROM base_use WHERE base_use.key = look.key)
		ORDER BY started, key LIMIT ?`, before, pruneLength)
	if err != nil {
		return 0, 0, err
	}
	gone, err := oldLooks(rows)
	if err != nil {
		return 0, 0, err
	}
	for _, look := range gone {
		n, err := b.dropLook(look)
		if err != nil {
			return 0, 0, fmt.Errorf("look %d: %w", look.key, err)
		}
		replies += n
	}
	return len(gone), replies, nil
}

type oldLook struct{ key, outcome, base int64 }

func oldLooks(rows *sql.Rows) (looks []oldLook, err error) {
	defer rows.Close()
	for rows.Next() {
		var look oldLook
		if err := rows.Scan(&look.key, &look.outcome, &look.base); err != nil {
			return nil, err
		}
		looks = append(looks, look)
	}
	return looks, rows.Err()
}

// dropLook takes away a look; its base, where that is of no other use, goes in
// its own turn.
func (b *batch) dropLook(look oldLook) (replies int, err error) {
	if err := b.exec("DELETE FROM look WHERE key = ?", look.key); err != nil {
		return 0, err
	}
	if look.base != 0 {
		if _, err := b.release(baseUse, look.base); err != nil {
			return 0, err
		}
	}
	last, err := b.release(outcomeUse, look.outcome)
	if err != nil || !last {
		return 0, err
	}
	return b.dropOutcome(look.outcome)
}

// dropOutcome takes away an outcome that no look shares any more, with the
// packs and the plan that nothing else uses; it says how many replies went.
func (b *batch) dropOutcome(key int64) (replies int, err error) {
	var plan int64
	var data []byte
	if err := b.get("SELECT plan, data FROM outcome WHERE key = ?", []any{key}, &plan, &data); err != nil {
		return 0, err
	}
	if err := b.exec("DELETE FROM outcome WHERE key = ?", key); err != nil {
		return 0, err
	}
	last, err := b.release(planUse, plan)
	if err == nil && last {
		err = b.exec("DELETE FROM plan WHERE key = ?", plan)
	}
	if err != nil {
		return 0, err
	}
	var o outcome
	raw, err := expand(data)
	if err == nil {
		o, err = decodeOutcome(raw)
	}
	if err != nil {
		// Damaged: what it used cannot be known, and is kept. The damage must
		// not keep retention from working.
		return 0, nil
	}
	for pack := range o.packs() {
		n, err := b.releasePack(pack)
		if err != nil {
			return 0, err
		}
		replies += n
	}
	return replies, nil
}

// releasePack takes away a pack that nothing uses any more, and its messages.
func (b *batch) releasePack(pack int64) (replies int, err error) {
	last, err := b.release(packUse, pack)
	if err != nil || !last {
		return 0, err
	}
	var data []byte
	if err := b.get("SELECT data FROM pack WHERE key = ?", []any{pack}, &data); err != nil {
		return 0, err
	}
	forms, err := decodePack(data)
	if err != nil { // damaged: its messages are found the slow way
		err := b.exec("DELETE FROM message WHERE number BETWEEN ? AND ?", pack*packLength, pack*packLength+packLength-1)
		return 0, errors.Join(err, b.exec("DELETE FROM pack WHERE key = ?", pack))
	}
	for _, form := range forms {
		h := hashOf(form)
		if err := b.exec("DELETE FROM message WHERE hash = ?", h[:]); err != nil {
			return 0, err
		}
	}
	return len(forms), b.exec("DELETE FROM pack WHERE key = ?", pack)
}

// shrink gives free pages back to the file system, and empties the log.
func (r *Record) shrink(ctx context.Context) error {
	for {
		var free int64
		if err := r.reads.QueryRowContext(ctx, "PRAGMA freelist_count").Scan(&free); err != nil {
			return err
		}
		err := r.alone(ctx, "shrink the file", func(conn *sql.Conn) error {
			if free == 0 {
				return checkpoint(ctx, conn)
			}
			// The pragma gives back one page each time it is stepped.
			rows, err := conn.QueryContext(ctx, fmt.Sprintf("PRAGMA incremental_vacuum(%d)", vacuumPages))
			if err != nil {
				return err
			}
			for rows.Next() {
			}
			return errors.Join(rows.Err(), rows.Close())
		})
		if err != nil || free == 0 {
			return err
		}
	}
}
