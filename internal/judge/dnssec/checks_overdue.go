package dnssec

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/judge/past"
)

// overdue is a class whose renewal did not come.
type overdue struct {
	class    holdfast.Class
	habit    past.Habit
	due      time.Time
	dies     time.Time
	late     bool // a second time, or with half of the usual life left
	evidence []int
}

func renewalOverdue() judge.Check {
	return judge.Check{
		Code: codeOverdue, Name: "renewal-overdue", Severity: holdfast.SeverityNotice,
		Reference: "RFC 6781 section 4.4.2",
		Summary:   "signatures are renewed when the zone's own habit, learnt from earlier looks, wants them to be",
		Unless:    []string{codeExpired, codeExpiring, codeChain, codeNoMatch, codeUnsigned},
		Judge: func(c *judge.Case) []holdfast.Finding {
			var zone, keys, parent []overdue
			for _, s := range c.Past.Signing {
				o, yes := overdueIn(c, s)
				switch {
				case !yes:
				case s.Class == holdfast.ClassDS:
					parent = append(parent, o)
				case s.Class == holdfast.ClassDNSKEY:
					keys = append(keys, o)
				default:
					zone = append(zone, o)
				}
			}
			var out []holdfast.Finding
			for _, group := range [][]overdue{zone, keys, parent} {
				if len(group) > 0 {
					out = append(out, sayOverdue(group))
				}
			}
			return out
		},
	}
}

// overdueIn holds one class to its habit. It speaks only on the strength of
// signatures that were seen after they should have been renewed.
func overdueIn(c *judge.Case, s holdfast.SigningPast) (overdue, bool) {
	h, known := habits(c)[s.Class]
	if !known || !clocked(c, s.Class, h) {
		return overdue{}, false
	}
	newest, evidence := newestOf(c, s.Class)
	if newest == nil || newest.Inception.After(s.Inception) {
		return overdue{}, false // not seen, or renewed just now
	}
	due, _ := h.Due(s.Renewed, s.Inception, s.Expiration)
	if due.IsZero() || !c.Passed(due) {
		return overdue{}, false
	}
	seen := c.Measurement.Exchanges[evidence[0]].Sent
	if seen.Before(due) {
		// What was seen then was in order; the next look at it may find it so
		// still, or not.
		c.Passed(c.Instant.Add(time.Nanosecond))
		return overdue{}, false
	}
	o := overdue{class: s.Class, habit: h, due: due, dies: newest.Expiration, evidence: evidence}
	o.late = h.Left > 0 && c.Within(newest.Expiration, h.Left/2) ||
		h.Longest > 0 && !s.Renewed.IsZero() && c.Older(s.Renewed, h.Longest+h.Interval+6*time.Hour)
	return o, true
}

// clocked says whether a class is renewed by the clock. An SOA is signed with
// every change of the zone, and so may be the proof at the apex: pauses in
// them mean nothing, unless they keep the time of the NS RRset.
func clocked(c *judge.Case, class holdfast.Class, h past.Habit) bool {
	if class != holdfast.ClassSOA && class != holdfast.ClassDenial {
		return true
	}
	ns, known := habits(c)[holdfast.ClassNS]
	return known && ns.Interval > 0 && h.Interval > ns.Interval*9/10 && h.Interval < ns.Interval*11/10
}

// newestOf is the newest signature of a class that the look shows, and the
// exchanges that show it, the latest first.
func newestOf(c *judge.Case, class holdfast.Class) (newest *judge.Signature, evidence []int) {
	for _, s := range past.Watched(c, class) {
		if s.Status != holdfast.Secure {
			continue
		}
		best := &s.Signatures[s.Best]
		if newest == nil || best.Inception.After(newest.Inception) {
			newest = best
		}
		evidence = union(evidence, []int{s.Exchange})
	}
	slices.SortStableFunc(evidence, func(a, b int) int {
		return c.Measurement.Exchanges[b].Sent.Compare(c.Measurement.Exchanges[a].Sent)
	})
	return newest, evidence
}

// sayOverdue speaks of classes that are signed together.
func sayOverdue(group []overdue) holdfast.Finding {
	slices.SortStableFunc(group, func(a, b overdue) int { return a.due.Compare(b.due) })
	first := group[0]
	f := holdfast.Finding{Severity: holdfast.SeverityNotice, Count: len(group)}
	if first.class == holdfast.ClassDS || first.class == holdfast.ClassDNSKEY {
		f.RRset = first.class
	}
	var classes []string
	for _, o := range group {
		classes = append(classes, string(o.class))
		f.Evidence = union(f.Evidence, o.evidence)
		f.Until = sooner(f.Until, o.dies)
		if o.late {
			f.Severity = holdfast.SeverityWarning
		}
	}
	slices.Sort(classes)
	what := "the signatures over " + strings.Join(classes, ", ")
	if first.class == holdfast.ClassDS {
		what = "the parent's signatures over the DS records (or the proof that there are none)"
	}
	f.Text = fmt.Sprintf("%s were to be renewed by %s, and were not: they usually are %s; they expire from %s on", what, stamp(first.due), custom(first.habit), stamp(f.Until))
	return f
}

// custom is a habit for people.
func custom(h past.Habit) string {
	var parts []string
	if h.Slots != nil {
		parts = append(parts, h.Slots.String())
	} else if h.Interval > 0 {
		parts = append(parts, "every "+roughly(h.Interval))
	}
	if h.Left > 0 {
		parts = append(parts, fmt.Sprintf("with %s or more of their life left", roughly(h.Left)))
	}
	return strings.Join(parts, ", ")
}

// roughly is a length of time in words, rounded so that it stays the same from
// day to day.
func roughly(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d >= 2*day:
		return fmt.Sprintf("%d days", int((d+day/2)/day))
	case d >= 2*time.Hour:
		return fmt.Sprintf("%d hours", int((d+time.Hour/2)/time.Hour))
	}
	return fmt.Sprintf("%d minutes", int((d+time.Minute/2)/time.Minute))
}
