package anchor

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/holdfastdns/holdfast"
)

// Tally counts the signals of one zone by source, day and set of keys. Its
// memory is bounded: what comes beyond is counted as lost.
type Tally struct {
	zone   holdfast.Name
	room   int
	counts map[tallyKey]int64
	sets   map[string]int
	tags   [][]uint16
	lost   int64
}

type tallyKey struct {
	source netip.Addr
	day    int32 // since 1970
	set    int32 // in tags
}

// maxSets bounds the different sets of keys: strangers choose them.
const maxSets = 1 << 16

// NewTally counts signals for the keys of a zone, with room for so many
// entries: one for each source, day and set of keys. An entry takes some
// hundred octets.
func NewTally(zone holdfast.Name, room int) *Tally {
	return &Tally{zone: zone, room: room, counts: map[tallyKey]int64{}, sets: map[string]int{}}
}

// Add counts a signal; one of another zone, or from before 1970, is none of ours.
func (t *Tally) Add(s holdfast.KeySignal) {
	if s.Zone == t.zone && !s.At.Before(time.Unix(0, 0)) && len(s.Tags) > 0 {
		t.add(s.Source, int32(s.At.Unix()/daySeconds), s.Tags, 1)
	}
}

const daySeconds = 24 * 60 * 60

func (t *Tally) add(source netip.Addr, day int32, tags []uint16, count int64) {
	name := make([]byte, 0, 2*len(tags))
	for _, tag := range tags {
		name = append(name, byte(tag>>8), byte(tag))
	}
	set, known := t.sets[string(name)]
	if !known {
		if len(t.tags) >= maxSets {
			t.lost += count
			return
		}
		set = len(t.tags)
		t.sets[string(name)] = set
		t.tags = append(t.tags, slices.Clone(tags))
	}
	key := tallyKey{source, day, int32(set)}
	if _, known := t.counts[key]; !known && len(t.counts) >= t.room {
		t.lost += count
		return
	}
	t.counts[key] += count
}

// Lost is how many signals there was no room for.
func (t *Tally) Lost() int64 { return t.lost }

// Tallies are the counts, by source, day and keys.
func (t *Tally) Tallies() []holdfast.SignalTally {
	out := make([]holdfast.SignalTally, 0, len(t.counts))
	for key, count := range t.counts {
		out = append(out, holdfast.SignalTally{Source: key.source, Day: time.Unix(int64(key.day)*daySeconds, 0).UTC(), Tags: t.tags[key.set], Count: count})
	}
	slices.SortFunc(out, compareTallies)
	return out
}

func compareTallies(a, b holdfast.SignalTally) int {
	return cmp.Or(a.Source.Compare(b.Source), a.Day.Compare(b.Day), slices.Compare(a.Tags, b.Tags))
}

// RolesOf are the parts that a calendar's keys play at an instant: the newest
// that is published is the new one, others are old, and those that were revoked
// or removed ancient. A plan that was not confirmed makes no key ancient: to
// call a source stale because of it would be to take the plan for a fact.
func RolesOf(calendar holdfast.Calendar, at time.Time) holdfast.SignalRoles {
	var roles holdfast.SignalRoles
	var newest time.Time
	for _, key := range calendar.Keys {
		published, is := key.Date(holdfast.RootPublished)
		if !is || published.At.After(at) {
			continue
		}
		switch {
		case done(key, holdfast.RootRevoked, at) || done(key, holdfast.RootRemoved, at):
			roles.Ancient = append(roles.Ancient, key.Tag)
		case published.At.After(newest):
			roles.Old = append(roles.Old, roles.New...)
			roles.New, newest = []uint16{key.Tag}, published.At
		default:
			roles.Old = append(roles.Old, key.Tag)
		}
	}
	return roles
}

// done says whether a step is known to have come by an instant.
func done(key holdfast.RootKey, step holdfast.RootStep, at time.Time) bool {
	date, is := key.Date(step)
	return is && !date.Planned && !date.At.After(at)
}

// ClassOf says what a signal of keys means, by their parts.
func ClassOf(tags []uint16, roles holdfast.SignalRoles) holdfast.SignalClass {
	any := func(of []uint16) bool {
		return slices.ContainsFunc(tags, func(tag uint16) bool { return slices.Contains(of, tag) })
	}
	switch isNew, isOld := any(roles.New), any(roles.Old); {
	case isNew && isOld:
		return holdfast.SignalBoth
	case isNew:
		return holdfast.SignalNew
	case isOld:
		return holdfast.SignalOld
	case any(roles.Ancient):
		return holdfast.SignalAncient
	}
	return holdfast.SignalOther
}

