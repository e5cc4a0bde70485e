package judge

import "time"

// Passed says whether an instant has come. One that has not is noted: until
// the first such instant the same evidence keeps its verdict (Verdict.Holds).
func (c *Case) Passed(t time.Time) bool {
	if !t.After(c.Instant) {
		return true
	}
	if c.turn.IsZero() || t.Before(c.turn) {
		c.turn = t
	}
	return false
}

// Within says whether less than d is left until t, or t has passed.
func (c *Case) Within(t time.Time, d time.Duration) bool {
	return c.Passed(t.Add(-d + time.Nanosecond))
}

// Older says whether more than d has passed since t.
func (c *Case) Older(t time.Time, d time.Duration) bool {
	return c.Passed(t.Add(d + time.Nanosecond))
}
