package past

import (
	"testing"
	"time"
)

// TestNext: renewals on working days by noon are expected on Monday after a
// Friday, not after the usual interval; without a calendar, after it.
func TestNext(t *testing.T) {
	friday := time.Date(2026, 8, 7, 11, 30, 0, 0, time.UTC)
	working := &Slots{Weekdays: []time.Weekday{1, 2, 3, 4, 5}, Latest: 12 * time.Hour}
	for _, one := range []struct {
		name    string
		habit   Habit
		renewed time.Time
		want    time.Time
	}{
		{"calendar", Habit{Interval: day, Slots: working}, friday, time.Date(2026, 8, 10, 12, 0, 0, 0, time.UTC)},
		{"interval", Habit{Interval: 7 * day}, friday, friday.Add(7 * day)},
		{"no habit", Habit{}, friday, time.Time{}},
		{"renewal not seen", Habit{Interval: day, Slots: working}, time.Time{}, time.Time{}},
	} {
		if got := one.habit.Next(one.renewed); !got.Equal(one.want) {
			t.Errorf("%s: %v, want %v", one.name, got, one.want)
		}
	}
}
