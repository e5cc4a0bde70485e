package record

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/holdfastdns/holdfast"
)

// known is what the page of all zones shows, decoded and in memory: the latest
// status of each zone, and the roster. It is read from the database when first
// wanted, and follows every commit. What it points to is never written again.
type known struct {
	mutex    sync.Mutex
	loaded   bool                          // guarded by mutex, as all below
	statuses map[holdfast.Name]*ZoneStatus // of every zone ever judged
	roster   []holdfast.Subject            // by name; nil: none was saved
}

// forget makes the next reader read anew: another process has written.
func (k *known) forget() {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	k.loaded, k.statuses, k.roster = false, nil, nil
}

// learn takes in what a commit has made durable. Where nothing is loaded yet
// the database will be asked, and knows it.
func (k *known) learn(statuses map[holdfast.Name]*ZoneStatus) {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	if !k.loaded {
		return
	}
	for zone, status := range statuses {
		k.statuses[zone] = status
	}
}

// load fills the cache where it is empty. The caller holds the mutex: a commit
// that ends meanwhile is learned after it, so nothing newer is overwritten.
func (r *Record) load(ctx context.Context) error {
	if r.known.loaded {
		return nil
	}
	statuses, err := r.readStatuses(ctx)
	if err != nil {
		return err
	}
	roster, err := r.readRoster(ctx)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	r.known.loaded, r.known.statuses, r.known.roster = true, statuses, nil
	if roster != nil {
		r.known.roster = byName(roster.Subjects)
	}
	return nil
}

// statusData is what the column status.data holds.
type statusData struct {
	Subject holdfast.Subject `json:"subject"`
	Verdict holdfast.Verdict `json:"verdict"`
}

func (r *Record) readStatuses(ctx context.Context) (map[holdfast.Name]*ZoneStatus, error) {
	rows, err := r.reads.QueryContext(ctx, "SELECT zone.name, since, last_good, measured, data FROM status JOIN zone ON zone.key = status.zone")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	statuses := map[holdfast.Name]*ZoneStatus{}
	for rows.Next() {
		var zone string
		var since, lastGood, measured int64
		var blob []byte
		if err := rows.Scan(&zone, &since, &lastGood, &measured, &blob); err != nil {
			return nil, err
		}
		raw, err := expand(blob)
		if err != nil {
			return nil, fmt.Errorf("status of %s: %w", zone, err)
		}
		var data statusData
		if err := json.Unmarshal(raw, &data); err != nil {
			return nil, fmt.Errorf("status of %s: %w: %w", zone, errDamaged, err)
		}
		statuses[holdfast.Name(zone)] = &ZoneStatus{Subject: data.Subject, Verdict: data.Verdict,
			Since: instant(since), LastGood: instant(lastGood), Measured: instant(measured)}
	}
	return statuses, rows.Err()
}

// Statuses answers the status of every zone of the roster, by name; of every
// zone ever judged where no roster was saved. A zone that was not judged yet
// has a zero Verdict. The values share memory with the record: they are to be
// read only.
func (r *Record) Statuses(ctx context.Context) ([]ZoneStatus, error) {
	r.known.mutex.Lock()
	defer r.known.mutex.Unlock()
	if err := r.load(ctx); err != nil {
		return nil, r.failed("read statuses", err)
	}
	if r.known.roster == nil {
		out := make([]ZoneStatus, 0, len(r.known.statuses))
		for _, zone := range slices.Sorted(maps.Keys(r.known.statuses)) {
			out = append(out, *r.known.statuses[zone])
		}
		return out, nil
	}
	out := make([]ZoneStatus, len(r.known.roster))
	for i, subject := range r.known.roster {
		if judged := r.known.statuses[subject.Zone]; judged != nil {
			out[i] = *judged
		}
		out[i].Subject = subject
	}
	return out, nil
}

// byName is the subjects in another slice, which is never nil.
func byName(subjects []holdfast.Subject) []holdfast.Subject {
	out := append([]holdfast.Subject{}, subjects...)
	slices.SortFunc(out, func(a, b holdfast.Subject) int { return cmp.Compare(a.Zone, b.Zone) })
	return out
}

