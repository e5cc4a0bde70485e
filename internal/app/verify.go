package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
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
	From, At, Origin, TrustAnchor string
	Horizon, Sample, Temp         string
	JSON                          bool
}

// Verify judges a whole signed zone from a file, standard input, the web or a
// transfer, while it streams by.
func Verify(ctx context.Context, w World, o VerifyOptions) (Exit, error) {
	options, from, err := verification(&w, o)
	if err != nil {
		return Unworked, err
	}
	defer frugal()()
	verifier := whole.New(options)
	defer verifier.Close()
	stop := tellProgress(w, "verifying "+from.String(), verifier)
	_, broken := from.Stream(ctx, verifier.Add)
	if broken != nil {
		verifier.BrokeOff(broken.Error())
	}
	report, err := verifier.Report(ctx)
	stop()
	switch {
	case broken != nil && err != nil:
		return Unworked, fmt.Errorf("verify: %w", broken)
	case err != nil:
		return Unworked, fmt.Errorf("verify %s: %w", from, err)
	}
	if o.JSON {
		err = writeJSON(w.Stdout, report)
	} else {
		err = writeReport(w.Stdout, report, paint(w.Terminal))
	}
	switch {
	case err != nil:
		return Unworked, fmt.Errorf("verify: %w", err)
	case broken != nil:
		return Unworked, fmt.Errorf("verify: %w", broken)
	}
	return ExitFor(holdfast.Verdict{Status: report.Status, Findings: report.Findings}), nil
}

// frugal lets garbage lie about while the zone is small, and holds the process
// below 300 MB while it is large. It answers what undoes it.
func frugal() (restore func()) {
	percent, limit := debug.SetGCPercent(400), debug.SetMemoryLimit(220<<20)
	return func() {
		debug.SetGCPercent(percent)
		debug.SetMemoryLimit(limit)
	}
}

// verification makes of the flags how to judge, and where the zone comes from.
func verification(w *World, o VerifyOptions) (whole.Options, zonefile.Source, error) {
	none := whole.Options{}
	at, err := parseInstant(o.At, w.Clock.Now())
	if err != nil {
		return none, nil, fmt.Errorf("--at: %w", err)
	}
	options := whole.Options{At: at, Workers: runtime.GOMAXPROCS(0), Scratch: scratchIn(o.Temp)}
	if o.TrustAnchor != "" {
		if err := w.trust(o.TrustAnchor, "", at); err != nil {
			return none, nil, err
		}
		options.Anchors = w.Anchors
	}
	if o.Origin != "" {
		if options.Zone, err = wire.FromUnicode(o.Origin); err != nil {
			return none, nil, fmt.Errorf("--origin: %w", err)
		}
	}
	if o.Horizon != "" {
		var d holdfast.Duration
		if err := d.UnmarshalText([]byte(o.Horizon)); err != nil || d <= 0 {
			return none, nil, fmt.Errorf("--horizon %s: want a length of time, as 72h or 3d", o.Horizon)
		}
		options.Horizon = d.Of()
	}
	if options.Sample, err = parseSample(o.Sample); err != nil {
		return none, nil, err
	}
	means := zonefile.Means{Stdin: w.Stdin, Clock: w.Clock, Client: &http.Client{}, UserAgent: Program(), Limits: wholeZone()}
	if w.Dialer != nil {
		means.Dial = w.Dialer.DialContext
	}
	if strings.HasPrefix(o.From, "axfr:") && options.Zone == "" {
		return none, nil, advise(fmt.Errorf("verify %s: a transfer needs the zone's name", o.From), "Name it with --origin.")
	}
	from, err := zonefile.Place(o.From, options.Zone, means)
	if err != nil {
		return none, nil, fmt.Errorf("verify: %w", err)
	}
	return options, from, nil
}

// wholeZone bounds what somebody asks for by name: the largest zones there are
// have some 400 million records.
func wholeZone() zonefile.Limits {
	return zonefile.Limits{MaxBytes: 1 << 40, MaxRecords: 1 << 31, MaxMessages: 1 << 31, Timeout: holdfast.Duration(24 * time.Hour), Idle: holdfast.Duration(time.Minute)}
}

// parseSample reads "1000" or "5%".
func parseSample(text string) (whole.Sample, error) {
	if text == "" {
		return whole.Sample{}, nil
	}
	sample := whole.Sample{Seed: rand.Uint64()}
	percent, isShare := strings.CutSuffix(text, "%")
	var err error
	if isShare {
		sample.Share, err = strconv.ParseFloat(percent, 64)
		sample.Share /= 100
	} else {
		sample.Number, err = strconv.Atoi(text)
	}
	if err != nil || isShare && !(sample.Share > 0 && sample.Share <= 1) || !isShare && sample.Number <= 0 {
		return sample, fmt.Errorf("--sample %s: want a number of signatures or a share of them, as 1000 or 5%%", text)
	}
	return sample, nil
}

