package holdfast

import (
	"cmp"
	"slices"
	"time"
)

// Forecast is what becomes of many zones by an instant if nobody signs, moves
// or mends anything: what the record knows of the future.
type Forecast struct {
	At    time.Time `json:"at"`
	Zones int       `json:"zones"` // of which something is known
	// Bogus are the zones that are bogus by then, soonest first; Already how
	// many of them were bogus when last seen.
	Bogus   []Outlook `json:"bogus"`
	Already int       `json:"already"`
	// Partly are those that live on while some of their servers are bogus.
	Partly []Outlook `json:"partly"`
	// Unknown are those whose servers did not answer, or whose keys were not
	// had, when last looked at.
	Unknown []Name `json:"unknown"`
	// Oldest is when the verdict that is oldest was reached: before it, what
	// was seen cannot be older.
	Oldest time.Time `json:"oldest,omitzero"`
}

// NewForecast looks ahead from the latest verdicts on zones. What lies below a
// zone among them (in practice: below the root) dies with its keys.
func NewForecast(verdicts []Verdict, at time.Time) Forecast {
	f := Forecast{At: at, Bogus: []Outlook{}, Partly: []Outlook{}, Unknown: []Name{}}
	keysDie := map[Name]time.Time{}
	for _, v := range verdicts {
		if dies := v.KeysDie(); !dies.IsZero() {
			keysDie[v.Zone] = dies
		}
	}
	for _, v := range verdicts {
		if v.At.IsZero() {
			continue
		}
		f.Zones++
		if f.Oldest.IsZero() || v.At.Before(f.Oldest) {
			f.Oldest = v.At
		}
		o := v.Outlook(at, soonestAbove(v.Zone, keysDie))
		switch {
		case o.Status == Bogus:
			f.Bogus = append(f.Bogus, o)
			if v.Status == Bogus {
				f.Already++
			}
		case o.Status == Indeterminate || o.Status == Unreached:
			f.Unknown = append(f.Unknown, v.Zone)
		case len(o.Failed) > 0:
			f.Partly = append(f.Partly, o)
		}
	}
	slices.SortFunc(f.Bogus, func(a, b Outlook) int {
		return cmp.Or(a.FailsAt.Compare(b.FailsAt), CompareNames(a.Zone, b.Zone))
	})
	slices.SortFunc(f.Partly, func(a, b Outlook) int {
		return cmp.Or(a.Failed[0].At.Compare(b.Failed[0].At), CompareNames(a.Zone, b.Zone))
	})
	return f
}

// soonestAbove is when the first of the zones above has no living keys left.
func soonestAbove(zone Name, keysDie map[Name]time.Time) time.Time {
	var soonest time.Time
	for _, above := range zone.Ancestors() {
		if dies, ok := keysDie[above]; ok && (soonest.IsZero() || dies.Before(soonest)) {
			soonest = dies
		}
	}
	return soonest
}
