package rootkey

import (
	"fmt"
	"slices"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
)

// Expected are the calendar's steps that show in a DNSKEY RRset, of all keys,
// by date, each with whether the RRset shows that it happened. Generation and
// anchoring do not show.
func Expected(set holdfast.RootSet, calendar holdfast.Calendar) []holdfast.RootExpected {
	var out []holdfast.RootExpected
	for _, k := range calendar.Keys {
		for _, d := range k.Dates {
			if _, shows := verbs[d.Step]; shows && k.Tag != 0 {
				out = append(out, holdfast.RootExpected{Key: k.Name, Tag: k.Tag, Step: d.Step, At: d.At, Planned: d.Planned, Source: d.Source, Seen: happened(set, k, d.Step, calendar)})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b holdfast.RootExpected) int { return a.At.Compare(b.At) })
	return out
}

// happened says whether an RRset shows that a step has come for a key. A key
// that is gone has left all its steps behind, if a newer one is there.
func happened(set holdfast.RootSet, k holdfast.RootKey, step holdfast.RootStep, calendar holdfast.Calendar) bool {
	for _, have := range set.KSKs() {
		if have.Name != k.Name {
			continue
		}
		switch step {
		case holdfast.RootPublished:
			return true
		case holdfast.RootSigns:
			return have.Signs || have.Revoked || replaced(set, have)
		case holdfast.RootRetired:
			return !have.Signs && replaced(set, have) || have.Revoked
		case holdfast.RootRevoked:
			return have.Revoked
		}
		return false
	}
	place := func(name string) int {
		return slices.IndexFunc(calendar.Keys, func(known holdfast.RootKey) bool { return known.Name == name })
	}
	return slices.ContainsFunc(set.KSKs(), func(have holdfast.RootSetKey) bool { return place(have.Name) > place(k.Name) })
}

// replaced says whether a newer key signs: keys stand in the calendar's order.
func replaced(set holdfast.RootSet, k holdfast.RootSetKey) bool {
	after := false
	for _, other := range set.KSKs() {
		if after && other.Signs {
			return true
		}
		after = after || other.Name == k.Name
	}
	return false
}

// grace is how late a step may come before it counts as overdue: plans name a
// day, and every server must have the new zone.
const grace = 2 * day

// Departures are the calendar's steps that an RRset does not show though their
// day has passed, and those that it shows before their day, a sentence each. It
// says nothing of another root than the calendar's. passed compares instants.
func Departures(set holdfast.RootSet, calendar holdfast.Calendar, passed func(time.Time) bool) []string {
	if !slices.ContainsFunc(set.KSKs(), func(k holdfast.RootSetKey) bool { return k.Name != "" }) {
		return nil
	}
	var out []string
	expected := Expected(set, calendar)
	for _, e := range expected {
		k, _ := calendar.Key(e.Tag)
		switch {
		case said(e, expected):
		case !e.Seen && passed(e.At.Add(grace)) && !undone(set, k, e.Step, calendar):
			out = append(out, "overdue: "+sentence(e)+", which the root does not show")
		case e.Seen && !passed(e.At.Add(-day)) && inSet(set, k):
			out = append(out, "before its day: "+sentence(e)+", which the root shows already")
		case e.Step == holdfast.RootRevoked && e.Seen && !passed(e.At.Add(-day)):
			out = append(out, fmt.Sprintf("before its day: %s (%d) is gone, and was to be revoked first (%s)", k.Name, k.Tag, date(e.At)))
		}
	}
	return out
}

// said says that a step goes without saying: where a key signs no more when
// another begins to, the one's end is the other's beginning.
func said(e holdfast.RootExpected, expected []holdfast.RootExpected) bool {
	return e.Step == holdfast.RootRetired && slices.ContainsFunc(expected, func(o holdfast.RootExpected) bool { return o.Step == holdfast.RootSigns && o.At.Equal(e.At) })
}

func inSet(set holdfast.RootSet, k holdfast.RootKey) bool {
	return slices.ContainsFunc(set.KSKs(), func(have holdfast.RootSetKey) bool { return have.Name == k.Name })
}

// undone says that a step is not to be looked for, since a later one of the key
// has come: a key that is revoked or gone does not sign.
func undone(set holdfast.RootSet, k holdfast.RootKey, step holdfast.RootStep, calendar holdfast.Calendar) bool {
	after := false
	for _, d := range k.Dates {
		if after && happened(set, k, d.Step, calendar) {
			return true
		}
		after = after || d.Step == step
	}
	return false
}

func departs(calendar holdfast.Calendar) judge.Check {
	return judge.Check{
		Code: "RKR-04", Name: "root-departs-from-calendar", Severity: holdfast.SeverityWarning,
		Reference: "RFC 5011 section 6",
		Summary:   "the root's keys take the steps that were announced, on the days that were announced",
		Judge: func(c *judge.Case) []holdfast.Finding {
			v := viewOf(c, calendar)
			if v == nil {
				return nil
			}
			departures := Departures(v.set, v.calendar, c.Passed)
			if len(departures) == 0 {
				return nil
			}
			f := v.about(holdfast.SeverityWarning, fmt.Sprintf("the root is not as the calendar of %s has it: %s", v.calendar.Taken.Format("2006-01-02"), departures[0]))
			f.Count = len(departures)
			for _, more := range departures[1:] {
				f.Text += "; " + more
			}
			return []holdfast.Finding{f}
		},
	}
}
