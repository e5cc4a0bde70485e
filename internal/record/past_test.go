package record

import (
	"reflect"
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
