package anchor

import (
	"slices"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// Profile says in what an implementation was seen, or is documented, to depart
// from RFC 5011. The oracle knows nothing of it: a profile is wrapped around it
// for forecasts of a given machine, and never decides what is expected.
type Profile struct {
	Name     string // Unbound
	Versions string // with which it was seen: "1.17.1"
	// PromotesByTime: a pending key that was seen twice becomes Valid when its
	// hold-down ends, whether or not a validated RRset has it then.
	PromotesByTime bool
	// RevokesUnproved: REVOKE is heeded without a signature of the key itself.
	RevokesUnproved bool
	// FailsClosed: when every anchor is revoked, all is bogus; the trust point is
	// not deleted.
	FailsClosed bool
	// RestartsOnFailure: an RRset that does not validate starts the hold-down of
	// pending keys anew.
	RestartsOnFailure bool
	// TrustsFirst: without a state of its own, every secure entry point of the
	// first validated RRset is trusted at once ("waiving the normal 30-day waiting
	// period", as BIND logs it).
	TrustsFirst bool
}

// Strict is a validator that does what RFC 5011 says, and nothing else.
func Strict() Profile { return Profile{Name: "RFC 5011"} }

// Profiles are the implementations of which departures are known, with the
// versions with which they were seen. What others do is not known here.
func Profiles() []Profile {
	return []Profile{
		{Name: "Unbound", Versions: "1.17.1", PromotesByTime: true},
		{Name: "BIND", Versions: "9.18.49", FailsClosed: true, RestartsOnFailure: true, TrustsFirst: true},
		{Name: "Knot Resolver", Versions: "5.6.0", RevokesUnproved: true, FailsClosed: true},
	}
}

// ProfileOf finds a profile by its name; the strict one where there is none.
func ProfileOf(name string) Profile {
	for _, p := range Profiles() {
		if p.Name == name {
			return p
		}
	}
	return Strict()
}

// Observe is the oracle's Observe with the departures of an implementation.
func (p Profile) Observe(before State, seen Seen, at time.Time, timers holdfast.Timers) (State, []Event) {
	if before.Deleted {
		return before, nil
	}
	var events []Event
	if p.PromotesByTime {
		before, events = promote(before, at)
	}
	if p.RevokesUnproved {
		seen.Keys = slices.Clone(seen.Keys)
		for i := range seen.Keys {
			seen.Keys[i].Signs = seen.Keys[i].Signs || seen.Keys[i].Revoked() && seen.Keys[i].Flags&wire.FlagSEP != 0
		}
	}
	after, more := Observe(before, seen, at, timers)
	if p.TrustsFirst && fresh(before) {
		for i := range after.Keys {
			if k := &after.Keys[i]; k.State == holdfast.KeyAddPend {
				more = append(more, Event{At: at, Kind: AddTime, Tag: k.Tag, From: k.State, To: holdfast.KeyValid, Clause: "no clause: at the first look"})
				k.State, k.Hold, k.By, k.Seen = holdfast.KeyValid, time.Time{}, nil, 0
			}
		}
	}
	if p.RestartsOnFailure && after.Succeeded.Equal(before.Succeeded) && !after.Deleted {
		for i := range after.Keys {
			if after.Keys[i].State == holdfast.KeyAddPend {
				after.Keys[i].Hold = at.Add(timers.Add)
			}
		}
	}
	if p.FailsClosed {
		after.Deleted = false
	}
	return after, append(events, more...)
}

// fresh says that a state is nothing but what was configured: it was never
// looked, and no key came to its state at any time.
func fresh(s State) bool {
	return s.Asked.IsZero() && s.Succeeded.IsZero() && !slices.ContainsFunc(s.Keys, func(k Key) bool { return !k.Since.IsZero() || k.State != holdfast.KeyValid })
}

// promote is what the clock alone does with pending keys that were seen twice.
func promote(s State, at time.Time) (State, []Event) {
	s = s.clone()
	var events []Event
	for i := range s.Keys {
		k := &s.Keys[i]
		if k.State == holdfast.KeyAddPend && k.Seen != 1 && !at.Before(k.Hold) {
			events = append(events, Event{At: at, Kind: AddTime, Tag: k.Tag, From: k.State, To: holdfast.KeyValid, Clause: "no clause: by the clock alone"})
			k.State, k.Since, k.Hold, k.By, k.Seen = holdfast.KeyValid, at, time.Time{}, nil, 0
		}
	}
	return s, events
}
