package app

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge/rootkey"
)

// SKROptions are the flags of `holdfast anchors skr`, as given.
type SKROptions struct {
	Files      []string
	At, Config string
	Days       bool
	JSON       bool
}

// skrResult is `holdfast anchors skr --json`.
type skrResult struct {
	Format   string              `json:"format"` // holdfast-skr/1
	Files    []rootkey.Report    `json:"files"`
	Forecast []holdfast.RootSpan `json:"forecast"`
	Days     []rootkey.Day       `json:"days,omitempty"`
	// Unclear says why there is no forecast of a response.
	Unclear string `json:"unclear,omitempty"`
}

// AnchorsSKR verifies key signing requests and signed key responses, each by
// itself and together, and says which DNSKEY RRsets they promise.
func AnchorsSKR(w World, o SKROptions) (Exit, error) {
	at, err := parseInstant(o.At, time.Time{})
	if err != nil {
		return Unworked, fmt.Errorf("--at: %w", err)
	}
	calendar, err := calendarOf(o.Config)
	if err != nil {
		return Unworked, err
	}
	docs, err := readSignings(o.Files)
	if err != nil {
		return Unworked, err
	}
	result := examineAll(docs, calendar, at)
	if !o.Days && !o.JSON {
		result.Days = nil
	}
	worst := holdfast.SeverityInfo
	for _, r := range result.Files {
		worst = max(worst, r.Worst())
	}
	if o.JSON {
		return exitOf(worst), writeJSON(w.Stdout, result)
	}
	return exitOf(worst), writeSKR(w.Stdout, result, paint(w.Terminal))
}

// examineAll judges files by themselves, a response against its request, and
// each quarter against the response of the one before.
func examineAll(docs []holdfast.KeySigning, calendar holdfast.Calendar, at time.Time) skrResult {
	result := skrResult{Format: "holdfast-skr/1", Forecast: []holdfast.RootSpan{}}
	docs = slices.Clone(docs)
	slices.SortStableFunc(docs, func(a, b holdfast.KeySigning) int {
		return cmp.Or(a.Bundles[0].Inception.Compare(b.Bundles[0].Inception), cmp.Compare(a.Kind, b.Kind))
	})
	var responses []holdfast.KeySigning
	for i, doc := range docs {
		report := rootkey.Examine(doc, rootkey.DefaultPolicy(), calendar, at)
		for _, other := range docs[:i] {
			switch {
			case doc.Kind == holdfast.KeyResponse && other.Kind == holdfast.KeyRequest && other.Bundles[0].Inception.Equal(doc.Bundles[0].Inception):
				report.Complaints = append(report.Complaints, rootkey.Answers(doc, other)...)
			case other.Kind == holdfast.KeyResponse && precedes(other, doc):
				report.Complaints = append(report.Complaints, rootkey.Follows(doc, other)...)
			}
		}
		result.Files = append(result.Files, report)
		switch {
		case doc.Kind != holdfast.KeyResponse:
		case report.Worst() >= holdfast.SeverityError:
			result.Unclear = fmt.Sprintf("%s is not in order: what it promises nobody can rely on", doc.File)
		default:
			responses = append(responses, doc)
		}
	}
	spans, err := rootkey.Forecast(responses, calendar)
	if err != nil {
		result.Unclear = err.Error()
	} else if len(spans) > 0 {
		result.Forecast, result.Days = spans, rootkey.Days(spans)
	}
	return result
}

// precedes says whether a file is of the quarter before another's: its last
// bundle begins within two months before the other's first.
func precedes(before, next holdfast.KeySigning) bool {
	gap := next.Bundles[0].Inception.Sub(before.Bundles[len(before.Bundles)-1].Inception)
	return gap > 0 && gap < 60*24*time.Hour
}

func writeSKR(out io.Writer, result skrResult, p paint) error {
	var b strings.Builder
	for _, r := range result.Files {
		what := "key signing request"
		if r.Kind == holdfast.KeyResponse {
			what = "signed key response"
		}
		fmt.Fprintf(&b, "%s: %s, %s, %s to %s\n", p.bold(r.File), what, count(r.Bundles, "bundle", "bundles"), r.From.Format("2006-01-02"), r.Until.Format("2006-01-02"))
		fmt.Fprintf(&b, "  %d of %s verify", r.Verified, count(r.Signatures, "signature", "signatures"))
		if r.Schema != "" {
			fmt.Fprintf(&b, "; the quarter's schema is %q", r.Schema)
		}
		b.WriteString("\n")
		for _, c := range r.Complaints {
			where := "the file"
			if c.Slot > 0 {
				where = fmt.Sprintf("slot %d", c.Slot)
			}
			fmt.Fprintf(&b, "  %-9s %s, %s: %s (%s)\n", c.Severity, c.Rule, where, c.Text, strings.Join(nonEmpty(c.Clause, c.Place), "; "))
		}
		if len(r.Complaints) == 0 {
			b.WriteString("  nothing is wrong with it\n")
		}
	}
	if result.Unclear != "" {
		fmt.Fprintf(&b, "\nNo forecast: %s\n", result.Unclear)
	}
	if result.Days != nil {
		if err := writeDays(&b, result.Days); err != nil {
			return err
		}
	} else if err := writePromised(&b, result.Forecast, time.Time{}); err != nil {
		return err
	}
	_, err := io.WriteString(out, b.String())
	return err
}

func nonEmpty(all ...string) []string {
	return slices.DeleteFunc(all, func(s string) bool { return s == "" })
}

func writeDays(b *strings.Builder, days []rootkey.Day) error {
	b.WriteString("\nThe DNSKEY RRset, day by day:\n")
	table := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "  DAY\tSLOT\tPHASE\tSIGN\tPUBLISHED\tOCTETS\tSIGNATURES LEFT\tNEW")
	for _, d := range days {
		fmt.Fprintf(table, "  %s\t%d\t%s\t%s\t%s\t%d\t%s\t%s\n", d.Day.Format("2006-01-02"), d.Slot, d.Set.Phase,
			rootTags(d.Set.Signers()), rootTags(d.Set.Keys), d.Set.Size, span(d.Left), strings.Join(d.Step, "; "))
	}
	return table.Flush()
}
