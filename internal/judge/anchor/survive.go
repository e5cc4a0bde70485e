package anchor

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// Updating is how a machine keeps the trust anchors that it has.
type Updating struct {
	// Follows says that it follows RFC 5011. Otherwise it trusts what it was
	// given, come what may.
	Follows bool
	// Keeps says that what it learns outlives a restart: it can write its state.
	// Where it cannot, it is reckoned to be restarted before each step of the
	// calendar, and to begin again with what it was given.
	Keeps bool
	// Profile is the implementation's; the zero value is the RFC's own.
	Profile Profile
	// Timers of the validator and the root; the zero value: DefaultTimers.
	Timers holdfast.Timers
}

// Fate is how a machine fares from an instant on.
type Fate struct {
	From time.Time `json:"from"`
	// By is when it is so at the latest, for what was cached has run out by then:
	// the TTL of the root's DNSKEY RRset after From. Zero for what is so at once.
	By time.Time `json:"by,omitzero"`
	// Standing is Secure where the machine validates, Bogus where it answers
	// SERVFAIL to everything that is signed, Insecure where it answers without
	// validating: forged data passes, and nobody is told.
	Standing holdfast.Status `json:"standing"`
	// Trusted are the tags of the keys that it trusts then, sorted.
	Trusted []uint16 `json:"trusted"`
	// Step, Key and Date are the step of the calendar that brings it; zero where
	// none does (it is so already, or a hold-down ends).
	Step holdfast.RootStep `json:"step,omitempty"`
	Key  uint16            `json:"key,omitempty"`
	Date holdfast.RootDate `json:"date,omitzero"`
	// Why is one sentence without its dot, Clause what it rests on.
	Why    string `json:"why"`
	Clause string `json:"clause"`
}

// Survive says how a machine fares with the root's keys, from an instant on and
// as far as the calendar knows: first how it stands then, and then each change.
// A machine comes through where every fate is Secure. Plans of the calendar
// count as if they came true; Fate.Date says which are only planned.
func Survive(point holdfast.TrustPoint, how Updating, calendar holdfast.Calendar, at time.Time) []Fate {
	if how.Timers == (holdfast.Timers{}) {
		how.Timers = holdfast.DefaultTimers()
	}
	run := &survival{how: how, calendar: calendar, point: point, state: Start(point, how.Timers), steps: stepsAfter(calendar, at)}
	run.at(at, nil)
	end := at
	if n := len(run.steps); n > 0 {
		end = run.steps[n-1].date.At
	}
	// A key that is new with the last step is trusted only a hold-down later.
	end = end.Add(how.Timers.Add + 2*how.Timers.TTL)
	refresh := Refresh(how.Timers, how.Timers.TTL, how.Timers.Life)
	for now, next := at, 0; now.Before(end) && !run.state.Deleted; {
		now = now.Add(refresh)
		var due []rootStep
		if next < len(run.steps) && !now.Before(run.steps[next].date.At) {
			now = run.steps[next].date.At
			for ; next < len(run.steps) && run.steps[next].date.At.Equal(now); next++ {
				due = append(due, run.steps[next])
			}
		}
		run.at(now, due)
	}
	return run.fates
}

// survival is one call of Survive.
type survival struct {
	how      Updating
	calendar holdfast.Calendar
	point    holdfast.TrustPoint
	state    State
	steps    []rootStep
	fates    []Fate
}

// rootStep is a step of the calendar and the key that takes it.
type rootStep struct {
	key  holdfast.RootKey
	date holdfast.RootDate
}

