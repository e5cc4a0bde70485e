package record

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
)

// TestThePastIsKeptWithTheVerdict: what is known after a look is there for the
// next, in this process and in the one after it.
func TestThePastIsKeptWithTheVerdict(t *testing.T) {
	r, w := create(t), newWorld(21, 2)
	z := w.zones[0]
	past := holdfast.Past{Since: morning, Until: morning.Add(time.Hour), Looks: 2, DS: []holdfast.DSPast{{DS: holdfast.DS{KeyTag: 4711}, Published: morning}}}
	if before, err := r.Past(t.Context(), z.subject.Zone); err != nil || before.Known() {
		t.Fatalf("before any look: %+v, %v", before, err)
	}
	noError(t, r.Found(t.Context(), z.subject, w.verdict(z, "m1", morning), past))
	twice(t, r, func(r *Record) {
		if after, err := r.Past(t.Context(), z.subject.Zone); err != nil || !reflect.DeepEqual(after, past) {
			t.Errorf("after the look: %+v, %v\nwant %+v", after, err, past)
		}
		if other, err := r.Past(t.Context(), w.zones[1].subject.Zone); err != nil || other.Known() {
			t.Errorf("another zone's: %+v, %v", other, err)
		}
	})
}

// TestThePastOfADay: the past after the last look of each day is kept, so that
// looks can be judged again from there on.
func TestThePastOfADay(t *testing.T) {
	r, w := create(t), newWorld(22, 1)
	z := w.zones[0]
	keys := []holdfast.DSPast{{DS: holdfast.DS{KeyTag: 1}, Published: morning}}
	past := holdfast.Past{Since: morning, DS: keys}
	last := map[int]holdfast.Past{} // by day
	for hour := range 72 {
		at := morning.Add(time.Duration(hour) * time.Hour)
		past.Until, past.Looks = at, hour+1
		if hour == 30 {
			past.DS = append(slices.Clone(keys), holdfast.DSPast{DS: holdfast.DS{KeyTag: 2}, Published: at})
		}
		noError(t, r.Found(t.Context(), z.subject, w.verdict(z, "m", at), past))
		last[at.YearDay()] = past
	}
	twice(t, r, func(r *Record) {
		now, err := r.Past(t.Context(), z.subject.Zone)
		if err != nil || !reflect.DeepEqual(now, past) {
			t.Errorf("now %+v, %v\nwant %+v", now, err, past)
		}
		for day := range 3 {
			end := morning.Truncate(24 * time.Hour).Add(time.Duration(day+1)*24*time.Hour - time.Minute)
			got, err := r.PastBefore(t.Context(), z.subject.Zone, end)
			if want := last[end.YearDay()]; err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("before %s: %+v, %v\nwant %+v", end, got, err, want)
			}
		}
		if got, err := r.PastBefore(t.Context(), z.subject.Zone, morning.Add(-time.Hour)); err != nil || got.Known() {
			t.Errorf("before all looks: %+v, %v", got, err)
		}
	})
}
