package past

import (
	"slices"
	"time"

	"github.com/holdfastdns/holdfast"
)

const day = 24 * time.Hour

// Bounds on what counts as a habit.
const (
	minRenewals = 5        // fewer show nothing (section 8 of the check catalogue)
	minSpan     = 15 * day // two week-ends, which many signers rest on
	maxSpread   = 6 * time.Hour
)

// Habit is when and how a zone renews the signatures of one class.
type Habit struct {
	// Cycles is how many days with renewals it rests on; Settled says that
	// they reach over two week-ends.
	Cycles  int
	Settled bool
	// Interval is the usual wait between renewals (the median), Longest the
	// longest.
	Interval, Longest time.Duration
	// Left is the life that the newest signature usually has left at least when
	// it is renewed, Least that of the server whose signature dies first.
	Left, Least time.Duration
	// Slots is the calendar that the renewals keep to; nil where they keep to
	// none.
	Slots *Slots
}

// HabitOf is what earlier looks say of how a class is signed; false where they
// say too little. Days on which signatures of quite another validity were made
// tell of an earlier habit and are left out.
func HabitOf(s holdfast.SigningPast) (Habit, bool) {
	life := s.Expiration.Sub(s.Inception)
	var days []holdfast.Renewal
	for _, r := range s.Renewals {
		if r.Life > life*9/10 && r.Life < life*11/10 {
			days = append(days, r)
		}
	}
	if len(days) < minRenewals {
		return Habit{}, false
	}
	var gaps, lefts, leasts []time.Duration
	for _, r := range days {
		if r.Gap > 0 {
			gaps = append(gaps, r.Gap)
		}
		if r.Left > 0 {
			lefts = append(lefts, r.Left)
		}
		if r.Least > 0 {
			leasts = append(leasts, r.Least)
		}
	}
	h := Habit{Cycles: len(days), Left: usualMinimum(lefts), Least: usualMinimum(leasts)}
	h.Settled = days[len(days)-1].At.Sub(days[0].At) >= minSpan
	if len(gaps) >= minRenewals-1 {
		slices.Sort(gaps)
		h.Interval, h.Longest = gaps[len(gaps)/2], gaps[len(gaps)-1]
	}
	h.Slots = slotsOf(days)
	return h, true
}

// usualMinimum is the least of the values, one in ten left out as an
// exception: a zone that nearly died once has no habit of it. It is 0 where
// there are too few.
func usualMinimum(values []time.Duration) time.Duration {
	if len(values) < minRenewals {
		return 0
	}
	slices.Sort(values)
	return values[len(values)/10]
}

// Due is the instant by which the habit wants signatures renewed that were
// renewed last at one instant and expire at another, and its reason; zero
// where the habit wants nothing. Whichever rule speaks first counts:
//   - less life left than usual, by more than 6 hours and 5 % of the validity;
//   - 1.5 times the usual interval has passed, and more than ever before;
//   - a day of the calendar that it keeps to has passed without it.
func (h Habit) Due(renewed, inception, expiration time.Time) (due time.Time, why Rule) {
	if !h.Settled {
		return time.Time{}, ""
	}
	consider := func(at time.Time, rule Rule) {
		if due.IsZero() || at.Before(due) {
			due, why = at, rule
		}
	}
	if h.Left > 0 {
		slack := max(6*time.Hour, expiration.Sub(inception)/20)
		if h.Left > slack {
			consider(expiration.Add(slack-h.Left), RuleLife)
		}
	}
	if renewed.IsZero() {
		return due, why
	}
	if h.Interval > 0 {
		consider(renewed.Add(max(h.Interval*3/2, h.Longest+6*time.Hour)), RuleInterval)
	}
	if h.Slots != nil {
		consider(h.Slots.after(renewed), RuleCalendar)
	}
	return due, why
}

// Rule says what a habit is held to.
type Rule string

const (
	RuleLife     Rule = "life"
	RuleInterval Rule = "interval"
	RuleCalendar Rule = "calendar"
)
