package api

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/record"
)

// Unmeasured stands for a zone without a verdict where a status is asked for
// or counted.
const unmeasured = "unmeasured"

// zoneLine is a zone in the list of all: what is needed to sort and to decide
// which to look at.
type zoneLine struct {
	Zone       holdfast.Name       `json:"zone" doc:"A-labels, with the final dot"`
	Unicode    holdfast.UName      `json:"unicode,omitempty" doc:"U-labels, for eyes only"`
	Kind       holdfast.Kind       `json:"kind"`
	IDN        bool                `json:"idn,omitempty"`
	Status     holdfast.Status     `json:"status" doc:"secure, insecure, bogus, indeterminate (RFC 4035 section 4.3), unreachable; empty: not measured yet"`
	EDE        int                 `json:"ede,omitempty" doc:"RFC 8914 info-code"`
	Reason     string              `json:"reason,omitempty"`
	FailsAt    time.Time           `json:"fails_at,omitzero" doc:"when the last usable signature of some RRset dies; absent where nothing can expire"`
	FailsBy    holdfast.Class      `json:"fails_by,omitempty"`
	Algorithms holdfast.Algorithms `json:"algorithms,omitempty"`
	Worst      holdfast.Severity   `json:"worst" doc:"the highest severity among the findings"`
	Findings   map[string]int      `json:"findings,omitempty" doc:"number of findings by severity"`
	Servers    int                 `json:"servers"`
	Failing    int                 `json:"failing,omitempty" doc:"servers that are bogus or unreachable"`
	Since      time.Time           `json:"since,omitzero" doc:"since when the status holds"`
	LastGood   time.Time           `json:"last_good,omitzero"`
	Measured   time.Time           `json:"measured,omitzero"`
}

func newZoneLine(z record.ZoneStatus) zoneLine {
	v := z.Verdict
	line := zoneLine{
		Zone: z.Subject.Zone, Unicode: z.Subject.Unicode, Kind: z.Subject.Kind, IDN: z.Subject.IDN,
		Status: v.Status, EDE: v.EDE, Reason: v.Reason, FailsAt: v.FailsAt, FailsBy: v.FailsBy, Algorithms: v.Algorithms,
		Worst: v.Worst(), Servers: len(v.Servers), Since: z.Since, LastGood: z.LastGood, Measured: z.Measured,
	}
	for _, f := range v.Findings {
		if line.Findings == nil {
			line.Findings = map[string]int{}
		}
		line.Findings[f.Severity.String()]++
	}
	for _, s := range v.Servers {
		if s.Status == holdfast.Bogus || s.Status == holdfast.Unreached {
			line.Failing++
		}
	}
	return line
}

type zoneList struct {
	At       time.Time      `json:"at"`
	Total    int            `json:"total" doc:"zones under watch"`
	Matched  int            `json:"matched" doc:"zones that the filter lets through, on all pages"`
	Statuses map[string]int `json:"statuses" doc:"number of zones under watch by status"`
	Zones    []zoneLine     `json:"zones"`
}

type statusInput struct {
	Status    string `query:"status" enum:"secure,insecure,bogus,indeterminate,unreachable,unmeasured"`
	Kind      string `query:"kind" enum:"root,generic,country-code,infrastructure,other"`
	IDN       bool   `query:"idn" doc:"internationalised names only"`
	Algorithm int    `query:"algorithm" minimum:"0" maximum:"255" doc:"zones with a key of this algorithm"`
	Worst     string `query:"worst" enum:"info,notice,warning,error,critical" doc:"zones with a finding of this severity or above"`
	Text      string `query:"text" maxLength:"100" doc:"part of the name, in A-labels or U-labels"`
	Sort      string `query:"sort" enum:"name,failure,worst" default:"name"`
	Limit     int    `query:"limit" minimum:"1" maximum:"5000" default:"2000"`
	Offset    int    `query:"offset" minimum:"0" maximum:"1000000"`
}

func (in *statusInput) wants(line zoneLine) bool {
	if in.Status == unmeasured && line.Status != "" || in.Status != "" && in.Status != unmeasured && string(line.Status) != in.Status {
		return false
	}
	if in.Worst != "" {
		// The generator has checked the word against the enumeration.
		if least, err := holdfast.ParseSeverity(in.Worst); err != nil || line.Worst < least || len(line.Findings) == 0 {
			return false
		}
	}
	if in.Text != "" {
		text := strings.ToLower(in.Text)
		if !strings.Contains(string(line.Zone), text) && !strings.Contains(strings.ToLower(string(line.Unicode)), text) {
			return false
		}
	}
	return (in.Kind == "" || string(line.Kind) == in.Kind) && (!in.IDN || line.IDN) &&
		(in.Algorithm == 0 || slices.Contains(line.Algorithms, uint8(in.Algorithm)))
}

