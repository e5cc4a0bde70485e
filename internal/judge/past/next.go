package past

import "time"

// Next is when signatures that were renewed at an instant are renewed again, if
// the habit is kept: by its calendar where it keeps to one, else after the
// usual interval. Zero where neither is known.
func (h Habit) Next(renewed time.Time) time.Time {
	switch {
	case renewed.IsZero():
	case h.Slots != nil:
		return h.Slots.after(renewed).Add(-maxSpread)
	case h.Interval > 0:
		return renewed.Add(h.Interval)
	}
	return time.Time{}
}
