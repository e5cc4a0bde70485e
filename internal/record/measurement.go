package record

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/holdfastdns/holdfast"
)

// pageLength is how many measurements an iterator names at a time. It reads
// each in a transaction of its own: a reader that holds one for long would
// keep the write-ahead log from being emptied.
const pageLength = 256

// lookRow is a row of the table look with what it rests on.
type lookRow struct {
	key, started    int64
	id              []byte
	sweep, baseName sql.NullString
	base            sql.NullInt64
	data            []byte
	plan, outcome   []byte
}

const selectLook = `SELECT look.key, look.id, sweep.id, look.started, look.base, look.base_name, look.data, plan.data, outcome.data
	FROM look JOIN outcome ON outcome.key = look.outcome JOIN plan ON plan.key = outcome.plan
	LEFT JOIN sweep ON sweep.key = look.sweep`

// Measurement reads a measurement with all its bytes. One of core depth comes
// completed by its base (holdfast.Compose), as it was judged. ErrNotFound where
// there is none of that id, or retention took it.
func (r *Record) Measurement(ctx context.Context, id string) (holdfast.Measurement, error) {
	m, err := r.measurement(ctx, "look.id = ?", packID(id))
	return m, r.failed("read measurement "+id, err)
}

// LatestMeasurement reads the newest measurement of a zone at a depth, composed
// as Measurement does; ErrNotFound where there is none.
func (r *Record) LatestMeasurement(ctx context.Context, zone holdfast.Name, depth holdfast.Depth) (holdfast.Measurement, error) {
	m, err := r.measurement(ctx, "look.key = (SELECT look FROM latest WHERE depth = ? AND zone = (SELECT key FROM zone WHERE name = ?))",
		string(depth), string(zone))
	return m, r.failed(fmt.Sprintf("read latest %s measurement of %s", depth, zone), err)
}

// measurement reads the composed measurement that a condition names. One
// transaction sees it whole, whatever Prune does meanwhile.
func (r *Record) measurement(ctx context.Context, where string, args ...any) (m holdfast.Measurement, err error) {
	tx, err := r.reads.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return m, err
	}
	defer tx.Rollback()
	m, base, err := r.look(ctx, tx, where, args...)
	if err != nil || !base.Valid {
		return m, err
	}
	full, _, err := r.look(ctx, tx, "look.key = ?", base.Int64)
	if err != nil {
		return m, fmt.Errorf("its base: %w", err)
	}
	m.Base = full.ID
	return holdfast.Compose(m, full), nil
}

// look reads one measurement as it was recorded, and the key of its base.
func (r *Record) look(ctx context.Context, tx *sql.Tx, where string, args ...any) (m holdfast.Measurement, base sql.NullInt64, err error) {
	var row lookRow
	err = tx.QueryRowContext(ctx, selectLook+" WHERE "+where, args...).Scan(&row.key, &row.id, &row.sweep,
		&row.started, &row.base, &row.baseName, &row.data, &row.plan, &row.outcome)
	if err != nil {
		return m, base, found(err)
	}
	m, err = row.assemble(func(number int64) ([]byte, error) { return r.message(ctx, tx, number) })
	if err != nil {
		return m, base, fmt.Errorf("look %d: %w", row.key, err)
	}
	return m, row.base, nil
}

// assemble puts a measurement together again.
func (row lookRow) assemble(message func(number int64) ([]byte, error)) (m holdfast.Measurement, err error) {
	raw, err := expand(row.plan)
	if err != nil {
		return m, err
	}
	p, err := decodePlan(raw)
	if err != nil {
		return m, err
	}
	if raw, err = expand(row.outcome); err != nil {
		return m, err
	}
	o, err := decodeOutcome(raw)
	if err != nil {
		return m, err
	}
	if len(o) != len(p.places) {
		return m, fmt.Errorf("%w: its plan has %d exchanges, its outcome %d", errDamaged, len(p.places), len(o))
	}
	l, err := decodeLook(row.data, fromMillis(row.started), p, o)
	if err != nil {
		return m, err
	}
	id, err := unpackID(row.id)
	if err != nil {
		return m, err
	}
	m = holdfast.Measurement{
		ID: id, Sweep: row.sweep.String, Subject: p.Subject, Depth: p.Depth, Vantage: p.Vantage,
		Started: l.started, Finished: l.finished, Cut: l.cut, Base: row.baseName.String,
		Exchanges: make([]holdfast.Exchange, len(o)),
	}
	for k := range o {
		if m.Exchanges[k], err = exchange(p.places[k], o[k], l.times[k], l.drawn, message); err != nil {
			return m, fmt.Errorf("exchange %d: %w", k, err)
		}
	}
	return m, nil
}

