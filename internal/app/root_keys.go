package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge/dnssec"
	"github.com/holdfastdns/holdfast/internal/judge/rootkey"
	"github.com/holdfastdns/holdfast/internal/record"
	"github.com/holdfastdns/holdfast/internal/source/ceremony"
	"github.com/holdfastdns/holdfast/internal/tell/web"
)

// RootOptions are the flags of `holdfast anchors root`, as given.
type RootOptions struct {
	At, From, Config string
	TrustAnchor      string
	SKR              []string
	Calendar         bool
	JSON             bool
}

// AnchorsRoot shows the root's keys now: measured, or from saved evidence, with
// the calendar and the forecast of signed key responses beside them.
func AnchorsRoot(ctx context.Context, w World, o RootOptions) (Exit, error) {
	if o.Calendar {
		_, err := w.Stdout.Write(rootkey.CalendarText())
		return Healthy, err
	}
	at, err := parseInstant(o.At, time.Time{})
	if err != nil {
		return Unworked, fmt.Errorf("--at: %w", err)
	}
	calendar, err := calendarOf(o.Config)
	if err != nil {
		return Unworked, err
	}
	forecast, err := readForecast(o.SKR, calendar)
	if err != nil {
		return Unworked, err
	}
	m, past, at, err := w.evidenceFor(ctx, holdfast.Root, CheckOptions{Zone: ".", At: o.At, From: o.From, Config: o.Config, TrustAnchor: o.TrustAnchor}, at)
	if err != nil {
		return Unworked, err
	}
	verdict, after := following(NewCatalogue(w.Anchors, dnssec.NewCache(0)), calendar).Follow(m, past, at)
	state := rootState(m, at, after, calendar)
	state.Forecast = forecast
	state.Findings = aboutRootKeys(verdict.Findings)
	exit := exitOf(worstOf(state.Findings))
	if o.JSON {
		return exit, writeJSON(w.Stdout, map[string]any{"format": "holdfast-root/1", "state": state})
	}
	return exit, writeRoot(w.Stdout, state, paint(w.Terminal))
}

// rootState is the state of the root's keys as a measurement shows it.
func rootState(m holdfast.Measurement, at time.Time, past holdfast.Past, calendar holdfast.Calendar) holdfast.RootState {
	set, taken, ok := rootkey.Seen(m, at, calendar)
	if !ok {
		return rootkey.StateOf(nil, time.Time{}, at, past, calendar)
	}
	return rootkey.StateOf(&set, taken, at, past, calendar)
}

// aboutRootKeys are the findings that speak of the root's keys: those of the
// judges of the root, and whatever else is wrong with the DNSKEY RRset.
func aboutRootKeys(all []holdfast.Finding) []holdfast.Finding {
	return slices.DeleteFunc(slices.Clone(all), func(f holdfast.Finding) bool {
		return !strings.HasPrefix(f.Code, "RKR-") && f.RRset != holdfast.ClassDNSKEY
	})
}

func worstOf(findings []holdfast.Finding) holdfast.Severity {
	worst := holdfast.SeverityInfo
	for _, f := range findings {
		worst = max(worst, f.Severity)
	}
	return worst
}

// readSignings reads key signing files.
func readSignings(files []string) ([]holdfast.KeySigning, error) {
	var out []holdfast.KeySigning
	for _, name := range files {
		file, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("read key signing file: %w", err)
		}
		doc, err := ceremony.Read(file, name)
		file.Close()
		if err != nil {
			return nil, advise(err, "The form is that of the root's key signing requests (KSR) and signed responses (SKR), as iana.org/dnssec/ceremonies publishes them.")
		}
		out = append(out, doc)
	}
	return out, nil
}

func readForecast(files []string, calendar holdfast.Calendar) ([]holdfast.RootSpan, error) {
	docs, err := readSignings(files)
	if err != nil {
		return nil, err
	}
	for _, doc := range docs {
		if r := rootkey.Examine(doc, rootkey.DefaultPolicy(), calendar, time.Time{}); r.Worst() >= holdfast.SeverityError {
			return nil, advise(fmt.Errorf("--skr %s: it does not verify: %s", doc.File, r.Complaints[0].Text), "`holdfast anchors skr %s` says all that is wrong with it.", doc.File)
		}
	}
	return rootkey.Forecast(docs, calendar)
}

func writeRoot(out io.Writer, s holdfast.RootState, p paint) error {
	var b strings.Builder
	writeRootSet(&b, s, p)
	if len(s.Departs) > 0 {
		fmt.Fprintf(&b, "\nNot as the calendar of %s has it:\n", s.Calendar.Taken.Format("2006-01-02"))
		for _, d := range s.Departs {
			fmt.Fprintf(&b, "  %s\n", d)
		}
	}
	if !s.Foreign && len(s.Expected) > 0 {
		fmt.Fprintf(&b, "\nTo come, by the calendar of %s:\n", s.Calendar.Taken.Format("2006-01-02"))
		for _, e := range s.Expected {
			fmt.Fprintf(&b, "  %s\n", rootkey.Sentence(e))
		}
		for _, plan := range s.Calendar.Plans {
			if plan.Until.After(s.At) {
				fmt.Fprintf(&b, "  %s to %s: %s (%s)\n", plan.From.Format("2006-01"), plan.Until.Add(-time.Second).Format("2006-01"), plan.Text, plan.Source)
			}
		}
	}
	if err := writePromised(&b, s.Forecast, s.At); err != nil {
		return err
	}
	if len(s.Findings) > 0 {
		b.WriteString("\n")
		for _, f := range s.Findings {
			fmt.Fprintf(&b, "%-9s %s %s\n          %s\n          %s; %s\n", f.Severity, f.Code, f.Name, f.Text, f.Reference, pageOf(f.Code))
		}
	}
	_, err := io.WriteString(out, b.String())
	return err
}