// scratchIn opens scratch files in a folder, the system's where none is named.
// They have no name from the beginning: nothing is left behind, however we end.
func scratchIn(folder string) func() (whole.Scratch, error) {
	return func() (whole.Scratch, error) {
		file, err := os.CreateTemp(folder, "holdfast-verify-*")
		if err != nil {
			return nil, err
		}
		if err := os.Remove(file.Name()); err != nil {
			return nil, errors.Join(err, file.Close())
		}
		return file, nil
	}
}

// tellProgress tells on a terminal how far a verifier is, until it is stopped.
func tellProgress(w World, title string, v *whole.Verifier) (stop func()) {
	p := startProgress(w, title)
	quit, told := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(told)
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-quit:
				return
			case <-tick.C:
				stage, done := v.Progress()
				p.set("%s %d", map[whole.Stage]string{whole.StageReading: "read", whole.StageJudging: "judged", whole.StageDenial: "hashes"}[stage], done)
			}
		}
	}()
	return func() {
		close(quit)
		<-told
		p.stop()
	}
}

func writeReport(out io.Writer, r whole.Report, p paint) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s serial %d is %s at %s", p.bold(r.Zone.String()), r.Serial, p.status(r.Status), instant(r.At))
	if r.Reason != "" {
		fmt.Fprintf(&b, ": %s", r.Reason)
	}
	b.WriteString("\n")
	if r.Incomplete != "" {
		b.WriteString("the zone broke off; what came before is judged, but not what only a whole zone can tell: denial, ZONEMD, glue, what is missing\n")
	}
	if !r.FailsAt.IsZero() {
		fmt.Fprintf(&b, "first signature to die: %s %s, %s\n", r.FailsName, r.FailsType, countdown(r.FailsAt, r.At))
	}
	b.WriteString("\n")
	if err := writeCounts(&b, r); err != nil {
		return err
	}
	if err := writeHorizon(&b, r.Horizon); err != nil {
		return err
	}
	writeFindings(&b, holdfast.Verdict{Findings: r.Findings}, p)
	_, err := io.WriteString(out, b.String())
	return err
}

func writeCounts(b *strings.Builder, r whole.Report) error {
	table := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "records\t%d, in %d RRsets\n", r.Records, r.RRsets)
	fmt.Fprintf(table, "delegations\t%d, %d of them secured; %d addresses of glue\n", r.Delegations, r.Secured, r.Glue)
	fmt.Fprintf(table, "signatures\t%d: %d good, %d expired, %d not yet valid, %d invalid, %d by unknown keys, %d of unknown algorithms\n",
		r.Signatures, r.Verified, r.Expired, r.NotYet, r.Invalid, r.UnknownKey, r.Unsupported)
	if r.Unsampled > 0 {
		fmt.Fprintf(table, "sample\tthe cryptography of %d signatures was verified; %d more have right names, keys and dates\n", r.Signatures-r.Unsampled-r.Unwanted, r.Unsampled)
	}
	fmt.Fprintf(table, "RRsets to be signed\t%d: %d without a good signature, %d of them without any\n", r.Signed, r.BogusRRsets, r.Missing)
	denial := orDash(r.Denial)
	if r.OptOut {
		denial += ", opt-out"
	}
	fmt.Fprintf(table, "denial\t%s\n", denial)
	fmt.Fprintf(table, "ZONEMD\t%s\n", r.Digest)
	for _, k := range r.Keys {
		anchored := ""
		if k.Anchored {
			anchored = ", anchored"
		}
		fmt.Fprintf(table, "key %d\talgorithm %d, %d bits, flags %d, %d signatures%s\n", k.Tag, k.Algorithm, k.Bits, k.Flags, k.Signatures, anchored)
	}
	return table.Flush()
}

func writeHorizon(b *strings.Builder, h *whole.Horizon) error {
	if h == nil {
		return nil
	}
	fmt.Fprintf(b, "\nWithout new signatures %d RRsets die by %s.\n", h.RRsets, instant(h.Until))
	table := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	for _, c := range h.Classes {
		fmt.Fprintf(table, "  %s\t%d RRsets\tfrom %s\t%s\n", c.Class, c.RRsets, instant(c.First.At), c.First.Name)
	}
	if len(h.Earliest) > 0 {
		fmt.Fprintf(table, "The first:\n")
	}
	for _, e := range h.Earliest {
		fmt.Fprintf(table, "  %s\t%s\t%s\n", instant(e.At), e.Name, e.Type)
	}
	return table.Flush()
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