// SumSignals makes of counts, of one zone and in the order of Tallies, what is
// known of its sources and days. roles says which part the keys play on a day.
func SumSignals(zone holdfast.Name, tallies []holdfast.SignalTally, roles func(day time.Time) holdfast.SignalRoles) holdfast.Signals {
	sum := holdfast.Signals{Format: "holdfast-signals/1", Zone: zone, Classes: map[holdfast.SignalClass]int{}, Days: []holdfast.SignalDay{}, Stale: []holdfast.SignalSource{}}
	days := map[time.Time]*signalDay{}
	for len(tallies) > 0 {
		n := 1
		for n < len(tallies) && tallies[n].Source == tallies[0].Source {
			n++
		}
		source := sumSource(tallies[:n], days, roles)
		tallies = tallies[n:]
		sum.Count += source.Count
		sum.Classes[source.Class]++
		sum.Sources = append(sum.Sources, source)
		if source.Class.Stale() {
			sum.Stale = append(sum.Stale, source)
		}
	}
	slices.SortStableFunc(sum.Stale, func(a, b holdfast.SignalSource) int { return cmp.Compare(b.Count, a.Count) })
	for _, day := range slices.SortedFunc(maps.Keys(days), time.Time.Compare) {
		sum.Days = append(sum.Days, days[day].SignalDay)
	}
	if len(sum.Days) > 0 {
		sum.From, sum.Until = sum.Days[0].Day, sum.Days[len(sum.Days)-1].Day
		sum.Roles = days[sum.Until].roles
	}
	return sum
}

// signalDay is a day as it is being summed up.
type signalDay struct {
	holdfast.SignalDay
	roles holdfast.SignalRoles
}

// sumSource makes of one source's counts, which are by day, its history.
func sumSource(tallies []holdfast.SignalTally, days map[time.Time]*signalDay, roles func(time.Time) holdfast.SignalRoles) holdfast.SignalSource {
	s := holdfast.SignalSource{Address: tallies[0].Source, First: tallies[0].Day, Last: tallies[len(tallies)-1].Day}
	several, trustedNew := 0, false
	for len(tallies) > 0 {
		day := tallies[0].Day
		n := 1
		for n < len(tallies) && tallies[n].Day.Equal(day) {
			n++
		}
		var tags []uint16
		var count int64
		for _, t := range tallies[:n] {
			tags, count = append(tags, t.Tags...), count+t.Count
		}
		tags = holdfast.SortTags(tags)
		if n > 1 {
			several++
		}
		class := sumDay(days, day, tags, roles)
		if class.Stale() && trustedNew && !slices.Contains(s.Noise, holdfast.NoiseBack) {
			s.Noise = append(s.Noise, holdfast.NoiseBack)
		}
		trustedNew = trustedNew || class == holdfast.SignalNew || class == holdfast.SignalBoth
		s.Class, s.Count = class, s.Count+count
		s.Spans = extend(s.Spans, day, tags, count)
		tallies = tallies[n:]
	}
	if s.Count == 1 {
		s.Noise = append(s.Noise, holdfast.NoiseOnce)
	}
	if several > 1 {
		s.Noise = append(s.Noise, holdfast.NoiseSeveral)
	}
	return s
}

// sumDay counts a source on a day, with all keys that it signalled on it.
func sumDay(days map[time.Time]*signalDay, day time.Time, tags []uint16, roles func(time.Time) holdfast.SignalRoles) holdfast.SignalClass {
	d := days[day]
	if d == nil {
		d = &signalDay{SignalDay: holdfast.SignalDay{Day: day, Classes: map[holdfast.SignalClass]int{}, Tags: map[uint16]int{}}, roles: roles(day)}
		days[day] = d
	}
	class := ClassOf(tags, d.roles)
	d.Sources++
	d.Classes[class]++
	for _, tag := range tags {
		d.Tags[tag]++
	}
	return class
}

// extend adds a day to spans, the last of which may go on over days without a
// signal: resolvers signal when they refresh.
func extend(spans []holdfast.SignalSpan, day time.Time, tags []uint16, count int64) []holdfast.SignalSpan {
	if n := len(spans); n > 0 && slices.Equal(spans[n-1].Tags, tags) {
		spans[n-1].Until, spans[n-1].Count = day, spans[n-1].Count+count
		return spans
	}
	return append(spans, holdfast.SignalSpan{Tags: tags, From: day, Until: day, Count: count})
}
