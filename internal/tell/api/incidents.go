package api

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/record"
)

func (a *api) incidentRoutes() {
	register(a, huma.Operation{OperationID: "incidents", Method: http.MethodGet, Path: "/incidents", Summary: "Incidents, most severe first, then newest", Tags: []string{"incidents"}}, a.incidents)
	register(a, huma.Operation{OperationID: "incident", Method: http.MethodGet, Path: "/incidents/{id}", Summary: "One incident with its course", Tags: []string{"incidents"}, Errors: []int{http.StatusNotFound}}, a.incident)
}

type incidentsInput struct {
	State  []string  `query:"state" enum:"pending,open,closed" maxItems:"3" doc:"states, comma-separated; without it, all"`
	Zone   string    `query:"zone" maxLength:"255"`
	Since  time.Time `query:"since" doc:"updated at or after"`
	Limit  int       `query:"limit" minimum:"1" maximum:"1000" default:"100"`
	Offset int       `query:"offset" minimum:"0" maximum:"10000"`
}

type incidentList struct {
	Incidents []holdfast.Incident `json:"incidents"`
}

func (a *api) incidents(ctx context.Context, in *incidentsInput) (incidentList, error) {
	filter := record.IncidentFilter{Since: in.Since, Limit: in.Offset + in.Limit}
	for _, state := range in.State {
		filter.States = append(filter.States, holdfast.State(state))
	}
	if in.Zone != "" {
		name, err := zoneNamed(in.Zone)
		if err != nil {
			return incidentList{}, err
		}
		filter.Zone = name
	}
	found, err := a.record.Incidents(ctx, filter)
	if err != nil {
		return incidentList{}, err
	}
	out := incidentList{[]holdfast.Incident{}}
	for _, incident := range page(found, in.Offset, in.Limit) {
		out.Incidents = append(out.Incidents, incident.Public())
	}
	return out, nil
}

type idInput struct {
	ID string `path:"id" maxLength:"200"`
}

func (a *api) incident(ctx context.Context, in *idInput) (holdfast.Incident, error) {
	found, err := a.record.Incident(ctx, in.ID)
	return found.Public(), err
}

func (a *api) evidenceRoutes() {
	register(a, huma.Operation{OperationID: "measurement", Method: http.MethodGet, Path: "/evidence/{measurement}", Summary: "One look at a zone, whole, as `holdfast check --from` reads it", Description: "It holds the look alone and not what was known before it, so checks that need a past stay silent when it is judged from here. What is known of the zone now is under /zones/{zone}/past.", Tags: []string{"evidence"}, Errors: []int{http.StatusNotFound}}, a.measurement)
	register(a, huma.Operation{OperationID: "exchange", Method: http.MethodGet, Path: "/evidence/{measurement}/{n}", Summary: "One question and its reply, in octets and in words", Tags: []string{"evidence"}, Errors: []int{http.StatusNotFound}}, a.exchange)
}

type measurementInput struct {
	Measurement string `path:"measurement" maxLength:"200"`
}

// evidenceFile is a measurement in the form that docs/formats/evidence.md
// describes, in its first edition: without the past.
type evidenceFile struct {
	Format      string               `json:"format" enum:"holdfast-evidence/1"`
	Program     string               `json:"program"`
	Anchors     []string             `json:"anchors" doc:"trust anchors in presentation format"`
	Measurement holdfast.Measurement `json:"measurement"`
}

func (a *api) measurement(ctx context.Context, in *measurementInput) (evidenceFile, error) {
	m, err := a.record.Measurement(ctx, in.Measurement)
	m.Exchanges = notNil(m.Exchanges)
	return evidenceFile{"holdfast-evidence/1", "holdfast " + a.config.Version, notNil(a.config.Anchors), m}, err
}

type exchangeInput struct {
	Measurement string `path:"measurement" maxLength:"200"`
	N           int    `path:"n" minimum:"0" maximum:"1000000" doc:"index into the measurement's exchanges, as findings name it"`
}

type exchangeAnswer struct {
	Measurement string            `json:"measurement"`
	Zone        holdfast.Name     `json:"zone" doc:"the zone that was looked at"`
	Vantage     string            `json:"vantage"`
	Number      int               `json:"number"`
	Exchange    holdfast.Exchange `json:"exchange"`
	QueryText   string            `json:"query_text,omitempty" doc:"as dig prints it"`
	ReplyText   string            `json:"reply_text,omitempty" doc:"as dig prints it"`
	ReplyFault  string            `json:"reply_fault,omitempty" doc:"why the reply cannot be read"`
}

func (a *api) exchange(ctx context.Context, in *exchangeInput) (exchangeAnswer, error) {
	m, err := a.record.Measurement(ctx, in.Measurement)
	if err != nil {
		return exchangeAnswer{}, err
	}
	if in.N >= len(m.Exchanges) {
		return exchangeAnswer{}, huma.Error404NotFound(fmt.Sprintf("the measurement has %d exchanges", len(m.Exchanges)))
	}
	e := m.Exchanges[in.N]
	out := exchangeAnswer{Measurement: m.ID, Zone: m.Subject.Zone, Vantage: m.Vantage, Number: in.N, Exchange: e}
	if a.config.Decode == nil {
		return out, nil
	}
	if len(e.Query) > 0 {
		// Our own query can be read; were it not so, its octets are there.
		out.QueryText, _ = a.config.Decode(e.Query)
	}
	if len(e.Reply) > 0 {
		if out.ReplyText, err = a.config.Decode(e.Reply); err != nil {
			out.ReplyFault = err.Error()
		}
	}
	return out, nil
}
