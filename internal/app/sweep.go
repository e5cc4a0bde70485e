package app

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/record"
)

// mostShown is how many troubled zones a sweep's summary lists; the page has
// them all.
const mostShown = 40

// writeSweep prints what a single sweep came to: the world in numbers, then
// the zones in trouble, worst first.
func writeSweep(w World, s holdfast.Sweep, statuses []record.ZoneStatus) error {
	p := paint(w.Terminal)
	var b strings.Builder
	fmt.Fprintf(&b, "%d zones, %d questions in %.1f s (%.0f a second), serial %d\n", s.Zones, s.Questions, s.Seconds(), s.Rate(), s.Serial)
	var parts []string
	for _, status := range []holdfast.Status{holdfast.Secure, holdfast.Insecure, holdfast.Bogus, holdfast.Indeterminate, holdfast.Unreached} {
		if n := s.Statuses[status]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, p.status(status)))
		}
	}
	fmt.Fprintf(&b, "%s\n", strings.Join(parts, ", "))
	if s.Withheld {
		b.WriteString("Most zones gave no answer: blame is withheld. Look at this machine's network.\n")
	}
	var troubled []record.ZoneStatus
	for _, z := range statuses {
		if z.Verdict.Worst() >= holdfast.SeverityWarning || z.Verdict.Status == holdfast.Bogus {
			troubled = append(troubled, z)
		}
	}
	slices.SortStableFunc(troubled, func(a, b record.ZoneStatus) int {
		return cmp.Or(cmp.Compare(ExitFor(b.Verdict), ExitFor(a.Verdict)), holdfast.CompareNames(a.Subject.Zone, b.Subject.Zone))
	})
	if len(troubled) == 0 {
		b.WriteString("\nNo zone is in trouble.\n")
	} else {
		writeTroubled(&b, troubled, p)
	}
	_, err := fmt.Fprint(w.Stdout, b.String())
	return err
}

func writeTroubled(b *strings.Builder, troubled []record.ZoneStatus, p paint) {
	if len(troubled) == 1 {
		b.WriteString("\nOne zone is in trouble:\n")
	} else {
		fmt.Fprintf(b, "\n%d zones are in trouble:\n", len(troubled))
	}
	table := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	for i, z := range troubled {
		if i == mostShown {
			break
		}
		text := z.Verdict.Reason
		if len(z.Verdict.Findings) > 0 {
			f := z.Verdict.Findings[0]
			text = f.Code + " " + f.Text
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", z.Subject.Zone, z.Verdict.Status, z.Verdict.Worst(), text)
	}
	_ = table.Flush() // into memory
	if more := len(troubled) - mostShown; more > 0 {
		fmt.Fprintf(b, "%s\n", p.dim(fmt.Sprintf("and %d more; the page shows all", more)))
	}
}
