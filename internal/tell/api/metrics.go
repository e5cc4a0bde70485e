package api

import (
	"context"
	"net/http"
	"runtime"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/record"
)

// scrapeWait bounds how long a scrape may keep the record busy.
const scrapeWait = 10 * time.Second

// metrics reads the record anew at every scrape: there is no second account of
// the world that could go astray.
type metrics struct {
	api *api

	build, up                                      *prometheus.Desc
	zones, zoneStatus, zoneFindings, zoneFails     *prometheus.Desc
	incidents, notices, rosterSerial               *prometheus.Desc
	sweepAge, sweepEnd, sweepTook, sweepZones      *prometheus.Desc
	sweepQuestions, sweepOutcomes, sweepIsWithheld *prometheus.Desc
}

func newMetrics(a *api) http.Handler {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("holdfast_"+name, help, labels, nil)
	}
	m := &metrics{
		api:             a,
		build:           desc("build_info", "The program; always 1.", "version", "catalogue", "goversion"),
		up:              desc("record_up", "Whether the record answered all that this scrape asked."),
		zones:           desc("zones", "Zones under watch by status.", "status"),
		zoneStatus:      desc("zone_status", "The status that a zone has now; always 1.", "zone", "status"),
		zoneFindings:    desc("zone_findings", "Findings about a zone by severity, where there are any.", "zone", "severity"),
		zoneFails:       desc("zone_seconds_to_failure", "Seconds until the last usable signature of some RRset of the zone dies; negative where it has.", "zone"),
		incidents:       desc("incidents_open", "Open incidents by severity.", "severity"),
		notices:         desc("notices", "Notices in the outbox by state.", "state"),
		rosterSerial:    desc("roster_serial", "Serial of the root zone that the roster is of."),
		sweepAge:        desc("sweep_age_seconds", "Seconds since the last sweep of a depth ended.", "depth"),
		sweepEnd:        desc("sweep_finished_timestamp_seconds", "When the last sweep of a depth ended.", "depth"),
		sweepTook:       desc("sweep_duration_seconds", "What the last sweep of a depth took.", "depth"),
		sweepZones:      desc("sweep_zones", "Zones measured in the last sweep of a depth.", "depth"),
		sweepQuestions:  desc("sweep_questions", "Questions asked in the last sweep of a depth.", "depth"),
		sweepOutcomes:   desc("sweep_outcomes", "Questions of the last sweep of a depth by outcome.", "depth", "outcome"),
		sweepIsWithheld: desc("sweep_withheld", "Whether the last sweep of a depth was withheld, because most of the world seemed down.", "depth"),
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(m, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, ErrorHandling: promhttp.ContinueOnError})
}

// Describe implements prometheus.Collector.
func (m *metrics) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		m.build, m.up, m.zones, m.zoneStatus, m.zoneFindings, m.zoneFails, m.incidents, m.notices, m.rosterSerial,
		m.sweepAge, m.sweepEnd, m.sweepTook, m.sweepZones, m.sweepQuestions, m.sweepOutcomes, m.sweepIsWithheld,
	} {
		out <- d
	}
}

// Collect implements prometheus.Collector. What the record cannot answer is
// left out, and record_up says so: the rest of a scrape is worth having.
func (m *metrics) Collect(out chan<- prometheus.Metric) {
	// The collector interface hands over no context; the bound is ours.
	ctx, cancel := context.WithTimeout(context.Background(), scrapeWait)
	defer cancel()
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	gauge(m.build, 1, m.api.config.Version, m.api.config.Catalogue, runtime.Version())
	up := 1.0
	for _, part := range []func(context.Context, gaugeFunc) error{m.collectZones, m.collectSweeps, m.collectIncidents, m.collectNotices} {
		if err := part(ctx, gauge); err != nil {
			m.api.config.Log.Error("scrape is not whole", "error", err)
			up = 0
		}
	}
	gauge(m.up, up)
}

type gaugeFunc func(d *prometheus.Desc, value float64, labels ...string)

func (m *metrics) collectZones(ctx context.Context, gauge gaugeFunc) error {
	zones, err := m.api.record.Statuses(ctx)
	if err != nil {
		return err
	}
	now := m.api.clock.Now()
	number := map[string]int{}
	for _, s := range []holdfast.Status{holdfast.Secure, holdfast.Insecure, holdfast.Bogus, holdfast.Indeterminate, holdfast.Unreached} {
		number[string(s)] = 0
	}
	for _, z := range zones {
		line := newZoneLine(z)
		name, status := line.Zone.Short(), string(line.Status)
		if status == "" {
			status = unmeasured
		}
		number[status]++
		gauge(m.zoneStatus, 1, name, status)
		for severity, n := range line.Findings {
			gauge(m.zoneFindings, float64(n), name, severity)
		}
		if !line.FailsAt.IsZero() {
			gauge(m.zoneFails, line.FailsAt.Sub(now).Seconds(), name)
		}
	}
	for status, n := range number {
		gauge(m.zones, float64(n), status)
	}
	return nil
}

func (m *metrics) collectSweeps(ctx context.Context, gauge gaugeFunc) error {
	sweeps, err := m.api.record.Sweeps(ctx, sweepsLooked)
	if err != nil {
		return err
	}
	now := m.api.clock.Now()
	for _, depth := range []holdfast.Depth{holdfast.Core, holdfast.Full} {
		last := lastFinished(slices.DeleteFunc(slices.Clone(sweeps), func(s holdfast.Sweep) bool { return s.Depth != depth }))
		if last.Finished.IsZero() {
			continue
		}
		label := string(depth)
		gauge(m.sweepAge, now.Sub(last.Finished).Seconds(), label)
		gauge(m.sweepEnd, float64(last.Finished.Unix()), label)
		gauge(m.sweepTook, last.Seconds(), label)
		gauge(m.sweepZones, float64(last.Zones), label)
		gauge(m.sweepQuestions, float64(last.Questions), label)
		withheld := 0.0
		if last.Withheld {
			withheld = 1
		}
		gauge(m.sweepIsWithheld, withheld, label)
		for outcome, n := range last.Outcomes {
			gauge(m.sweepOutcomes, float64(n), label, string(outcome))
		}
	}
	return nil
}

func (m *metrics) collectIncidents(ctx context.Context, gauge gaugeFunc) error {
	open, err := m.api.record.Incidents(ctx, record.IncidentFilter{States: []holdfast.State{holdfast.StateOpen}})
	if err != nil {
		return err
	}
	number := map[holdfast.Severity]int{}
	for _, i := range open {
		number[i.Severity]++
	}
	for s := holdfast.SeverityInfo; s <= holdfast.SeverityCritical; s++ {
		gauge(m.incidents, float64(number[s]), s.String())
	}
	roster, err := m.api.record.Roster(ctx)
	if err == nil {
		gauge(m.rosterSerial, float64(roster.Serial))
	}
	return nil // a watch without a roster yet is no fault of the record
}

func (m *metrics) collectNotices(ctx context.Context, gauge gaugeFunc) error {
	// States in which a notice waits or has failed; those that are done with
	// only grow, and counting them all at every scrape would cost more and more.
	for _, state := range []holdfast.NoticeState{holdfast.NoticeHeld, holdfast.NoticeQueued, holdfast.NoticeSending, holdfast.NoticeFailed} {
		notices, err := m.api.record.Notices(ctx, record.NoticeFilter{States: []holdfast.NoticeState{state}})
		if err != nil {
			return err
		}
		gauge(m.notices, float64(len(notices)), string(state))
	}
	return nil
}
