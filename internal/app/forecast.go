package app

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/record"
)

// ForecastOptions are the flags of `holdfast forecast`, as given.
type ForecastOptions struct {
	Config, At string
	All, JSON  bool
}

// Forecast says from the record alone which zones are bogus at an instant if
// nobody does anything. Nobody is asked.
func Forecast(ctx context.Context, w World, o ForecastOptions) (Exit, error) {
	now := w.Clock.Now().UTC()
	at, err := parseAhead(o.At, now)
	if err != nil {
		return Unworked, fmt.Errorf("--at: %w", err)
	}
	var f holdfast.Forecast
	err = withRecord(ctx, StoreOptions{Config: o.Config}, func(_ Config, r *record.Record) error {
		f, err = forecast(ctx, r, at)
		return err
	})
	if err != nil {
		return Unworked, err
	}
	if f.Zones == 0 {
		return Unworked, advise(fmt.Errorf("forecast: the record knows no zone yet"), "Look at them first: holdfast watch --once.")
	}
	exit := Healthy
	switch {
	case len(f.Bogus) > 0:
		exit = Broken
	case len(f.Partly) > 0:
		exit = Erred
	}
	if o.JSON {
		return exit, writeJSON(w.Stdout, f)
	}
	return exit, writeForecast(w, f, now, o.All)
}

func forecast(ctx context.Context, r *record.Record, at time.Time) (holdfast.Forecast, error) {
	statuses, err := r.Statuses(ctx)
	if err != nil {
		return holdfast.Forecast{}, fmt.Errorf("forecast: %w", err)
	}
	verdicts := make([]holdfast.Verdict, len(statuses))
	for i, s := range statuses {
		verdicts[i] = s.Verdict
	}
	return holdfast.NewForecast(verdicts, at), nil
}

// parseAhead reads an instant, or how far it lies ahead: 72h, 7d.
func parseAhead(text string, now time.Time) (time.Time, error) {
	var ahead holdfast.Duration
	if text != "" && ahead.UnmarshalText([]byte(text)) == nil {
		return now.Add(ahead.Of()), nil
	}
	return parseInstant(text, now.Add(7*24*time.Hour))
}

func writeForecast(w World, f holdfast.Forecast, now time.Time, all bool) error {
	p := paint(w.Terminal)
	var b strings.Builder
	fmt.Fprintf(&b, "%s, if nobody does anything: %d of %d zones bogus", p.bold("At "+instant(f.At)), len(f.Bogus), f.Zones)
	if f.Already > 0 {
		fmt.Fprintf(&b, " (%d already)", f.Already)
	}
	if len(f.Partly) > 0 {
		fmt.Fprintf(&b, ", %d more on some of their servers", len(f.Partly))
	}
	b.WriteByte('\n')
	fmt.Fprintf(&b, "%s\n", p.dim(fmt.Sprintf("from looks of %s and later; nobody was asked now", instant(f.Oldest))))
	if n := len(f.Unknown); n > 0 {
		fmt.Fprintf(&b, "Of %s nothing can be said: no answer, or no keys, came.\n", count(n, "zone", "zones"))
	}
	if len(f.Bogus) > 0 {
		b.WriteByte('\n')
		rows(&b, "ZONE\tBOGUS FROM\tBY", f.Bogus, all, func(o holdfast.Outlook) string {
			return fmt.Sprintf("%s\t%s\t%s", o.Zone, countdown(o.FailsAt, now), by(o.FailsBy))
		})
	}
	if len(f.Partly) > 0 {
		b.WriteByte('\n')
		rows(&b, "ZONE\tSERVERS\tTHE FIRST\tBOGUS FROM\tBY", f.Partly, all, func(o holdfast.Outlook) string {
			first := o.Failed[0]
			return fmt.Sprintf("%s\t%d of %d\t%s\t%s\t%s", o.Zone, len(o.Failed), o.Servers, first.Server, countdown(first.At, now), by(first.By))
		})
	}
	if len(f.Bogus)+len(f.Partly) == 0 {
		b.WriteString("\nNothing dies by then.\n")
	}
	_, err := fmt.Fprint(w.Stdout, b.String())
	return err
}

// by names the class that dies; the parent's DS stands for all above the zone.
func by(class holdfast.Class) string {
	switch class {
	case "":
		return "no time: it is broken otherwise"
	case holdfast.ClassDS:
		return "DS (above the zone)"
	}
	return string(class)
}

// rows is a table of outlooks, cut at mostShown unless all are wanted.
func rows(b *strings.Builder, head string, outlooks []holdfast.Outlook, all bool, row func(holdfast.Outlook) string) {
	table := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, head)
	for i, o := range outlooks {
		if i == mostShown && !all {
			break
		}
		fmt.Fprintln(table, row(o))
	}
	_ = table.Flush() // into memory
	if more := len(outlooks) - mostShown; more > 0 && !all {
		fmt.Fprintf(b, "and %d more; --all shows them\n", more)
	}
}