func writeRootSet(b *strings.Builder, s holdfast.RootState, p paint) {
	if s.Set == nil {
		fmt.Fprintf(b, "%s: no server gave them\n", p.bold("The root's keys"))
		return
	}
	fmt.Fprintf(b, "%s at %s: %s\n\n", p.bold("The root's keys"), instant(s.At), s.Set.Phase)
	if s.Set.Why != "" {
		fmt.Fprintf(b, "  no rollover goes through this: %s\n", s.Set.Why)
	}
	for _, k := range s.Set.Keys {
		fmt.Fprintf(b, "  %s\n", rootKeyLine(k))
	}
	fits := "fits"
	if s.Set.Size > 1232 {
		fits = "is longer than"
	}
	fmt.Fprintf(b, "\n  the answer has %d octets and %s the 1232 that pass everywhere over UDP; its TTL is %s\n", s.Set.Size, fits, span(time.Duration(s.Set.TTL)*time.Second))
	if !s.Set.Expires.IsZero() {
		fmt.Fprintf(b, "  its signatures are from %s and die %s\n", instant(s.Set.Inception), countdown(s.Set.Expires, s.At))
	}
	if s.Foreign {
		b.WriteString("  no key of it is in the calendar: this is another root than IANA's\n")
	}
}

// rootKeyLine is a key of the root for people.
func rootKeyLine(k holdfast.RootSetKey) string {
	name := fmt.Sprintf("%d", k.Tag)
	if k.Name != "" {
		name = fmt.Sprintf("%s (%d)", k.Name, k.Tag)
	}
	what := "zone-signing key"
	if k.KSK {
		what = "key-signing key, published"
	}
	switch {
	case k.Revoked && k.Signs:
		what = fmt.Sprintf("key-signing key, REVOKED (shown as %d), signs that", k.Shown)
	case k.Revoked:
		what = fmt.Sprintf("key-signing key, REVOKED (shown as %d), does not sign", k.Shown)
	case k.Signs:
		what = strings.TrimSuffix(what, ", published") + ", signs"
	}
	return fmt.Sprintf("%-18s algorithm %d, %d bits: %s", name, k.Algorithm, k.Bits, what)
}

// writeForecast prints the slots of signed key responses that are not over.
func writePromised(b *strings.Builder, spans []holdfast.RootSpan, at time.Time) error {
	if len(spans) == 0 {
		return nil
	}
	b.WriteString("\nPromised by signed key responses:\n")
	table := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "  FROM\tUNTIL\tSLOT\tPHASE\tSIGN\tPUBLISHED\tOCTETS\tMARGIN\tNEW")
	var before *holdfast.RootSet
	for i, s := range spans {
		if !s.Until.After(at) && !at.IsZero() {
			before = &spans[i].Set
			continue
		}
		var news []string
		if before != nil {
			news = rootkey.Changes(*before, s.Set)
		}
		before = &spans[i].Set
		fmt.Fprintf(table, "  %s\t%s\t%d\t%s\t%s\t%s\t%d\t%s\t%s\n", s.From.Format("2006-01-02"), s.Until.Format("2006-01-02"), s.Slot, s.Set.Phase,
			rootTags(s.Set.Signers()), rootTags(s.Set.Keys), s.Set.Size, span(s.Left), strings.Join(news, "; "))
	}
	return table.Flush()
}

func rootTags(keys []holdfast.RootSetKey) string {
	var out []string
	for _, k := range keys {
		tag := fmt.Sprint(k.Tag)
		if k.Revoked {
			tag += "R"
		}
		out = append(out, tag)
	}
	if len(out) == 0 {
		return "none"
	}
	return strings.Join(out, ",")
}

// rootKeys answers what the record knows of the root's keys, for the page and
// the API.
func rootKeys(r *record.Record, clock holdfast.Clock, calendar holdfast.Calendar, forecast []holdfast.RootSpan) web.RootKeys {
	return func(ctx context.Context) (holdfast.RootState, error) {
		at := clock.Now().UTC()
		past, err := r.Past(ctx, holdfast.Root)
		if err != nil {
			return holdfast.RootState{}, fmt.Errorf("read the root's past: %w", err)
		}
		state := rootkey.StateOf(nil, time.Time{}, at, past, calendar)
		status, err := r.Status(ctx, holdfast.Root)
		switch {
		case errors.Is(err, record.ErrNotFound):
		case err != nil:
			return state, fmt.Errorf("read the root's status: %w", err)
		case status.Verdict.Measurement != "":
			m, err := r.Measurement(ctx, status.Verdict.Measurement)
			if err == nil {
				state = rootState(m, at, past, calendar)
			} else if !errors.Is(err, record.ErrNotFound) {
				return state, fmt.Errorf("read the last look at the root: %w", err)
			}
			state.Findings = aboutRootKeys(status.Verdict.Findings)
		}
		for _, span := range forecast {
			if span.Until.After(at) {
				state.Forecast = append(state.Forecast, span)
			}
		}
		return state, nil
	}
}
