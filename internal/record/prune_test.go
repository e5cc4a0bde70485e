package record

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
)

// intact fails unless SQLite finds the file sound, and each counter is right:
// what the counters say must be what counting the users gives.
func intact(t *testing.T, r *Record) {
	t.Helper()
	var verdict string
	noError(t, r.writer.conn.QueryRowContext(t.Context(), "PRAGMA integrity_check").Scan(&verdict))
	if verdict != "ok" {
		t.Errorf("integrity_check: %s", verdict)
	}
	for _, query := range []string{
		"SELECT count(*) FROM outcome_use FULL JOIN (SELECT outcome, count(*) AS n FROM look GROUP BY outcome) ON key = outcome WHERE uses IS NOT n",
		"SELECT count(*) FROM base_use FULL JOIN (SELECT base, count(*) AS n FROM look WHERE base IS NOT NULL GROUP BY base) ON key = base WHERE uses IS NOT n",
		"SELECT count(*) FROM plan_use FULL JOIN (SELECT plan, count(*) AS n FROM outcome GROUP BY plan) ON key = plan WHERE uses IS NOT n",
		"SELECT count(*) FROM plan FULL JOIN plan_use USING (key) WHERE plan.data IS NULL OR uses IS NULL",
		"SELECT count(*) FROM outcome FULL JOIN outcome_use USING (key) WHERE data IS NULL OR uses IS NULL",
		"SELECT count(*) FROM pack FULL JOIN pack_use USING (key) WHERE data IS NULL OR uses IS NULL",
		"SELECT count(*) FROM message WHERE number / 64 NOT IN (SELECT key FROM pack)",
		"SELECT count(*) FROM look WHERE base IS NOT NULL AND base NOT IN (SELECT key FROM look)",
	} {
		var wrong int
		noError(t, r.writer.conn.QueryRowContext(t.Context(), query).Scan(&wrong))
		if wrong != 0 {
			t.Errorf("%d wrong: %s", wrong, query)
		}
	}
	uses := map[int64]int{}
	rows, err := r.reads.QueryContext(t.Context(), "SELECT data FROM outcome")
	noError(t, err)
	defer rows.Close()
	for rows.Next() {
		var data []byte
		noError(t, rows.Scan(&data))
		raw, err := expand(data)
		noError(t, err)
		o, err := decodeOutcome(raw)
		noError(t, err)
		for pack := range o.packs() {
			uses[pack]++
		}
	}
	for pack, want := range uses {
		var got int
		noError(t, r.reads.QueryRowContext(t.Context(), "SELECT uses FROM pack_use WHERE key = ?", pack).Scan(&got))
		if got != want {
			t.Errorf("pack %d is counted %d times, used %d", pack, got, want)
		}
	}
}

func readable(t *testing.T, r *Record) (n int) {
	t.Helper()
	for m, err := range r.Measurements(t.Context(), time.Time{}, time.Time{}, "") {
		noError(t, err)
		if m.Base != "" {
			if _, err := r.Measurement(t.Context(), m.Base); err != nil {
				t.Errorf("%s has lost its base: %v", m.ID, err)
			}
		}
		n++
	}
	return n
}

func TestPruneByAge(t *testing.T) {
	r, w := create(t), newWorld(31, 8)
	w.watch(t, r, 0, 4)
	z := w.zones[0]
	noError(t, r.Measured(t.Context(), w.core(z, "unjudged", "", measurementID(morning, 0), morning.Add(time.Minute))))
	evidence := incident("i", holdfast.SeverityError, morning, z.subject.Zone)
	named := measurementID(morning.Add(10*time.Minute), 3)
	evidence.Findings[0].Measurement = named
	noError(t, r.Decide(t.Context(), []holdfast.Incident{evidence}, nil))
	before, err := r.Measurement(t.Context(), named)
	noError(t, err)
	intact(t, r)

	now := morning.Add(4 * time.Hour)
	gone, err := r.Prune(t.Context(), Retention{Age: 90 * time.Minute}, now)
	noError(t, err)
	intact(t, r)
	after, err := r.Measurement(t.Context(), named)
	noError(t, err)
	same(t, after, before)
	// Left: 18 looks of each zone, begun at 2 h 30 or later; the full look at
	// 2 h, base of those before 3 h; the one unjudged and its base; the one
	// named and its base.
	if got, want := readable(t, r), 8*18+8+2+2; got != want {
		t.Errorf("%d measurements are left, want %d", got, want)
	}
	if want := 8*48 + 1 - (8*18 + 8 + 2 + 2); gone.Measurements != want || gone.Replies == 0 || gone.Windows == 0 || gone.Bytes <= 0 {
		t.Errorf("%+v, want %d measurements gone, replies, windows, and bytes", gone, want)
	}
	again, err := r.Prune(t.Context(), Retention{Age: 90 * time.Minute}, now)
	if err != nil || again.Measurements != 0 {
		t.Errorf("once more: %+v, %v", again, err)
	}
	// What was pruned can come again.
	noError(t, r.Measured(t.Context(), w.full(z, "again", "", now)))
	if _, err := r.Measurement(t.Context(), "again"); err != nil {
		t.Error(err)
	}
	// Judged and closed, all but the latest goes.
	noError(t, r.Found(t.Context(), z.subject, w.verdict(z, "unjudged", morning), holdfast.Past{}))
	evidence.Findings = nil
	noError(t, r.Decide(t.Context(), []holdfast.Incident{evidence}, nil))
	_, err = r.Prune(t.Context(), Retention{Age: time.Second}, now.Add(24*time.Hour))
	noError(t, err)
	intact(t, r)
	// The latest core of each zone with its base, which is its latest full but
	// in the zone that has a newer one, that is unjudged too.
	if got, want := readable(t, r), 8*2+1; got != want {
		t.Errorf("%d measurements are left, want %d", got, want)
	}
}

