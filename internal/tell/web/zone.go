package web

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/record"
)

const (
	// historyShown is how far back a zone's page looks.
	historyShown = 30 * 24 * time.Hour
	// intervalsShown bounds the list of findings that are over.
	intervalsShown = 200
)

type zoneView struct {
	Now       time.Time
	Subject   holdfast.Subject
	Unicode   string
	Verdict   holdfast.Verdict
	Known     record.ZoneStatus
	Kind      string
	Class     string
	Open      []holdfast.Incident
	Past      []holdfast.Incident
	Matrix    matrix
	Windows   windowsPicture
	Life      lifePicture
	Keys      keysPicture
	Signing   []signingRow
	Catalogue string // of checks
	Profile   string // that weighed the findings
	Findings  []findingView
	Over      []record.Interval
	OverMore  int
	Checks    bool // there are pages about checks
	Evidence  string
	Reproduce string
	Failed    bool   // the instant of failure has passed
	FailsBy   string // what fails first, and where
}

// findingView is an open finding with where it can be seen.
type findingView struct {
	holdfast.Finding
	ID       string // to link to within the page
	Opened   time.Time
	Evidence []evidenceLink
}

type evidenceLink struct {
	Href   string
	Number int
}

// zoneNamed finds the zone that a path names: by its A-labels, or by its
// U-labels as somebody typed them.
func (s *Site) zoneNamed(r *http.Request) (record.ZoneStatus, error) {
	text := r.PathValue("zone")
	if text == "@" {
		text = "."
	}
	if name, err := holdfast.ParseName(text); err == nil {
		known, err := s.record.Status(r.Context(), name)
		if !errors.Is(err, record.ErrNotFound) {
			return known, err
		}
	}
	all, err := s.record.Statuses(r.Context())
	if err != nil {
		return record.ZoneStatus{}, err
	}
	for _, z := range all {
		if z.Subject.Unicode != "" && strings.EqualFold(string(z.Subject.Unicode), strings.TrimSuffix(text, ".")) {
			return z, nil
		}
	}
	return record.ZoneStatus{}, notFound("No zone of this name is under watch.")
}

func (s *Site) serveZone(w http.ResponseWriter, r *http.Request) error {
	known, err := s.zoneNamed(r)
	if err != nil {
		return err
	}
	if path := zoneHref(known.Subject.Zone); path != r.URL.EscapedPath() {
		http.Redirect(w, r, path, http.StatusMovedPermanently)
		return nil
	}
	view, err := s.zoneView(r, known)
	if err != nil {
		return err
	}
	return s.show(w, r, shell{Title: view.Unicode, Nav: "/", Live: true}, "zone", view)
}

func (s *Site) zoneView(r *http.Request, known record.ZoneStatus) (zoneView, error) {
	ctx, zone, now := r.Context(), known.Subject.Zone, s.clock.Now()
	view := zoneView{
		Now: now, Subject: known.Subject, Unicode: unicodeOf(known.Subject), Verdict: known.Verdict, Known: known,
		Kind: kindWord(known.Subject), Class: levelOf(known.Verdict).class(), Checks: s.config.Checks != nil,
		Failed:    !known.Verdict.FailsAt.IsZero() && !known.Verdict.FailsAt.After(now),
		Reproduce: "holdfast check " + shellWord(zone.Short()), FailsBy: failsBy(known.Verdict),
	}
	view.Catalogue, view.Profile, _ = strings.Cut(known.Verdict.Catalogue, "/")
	intervals, err := s.record.Intervals(ctx, zone, now.Add(-historyShown))
	if err != nil {
		return view, err
	}
	spans, err := s.record.WindowHistory(ctx, zone, now.Add(-historyShown))
	if err != nil {
		return view, err
	}
	incidents, err := s.record.Incidents(ctx, record.IncidentFilter{Zone: zone, Limit: 100})
	if err != nil {
		return view, err
	}
	for _, i := range incidents {
		if i.State == holdfast.StateClosed {
			view.Past = append(view.Past, i)
		} else {
			view.Open = append(view.Open, i)
		}
	}
	if known.Verdict.Measurement != "" {
		view.Evidence = "/evidence/" + url.PathEscape(known.Verdict.Measurement)
	}
	view.Findings = findingViews(known.Verdict, intervals)
	view.Over = slices.DeleteFunc(intervals, func(i record.Interval) bool { return i.Closed.IsZero() })
	slices.SortFunc(view.Over, func(a, b record.Interval) int { return b.Closed.Compare(a.Closed) })
	if len(view.Over) > intervalsShown {
		view.OverMore, view.Over = len(view.Over)-intervalsShown, view.Over[:intervalsShown]
	}
	view.Matrix = newMatrix(known.Verdict)
	view.Windows = newWindowsPicture(known.Verdict, now)
	view.Life = newLifePicture(spans, now)
	past, err := s.record.Past(ctx, zone)
	view.Keys = newKeysPicture(past, view.Findings, now)
	view.Signing = newSigning(past, s.config.Habit, now)
	return view, err
}

// findingViews are the verdict's findings, worst first, each with the time
// since which it lasts.
func findingViews(v holdfast.Verdict, intervals []record.Interval) []findingView {
	opened := make(map[string]time.Time)
	for _, i := range intervals {
		if i.Closed.IsZero() {
			opened[i.Finding.Key()] = i.Opened
		}
	}
	out := make([]findingView, len(v.Findings))
	for i, f := range v.Findings {
		out[i] = findingView{Finding: f, ID: findingID(i), Opened: opened[f.Key()], Evidence: evidenceLinks(v.Measurement, f.Evidence)}
	}
	slices.SortStableFunc(out, func(a, b findingView) int {
		return cmp.Or(cmp.Compare(b.Severity, a.Severity), cmp.Compare(a.Code, b.Code))
	})
	return out
}

func evidenceLinks(measurement string, indexes []int) []evidenceLink {
	if measurement == "" {
		return nil
	}
	out := make([]evidenceLink, len(indexes))
	for i, n := range indexes {
		out[i] = evidenceLink{exchangeHref(measurement, n), n}
	}
	return out
}

// shellWord is a word as a shell takes it, whatever is in it.
func shellWord(text string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_.:", r)
	}
	if text != "" && strings.IndexFunc(text, func(r rune) bool { return !plain(r) }) < 0 {
		return text
	}
	return "'" + strings.ReplaceAll(clean(text), "'", `'\''`) + "'"
}