func (in *statusInput) order(a, b zoneLine) int {
	name := cmp.Compare(a.Zone, b.Zone)
	switch in.Sort {
	case "failure":
		return cmp.Or(soonest(a.FailsAt, b.FailsAt), name)
	case "worst":
		return cmp.Or(cmp.Compare(broken(b.Status), broken(a.Status)), cmp.Compare(b.Worst, a.Worst), soonest(a.FailsAt, b.FailsAt), name)
	}
	return name
}

// soonest puts what never fails last.
func soonest(a, b time.Time) int {
	switch {
	case a.IsZero() && b.IsZero():
		return 0
	case a.IsZero():
		return 1
	case b.IsZero():
		return -1
	}
	return a.Compare(b)
}

func broken(s holdfast.Status) int {
	switch s {
	case holdfast.Bogus:
		return 2
	case holdfast.Unreached:
		return 1
	}
	return 0
}

func (a *api) watchRoutes() {
	register(a, huma.Operation{OperationID: "status", Method: http.MethodGet, Path: "/status", Summary: "All zones under watch at a glance", Tags: []string{"watch"}}, a.status)
	register(a, huma.Operation{OperationID: "zone", Method: http.MethodGet, Path: "/zones/{zone}", Summary: "What is known of one zone now", Tags: []string{"watch"}, Errors: []int{http.StatusNotFound}}, a.zone)
	register(a, huma.Operation{OperationID: "zone-windows", Method: http.MethodGet, Path: "/zones/{zone}/windows", Summary: "Signature windows of a zone over time", Tags: []string{"watch"}, Errors: []int{http.StatusNotFound}}, a.windows)
	register(a, huma.Operation{OperationID: "zone-findings", Method: http.MethodGet, Path: "/zones/{zone}/findings", Summary: "Findings about a zone over time", Tags: []string{"watch"}, Errors: []int{http.StatusNotFound}}, a.findings)
	register(a, huma.Operation{OperationID: "zone-past", Method: http.MethodGet, Path: "/zones/{zone}/past", Summary: "What earlier looks taught about a zone: its keys over time, how it signs, its servers", Tags: []string{"watch"}, Errors: []int{http.StatusNotFound}}, a.past)
	register(a, huma.Operation{OperationID: "sweeps", Method: http.MethodGet, Path: "/sweeps", Summary: "Passes over the roster, newest first", Tags: []string{"watch"}}, a.sweeps)
	register(a, huma.Operation{OperationID: "roster", Method: http.MethodGet, Path: "/roster", Summary: "Who is under watch", Tags: []string{"watch"}, Errors: []int{http.StatusNotFound}}, a.roster)
	register(a, huma.Operation{OperationID: "forecast", Method: http.MethodGet, Path: "/forecast", Summary: "Which zones will be bogus at an instant if nobody does anything", Tags: []string{"watch"}}, a.forecast)
}

type forecastInput struct {
	At time.Time `query:"at" doc:"the instant looked ahead to; without it, seven days ahead"`
}

// forecast looks ahead from the record alone.
func (a *api) forecast(ctx context.Context, in *forecastInput) (holdfast.Forecast, error) {
	all, err := a.record.Statuses(ctx)
	if err != nil {
		return holdfast.Forecast{}, err
	}
	at := in.At.UTC()
	if at.IsZero() {
		at = a.clock.Now().UTC().Add(7 * 24 * time.Hour)
	}
	verdicts := make([]holdfast.Verdict, len(all))
	for i, z := range all {
		verdicts[i] = z.Verdict
	}
	return holdfast.NewForecast(verdicts, at), nil
}

func (a *api) status(ctx context.Context, in *statusInput) (zoneList, error) {
	all, err := a.record.Statuses(ctx)
	if err != nil {
		return zoneList{}, err
	}
	out := zoneList{At: a.clock.Now().UTC(), Total: len(all), Statuses: map[string]int{}, Zones: []zoneLine{}}
	for _, z := range all {
		out.Statuses[cmp.Or(string(z.Verdict.Status), unmeasured)]++
		if line := newZoneLine(z); in.wants(line) {
			out.Zones = append(out.Zones, line)
		}
	}
	slices.SortFunc(out.Zones, in.order)
	out.Matched = len(out.Zones)
	out.Zones = page(out.Zones, in.Offset, in.Limit)
	return out, nil
}

// page is a part of a list.
func page[T any](all []T, offset, limit int) []T {
	offset = min(offset, len(all))
	return all[offset:min(offset+limit, len(all))]
}

type zoneInput struct {
	Zone string `path:"zone" maxLength:"255" doc:"A-labels, with or without the final dot; @ for the root"`
}

// zoneNamed reads a zone's name as paths and queries have it.
func zoneNamed(text string) (holdfast.Name, error) {
	if text == "@" {
		return holdfast.Root, nil
	}
	name, err := holdfast.ParseName(text)
	if err != nil {
		return "", huma.Error422UnprocessableEntity(err.Error())
	}
	return name, nil
}

