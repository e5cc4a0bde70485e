package web

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/record"
)

// world is all that the front page speaks of, as the record has it at one
// instant.
type world struct {
	now       time.Time
	zones     []record.ZoneStatus
	incidents []holdfast.Incident // not closed, most severe first
	recent    []holdfast.Incident // of any state, updated within a day
	sweeps    []holdfast.Sweep    // newest first
	roster    record.Roster       // zero where there is none
}

// sweepsLooked is how many sweeps are read to find the last finished one: two
// loops and a fast one may each have one under way.
const sweepsLooked = 12

func (s *Site) world(ctx context.Context) (world, error) {
	w := world{now: s.clock.Now()}
	var err error
	if w.zones, err = s.record.Statuses(ctx); err != nil {
		return w, err
	}
	if w.incidents, err = s.record.Incidents(ctx, record.IncidentFilter{States: []holdfast.State{holdfast.StateOpen}}); err != nil {
		return w, err
	}
	if w.recent, err = s.record.Incidents(ctx, record.IncidentFilter{Since: w.now.Add(-day), Limit: 100}); err != nil {
		return w, err
	}
	if w.sweeps, err = s.record.Sweeps(ctx, sweepsLooked); err != nil {
		return w, err
	}
	if w.roster, err = s.record.Roster(ctx); err != nil && !errors.Is(err, record.ErrNotFound) {
		return w, err
	}
	return w, nil
}

// finished is the sweep that ended last, and whether there is one.
func (w world) finished() (holdfast.Sweep, bool) {
	var last holdfast.Sweep
	for _, s := range w.sweeps {
		if s.Finished.After(last.Finished) {
			last = s
		}
	}
	return last, !last.Finished.IsZero()
}

// warnings say where the page must not be taken at its word.
func (w world) warnings(staleAfter time.Duration) []string {
	var out []string
	if len(w.zones) == 0 {
		out = append(out, "No zones are under watch yet: the roster is empty.")
	}
	last, found := w.finished()
	switch {
	case !found:
		out = append(out, "No sweep has been finished yet: what is not shown may simply not have been measured.")
	case w.now.Sub(last.Finished) > staleAfter:
		out = append(out, "This page shows the past: the last sweep ended "+span(w.now.Sub(last.Finished))+" ago. Look at the watch itself first.")
	}
	if found && last.Withheld {
		out = append(out, "The last sweep found most of the world down at once. That speaks of our own network, so no zone was blamed for it.")
	}
	return out
}

// row is a zone as the front page lists it.
type row struct {
	record.ZoneStatus
	level    level
	incident *holdfast.Incident // the most severe open one
}

func (w world) rows() []row {
	worst := make(map[holdfast.Name]*holdfast.Incident)
	for i := range w.incidents {
		for _, zone := range w.incidents[i].Zones {
			if worst[zone] == nil {
				worst[zone] = &w.incidents[i]
			}
		}
	}
	rows := make([]row, len(w.zones))
	for i, z := range w.zones {
		rows[i] = row{z, levelOf(z.Verdict), worst[z.Subject.Zone]}
	}
	slices.SortFunc(rows, worstFirst)
	return rows
}

// worstFirst orders by who breaks: down first, then by the open incident, then
// by the worst finding, then by who fails soonest, then by name.
func worstFirst(a, b row) int {
	if c := cmp.Compare(rank(b), rank(a)); c != 0 {
		return c
	}
	return cmp.Or(soonest(a, b), cmp.Compare(a.Subject.Zone, b.Subject.Zone))
}

// rank is how bad a row is, greater for worse. An open incident outranks a
// mere finding of the same severity.
func rank(r row) int {
	const step = 100
	switch {
	case r.Verdict.Status == holdfast.Bogus:
		return 9 * step
	case r.Verdict.Status == holdfast.Unreached:
		return 8 * step
	}
	rank := int(r.level)
	if r.incident != nil {
		rank = max(rank, int(severityLevel(r.incident.Severity)))*10 + 9
	} else {
		rank *= 10
	}
	if r.level == levelUnknown {
		rank = max(rank, int(levelNotice)*10+5)
	}
	return rank
}

