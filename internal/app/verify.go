package app

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge/whole"
	"github.com/holdfastdns/holdfast/internal/source"
	"github.com/holdfastdns/holdfast/internal/source/roster"
	"github.com/holdfastdns/holdfast/internal/source/zonefile"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// VerifyOptions are the flags of `holdfast verify`, as given.
type VerifyOptions struct {
	File, At, Origin, TrustAnchor string
	JSON                          bool
}

// Verify judges a whole signed zone from a file.
func Verify(ctx context.Context, w World, o VerifyOptions) (Exit, error) {
	at, err := parseInstant(o.At, w.Clock.Now())
	if err != nil {
		return Unworked, fmt.Errorf("--at: %w", err)
	}
	var anchors []wire.Record
	if o.TrustAnchor != "" {
		if err := w.trust(o.TrustAnchor, "", at); err != nil {
			return Unworked, err
		}
		anchors = w.Anchors
	}
	var zone, origin holdfast.Name
	if o.Origin != "" {
		if zone, err = wire.FromUnicode(o.Origin); err != nil {
			return Unworked, fmt.Errorf("--origin: %w", err)
		}
		origin = zone
	}
	progress := startProgress(w, "verifying "+o.File)
	defer progress.stop()
	verifier := whole.New(whole.Options{At: at, Zone: zone, Anchors: anchors, Workers: runtime.GOMAXPROCS(0)})
	if _, err := zonefile.ReadFile(o.File, w.Stdin, origin, zonefile.Limits{}, verifier.Add); err != nil {
		return Unworked, fmt.Errorf("verify: %w", err)
	}
	report, err := verifier.Report(ctx)
	if err != nil {
		return Unworked, fmt.Errorf("verify %s: %w", o.File, err)
	}
	if o.JSON {
		err = writeJSON(w.Stdout, report)
	} else {
		err = writeReport(w.Stdout, report, paint(w.Terminal))
	}
	if err != nil {
		return Unworked, fmt.Errorf("verify: %w", err)
	}
	return ExitFor(holdfast.Verdict{Status: report.Status, Findings: report.Findings}), nil
}

func writeReport(out io.Writer, r whole.Report, p paint) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s serial %d is %s at %s", p.bold(r.Zone.String()), r.Serial, p.status(r.Status), instant(r.At))
	if r.Reason != "" {
		fmt.Fprintf(&b, ": %s", r.Reason)
	}
	b.WriteString("\n")
	if !r.FailsAt.IsZero() {
		fmt.Fprintf(&b, "first signature to die: %s %s, %s\n", r.FailsName, r.FailsType, countdown(r.FailsAt, r.At))
	}
	b.WriteString("\n")
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "records\t%d, in %d RRsets\n", r.Records, r.RRsets)
	fmt.Fprintf(table, "delegations\t%d, %d of them secured\n", r.Delegations, r.Secured)
	fmt.Fprintf(table, "signatures\t%d: %d good, %d expired, %d not yet valid, %d invalid, %d by unknown keys, %d of unknown algorithms\n",
		r.Signatures, r.Verified, r.Expired, r.NotYet, r.Invalid, r.UnknownKey, r.Unsupported)
	fmt.Fprintf(table, "RRsets to be signed\t%d: %d without a good signature, %d of them without any\n", r.Signed, r.BogusRRsets, r.Missing)
	fmt.Fprintf(table, "denial\t%s\n", orDash(r.Denial))
	fmt.Fprintf(table, "ZONEMD\t%s\n", r.Digest)
	for _, k := range r.Keys {
		anchored := ""
		if k.Anchored {
			anchored = ", anchored"
		}
		fmt.Fprintf(table, "key %d\talgorithm %d, %d bits, flags %d, %d signatures%s\n", k.Tag, k.Algorithm, k.Bits, k.Flags, k.Signatures, anchored)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	writeFindings(&b, holdfast.Verdict{Findings: r.Findings}, p)
	_, err := io.WriteString(out, b.String())
	return err
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// verifyRoster is what a root zone must pass before it becomes the roster:
// every signature good under the anchors, and a digest that matches.
func verifyRoster(anchors []wire.Record) roster.Verify {
	return func(zone source.Zone, at time.Time) error {
		report, err := whole.Verify(zone.Records, whole.Options{
			At: at, Zone: zone.Name, Anchors: anchors, Workers: runtime.GOMAXPROCS(0), RequireZONEMD: true,
		})
		if err != nil {
			return err
		}
		if report.Good() {
			return nil
		}
		for _, f := range report.Findings {
			if f.Severity >= holdfast.SeverityError {
				return fmt.Errorf("%s %s: %s (%d findings in all)", f.Code, f.Name, f.Text, len(report.Findings))
			}
		}
		return fmt.Errorf("it is %s: %s", report.Status, report.Reason)
	}
}