func TestPruneBySize(t *testing.T) {
	r, w := create(t), newWorld(32, 8)
	w.watch(t, r, 0, 6)
	checkpointed(t, r)
	full, err := r.fileSize()
	noError(t, err)
	aim := full * 2 / 3
	gone, err := r.Prune(t.Context(), Retention{Size: aim}, morning)
	noError(t, err)
	size, err := r.fileSize()
	noError(t, err)
	if size > aim || size < aim/2 {
		t.Errorf("%d bytes are left of %d, want somewhat less than %d", size, full, aim)
	}
	if gone.Bytes != full-size {
		t.Errorf("says that %d bytes went of %d, %d are left", gone.Bytes, full, size)
	}
	intact(t, r)
	oldest := time.Time{}
	for m, err := range r.Measurements(t.Context(), time.Time{}, time.Time{}, "") {
		noError(t, err)
		if m.Depth == holdfast.Core && oldest.IsZero() {
			oldest = m.Started
		}
	}
	stats, err := r.Stats(t.Context())
	noError(t, err)
	if stats.Measurements+gone.Measurements != 8*72 || oldest.Sub(morning) < 30*time.Minute {
		t.Errorf("%d measurements left and %d gone of %d; the oldest core is of %v", stats.Measurements, gone.Measurements, 8*72, oldest)
	}
	// Less than there can be: it takes what it may, and ends.
	_, err = r.Prune(t.Context(), Retention{Size: 1}, morning)
	noError(t, err)
	intact(t, r)
	if got := readable(t, r); got != 8*2 {
		t.Errorf("%d measurements are left, want the latest of each depth of 8 zones", got)
	}
}

func TestPruneClosedFindings(t *testing.T) {
	r, w := create(t), newWorld(33, 1)
	z := w.zones[0]
	for i := range 40 {
		at := morning.Add(time.Duration(i) * time.Hour)
		v := w.verdict(z, fmt.Sprint(i), at)
		v.Findings = []holdfast.Finding{finding(z, "DEL-01", holdfast.SeverityWarning)}
		if i%2 == 0 {
			v.Findings = append(v.Findings, finding(z, "SIG-01", holdfast.SeverityWarning))
		}
		noError(t, r.BeginSweep(t.Context(), holdfast.Sweep{ID: fmt.Sprint(i), Started: at}))
		noError(t, r.Found(t.Context(), z.subject, v, holdfast.Past{}))
	}
	gone, err := r.Prune(t.Context(), Retention{Age: 5 * time.Hour}, morning.Add(39*time.Hour))
	noError(t, err)
	left, err := r.Intervals(t.Context(), "", time.Time{})
	noError(t, err)
	// Closed at odd hours 1..39; those before 34 go. DEL-01 is open all along.
	if gone.Intervals != 17 || len(left) != 4 {
		t.Errorf("%d went and %d are left, want 17 and 4: %+v", gone.Intervals, len(left), left)
	}
	sweeps, err := r.Sweeps(t.Context(), 0)
	noError(t, err)
	if gone.Sweeps != 10 || len(sweeps) != 30 {
		t.Errorf("%d sweeps went and %d are left, want 10 (a day later than the rest) and 30", gone.Sweeps, len(sweeps))
	}
}

// Damage in one place must not stop retention, nor hide other measurements.
func TestDamageIsConfined(t *testing.T) {
	r, w := create(t), newWorld(34, 3)
	w.watch(t, r, 0, 1)
	db := r.writer.conn
	for _, query := range []string{
		"UPDATE pack SET data = zeroblob(20) WHERE key = 1",
		"UPDATE outcome SET data = x'01ff' WHERE key = (SELECT outcome FROM look WHERE key = 10)",
		"UPDATE plan SET data = x'' WHERE key = 2",
		"UPDATE look SET data = x'0100' WHERE key = 20",
	} {
		_, err := db.ExecContext(t.Context(), query)
		noError(t, err)
	}
	good, bad := 0, 0
	for _, err := range r.Measurements(t.Context(), time.Time{}, time.Time{}, "") {
		if errors.Is(err, errDamaged) {
			bad++
		} else if err == nil {
			good++
		} else {
			t.Error(err)
		}
	}
	if bad == 0 || good == 0 || good+bad != 36 {
		t.Errorf("%d can be read and %d are damaged, of 36", good, bad)
	}
	if _, err := r.Prune(t.Context(), Retention{Age: time.Minute}, morning.Add(100*time.Hour)); err != nil {
		t.Error(err)
	}
}

func TestStats(t *testing.T) {
	r, w := create(t), newWorld(35, 4)
	w.watch(t, r, 0, 1)
	noError(t, r.Decide(t.Context(), []holdfast.Incident{incident("i", holdfast.SeverityError, morning, "a.")}, []holdfast.Notice{notice("n", holdfast.NoticeHeld, morning)}))
	s, err := r.Stats(t.Context())
	noError(t, err)
	exchanges := int64(0)
	for _, z := range w.zones {
		exchanges += int64(12*2*len(z.servers) + 7*len(z.servers) + 2*len(w.root.servers))
	}
	if s.Version != schemaVersion || s.Zones != 4 || s.Sweeps != 12 || s.Measurements != 48 || s.Exchanges != exchanges || s.Replies < 50 || s.ReplyBytes == 0 ||
		s.Incidents[holdfast.StateOpen] != 1 || s.Notices[holdfast.NoticeHeld] != 1 || !s.Oldest.Equal(morning) || !s.Newest.Equal(morning.Add(55*time.Minute)) ||
		s.Bytes < 100_000 || s.Rows["look"] == 0 || s.Path != r.path {
		t.Errorf("%+v", s)
	}
}
