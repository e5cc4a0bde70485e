package record

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
)

// TestPruneWhatWasTold: closed incidents go with their notices when they are
// old, and leave a count; what is open, or hangs on what is open, stays.
func TestPruneWhatWasTold(t *testing.T) {
	r := create(t)
	old, now := morning, morning.Add(500*24*time.Hour)
	closed := incident("closed", holdfast.SeverityCritical, old, "a.", "b.")
	closed.State, closed.Closed = holdfast.StateClosed, old
	lasting := incident("lasting", holdfast.SeverityWarning, old, "a.")
	recent := incident("recent", holdfast.SeverityWarning, now.Add(-time.Hour), "a.")
	recent.State, recent.Closed = holdfast.StateClosed, now.Add(-time.Hour)
	of := func(id, incident string, state holdfast.NoticeState) holdfast.Notice {
		n := notice(id, holdfast.NoticeQueued, old)
		n.Incident, n.State = incident, state
		return n
	}
	noError(t, r.Decide(t.Context(), []holdfast.Incident{closed, lasting, recent}, []holdfast.Notice{
		of("gone", "closed", holdfast.NoticeDropped), of("unsent", "closed", holdfast.NoticeQueued), of("of lasting", "lasting", holdfast.NoticeDropped),
		of("of recent", "recent", holdfast.NoticeDropped), of("of none", "", holdfast.NoticeDropped),
	}))
	gone, err := r.Prune(t.Context(), Retention{Told: 400 * 24 * time.Hour}, now)
	if err != nil || gone.Incidents != 1 || gone.Notices != 2 {
		t.Fatalf("%+v, %v; want 1 incident and 2 notices gone", gone, err)
	}
	for id, want := range map[string]error{"closed": ErrNotFound, "lasting": nil, "recent": nil} {
		if _, err := r.Incident(t.Context(), id); !errors.Is(err, want) {
			t.Errorf("incident %s: %v, want %v", id, err, want)
		}
	}
	for id, want := range map[string]error{"gone": ErrNotFound, "of none": ErrNotFound, "unsent": nil, "of lasting": nil, "of recent": nil} {
		if _, err := r.Notice(t.Context(), id); !errors.Is(err, want) {
			t.Errorf("notice %s: %v, want %v", id, err, want)
		}
	}
	want := []Bygone{
		{"2026-08", "incident", "expiry critical", "a.", 1}, {"2026-08", "incident", "expiry critical", "b.", 1},
		{"2026-08", "notice", "staff dropped", "a.", 2},
	}
	if left, err := r.Bygone(t.Context()); err != nil || !reflect.DeepEqual(left, want) {
		t.Errorf("left %+v, %v\nwant %+v", left, err, want)
	}
	if again, err := r.Prune(t.Context(), Retention{Told: 400 * 24 * time.Hour}, now); err != nil || again.Incidents+again.Notices != 0 {
		t.Errorf("pruned twice: %+v, %v", again, err)
	}
}

// TestPrunePastDays: of the days before the horizon the last is kept, for the
// evidence behind it is judged again from there on.
func TestPrunePastDays(t *testing.T) {
	r, w := create(t), newWorld(33, 2)
	for day := range 10 {
		at := morning.Add(time.Duration(day) * 24 * time.Hour)
		for _, z := range w.zones {
			noError(t, r.Found(t.Context(), z.subject, w.verdict(z, "m", at), holdfast.Past{Since: morning, Until: at, Looks: day + 1}))
		}
	}
	horizon := morning.Add(5*24*time.Hour + time.Hour)
	gone, err := r.Prune(t.Context(), Retention{Age: 24 * time.Hour}, horizon.Add(24*time.Hour))
	if err != nil || gone.Pasts != 2*5 {
		t.Errorf("%+v, %v; want five days of two zones gone", gone, err)
	}
	for _, z := range w.zones {
		if past, err := r.PastBefore(t.Context(), z.subject.Zone, horizon); err != nil || past.Looks != 6 {
			t.Errorf("before the horizon: %+v, %v", past, err)
		}
	}
}
