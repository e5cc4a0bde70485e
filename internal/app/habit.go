package app

import (
	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge/past"
	"github.com/holdfastdns/holdfast/internal/tell/web"
)

// habitOf is a signing habit as the page shows it: learnt by the judges, so
// that the page has no rules of its own.
func habitOf(s holdfast.SigningPast) (web.Habit, bool) {
	h, ok := past.HabitOf(s)
	if !ok {
		return web.Habit{}, false
	}
	out := web.Habit{Interval: h.Interval, Left: h.Left, Settled: h.Settled, Next: h.Next(s.Renewed)}
	if h.Slots != nil {
		out.Calendar = h.Slots.String()
	}
	out.Due, _ = h.Due(s.Renewed, s.Inception, s.Expiration)
	return out, true
}
