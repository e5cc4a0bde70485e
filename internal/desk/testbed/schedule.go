package testbed

import (
	"fmt"
	"time"

	"github.com/holdfastdns/holdfast"
)

const day = 24 * time.Hour

// Pace is a kind of test zone: how often one begins, and when each comes to
// its steps.
type Pace struct {
	Name   string
	Every  time.Duration // between the beginnings of two
	Timers holdfast.Timers
	// Steps are the distances of the steps from the beginning.
	Steps []PaceStep
}

// PaceStep is a step and its distance from the beginning of a zone.
type PaceStep struct {
	Move  holdfast.TestMove
	After time.Duration
}

// Weekly is the pace of real time: hold-downs are those that resolvers have
// when nobody touches them (RFC 5011 sections 2.2 and 2.4). The new key signs
// some days after the last resolver can have accepted it, and the revoked one
// stays for the remove hold-down and more (section 6.2).
func Weekly() Pace {
	return Pace{
		Name: "weekly", Every: 7 * day,
		Timers: holdfast.Timers{Add: 30 * day, Remove: 30 * day, TTL: time.Minute, Life: 7 * day, Query: time.Hour, Retry: time.Hour},
		Steps: []PaceStep{
			{holdfast.TestBegins, 0}, {holdfast.TestPublishes, 7 * day}, {holdfast.TestAccepts, 39 * day}, {holdfast.TestSigns, 42 * day},
			{holdfast.TestRevokes, 49 * day}, {holdfast.TestRemoves, 84 * day}, {holdfast.TestEnds, 91 * day},
		},
	}
}

// leastLife keeps the signatures of zones that pass in a minute from ending
// while an answer travels.
const leastLife = 2 * time.Minute

// Hourly is the same within a length, an hour or less: for resolvers whose
// hold-downs can be set, and are set to a sixth of it.
func Hourly(length time.Duration) Pace {
	p := Pace{
		Name: "hourly", Every: length / 4,
		Timers: holdfast.Timers{
			Add: length / 6, Remove: length / 6, TTL: max(time.Second, (length / 120).Truncate(time.Second)), Life: max(leastLife, length/2),
			Query: max(time.Second, length/240), Retry: max(time.Second, length/240),
		},
	}
	for _, s := range []struct {
		move     holdfast.TestMove
		sixtieth time.Duration
	}{
		{holdfast.TestBegins, 0}, {holdfast.TestPublishes, 5}, {holdfast.TestAccepts, 17}, {holdfast.TestSigns, 20},
		{holdfast.TestRevokes, 30}, {holdfast.TestRemoves, 45}, {holdfast.TestEnds, 60},
	} {
		p.Steps = append(p.Steps, PaceStep{s.move, length * s.sixtieth / 60})
	}
	return p
}

// Slot is the latest instant, at or before now, at which a zone of the pace
// begins: Mondays at midnight (UTC) for the weekly one.
func (p Pace) Slot(now time.Time) time.Time { return now.UTC().Truncate(p.Every) }

// Lead is how long before it begins a zone is made and served. People are shown
// it when it begins: a resolver that asks for a name before it is there
// remembers for a while that it is not.
func (p Pace) Lead() time.Duration { return min(time.Minute, p.Every/4) }

// label names the zone that begins at a slot: its date, and the time of day
// where there are several a day.
func (p Pace) label(slot time.Time) string {
	switch {
	case p.Every%day == 0:
		return slot.Format("2006-01-02")
	case p.Every%time.Minute == 0:
		return slot.Format("2006-01-02-1504")
	}
	return slot.Format("2006-01-02-150405")
}

// Zone is the zone that begins at a slot below a base, without keys.
func (p Pace) Zone(base holdfast.Name, slot time.Time) (holdfast.TestZone, error) {
	name, err := holdfast.ParseName(p.label(slot) + "." + string(base))
	if err != nil {
		return holdfast.TestZone{}, fmt.Errorf("name test zone below %s: %w", base, err)
	}
	z := holdfast.TestZone{Name: name, Pace: p.Name, Timers: p.Timers}
	for _, s := range p.Steps {
		z.Steps = append(z.Steps, holdfast.TestStep{Move: s.Move, At: slot.Add(s.After)})
	}
	return z, nil
}

// shows says what the keys of a zone do after a step (RFC 5011 sections 6.1 to
// 6.3: the new key is added under the old one's signature, and a key that is
// revoked signs the RRset that says so).
func shows(move holdfast.TestMove) (old, successor role) {
	switch move {
	case holdfast.TestBegins:
		return role{publish: true, sign: true}, role{}
	case holdfast.TestPublishes, holdfast.TestAccepts:
		return role{publish: true, sign: true}, role{publish: true}
	case holdfast.TestSigns:
		return role{publish: true}, role{publish: true, sign: true}
	case holdfast.TestRevokes:
		return role{publish: true, sign: true, revoke: true}, role{publish: true, sign: true}
	case holdfast.TestRemoves:
		return role{}, role{publish: true, sign: true}
	}
	return role{}, role{}
}

// role is what a key does in a zone's DNSKEY RRset.
type role struct{ publish, sign, revoke bool }
