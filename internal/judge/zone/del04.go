package zone

import (
	"fmt"
	"slices"
	"strings"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
)

func delegationDiffers() judge.Check {
	return judge.Check{
		Code: "DEL-04", Name: "delegation-differs-from-zone", Severity: holdfast.SeverityWarning,
		Reference: "RFC 1034 section 4.2.2",
		Summary:   "The parent publishes the same name servers as the zone.",
		Unless:    []string{"DEL-01"},
		Judge:     judgeDelegation,
	}
}

func judgeDelegation(c *judge.Case) []holdfast.Finding {
	if c.Zone == holdfast.Root {
		return nil
	}
	d, delegated := delegationOf(c)
	own, evidence, answered := published(c)
	if !delegated || !answered || slices.Equal(d.names, own) {
		return nil
	}
	var what []string
	if only := without(d.names, own); len(only) > 0 {
		what = append(what, "only the parent has "+join(only))
	}
	if only := without(own, d.names); len(only) > 0 {
		what = append(what, "only the zone has "+join(only))
	}
	return []holdfast.Finding{{
		Severity: holdfast.SeverityWarning, RRset: holdfast.ClassNS,
		Text:     fmt.Sprintf("the parent and the zone publish different name servers: %s", strings.Join(what, "; ")),
		Evidence: append(slices.Clone(d.evidence), evidence...),
	}}
}