func soonest(a, b row) int {
	x, y := a.Verdict.FailsAt, b.Verdict.FailsAt
	if x.IsZero() || y.IsZero() {
		return cmp.Compare(btoi(x.IsZero()), btoi(y.IsZero()))
	}
	return x.Compare(y)
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func byName(a, b row) int { return cmp.Compare(a.Subject.Zone, b.Subject.Zone) }

// wish is what a visitor asks of the list.
type wish struct {
	Text, Kind, Status, Algorithm, Fails, Sort string
}

func wishOf(q url.Values) wish {
	field := func(name string) string {
		value := strings.TrimSpace(q.Get(name))
		return value[:min(len(value), 100)]
	}
	return wish{field("q"), field("kind"), field("status"), field("alg"), field("fails"), field("sort")}
}

// Any says whether the wish leaves zones out.
func (w wish) Any() bool { return w != wish{Sort: w.Sort} }

// with is the query of the same wish in another order.
func (w wish) with(sort string) string {
	q := url.Values{}
	for name, value := range map[string]string{"q": w.Text, "kind": w.Kind, "status": w.Status, "alg": w.Algorithm, "fails": w.Fails, "sort": sort} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if len(q) == 0 {
		return "/"
	}
	return "/?" + q.Encode()
}

// wants says whether a row is one that the visitor asked for.
func (w wish) wants(r row, now time.Time) bool {
	text := strings.ToLower(strings.Trim(w.Text, "."))
	if text != "" && !strings.Contains(r.Subject.Zone.Short(), text) && !strings.Contains(strings.ToLower(string(r.Subject.Unicode)), text) {
		return false
	}
	switch w.Kind {
	case "":
	case "idn":
		if !r.Subject.IDN {
			return false
		}
	default:
		if string(r.Subject.Kind) != w.Kind {
			return false
		}
	}
	if w.Algorithm != "" && !slices.ContainsFunc(r.Verdict.Algorithms, func(a uint8) bool { return fmt.Sprint(a) == w.Algorithm }) {
		return false
	}
	if w.Fails != "" && (r.Verdict.FailsAt.IsZero() || bucketOf(r.Verdict.FailsAt.Sub(now)).Slug != w.Fails) {
		return false
	}
	return w.wantsStatus(r)
}

func (w wish) wantsStatus(r row) bool {
	switch w.Status {
	case "":
		return true
	case "trouble":
		return r.incident != nil || r.level >= levelWarning
	case "unmeasured":
		return r.Verdict.Status == ""
	}
	if l, ok := levelNamed(w.Status); ok {
		return r.level == l
	}
	return string(r.Verdict.Status) == w.Status
}

// levelNamed reads a filter on levels: "level-warning".
func levelNamed(text string) (level, bool) {
	name, ok := strings.CutPrefix(text, "level-")
	i := slices.IndexFunc(levels[:], func(b badge) bool { return b.class == name })
	return level(i), ok && i >= 0
}

// frontKept is how long a rendering of the front page is shown again, in the
// visitor's seconds: many visitors in one second cost one rendering.
const frontKept = time.Second

// frontCache keeps the last rendering of the unfiltered page as strangers see it.
type frontCache struct {
	mu   sync.Mutex // guards the rest; held while rendering
	made time.Time  // by the site's clock; zero: nothing is kept
	page packed
}

func (s *Site) serveFront(w http.ResponseWriter, r *http.Request) error {
	if s.config.TestbedOnly {
		http.Redirect(w, r, testbedPath, http.StatusSeeOther)
		return nil
	}
	var page packed
	var err error
	if wanted := wishOf(r.URL.Query()); wanted != (wish{}) || s.session(r).staff {
		page, err = s.renderFront(r, wanted)
	} else {
		page, err = s.keptFront(r)
	}
	if err != nil {
		return err
	}
	s.sendPacked(w, r, http.StatusOK, page)
	return nil
}

func (s *Site) keptFront(r *http.Request) (packed, error) {
	s.front.mu.Lock()
	defer s.front.mu.Unlock()
	now := s.clock.Now()
	age := now.Sub(s.front.made)
	if !s.front.made.IsZero() && age >= 0 && age.Seconds() < frontKept.Seconds()*s.config.ClockRate {
		return s.front.page, nil
	}
	page, err := s.renderFront(r, wish{})
	if err == nil {
		s.front.made, s.front.page = now, page
	}
	return page, err
}

func (s *Site) renderFront(r *http.Request, wanted wish) (packed, error) {
	seen, err := s.world(r.Context())
	if err != nil {
		return packed{}, err
	}
	body, err := s.render("front", s.frontView(seen, wanted))
	if err != nil {
		return packed{}, err
	}
	text, err := s.wrap(r, shell{Title: "Zones", Nav: "/", Live: true, Body: body})
	return pack(text), err
}

// line is a row in the words that the template writes.
type line struct {
	Href, Unicode, ALabel, Kind, Class string
	Status                             template.HTML
	Trouble                            string
	TroubleHref                        string
	Severity                           template.HTML
	Fails                              template.HTML
	FailsBy, Algorithms, Servers       string
}

func newLine(r row, now time.Time) line {
	v := r.Verdict
	out := line{
		Href: zoneHref(r.Subject.Zone), Unicode: unicodeOf(r.Subject), Kind: kindWord(r.Subject),
		Class: r.level.class(), Status: statusBadge(v.Status), Fails: moment(now, v.FailsAt), FailsBy: failsBy(v),
	}
	if r.Subject.IDN {
		out.ALabel = clean(r.Subject.Zone.Short())
	}
	switch finding, found := worstFinding(v); {
	case r.incident != nil:
		out.Trouble, out.TroubleHref = clean(r.incident.Title), "/incidents/"+url.PathEscape(r.incident.ID)
		out.Severity = severityBadge(r.incident.Severity)
	case found && finding.Severity >= holdfast.SeverityNotice:
		out.Trouble, out.Severity = clean(strings.ReplaceAll(finding.Name, "-", " ")), severityBadge(finding.Severity)
	}
	var names []string
	for _, a := range v.Algorithms {
		names = append(names, algorithmName(a))
	}
	out.Algorithms = strings.Join(names, ", ")
	good := 0
	for _, server := range v.Servers {
		if server.Status != holdfast.Bogus && server.Status != holdfast.Unreached {
			good++
		}
	}
	if len(v.Servers) > 0 {
		out.Servers = fmt.Sprintf("%d/%d", good, len(v.Servers))
	}
	return out
}

// failsBy says what fails first, and where, if not on every server.
func failsBy(v holdfast.Verdict) string {
	first, signed := 0, 0
	for _, server := range v.Servers {
		if !server.FailsAt.IsZero() {
			signed++
		}
		if server.FailsAt.Equal(v.FailsAt) {
			first++
		}
	}
	if v.FailsAt.IsZero() || first == 0 || first == signed {
		return string(v.FailsBy)
	}
	return fmt.Sprintf("%s at %d of %d servers", v.FailsBy, first, len(v.Servers))
}

func worstFinding(v holdfast.Verdict) (holdfast.Finding, bool) {
	if len(v.Findings) == 0 {
		return holdfast.Finding{}, false
	}
	return slices.MaxFunc(v.Findings, func(a, b holdfast.Finding) int { return cmp.Compare(a.Severity, b.Severity) }), true
}

func unicodeOf(s holdfast.Subject) string {
	if s.Unicode == "" {
		return clean(s.Zone.Short())
	}
	return clean(string(s.Unicode))
}

func kindWord(s holdfast.Subject) string {
	if s.IDN {
		return string(s.Kind) + ", IDN"
	}
	return string(s.Kind)
}
