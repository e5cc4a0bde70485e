package record

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/holdfastdns/holdfast"
)

// A past is written with the verdict that it goes with, in one transaction. Its
// lists seldom change from one look to the next: then only the numbers beside
// them do. Before the first look of a day changes it, it is copied, so that
// looks can be judged again as they were, from any day on.

// lists are a past without what each look changes.
func lists(past holdfast.Past) holdfast.Past {
	past.Since, past.Until, past.Looks = time.Time{}, time.Time{}, 0
	return past
}

// Past answers what earlier looks taught about a zone, up to and with the last
// one that was judged; the zero Past where none was. Its lists are shared with
// the record: they are to be read only.
func (r *Record) Past(ctx context.Context, zone holdfast.Name) (holdfast.Past, error) {
	if past := r.known.past(zone); past != nil {
		return *past, nil
	}
	past, err := r.readPast(ctx, "SELECT since, until, looks, data FROM past WHERE zone = (SELECT key FROM zone WHERE name = ?)", string(zone))
	return past, r.failed("read the past of "+zone.Short(), err)
}

// PastBefore answers what was known of a zone at an instant: the newest past
// kept that takes in no look judged after it. Looks between its Until and the
// instant are to be taken in by the caller. The zero Past where none is kept
// from before.
func (r *Record) PastBefore(ctx context.Context, zone holdfast.Name, at time.Time) (holdfast.Past, error) {
	past, err := r.readPast(ctx, `SELECT since, until, looks, data FROM
		(SELECT zone, since, until, looks, data FROM past UNION ALL SELECT zone, since, until, looks, data FROM past_day)
		WHERE zone = (SELECT key FROM zone WHERE name = ?) AND until <= ? ORDER BY until DESC LIMIT 1`, string(zone), nanos(at))
	return past, r.failed(fmt.Sprintf("read the past of %s before %s", zone.Short(), at.Format(time.RFC3339)), err)
}

func (r *Record) readPast(ctx context.Context, query string, args ...any) (past holdfast.Past, err error) {
	var since, until int64
	var looks int
	var blob []byte
	err = r.reads.QueryRowContext(ctx, query, args...).Scan(&since, &until, &looks, &blob)
	if errors.Is(err, sql.ErrNoRows) {
		return past, nil
	}
	if err != nil {
		return past, err
	}
	raw, err := expand(blob)
	if err != nil {
		return past, err
	}
	if err := json.Unmarshal(raw, &past); err != nil {
		return past, fmt.Errorf("%w: %w", errDamaged, err)
	}
	past.Since, past.Until, past.Looks = instant(since), instant(until), looks
	return past, nil
}

// savePast writes a past behind the one that the record has; a zero one
// changes nothing.
func (r *Record) savePast(b *batch, key int64, zone holdfast.Name, past holdfast.Past) error {
	if !past.Known() {
		return nil
	}
	before, err := r.pastInBatch(b, zone)
	if err != nil {
		return err
	}
	if before.Known() && day(before.Until) != day(past.Until) {
		if err := b.exec("INSERT OR REPLACE INTO past_day (zone, until, since, looks, data) SELECT zone, until, since, looks, data FROM past WHERE zone = ?", key); err != nil {
			return err
		}
	}
	if before.Known() && sameLists(before, past) {
		err = b.exec("UPDATE past SET since = ?, until = ?, looks = ? WHERE zone = ?", nanos(past.Since), nanos(past.Until), past.Looks, key)
	} else {
		err = b.savePastWhole(key, past)
	}
	if err == nil {
		b.freshPast[zone] = &past
	}
	return err
}

func (b *batch) savePastWhole(key int64, past holdfast.Past) error {
	raw, err := json.Marshal(lists(past))
	if err != nil {
		return fmt.Errorf("encode the past: %w", err)
	}
	return b.exec(`INSERT INTO past (zone, since, until, looks, data) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (zone) DO UPDATE SET since = excluded.since, until = excluded.until, looks = excluded.looks, data = excluded.data`,
		key, nanos(past.Since), nanos(past.Until), past.Looks, squeezeQuickly(raw))
}

func (r *Record) pastInBatch(b *batch, zone holdfast.Name) (holdfast.Past, error) {
	if past := b.freshPast[zone]; past != nil {
		return *past, nil
	}
	return r.Past(b.ctx, zone)
}

func day(t time.Time) int64 { return t.Unix() / (24 * 60 * 60) }

// sameLists says whether two pasts differ at most in what each look changes. A
// past made of another mostly shares its lists, and then nothing is compared.
func sameLists(a, b holdfast.Past) bool {
	x, y := reflect.ValueOf(lists(a)), reflect.ValueOf(lists(b))
	for i := range x.NumField() {
		f, g := x.Field(i), y.Field(i)
		if f.Kind() == reflect.Slice && f.Len() == g.Len() && f.Pointer() == g.Pointer() {
			continue
		}
		if !reflect.DeepEqual(f.Interface(), g.Interface()) {
			return false
		}
	}
	return true
}

// shared says whether two slices are the same piece of memory.
func shared[T any](a, b []T) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

// past answers the latest past of a zone, nil where it is not in memory.
func (k *known) past(zone holdfast.Name) *holdfast.Past {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	return k.pasts[zone]
}