type zoneInputSince struct {
	Zone  string    `path:"zone" maxLength:"255" doc:"A-labels, with or without the final dot; @ for the root"`
	Since time.Time `query:"since" doc:"what ended before is left out; without it, 30 days back"`
}

// known is when to look back to, having made sure that the zone is under watch.
func (a *api) known(ctx context.Context, in *zoneInputSince) (holdfast.Name, time.Time, error) {
	name, err := zoneNamed(in.Zone)
	if err != nil {
		return "", time.Time{}, err
	}
	if _, err := a.record.Status(ctx, name); err != nil {
		return "", time.Time{}, err
	}
	since := in.Since
	if since.IsZero() {
		since = a.clock.Now().Add(-30 * 24 * time.Hour)
	}
	return name, since, nil
}

type zoneNow struct {
	Subject  holdfast.Subject `json:"subject"`
	Verdict  holdfast.Verdict `json:"verdict" doc:"the latest"`
	Since    time.Time        `json:"since,omitzero" doc:"since when the verdict's status holds"`
	LastGood time.Time        `json:"last_good,omitzero"`
	Measured time.Time        `json:"measured,omitzero"`
}

func (a *api) zone(ctx context.Context, in *zoneInput) (zoneNow, error) {
	name, err := zoneNamed(in.Zone)
	if err != nil {
		return zoneNow{}, err
	}
	z, err := a.record.Status(ctx, name)
	z.Verdict.Servers, z.Verdict.Findings = notNil(z.Verdict.Servers), notNil(z.Verdict.Findings)
	return zoneNow(z), err
}

// past answers the noun as it is; an empty object where nothing is known yet.
func (a *api) past(ctx context.Context, in *zoneInput) (holdfast.Past, error) {
	name, err := zoneNamed(in.Zone)
	if err != nil {
		return holdfast.Past{}, err
	}
	if _, err := a.record.Status(ctx, name); err != nil {
		return holdfast.Past{}, err
	}
	return a.record.Past(ctx, name)
}

type windowSpan struct {
	Window    holdfast.Window `json:"window"`
	FirstSeen time.Time       `json:"first_seen"`
	LastSeen  time.Time       `json:"last_seen"`
}

type windowList struct {
	Zone    holdfast.Name `json:"zone"`
	Since   time.Time     `json:"since"`
	Windows []windowSpan  `json:"windows"`
}

func (a *api) windows(ctx context.Context, in *zoneInputSince) (windowList, error) {
	name, since, err := a.known(ctx, in)
	if err != nil {
		return windowList{}, err
	}
	spans, err := a.record.WindowHistory(ctx, name, since)
	out := windowList{name, since.UTC(), make([]windowSpan, len(spans))}
	for i, s := range spans {
		out.Windows[i] = windowSpan(s)
	}
	return out, err
}

type interval struct {
	Finding     holdfast.Finding `json:"finding" doc:"as last seen"`
	Measurement string           `json:"measurement" doc:"the one that last showed it"`
	Opened      time.Time        `json:"opened"`
	LastSeen    time.Time        `json:"last_seen"`
	Closed      time.Time        `json:"closed,omitzero" doc:"absent while it lasts"`
}

type intervalList struct {
	Zone     holdfast.Name `json:"zone"`
	Since    time.Time     `json:"since"`
	Findings []interval    `json:"findings"`
}

func (a *api) findings(ctx context.Context, in *zoneInputSince) (intervalList, error) {
	name, since, err := a.known(ctx, in)
	if err != nil {
		return intervalList{}, err
	}
	intervals, err := a.record.Intervals(ctx, name, since)
	out := intervalList{name, since.UTC(), make([]interval, len(intervals))}
	for i, one := range intervals {
		out.Findings[i] = interval(one)
	}
	return out, err
}

type limitInput struct {
	Limit int `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}

type sweepList struct {
	Sweeps []holdfast.Sweep `json:"sweeps"`
}

func (a *api) sweeps(ctx context.Context, in *limitInput) (sweepList, error) {
	sweeps, err := a.record.Sweeps(ctx, in.Limit)
	return sweepList{notNil(sweeps)}, err
}

type rosterNow struct {
	Serial   uint32             `json:"serial"`
	Source   string             `json:"source"`
	Fetched  time.Time          `json:"fetched"`
	Subjects []holdfast.Subject `json:"subjects"`
	// Changes from the roster of serial Before: "+ example. ds ...".
	Changes []string `json:"changes"`
	Before  uint32   `json:"before"`
}

func (a *api) roster(ctx context.Context, _ *struct{}) (rosterNow, error) {
	roster, err := a.record.Roster(ctx)
	roster.Subjects, roster.Changes = notNil(roster.Subjects), notNil(roster.Changes)
	return rosterNow(roster), err
}

// notNil lets an empty list be [] and not null.
func notNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
