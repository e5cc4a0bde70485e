package web

import (
	"cmp"
	"slices"
	"time"

	"github.com/holdfastdns/holdfast"
)

// Habit is when and how a class of records is signed anew, as its past taught
// the judges. A duration that is not known is 0, an instant zero.
type Habit struct {
	Interval time.Duration // the usual wait between renewals
	Left     time.Duration // the life that signatures usually have left at least when they are renewed
	Calendar string        // the days that it keeps to: "on Sat by 12:00 UTC"
	Settled  bool          // it was seen for long enough to be held against the zone
	Next     time.Time     // when the next renewal is expected
	Due      time.Time     // when it will be overdue
}

// signingRow is how one or more classes are signed: those that are signed
// together share a row.
type signingRow struct {
	Classes []holdfast.Class
	Renewed time.Time // last
	Days    int       // on which renewals were seen
	Known   bool      // there is a habit
	Late    bool      // what was expected has not come
	Overdue bool      // and the habit is broken
	Habit
}

// daysTold is on how many days renewals must have been seen to be told of where
// no habit is known yet: one says nothing.
const daysTold = 2

// newSigning is empty where nothing was learnt.
func newSigning(p holdfast.Past, habitOf func(holdfast.SigningPast) (Habit, bool), now time.Time) []signingRow {
	if habitOf == nil {
		return nil
	}
	var rows []signingRow
	all := slices.Clone(p.Signing)
	slices.SortStableFunc(all, func(a, b holdfast.SigningPast) int {
		return cmp.Or(cmp.Compare(classPlace(a.Class), classPlace(b.Class)), cmp.Compare(a.Class, b.Class))
	})
	for _, s := range all {
		row := signingRow{Renewed: s.Renewed, Days: len(s.Renewals)}
		row.Habit, row.Known = habitOf(s)
		if !row.Known && row.Days < daysTold {
			continue
		}
		row.Overdue = !row.Due.IsZero() && !row.Due.After(now)
		row.Late = !row.Next.IsZero() && !row.Next.After(now)
		if at := slices.IndexFunc(rows, func(r signingRow) bool { return r.alike(row) }); at >= 0 {
			rows[at].Classes = append(rows[at].Classes, s.Class)
			continue
		}
		row.Classes = []holdfast.Class{s.Class}
		rows = append(rows, row)
	}
	return rows
}

// alike says whether two rows read the same.
func (r signingRow) alike(other signingRow) bool {
	return r.Renewed.Equal(other.Renewed) && r.Days == other.Days && r.Known == other.Known && r.Habit == other.Habit
}
