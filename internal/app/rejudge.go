package app

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/judge/dnssec"
	"github.com/holdfastdns/holdfast/internal/record"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// RejudgeOptions are the flags of `holdfast rejudge`, as given.
type RejudgeOptions struct {
	Config, Since, Until, Zone, Profile string
	CatalogueDiff                       bool // sum up by check, for a release note
	JSON                                bool
}

// What a difference is.
const (
	appears  = "appears"
	vanishes = "vanishes"
	changes  = "changes" // severity
)

// difference is a finding that today's checks see in recorded evidence and
// those of the day did not, or the other way round, or at another severity.
type difference struct {
	What        string           `json:"what"`
	Was         string           `json:"was,omitempty"` // the severity recorded, of one that changes
	Zone        holdfast.Name    `json:"zone"`
	Measurement string           `json:"measurement"`
	At          time.Time        `json:"at"`
	Finding     holdfast.Finding `json:"finding"`
}

// rejudgement is what judging again came to.
type rejudgement struct {
	Catalogue    string                  `json:"catalogue"`
	Measurements int                     `json:"measurements"`
	Withheld     int                     `json:"withheld"` // looks of sweeps in which the trouble was ours: passed over
	Statuses     map[holdfast.Status]int `json:"statuses"`
	Findings     map[string]int          `json:"findings"` // by code
	Differences  []difference            `json:"differences"`
	Before       []string                `json:"before"` // versions of the catalogue that the looks were judged under
	Changes      []checkChange           `json:"changes,omitempty"`
}

// Rejudge judges recorded evidence again with today's checks, and says what
// has changed against the record. It changes nothing in it.
func Rejudge(ctx context.Context, w World, o RejudgeOptions) (Exit, error) {
	exit := Healthy
	since, err := parseSince(o.Since, w.Clock.Now())
	if err != nil {
		return Unworked, fmt.Errorf("--since: %w", err)
	}
	until, err := parseInstant(o.Until, time.Time{}) // zero: no bound
	if err != nil {
		return Unworked, fmt.Errorf("--until: %w", err)
	}
	var zone holdfast.Name
	if o.Zone != "" {
		if zone, err = wire.FromUnicode(o.Zone); err != nil {
			return Unworked, fmt.Errorf("--zone: %w", err)
		}
	}
	err = withRecord(ctx, StoreOptions{Config: o.Config}, func(config Config, r *record.Record) error {
		if err := w.trust(config.TrustAnchor, "", w.Clock.Now()); err != nil {
			return err
		}
		weights, err := profileOf(cmp.Or(o.Profile, config.Profile))
		if err != nil {
			return err
		}
		calendar, err := config.calendar()
		if err != nil {
			return err
		}
		catalogue := under(following(NewCatalogue(w.Anchors, dnssec.NewCache(verifications)), calendar), weights)
		result, err := rejudge(ctx, w, r, catalogue, since, until, zone)
		if err != nil {
			return err
		}
		if len(result.Differences) > 0 {
			exit = Warned
		}
		if o.CatalogueDiff {
			result.Changes = byCheck(result.Differences)
		}
		switch {
		case o.JSON:
			return writeJSON(w.Stdout, result)
		case o.CatalogueDiff:
			return writeCatalogueDiff(w, result)
		}
		return writeRejudgement(w, result)
	})
	if err != nil {
		return Unworked, err
	}
	return exit, nil
}

// parseSince reads an instant, or an age such as 24h or 7d. Empty: all.
func parseSince(text string, now time.Time) (time.Time, error) {
	var age holdfast.Duration
	if text != "" && age.UnmarshalText([]byte(text)) == nil {
		return now.Add(-age.Of()), nil
	}
	return parseInstant(text, time.Time{})
}

