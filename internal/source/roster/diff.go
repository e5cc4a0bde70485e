package roster

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"

	"github.com/holdfastdns/holdfast"
)

// What of a delegation has changed.
const (
	ChangedZone = "zone"
	ChangedNS   = "ns"
	ChangedDS   = "ds"
	ChangedGlue = "glue"
)

// Change is one difference between two rosters.
type Change struct {
	Zone  holdfast.Name `json:"zone"`
	What  string        `json:"what"` // zone, ns, ds, glue
	Added bool          `json:"added"`
	// Value is the name server, "KEYTAG ALGORITHM DIGESTTYPE DIGEST", or
	// "NAME ADDRESS"; empty where the zone itself came or went.
	Value string `json:"value,omitempty"`
}

// String is "+ example. ds 12345 13 2 a1b2".
func (c Change) String() string {
	sign := "-"
	if c.Added {
		sign = "+"
	}
	if c.Value == "" {
		return fmt.Sprintf("%s %s %s", sign, c.Zone, c.What)
	}
	return fmt.Sprintf("%s %s %s %s", sign, c.Zone, c.What, c.Value)
}

// Diff lists what changed from one roster to the next: by zone in the
// roster's order, and within it zone, NS, DS, glue, what went before what came.
func Diff(old, next *Roster) []Change {
	var changes []Change
	for _, s := range merged(old, next) {
		before, had := old.Find(s)
		after, has := next.Find(s)
		switch {
		case !had:
			changes = append(changes, Change{Zone: s, What: ChangedZone, Added: true})
		case !has:
			changes = append(changes, Change{Zone: s, What: ChangedZone})
		default:
			changes = append(changes, diffDelegation(s, before.Delegation, after.Delegation)...)
		}
	}
	return changes
}

// merged are the names of both rosters, the old one's first.
func merged(old, next *Roster) []holdfast.Name {
	names := make([]holdfast.Name, 0, len(old.Subjects))
	for _, s := range old.Subjects {
		names = append(names, s.Zone)
	}
	for _, s := range next.Subjects {
		if _, ok := old.Find(s.Zone); !ok {
			names = append(names, s.Zone)
		}
	}
	return names
}

// diffDelegation compares what the parent says of one zone. A delegation that
// is not known (a list has none) counts as one that says nothing.
func diffDelegation(zone holdfast.Name, before, after *holdfast.Delegation) []Change {
	if before == nil {
		before = &holdfast.Delegation{}
	}
	if after == nil {
		after = &holdfast.Delegation{}
	}
	changes := diffSet(zone, ChangedNS, before.NS, after.NS, func(a, b holdfast.Name) bool { return a == b }, holdfast.Name.String)
	changes = append(changes, diffSet(zone, ChangedDS, before.DS, after.DS, equalDS, textDS)...)
	for _, name := range nsOfEither(before, after) {
		changes = append(changes, diffSet(zone, ChangedGlue, before.Glue[name], after.Glue[name],
			func(a, b netip.Addr) bool { return a == b },
			func(a netip.Addr) string { return name.String() + " " + a.String() })...)
	}
	return changes
}

func nsOfEither(before, after *holdfast.Delegation) []holdfast.Name {
	names := slices.Clone(before.NS)
	for _, name := range after.NS {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

func equalDS(a, b holdfast.DS) bool {
	return a.KeyTag == b.KeyTag && a.Algorithm == b.Algorithm && a.DigestType == b.DigestType && bytes.Equal(a.Digest, b.Digest)
}

func textDS(ds holdfast.DS) string {
	return fmt.Sprintf("%d %d %d %X", ds.KeyTag, ds.Algorithm, ds.DigestType, ds.Digest)
}

// diffSet lists what is only in before, then what is only in after. The
// sets are of a delegation's size: a dozen.
func diffSet[T any](zone holdfast.Name, what string, before, after []T, equal func(a, b T) bool, text func(T) string) []Change {
	var changes []Change
	missing := func(from, in []T, added bool) {
		for _, v := range from {
			if !slices.ContainsFunc(in, func(o T) bool { return equal(v, o) }) {
				changes = append(changes, Change{Zone: zone, What: what, Added: added, Value: text(v)})
			}
		}
	}
	missing(before, after, false)
	missing(after, before, true)
	return changes
}