// exchange puts one exchange together from its place, ending and timing.
func exchange(at place, end ending, t timing, drawn []holdfast.Name, message func(int64) ([]byte, error)) (e holdfast.Exchange, err error) {
	e = holdfast.Exchange{
		Zone: at.zone, Purpose: at.purpose, Server: at.server, Transport: end.transport,
		Sent: t.sent, RTT: t.rtt, Tries: t.tries, Truncated: end.truncated, Outcome: end.outcome,
		Detail: end.detail, From: end.from,
	}
	if e.Question, err = at.question(drawn); err != nil {
		return e, err
	}
	if end.shell != nil {
		if e.Query, err = queryOf(end.shell, t.id, e.Question); err != nil {
			return e, err
		}
	}
	if end.reply == 0 {
		return e, nil
	}
	form, err := message(end.reply)
	if err != nil {
		return e, err
	}
	id := t.id
	if t.odd {
		id = t.other
	}
	e.Reply, err = restore(form, id, end.nsid)
	return e, err
}

// Unjudged yields, oldest first, the measurements that were recorded and never
// judged: the process died in between. They come composed. The caller may
// call Found while it iterates.
func (r *Record) Unjudged(ctx context.Context) iter.Seq2[holdfast.Measurement, error] {
	return r.each(ctx, "read unjudged measurements", "JOIN unjudged ON unjudged.look = look.key", "1")
}

// Measurements yields, in time order and composed, the measurements begun at or
// after since and before until; of all zones where zone is "". A zero instant
// does not bound. What is pruned while it iterates is passed over.
func (r *Record) Measurements(ctx context.Context, since, until time.Time, zone holdfast.Name) iter.Seq2[holdfast.Measurement, error] {
	where, args := "look.started >= ?", []any{millis(since)}
	if !until.IsZero() {
		where, args = where+" AND look.started < ?", append(args, millis(until))
	}
	if zone != "" {
		where, args = where+" AND look.zone = (SELECT key FROM zone WHERE name = ?)", append(args, string(zone))
	}
	return r.each(ctx, "read measurements", "", where, args...)
}

func (r *Record) each(ctx context.Context, act, join, where string, args ...any) iter.Seq2[holdfast.Measurement, error] {
	return func(yield func(holdfast.Measurement, error) bool) {
		started, key := int64(-1<<62), int64(0)
		for {
			page, err := r.page(ctx, join, where, args, started, key)
			if err != nil {
				yield(holdfast.Measurement{}, r.failed(act, err))
				return
			}
			for _, at := range page {
				m, err := r.measurement(ctx, "look.key = ?", at.key)
				if errors.Is(err, ErrNotFound) {
					continue
				}
				// One measurement that cannot be read does not hide the rest.
				if !yield(m, r.failed(act, err)) || ctx.Err() != nil {
					return
				}
			}
			if len(page) < pageLength {
				return
			}
			started, key = page[len(page)-1].started, page[len(page)-1].key
		}
	}
}

// page names the next measurements behind (started, key).
func (r *Record) page(ctx context.Context, join, where string, args []any, started, key int64) (page []lookRow, err error) {
	query := "SELECT look.key, look.started FROM look " + join + " WHERE " + where +
		" AND look.started >= ? AND (look.started, look.key) > (?, ?) ORDER BY look.started, look.key LIMIT ?"
	args = append(args[:len(args):len(args)], started, started, key, pageLength)
	rows, err := r.reads.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var row lookRow
		if err := rows.Scan(&row.key, &row.started); err != nil {
			return nil, err
		}
		page = append(page, row)
	}
	return page, rows.Err()
}