func rejudge(ctx context.Context, w World, r *record.Record, catalogue judge.Catalogue, since, until time.Time, zone holdfast.Name) (rejudgement, error) {
	out := rejudgement{Catalogue: catalogue.Version, Statuses: map[holdfast.Status]int{}, Findings: map[string]int{}, Differences: []difference{}}
	intervals, err := r.Intervals(ctx, zone, since)
	if err != nil {
		return out, err
	}
	known := map[holdfast.Name][]record.Interval{}
	for _, i := range intervals {
		known[i.Finding.Zone] = append(known[i.Finding.Zone], i)
	}
	sweeps, err := r.Sweeps(ctx, mostSweeps)
	if err != nil {
		return out, err
	}
	out.Before = versions(sweeps, since)
	withheld := withheldAmong(sweeps)
	pasts := &pasts{record: r, catalogue: catalogue, withheld: withheld, known: map[holdfast.Name]holdfast.Past{}}
	progress := startProgress(w, "judging again")
	defer progress.stop()
	for m, err := range r.Measurements(ctx, since, until, zone) {
		if err != nil {
			return out, err
		}
		if withheld[m.Sweep] {
			out.Withheld++
			continue
		}
		v, err := pasts.judge(ctx, m)
		if err != nil {
			return out, err
		}
		out.Measurements++
		out.Statuses[v.Status]++
		for _, f := range v.Findings {
			out.Findings[f.Code]++
		}
		out.Differences = append(out.Differences, compare(m, v, known[v.Zone])...)
		progress.set("%d looks", out.Measurements)
	}
	return out, nil
}

// mostSweeps is more than a year of core and full sweeps.
const mostSweeps = 200_000

// withheldAmong are the sweeps in which the trouble was ours. Which of
// their looks were judged all the same is not recorded; nobody is blamed for
// any of them.
func withheldAmong(sweeps []holdfast.Sweep) map[string]bool {
	out := map[string]bool{}
	for _, s := range sweeps {
		if s.Withheld {
			out[s.ID] = true
		}
	}
	return out
}

// versions are those of the catalogue that sweeps were judged under.
func versions(sweeps []holdfast.Sweep, since time.Time) []string {
	out := []string{}
	for _, s := range sweeps {
		if !s.Started.Before(since) && s.Catalogue != "" {
			out = append(out, s.Catalogue)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// compare holds a new verdict against what the record had found in force at
// the time of the look. The record has a finding's severity as it was last
// seen, so severities are compared there.
func compare(m holdfast.Measurement, v holdfast.Verdict, known []record.Interval) []difference {
	var out []difference
	then := map[string]record.Interval{}
	for _, i := range known {
		if !i.Opened.After(m.Finished) && (i.Closed.IsZero() || i.Closed.After(m.Finished)) && !i.LastSeen.Before(m.Finished) {
			then[i.Finding.Key()] = i
		}
	}
	for _, f := range v.Findings {
		was, known := then[f.Key()]
		switch {
		case !known:
			out = append(out, difference{appears, "", v.Zone, m.ID, m.Finished, f})
		case was.Measurement == m.ID && was.Finding.Severity != f.Severity:
			out = append(out, difference{changes, was.Finding.Severity.String(), v.Zone, m.ID, m.Finished, f})
		}
		delete(then, f.Key())
	}
	for _, was := range then {
		out = append(out, difference{vanishes, "", v.Zone, m.ID, m.Finished, was.Finding})
	}
	slices.SortFunc(out, func(a, b difference) int {
		return cmp.Or(cmp.Compare(a.What, b.What), cmp.Compare(a.Finding.Key(), b.Finding.Key()))
	})
	return out
}

func writeRejudgement(w World, r rejudgement) error {
	fmt.Fprintf(w.Stdout, "%d looks judged again with catalogue %s\n", r.Measurements, r.Catalogue)
	if r.Withheld > 0 {
		fmt.Fprintf(w.Stdout, "%d looks passed over: in their sweeps most of the world seemed down, or our clock was wrong\n", r.Withheld)
	}
	if len(r.Differences) == 0 {
		_, err := fmt.Fprintln(w.Stdout, "The findings are those of the record.")
		return err
	}
	fmt.Fprintf(w.Stdout, "%d differences from the record:\n", len(r.Differences))
	for _, d := range r.Differences {
		where := ""
		if d.Finding.Server != (holdfast.Server{}) {
			where = " " + d.Finding.Server.String()
		}
		severity := d.Finding.Severity.String()
		if d.Was != "" {
			severity = d.Was + " -> " + severity
		}
		fmt.Fprintf(w.Stdout, "  %s  %-8s  %s %s %s%s: %s\n", d.At.UTC().Format(time.DateTime), d.What, d.Zone, d.Finding.Code, severity, where, d.Finding.Text)
	}
	return nil
}
