package rootkey

import (
	"fmt"
	"slices"
	"time"

	"github.com/holdfastdns/holdfast"
)

// spansOf are the slots of a response, each until the next begins.
func spansOf(doc holdfast.KeySigning, sets []rrset, calendar holdfast.Calendar) []holdfast.RootSpan {
	var out []holdfast.RootSpan
	for i, b := range doc.Bundles {
		out = append(out, holdfast.RootSpan{
			From: b.Inception, Until: b.Expiration, Set: sets[i].state(b.Inception, calendar), Slot: i + 1, File: doc.File, Place: b.Place,
		})
	}
	return out
}

// Forecast is the root's DNSKEY RRset as signed key responses promise it, slot
// by slot: each is taken to be published from the inception of its signatures
// (the files give no hour) until the next one's. Two responses for the same
// time are an error: one is for the case that a step is taken back, and which
// will be used nobody can know.
func Forecast(responses []holdfast.KeySigning, calendar holdfast.Calendar) ([]holdfast.RootSpan, error) {
	var out []holdfast.RootSpan
	for _, doc := range responses {
		if doc.Kind != holdfast.KeyResponse {
			return nil, fmt.Errorf("forecast the root's keys: %s is a request: only a response says what will be published", doc.File)
		}
		out = append(out, newSigning(doc, DefaultPolicy(), calendar).spans...)
	}
	slices.SortStableFunc(out, func(a, b holdfast.RootSpan) int { return a.From.Compare(b.From) })
	for i := range out {
		s := &out[i]
		if i+1 < len(out) {
			next := out[i+1]
			if !next.From.After(s.From) {
				return nil, fmt.Errorf("forecast the root's keys: %s and %s are for the same time: name only the one that is in use", s.Place, next.Place)
			}
			if next.From.Before(s.Until) {
				s.Until = next.From
			}
		}
		s.Left = left(s.Set, s.Until)
	}
	return out, nil
}

// left is what an RRset's signatures have to live at an instant, zero where no
// signature verifies.
func left(set holdfast.RootSet, at time.Time) time.Duration {
	if set.Expires.IsZero() {
		return 0
	}
	return set.Expires.Sub(at)
}

// Day is a day of a forecast.
type Day struct {
	Day  time.Time        `json:"day"` // its first instant, UTC
	Slot int              `json:"slot"`
	File string           `json:"file,omitempty"`
	Set  holdfast.RootSet `json:"set"`
	Left time.Duration    `json:"left_ns"`        // what its signatures have to live at the day's end
	Step []string         `json:"step,omitempty"` // what is new on that day, for people
}

// Days is a forecast day by day; a day on which nothing is promised is not in
// it.
func Days(spans []holdfast.RootSpan) []Day {
	var out []Day
	for i, s := range spans {
		for at := s.From.Truncate(day); at.Before(s.Until); at = at.Add(day) {
			d := Day{Day: at, Slot: s.Slot, File: s.File, Set: s.Set, Left: left(s.Set, at.Add(day))}
			if at.Before(s.From) {
				continue // the day belongs to the slot before
			}
			if at.Equal(s.From.Truncate(day)) && i > 0 {
				d.Step = Changes(spans[i-1].Set, s.Set)
			}
			out = append(out, d)
		}
	}
	return out
}

// Changes says for people what one RRset has that the one before it had not.
func Changes(before, after holdfast.RootSet) []string {
	find := func(set holdfast.RootSet, k holdfast.RootSetKey) (holdfast.RootSetKey, bool) {
		for _, other := range set.Keys {
			if other.Tag == k.Tag && other.Algorithm == k.Algorithm && other.KSK == k.KSK {
				return other, true
			}
		}
		return holdfast.RootSetKey{}, false
	}
	var out []string
	for _, k := range after.Keys {
		old, was := find(before, k)
		switch {
		case !was && k.KSK:
			out = append(out, nameOf(k)+" is published")
		case !was:
			out = append(out, fmt.Sprintf("zone-signing key %d is published", k.Tag))
		}
		if k.Revoked && !old.Revoked {
			out = append(out, fmt.Sprintf("%s is revoked, and shows as %d", nameOf(k), k.Shown))
		}
		if k.KSK && k.Signs && was && !old.Signs && !k.Revoked {
			out = append(out, nameOf(k)+" signs")
		}
		if k.KSK && !k.Signs && was && old.Signs {
			out = append(out, nameOf(k)+" signs no more")
		}
	}
	for _, k := range before.Keys {
		if _, stays := find(after, k); !stays {
			name := fmt.Sprintf("zone-signing key %d", k.Tag)
			if k.KSK {
				name = nameOf(k)
			}
			out = append(out, name+" is gone")
		}
	}
	return out
}

// schema names the quarter's work by the phases that it goes through.
func (s *signing) schema() string {
	var phases []holdfast.RootPhase
	for _, span := range s.spans {
		if n := len(phases); n == 0 || phases[n-1] != span.Set.Phase {
			phases = append(phases, span.Set.Phase)
		}
	}
	for _, known := range []struct {
		name   string
		phases []holdfast.RootPhase
	}{
		{"normal", []holdfast.RootPhase{holdfast.RootSteady}},
		{"pre-publish", []holdfast.RootPhase{holdfast.RootSteady, holdfast.RootPrePublished}},
		{"publish+", []holdfast.RootPhase{holdfast.RootPrePublished}},
		{"rollover", []holdfast.RootPhase{holdfast.RootPrePublished, holdfast.RootSwitched}},
		{"rollover+", []holdfast.RootPhase{holdfast.RootSwitched}},
		{"revoke", []holdfast.RootPhase{holdfast.RootSwitched, holdfast.RootRevoking, holdfast.RootSteady}},
		{"revoke+", []holdfast.RootPhase{holdfast.RootSteady, holdfast.RootRevoking, holdfast.RootSteady}},
	} {
		if slices.Equal(phases, known.phases) {
			return known.name
		}
	}
	return "of its own"
}
