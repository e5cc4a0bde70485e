package record

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"runtime"
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
	// pasts are those of the zones judged by this process; not of loaded.
	pasts map[holdfast.Name]*holdfast.Past // guarded by mutex
}

// forget makes the next reader read anew: another process has written.
func (k *known) forget() {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	k.loaded, k.statuses, k.roster, k.pasts = false, nil, nil, nil
}

// learn takes in what a commit has made durable. Where nothing is loaded yet
// the database will be asked, and knows it.
func (k *known) learn(statuses map[holdfast.Name]*ZoneStatus, pasts map[holdfast.Name]*holdfast.Past) {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	if k.pasts == nil {
		k.pasts = map[holdfast.Name]*holdfast.Past{}
	}
	maps.Copy(k.pasts, pasts)
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
	rows, err := r.reads.QueryContext(ctx, "SELECT zone.name, since, last_good, measured, at, measurement, rtts, data FROM status JOIN zone ON zone.key = status.zone")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	// To decode is most of the work, so all processors do it.
	statuses := map[holdfast.Name]*ZoneStatus{}
	var mutex sync.Mutex // of statuses, and of failed while decoding
	var failed error
	var decoding sync.WaitGroup
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	for rows.Next() {
		var row statusRow
		if err = rows.Scan(&row.zone, &row.since, &row.lastGood, &row.measured, &row.at, &row.measurement, &row.rtts, &row.data); err != nil {
			break
		}
		slots <- struct{}{}
		decoding.Go(func() {
			defer func() { <-slots }()
			status, err := row.status()
			mutex.Lock()
			defer mutex.Unlock()
			if err != nil {
				failed = fmt.Errorf("status of %s: %w", row.zone, err)
			}
			statuses[holdfast.Name(row.zone)] = status
		})
	}
	decoding.Wait()
	return statuses, errors.Join(err, failed, rows.Err())
}

type statusRow struct {
	zone                          string
	since, lastGood, measured, at int64
	measurement                   sql.NullString
	rtts, data                    []byte
}

func (row statusRow) status() (*ZoneStatus, error) {
	raw, err := expand(row.data)
	if err != nil {
		return nil, err
	}
	var data statusData
	if err := json.Unmarshal(raw, &data); err != nil {
		return nil, fmt.Errorf("%w: %w", errDamaged, err)
	}
	if row.measurement.Valid {
		if err := renew(&data.Verdict, row.at, row.measurement.String, row.rtts); err != nil {
			return nil, err
		}
	}
	return &ZoneStatus{Subject: data.Subject, Verdict: data.Verdict,
		Since: instant(row.since), LastGood: instant(row.lastGood), Measured: instant(row.measured)}, nil
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

// status answers the latest status of a zone, nil where it is not in memory.
func (k *known) status(zone holdfast.Name) *ZoneStatus {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	return k.statuses[zone]
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
// intervals, its signature windows, what is known of it now; and marks the
// measurement judged. A finding that the verdict no longer has is closed. A
// verdict older than the latest changes nothing, but its measurement counts as
// judged. Verdict and past are to be read only afterwards.
func (r *Record) Found(ctx context.Context, s holdfast.Subject, v holdfast.Verdict, past holdfast.Past) error {
	act := fmt.Sprintf("record verdict on %s (measurement %s)", v.Zone.Short(), v.Measurement)
	if s.Zone != v.Zone {
		return fmt.Errorf("%s: the subject is %s", act, s.Zone)
	}
	whole := sync.OnceValues(func() ([]byte, error) { return encodeStatus(s, v) })
	if !alikeStatus(r.known.status(v.Zone), s, &v) {
		if _, err := whole(); err != nil { // here, where nobody waits for it
			return fmt.Errorf("%s: %w", act, err)
		}
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
		if alikeStatus(before, s, &v) {
			err = b.touchStatus(zone, now)
		} else {
			err = b.saveStatus(zone, now, whole, before)
		}
		if err != nil {
			return err
		}
		if err := r.savePast(b, zone, v.Zone, past); err != nil {
			return err
		}
		b.fresh[v.Zone] = now
		return nil
	})
}

func encodeStatus(s holdfast.Subject, v holdfast.Verdict) ([]byte, error) {
	raw, err := json.Marshal(statusData{s, v})
	if err != nil {
		return nil, err
	}
	return squeezeQuickly(raw), nil
}

// touchStatus writes a status that differs from the one before by its look only.
func (b *batch) touchStatus(zone int64, now *ZoneStatus) error {
	return b.exec("UPDATE status SET last_good = ?, measured = ?, at = ?, measurement = ?, rtts = ? WHERE zone = ?",
		nanos(now.LastGood), nanos(now.Measured), nanos(now.Verdict.At), now.Verdict.Measurement, encodeRTTs(now.Verdict.Servers), zone)
}

// saveStatus writes a status, and the intervals and spans by which it differs
// from the one before.
func (b *batch) saveStatus(zone int64, now *ZoneStatus, whole func() ([]byte, error), before *ZoneStatus) error {
	data, err := whole()
	if err != nil {
		return err
	}
	if err := b.saveIntervals(zone, before, now.Verdict); err != nil {
		return err
	}
	if err := b.saveSpans(zone, before, now.Verdict); err != nil {
		return err
	}
	return b.exec(`INSERT INTO status (zone, since, last_good, measured, data) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (zone) DO UPDATE SET since = excluded.since, last_good = excluded.last_good, measured = excluded.measured, data = excluded.data,
		at = 0, measurement = NULL, rtts = NULL`,
		zone, nanos(now.Since), nanos(now.LastGood), nanos(now.Measured), data)
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
