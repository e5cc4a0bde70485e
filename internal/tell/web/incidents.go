package web

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/record"
)

// incidentsShown bounds the list of those that are over.
const incidentsShown = 200

type incidentsView struct {
	Now  time.Time
	Open []holdfast.Incident
	Past []holdfast.Incident
	// Passed counts what was seen once and never confirmed, among the last.
	Passed int
	Cut    bool
}

func (s *Site) serveIncidents(w http.ResponseWriter, r *http.Request) error {
	open, err := s.record.Incidents(r.Context(), record.IncidentFilter{States: []holdfast.State{holdfast.StateOpen, holdfast.StatePending}})
	if err != nil {
		return err
	}
	past, err := s.record.Incidents(r.Context(), record.IncidentFilter{States: []holdfast.State{holdfast.StateClosed}, Limit: 1000})
	if err != nil {
		return err
	}
	seen := len(past)
	past = slices.DeleteFunc(past, unconfirmed)
	slices.SortStableFunc(past, func(a, b holdfast.Incident) int { return b.Closed.Compare(a.Closed) })
	view := incidentsView{Now: s.clock.Now(), Open: open, Past: past[:min(len(past), incidentsShown)], Passed: seen - len(past), Cut: len(past) > incidentsShown}
	return s.show(w, r, shell{Title: "Incidents", Nav: "/incidents", Live: true}, "incidents", view)
}

// unconfirmed says whether an incident passed before a second look agreed:
// nobody was told of it.
func unconfirmed(i holdfast.Incident) bool {
	return i.State == holdfast.StateClosed && !slices.ContainsFunc(i.Log, func(e holdfast.IncidentEvent) bool { return e.What == "opened" })
}

type incidentView struct {
	holdfast.Incident
	Now      time.Time
	Found    []incidentFinding
	Told     []told
	Staff    bool
	Checks   bool
	Duration time.Duration
	// Also are zones on the same servers that are not in the incident; Silent
	// is how many of them have no other server.
	Also   []holdfast.Dependent
	Silent int
}

type incidentFinding struct {
	holdfast.Finding
	Evidence []evidenceLink
}

// told is a notice as strangers may know of it; the recipient is for staff.
type told struct {
	ID, Whom, Channel string
	Reason            holdfast.NoticeReason
	Severity          holdfast.Severity
	State             string
	At                time.Time
	Recipient         string // empty unless staff look
}

func (s *Site) serveIncident(w http.ResponseWriter, r *http.Request) error {
	found, err := s.record.Incident(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	notices, err := s.record.Notices(r.Context(), record.NoticeFilter{Incident: found.ID, Limit: 200})
	if err != nil {
		return err
	}
	who := s.session(r)
	if !who.staff {
		found = found.Public()
	}
	view := incidentView{Incident: found, Now: s.clock.Now(), Staff: who.staff, Checks: s.config.Checks != nil}
	view.Duration = view.Now.Sub(found.Opened)
	if !found.Closed.IsZero() {
		view.Duration = found.Closed.Sub(found.Opened)
	}
	for _, f := range found.Findings {
		view.Found = append(view.Found, incidentFinding{f.Finding, evidenceLinks(f.Measurement, f.Evidence)})
	}
	for _, n := range notices {
		view.Told = append(view.Told, toldOf(n, who.staff))
	}
	if err := s.whatElseHangs(r, &view); err != nil {
		return err
	}
	return s.show(w, r, shell{Title: zonesInWords(found.Zones) + ": " + clean(found.Title), Nav: "/incidents", Live: true}, "incident", view)
}

// whatElseHangs finds the zones that share the incident's servers: they are next
// where the servers fail, and well where the fault is the zones' own.
func (s *Site) whatElseHangs(r *http.Request, view *incidentView) error {
	all, err := s.record.Statuses(r.Context())
	if err != nil {
		return err
	}
	verdicts := make([]holdfast.Verdict, len(all))
	for i, z := range all {
		verdicts[i] = z.Verdict
	}
	var addresses []netip.Addr
	for _, server := range view.Servers {
		addresses = append(addresses, server.Address)
	}
	for _, d := range holdfast.NewFate(verdicts).OnAddresses(addresses) {
		if slices.Contains(view.Zones, d.Zone) {
			continue
		}
		view.Also = append(view.Also, d)
		if d.All() {
			view.Silent++
		}
	}
	return nil
}

func toldOf(n holdfast.Notice, staff bool) told {
	channel, _, _ := strings.Cut(n.Channel, ":") // the name behind it is configuration
	out := told{Whom: "staff", Channel: channel, Reason: n.Reason, Severity: n.Severity, State: noticeState(n.State), At: n.Created}
	if n.Audience == holdfast.ForContact {
		out.Whom = "the zone's contact"
	}
	if !n.Sent.IsZero() {
		out.At = n.Sent
	}
	if staff {
		out.ID, out.Recipient, out.Channel = n.ID, clean(n.Recipient), clean(n.Channel)
	}
	return out
}

// noticeState is a notice's state in words.
func noticeState(s holdfast.NoticeState) string {
	switch s {
	case holdfast.NoticeHeld:
		return "held for release by a person"
	case holdfast.NoticeQueued:
		return "queued"
	case holdfast.NoticeSending:
		return "being sent"
	}
	return string(s)
}

type sweepsView struct {
	Now   time.Time
	Rows  []sweepRow
	Shown int
	// Roster tells what the last new root zone changed; its zones are left out.
	Roster record.Roster
}

type sweepRow struct {
	holdfast.Sweep
	Took, Speed, Outcomes, Statuses string // Speed is by the visitor's clock
}

// sweepsShown is about half a day of the usual sweeps.
const sweepsShown = 150

func (s *Site) serveSweeps(w http.ResponseWriter, r *http.Request) error {
	sweeps, err := s.record.Sweeps(r.Context(), sweepsShown)
	if err != nil {
		return err
	}
	roster, err := s.record.Roster(r.Context())
	if err != nil && !errors.Is(err, record.ErrNotFound) {
		return err
	}
	view := sweepsView{Now: s.clock.Now(), Shown: sweepsShown, Roster: roster}
	for _, sweep := range sweeps {
		row := sweepRow{Sweep: sweep, Took: "under way", Outcomes: tally(sweep.Outcomes), Statuses: tally(sweep.Statuses)}
		if !sweep.Finished.IsZero() {
			row.Took = fmt.Sprintf("%.1f s", sweep.Seconds())
			if took := sweep.Finished.Sub(sweep.Started); took >= time.Minute {
				row.Took = span(took)
			}
			row.Speed = comma(int(s.config.ClockRate*sweep.Rate())) + "/s"
		}
		view.Rows = append(view.Rows, row)
	}
	return s.show(w, r, shell{Title: "Sweeps", Nav: "/sweeps", Live: true}, "sweeps", view)
}

// tally writes numbers by name, the greatest first.
func tally[K ~string](numbers map[K]int) string {
	names := make([]K, 0, len(numbers))
	for name := range numbers {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b K) int {
		if numbers[a] != numbers[b] {
			return numbers[b] - numbers[a]
		}
		return strings.Compare(string(a), string(b))
	})
	parts := make([]string, len(names))
	for i, name := range names {
		parts[i] = comma(numbers[name]) + " " + string(name)
	}
	return strings.Join(parts, ", ")
}