// Status answers what is known of one zone, in the roster or not; ErrNotFound
// where it was never judged and is in no roster.
func (r *Record) Status(ctx context.Context, zone holdfast.Name) (ZoneStatus, error) {
	r.known.mutex.Lock()
	defer r.known.mutex.Unlock()
	act := "read status of " + zone.Short()
	if err := r.load(ctx); err != nil {
		return ZoneStatus{}, r.failed(act, err)
	}
	if status := r.known.statuses[zone]; status != nil {
		return *status, nil
	}
	for _, subject := range r.known.roster {
		if subject.Zone == zone {
			return ZoneStatus{Subject: subject}, nil
		}
	}
	return ZoneStatus{}, r.failed(act, ErrNotFound)
}

// judged answers the latest status of a zone, nil where there is none, for
// work inside a transaction.
func (r *Record) judged(b *batch, zone holdfast.Name) (*ZoneStatus, error) {
	if status := b.fresh[zone]; status != nil {
		return status, nil
	}
	r.known.mutex.Lock()
	defer r.known.mutex.Unlock()
	if err := r.load(b.ctx); err != nil {
		return nil, err
	}
	return r.known.statuses[zone], nil
}

// Found records what a measurement means: the zone's status, its findings as
// intervals, its signature windows, what is known of it now; and marks the measurement judged. A finding
// that the verdict no longer has is closed. A verdict older than the latest
// changes nothing, but its measurement counts as judged.
func (r *Record) Found(ctx context.Context, s holdfast.Subject, v holdfast.Verdict, past holdfast.Past) error {
	act := fmt.Sprintf("record verdict on %s (measurement %s)", v.Zone.Short(), v.Measurement)
	if s.Zone != v.Zone {
		return fmt.Errorf("%s: the subject is %s", act, s.Zone)
	}
	raw, err := json.Marshal(statusData{s, v})
	if err != nil {
		return fmt.Errorf("%s: %w", act, err)
	}
	data := squeeze(raw)
	pastData, err := encodePast(past)
	if err != nil {
		return fmt.Errorf("%s: %w", act, err)
	}
	return r.write(ctx, act, func(b *batch) error {
		if err := b.exec("DELETE FROM unjudged WHERE look = (SELECT key FROM look WHERE id = ?)", packID(v.Measurement)); err != nil {
			return err
		}
		before, err := r.judged(b, v.Zone)
		if err != nil || before != nil && v.At.Before(before.Verdict.At) {
			return err
		}
		zone, err := b.zone(v.Zone)
		if err != nil {
			return err
		}
		now, err := b.statusAfter(before, s, v)
		if err != nil {
			return err
		}
		if err := b.savePast(zone, pastData); err != nil {
			return err
		}
		return b.saveStatus(zone, now, data, before)
	})
}

// saveStatus writes a status, and the intervals and spans by which it differs
// from the one before.
func (b *batch) saveStatus(zone int64, now *ZoneStatus, data []byte, before *ZoneStatus) error {
	if err := b.saveIntervals(zone, before, now.Verdict); err != nil {
		return err
	}
	if err := b.saveSpans(zone, before, now.Verdict); err != nil {
		return err
	}
	err := b.exec(`INSERT INTO status (zone, since, last_good, measured, data) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (zone) DO UPDATE SET since = excluded.since, last_good = excluded.last_good, measured = excluded.measured, data = excluded.data`,
		zone, nanos(now.Since), nanos(now.LastGood), nanos(now.Measured), data)
	if err == nil {
		b.fresh[now.Verdict.Zone] = now
	}
	return err
}

// statusAfter is the status that a verdict makes of the one before.
func (b *batch) statusAfter(before *ZoneStatus, s holdfast.Subject, v holdfast.Verdict) (*ZoneStatus, error) {
	now := &ZoneStatus{Subject: s, Verdict: v, Since: v.At}
	if before != nil {
		now.LastGood = before.LastGood
		if before.Verdict.Status == v.Status {
			now.Since = before.Since
		}
	}
	if (v.Status == holdfast.Secure || v.Status == holdfast.Insecure) && v.Worst() < holdfast.SeverityError {
		now.LastGood = v.At
	}
	var err error
	now.Measured, err = b.finished(v.Measurement)
	if errors.Is(err, ErrNotFound) { // judged without having been recorded
		now.Measured, err = v.At, nil
	}
	return now, err
}

// finished answers when a measurement ended.
func (b *batch) finished(id string) (time.Time, error) {
	var started int64
	var data []byte
	if err := b.get("SELECT started, data FROM look WHERE id = ?", []any{packID(id)}, &started, &data); err != nil {
		return time.Time{}, err
	}
	return lookFinished(data, fromMillis(started))
}
