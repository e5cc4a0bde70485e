package past

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
)

// Slots is a calendar that renewals keep to: at about the same time of the
// day, on certain days of the week or on one day of the month. All is in UTC.
type Slots struct {
	Weekdays []time.Weekday // sorted; empty: by the day of the month
	Monthday int            // 1 to 31; 0: by weekday
	// Latest is the latest time of the day at which it was done, counted from
	// the shifted midnight.
	Latest time.Duration
	shift  time.Duration // how far midnight is moved, so that no habit lies across it
}

// slotsOf finds the calendar in the days, nil where there is none. One day in
// ten may break it.
func slotsOf(days []holdfast.Renewal) *Slots {
	s := &Slots{shift: quietest(days)}
	var clocks []time.Duration
	var dates []int64
	for _, r := range days {
		at := r.At.Add(-s.shift)
		clocks = append(clocks, time.Duration(at.Unix()%86400)*time.Second)
		dates = append(dates, dayOf(at))
	}
	dates = slices.Compact(dates)
	slices.Sort(clocks)
	clocks = clocks[:len(clocks)-len(clocks)/10]
	s.Latest = clocks[len(clocks)-1]
	if s.Latest-clocks[0] > maxSpread {
		return nil
	}
	if s.weekly(dates) || s.monthly(dates) {
		return s
	}
	return nil
}

// quietest is how far after midnight the longest stretch of the day without a
// renewal ends: where a day may begin so that no habit lies across its edge.
func quietest(days []holdfast.Renewal) time.Duration {
	var clocks []time.Duration
	for _, r := range days {
		clocks = append(clocks, time.Duration(r.At.Unix()%86400)*time.Second)
	}
	slices.Sort(clocks)
	widest, end := day-clocks[len(clocks)-1]+clocks[0], clocks[0]
	for i := 1; i < len(clocks); i++ {
		if gap := clocks[i] - clocks[i-1]; gap > widest {
			widest, end = gap, clocks[i]
		}
	}
	shift := end - widest/2
	if shift > day/2 {
		shift -= day
	}
	return shift // -12 h to 12 h: the middle of the habit is noon of its own date
}

func weekdayOf(date int64) time.Weekday { return time.Weekday((date + 4) % 7) } // 1 January 1970 was a Thursday

// weekly finds the days of the week on which it is done each time.
func (s *Slots) weekly(dates []int64) bool {
	first, last := dates[0], dates[len(dates)-1]
	var done, all [7]int
	for d := first; d <= last; d++ {
		all[weekdayOf(d)]++
		if slices.Contains(dates, d) {
			done[weekdayOf(d)]++
		}
	}
	kept, missed := 0, 0
	for w := range all {
		if done[w]*2 > all[w] {
			s.Weekdays = append(s.Weekdays, time.Weekday(w))
			kept += done[w]
			missed += all[w] - done[w]
		}
	}
	if kept < minRenewals || missed > kept/10 || len(dates)-kept > len(dates)/10 {
		s.Weekdays = nil
		return false
	}
	return true
}

// monthly finds the day of the month on which it is done, month by month.
func (s *Slots) monthly(dates []int64) bool {
	month := -1
	for _, d := range dates {
		at := time.Unix(d*86400, 0).UTC()
		this := at.Year()*12 + int(at.Month())
		if s.Monthday != 0 && at.Day() != s.Monthday || month >= 0 && this != month+1 {
			s.Monthday = 0
			return false
		}
		s.Monthday, month = at.Day(), this
	}
	return len(dates) >= minRenewals
}

// after is the instant by which the first slot after a renewal has surely
// passed: at its latest hour, and six hours more.
func (s *Slots) after(renewed time.Time) time.Time {
	date := dayOf(renewed.Add(-s.shift)) + 1
	for range 62 {
		at := time.Unix(date*86400, 0).UTC()
		if slices.Contains(s.Weekdays, weekdayOf(date)) || s.Monthday == at.Day() {
			break
		}
		date++
	}
	return time.Unix(date*86400, 0).UTC().Add(s.shift + s.Latest + maxSpread)
}

// String says when it is done, for people.
func (s *Slots) String() string {
	latest := s.shift + s.Latest
	clock := time.Unix(0, 0).UTC().Add(latest).Format("15:04 UTC")
	if s.Monthday > 0 {
		return fmt.Sprintf("on day %d of the month by %s", s.Monthday, clock)
	}
	if len(s.Weekdays) == 7 {
		return "every day by " + clock
	}
	var names []string
	for _, w := range s.Weekdays {
		date := (int(w) + int((latest+day)/day) + 6) % 7 // a habit across midnight ends on the next day
		names = append(names, time.Weekday(date).String()[:3])
	}
	return "on " + strings.Join(names, ", ") + " by " + clock
}