func stepsAfter(calendar holdfast.Calendar, at time.Time) []rootStep {
	var out []rootStep
	for _, k := range calendar.Keys {
		for _, d := range k.Dates {
			if d.At.After(at) && d.Step != holdfast.RootGenerated && d.Step != holdfast.RootAnchored && d.Step != holdfast.RootAbandoned {
				out = append(out, rootStep{k, d})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b rootStep) int { return a.date.At.Compare(b.date.At) })
	return out
}

// at is what happens at an instant, with the steps of the calendar that fall on it.
func (s *survival) at(now time.Time, due []rootStep) {
	seen := RootKeys(s.calendar, now, s.how.Timers)
	if !s.how.Follows {
		s.note(now, bounded(s.state, now), seen, due)
		return
	}
	if !s.how.Keeps && len(due) > 0 {
		s.state = Start(s.point, s.how.Timers)
		s.state.Keys = slices.DeleteFunc(s.state.Keys, func(k Key) bool { return k.State == holdfast.KeyAddPend })
	}
	s.state, _ = s.how.Profile.Observe(s.state, seen, now, s.how.Timers)
	s.note(now, s.state, seen, due)
}

// bounded is a configured set of anchors without those whose time has not come
// or is over (RFC 9718 section 2.1).
func bounded(state State, now time.Time) State {
	for i, k := range state.Keys {
		if now.Before(k.From) || !k.Until.IsZero() && !now.Before(k.Until) {
			state = state.clone()
			state.Keys[i].State = holdfast.KeyRemoved
		}
	}
	return state
}

// note adds a fate where the standing is not what it was.
func (s *survival) note(now time.Time, state State, seen Seen, due []rootStep) {
	standing := state.Standing(seen)
	if n := len(s.fates); n > 0 && s.fates[n-1].Standing == standing {
		return
	}
	f := Fate{From: now, Standing: standing, Trusted: tags(state.Trusted())}
	if len(s.fates) > 0 {
		f.By = now.Add(s.how.Timers.TTL)
	}
	if i := slices.IndexFunc(due, func(d rootStep) bool { return d.date.Step == holdfast.RootRevoked }); i >= 0 {
		due = due[i:]
	}
	if len(due) > 0 {
		f.Step, f.Key, f.Date = due[0].date.Step, due[0].key.Tag, due[0].date
	}
	f.Why, f.Clause = reason(f, state, seen, s.how)
	s.fates = append(s.fates, f)
}

func tags(keys []Key) []uint16 {
	out := []uint16{}
	for _, k := range keys {
		out = append(out, k.Tag)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// reason says why a machine stands as it does.
func reason(f Fate, state State, seen Seen, how Updating) (why, clause string) {
	var signers []uint16
	for _, k := range seen.Keys {
		if k.Signs && !k.Revoked() {
			signers = append(signers, k.Tag)
		}
	}
	slices.Sort(signers)
	switch {
	case f.Standing == holdfast.Secure:
		return fmt.Sprintf("it trusts %s, and the root's keys are signed by %s", list(f.Trusted), list(signers)), "RFC 4035 section 5"
	case state.Deleted:
		return "every key that it trusts is revoked: its trust point is deleted, and it answers without validating", "RFC 5011 section 5"
	case f.Standing == holdfast.Insecure:
		return "it has no trust anchor for the root: nothing is validated", "RFC 4033 section 5"
	case len(f.Trusted) == 0:
		return "every key that it knew is revoked or out of its time, and it goes on asking for a valid signature", "RFC 4035 section 5"
	case !how.Follows:
		return fmt.Sprintf("it trusts %s only and does not follow RFC 5011, and the root's keys are signed by %s", list(f.Trusted), list(signers)), "RFC 4035 section 5"
	case !how.Keeps:
		return fmt.Sprintf("it cannot keep what it learns: after a restart it trusts %s only, and the root's keys are signed by %s", list(f.Trusted), list(signers)), "RFC 4035 section 5"
	}
	return fmt.Sprintf("it trusts %s only: no other key was there long enough to be trusted, and the root's keys are signed by %s", list(f.Trusted), list(signers)), "RFC 5011 sections 2.2 and 2.4.1"
}

// list writes tags for people.
func list(tags []uint16) string {
	if len(tags) == 0 {
		return "no key"
	}
	words := make([]string, len(tags))
	for i, t := range tags {
		words[i] = fmt.Sprint(t)
	}
	return strings.Join(words, " and ")
}

// RootKeys is the root's DNSKEY RRset at an instant as a calendar has it: what
// is published, what signs, what is revoked.
func RootKeys(calendar holdfast.Calendar, at time.Time, timers holdfast.Timers) Seen {
	seen := Seen{TTL: timers.TTL, Expires: at.Add(timers.Life)}
	for _, k := range calendar.Keys {
		is := func(step holdfast.RootStep) bool {
			d, ok := k.Date(step)
			return ok && !d.At.After(at)
		}
		if !is(holdfast.RootPublished) || is(holdfast.RootRemoved) || is(holdfast.RootAbandoned) {
			continue
		}
		s := SeenKey{
			DNSKEY: wire.DNSKEY{Flags: wire.FlagZone | wire.FlagSEP, Protocol: 3, Algorithm: k.Algorithm, PublicKey: k.Public},
			Tag:    k.Tag, DS: k.DS, Signs: is(holdfast.RootSigns) && !is(holdfast.RootRetired),
		}
		if is(holdfast.RootRevoked) {
			s.Flags |= wire.FlagRevoke
			s.Signs = true
		}
		seen.Keys = append(seen.Keys, s)
	}
	return seen
}
