package rootkey

import (
	"slices"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// StateOf puts together what is known of the root's keys at an instant: the
// RRset as it was seen (nil: not at all), what was seen of its keys before, and
// what the calendar has. Findings and a forecast are for the caller to add.
func StateOf(set *holdfast.RootSet, taken, at time.Time, past holdfast.Past, calendar holdfast.Calendar) holdfast.RootState {
	s := holdfast.RootState{At: at, Set: set, Taken: taken, Calendar: calendar}
	for _, k := range past.Keys {
		if k.Flags&wire.FlagSEP != 0 {
			s.Looks = append(s.Looks, k)
		}
	}
	passed := func(t time.Time) bool { return !t.After(at) }
	if set == nil {
		for _, e := range Expected(holdfast.RootSet{}, calendar) {
			if !passed(e.At) {
				s.Expected = append(s.Expected, e)
			}
		}
		return s
	}
	s.Foreign = !slices.ContainsFunc(set.KSKs(), func(k holdfast.RootSetKey) bool { return k.Name != "" })
	if s.Foreign {
		return s
	}
	s.Departs = Departures(*set, calendar, passed)
	for _, e := range Expected(*set, calendar) {
		k, _ := calendar.Key(e.Tag)
		if !passed(e.At) || !e.Seen && !undone(*set, k, e.Step, calendar) {
			s.Expected = append(s.Expected, e)
		}
	}
	return s
}

// Sentence says a step of the calendar for people.
func Sentence(e holdfast.RootExpected) string { return sentence(e) }

// CalendarText is the calendar that the program carries, as a file that
// ReadCalendar reads.
func CalendarText() []byte { return slices.Clone(calendarText) }
