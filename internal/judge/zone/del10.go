package zone

import (
	"fmt"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/judge/past"
)

// changeShown is how long a change of the delegation is spoken of.
const changeShown = 24 * time.Hour

// mostItems is how much of a change a text names.
const mostItems = 12

func delegationChanged() judge.Check {
	return judge.Check{
		Code: "DEL-10", Name: "delegation-changed", Severity: holdfast.SeverityNotice,
		Reference: "RFC 1034 section 4.2.2",
		Summary:   "Says what changed in the delegation within the last day: name servers, glue, DS.",
		Judge:     judgeChange,
	}
}

func judgeChange(c *judge.Case) []holdfast.Finding {
	p := past.Delegation(c)
	if p.Changed.IsZero() || c.Older(p.Changed, changeShown) {
		return nil
	}
	var what []string
	if len(p.Added) > 0 {
		what = append(what, "new are "+listed(p.Added))
	}
	if len(p.Removed) > 0 {
		what = append(what, "gone are "+listed(p.Removed))
	}
	return []holdfast.Finding{{
		Severity: holdfast.SeverityNotice, RRset: holdfast.ClassNS, Count: len(p.Added) + len(p.Removed),
		Text: fmt.Sprintf("the delegation changed, seen at %s: %s", p.Changed.Format(time.DateTime+" UTC"), strings.Join(what, "; ")),
	}}
}

func listed(items []string) string {
	if more := len(items) - mostItems; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(items[:mostItems], ", "), more)
	}
	return join(items)
}
