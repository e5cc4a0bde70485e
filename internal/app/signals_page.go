package app

import (
	"context"
	"html/template"
	"strings"
	"sync"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge/anchor"
	"github.com/holdfastdns/holdfast/internal/record"
	reports "github.com/holdfastdns/holdfast/internal/tell/report"
	"github.com/holdfastdns/holdfast/internal/tell/web"
)

// signalsAge is how old the page of signals may be: they come by the day.
const signalsAge = 10 * time.Minute

// signalsShown bounds the page to this many days.
const signalsShown = 400

// signalsPage sums up what the record holds of the root's signals, anew every
// ten minutes at most.
func signalsPage(r *record.Record, clock holdfast.Clock, calendar holdfast.Calendar) web.Signals {
	var lock sync.Mutex
	var sum holdfast.Signals
	var made time.Time
	return func(ctx context.Context, addresses bool) (template.HTML, error) {
		lock.Lock()
		defer lock.Unlock()
		if now := clock.Now(); made.IsZero() || now.Sub(made) > signalsAge {
			tallies, err := keptSignals(ctx, r, holdfast.Root, now.AddDate(0, 0, -signalsShown))
			if err != nil {
				return "", err
			}
			sum = anchor.SumSignals(holdfast.Root, tallies, func(day time.Time) holdfast.SignalRoles { return anchor.RolesOf(calendar, day) })
			sum.Sources, made = nil, now
		}
		if sum.Count == 0 {
			return "", nil
		}
		var b strings.Builder
		err := reports.SignalsPart(&b, sum, addresses)
		return template.HTML(b.String()), err
	}
}
