package past

import (
	"fmt"
	"slices"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
)

// maxItems is how much of a delegation is remembered: 13 names with three
// addresses each, and a dozen DS records, twice over.
const maxItems = 128

// Delegation is what was known of the delegation with the case's look taken
// in. It goes by the roster's word alone, which is one version of the parent
// zone: what single servers of the parent say while a change spreads is no
// change. A delegation given by hand is nobody's word.
func Delegation(c *judge.Case) holdfast.DelegationPast {
	p := c.Past.Delegation
	d := c.Measurement.Subject.Delegation
	if d == nil || d.ByHand || !c.Instant.After(c.Past.Until) {
		return p
	}
	items := itemsOf(d)
	if slices.Equal(items, p.Items) {
		return p
	}
	if len(p.Items) == 0 {
		return holdfast.DelegationPast{Items: items}
	}
	gone := func(x, have []string) []string {
		return slices.DeleteFunc(slices.Clone(x), func(s string) bool { return slices.Contains(have, s) })
	}
	return holdfast.DelegationPast{Items: items, Changed: c.Instant, Added: gone(items, p.Items), Removed: gone(p.Items, items)}
}

func itemsOf(d *holdfast.Delegation) []string {
	var items []string
	for _, name := range d.NS {
		items = append(items, "NS "+string(name))
		for _, a := range d.Glue[name] {
			items = append(items, fmt.Sprintf("glue %s %s", name, a))
		}
	}
	for _, ds := range d.DS {
		items = append(items, fmt.Sprintf("DS %d %d %d %x", ds.KeyTag, ds.Algorithm, ds.DigestType, ds.Digest[:min(len(ds.Digest), 4)]))
	}
	slices.Sort(items)
	items = slices.Compact(items)
	return items[:min(len(items), maxItems)]
}
