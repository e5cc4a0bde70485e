package app

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/holdfastdns/holdfast"
)

// checkChange is what a new catalogue changes about one check, over all the
// evidence judged again: for a release note. A finding counts once, in however
// many looks it is seen.
type checkChange struct {
	Code     string          `json:"code"`
	Name     string          `json:"name"`
	What     string          `json:"what"`          // appears, vanishes, changes
	Was      string          `json:"was,omitempty"` // severity, of those that change
	Severity string          `json:"severity"`      // now
	Findings int             `json:"findings"`
	Zones    []holdfast.Name `json:"zones"`
}

func byCheck(differences []difference) []checkChange {
	var out []checkChange
	counted := map[string]bool{}
	for _, d := range differences {
		severity := d.Finding.Severity.String()
		i := slices.IndexFunc(out, func(c checkChange) bool {
			return c.Code == d.Finding.Code && c.What == d.What && c.Was == d.Was && c.Severity == severity
		})
		if i < 0 {
			i = len(out)
			out = append(out, checkChange{Code: d.Finding.Code, Name: d.Finding.Name, What: d.What, Was: d.Was, Severity: severity})
		}
		if key := strings.Join([]string{d.What, d.Was, severity, d.Finding.Key()}, " "); !counted[key] {
			counted[key] = true
			out[i].Findings++
		}
		if !slices.Contains(out[i].Zones, d.Zone) {
			out[i].Zones = append(out[i].Zones, d.Zone)
		}
	}
	for i := range out {
		slices.SortFunc(out[i].Zones, holdfast.CompareNames)
	}
	slices.SortStableFunc(out, func(a, b checkChange) int {
		return cmp.Or(cmp.Compare(a.Code, b.Code), cmp.Compare(a.What, b.What), cmp.Compare(a.Was, b.Was))
	})
	return out
}

// mostZones named for a change; the JSON has them all.
const mostZones = 5

func writeCatalogueDiff(w World, r rejudgement) error {
	fmt.Fprintf(w.Stdout, "%d looks, judged under %s, judged again under %s\n", r.Measurements, strings.Join(r.Before, ", "), r.Catalogue)
	if len(r.Changes) == 0 {
		_, err := fmt.Fprintln(w.Stdout, "No finding appears, vanishes or changes its severity.")
		return err
	}
	for _, c := range r.Changes {
		severity := c.Severity
		if c.Was != "" {
			severity = c.Was + " -> " + c.Severity
		}
		zones := make([]string, 0, mostZones)
		for _, z := range c.Zones[:min(mostZones, len(c.Zones))] {
			zones = append(zones, z.String())
		}
		more := ""
		if n := len(c.Zones) - len(zones); n > 0 {
			more = fmt.Sprintf(" and %d more", n)
		}
		fmt.Fprintf(w.Stdout, "- %s %s (%s) %s: %s in %s: %s%s\n", c.Code, c.Name, severity, c.What, count(c.Findings, "finding", "findings"), count(len(c.Zones), "zone", "zones"), strings.Join(zones, " "), more)
	}
	return nil
}
