package alert

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/tell/notify"
)

// How many looks must agree. The trouble that is seen for the third time
// within an hour, good looks between, comes and goes, and is trouble.
const (
	looksToOpen  = 2
	looksToFall  = 2
	looksToClose = 2
	comesAndGoes = time.Hour
	// maxDoublings bounds what reopenings ask of the next closing: 64 looks.
	maxDoublings = 5
	// silentFor is how long the trouble of a server that no longer answers
	// keeps an incident open: its silence is an incident of its own by then.
	silentFor = 24 * time.Hour
)

// Bounds on what an incident holds.
const (
	maxServers = 64
	maxLog     = 200
	firstLog   = 20 // lines that are kept when the middle of a long log goes
)

// draft is what one look would change. Nothing of it is seen by others until
// it is committed.
type draft struct {
	a       *Alert
	ctx     context.Context
	now     time.Time
	changed map[string]*holdfast.Incident
	order   []string
	news    map[string]holdfast.NoticeReason // of which staff are to be told
	resent  []string                         // incidents of which all channels are told
	except  notify.Target                    // who is not told, because it is they who cannot be
	err     error
}

func (a *Alert) draft(ctx context.Context) (*draft, error) {
	if a.stale {
		if err := a.load(ctx); err != nil {
			return nil, err
		}
	}
	return &draft{a: a, ctx: ctx, now: a.clock.Now(), changed: make(map[string]*holdfast.Incident),
		news: make(map[string]holdfast.NoticeReason)}, nil
}

// edit is an incident to write into, and a copy of it as it was.
func (d *draft) edit(i *holdfast.Incident) (edited *holdfast.Incident, before holdfast.Incident) {
	if done := d.changed[i.ID]; done != nil {
		return done, copyOf(done)
	}
	c := copyOf(i)
	c.Updated = d.now
	d.changed[i.ID] = &c
	d.order = append(d.order, i.ID)
	return &c, *i
}

func copyOf(i *holdfast.Incident) holdfast.Incident {
	c := *i
	c.Zones = slices.Clone(i.Zones)
	c.Members = slices.Clone(i.Members)
	c.Servers = slices.Clone(i.Servers)
	c.Findings = slices.Clone(i.Findings)
	c.Log = slices.Clone(i.Log)
	return c
}

// bad takes a look that shows trouble.
func (d *draft) bad(l *look) {
	found := d.find(l)
	if found == nil {
		return // the name of a new one could not be had; the caller tries again
	}
	i, before := d.edit(found)
	m := memberOf(i, l.subject.Zone)
	if m == nil {
		i.Members = append(i.Members, holdfast.IncidentMember{Zone: l.subject.Zone, Unicode: l.subject.Unicode, State: holdfast.StateClosed})
		m = &i.Members[len(i.Members)-1]
	}
	if m.Look != "" && l.measurement <= m.Look {
		return // looked at before: recovery, or a second judgement of the same evidence
	}
	m.Look, m.LastBad, m.FailsAt = l.measurement, l.at, l.failsAt
	m.Good, m.GoodSince = 0, time.Time{}
	m.Bad = min(m.Bad+1, looksToOpen)
	if m.State == holdfast.StateClosed {
		m.State, m.Bad, m.Lower = holdfast.StatePending, 1, 0
	}
	follow(m, l.severity)
	d.show(i, l)
	if i.State == holdfast.StateClosed {
		i.State, i.Closed = holdfast.StatePending, time.Time{}
	}
	if m.State == holdfast.StatePending && (m.Bad >= looksToOpen || l.certain || passedLately(i, d.now)) {
		m.State = holdfast.StateOpen
	}
	d.settle(i, &before, l.sweep)
}

// find is the incident that a look belongs to: the one that the zone has
// already, one that other zones have at the same addresses, one that closed
// lately, or a new one.
func (d *draft) find(l *look) *holdfast.Incident {
	zone := l.subject.Zone
	if own := d.a.standing(zone, l.trouble); len(own) > 0 {
		return own[0]
	}
	closed := (*holdfast.Incident)(nil)
	for _, i := range d.a.sorted(func(i *holdfast.Incident) bool { return i.Trouble == l.trouble }) {
		if i.State != holdfast.StateClosed {
			if shares(i, l) {
				return i
			}
			continue
		}
		if memberOf(i, zone) != nil && d.now.Sub(i.Closed) <= d.a.config.ReopenWithin.Of() && (closed == nil || i.Closed.After(closed.Closed)) {
			closed = i
		}
	}
	if closed != nil {
		return closed
	}
	return d.make(l)
}

func (d *draft) make(l *look) *holdfast.Incident {
	id, err := d.newID(l.at, label(l.subject.Zone), string(l.trouble))
	if err != nil {
		d.err = err
		return nil
	}
	i := &holdfast.Incident{ID: id, Trouble: l.trouble, State: holdfast.StatePending, Opened: l.at, FailsAt: l.failsAt}
	switch l.trouble {
	case holdfast.TroubleExpiry, holdfast.TroubleReachability, holdfast.TroubleConsistency:
		i.Shared = l.addresses()
	}
	return i
}

// newID is an ID that people can read, that sorts by time, and that stands for
// itself in an address and in a Message-ID.
func (d *draft) newID(at time.Time, words ...string) (string, error) {
	base := at.UTC().Format("20060102-1504") + "-" + strings.Join(words, "-")
	for n := 1; ; n++ {
		id := base
		if n > 1 {
			id = fmt.Sprintf("%s-%d", base, n)
		}
		taken, err := d.a.known(d.ctx, id)
		if err != nil {
			return "", fmt.Errorf("name an incident: %w", err)
		}
		if !taken && d.changed[id] == nil {
			return id, nil
		}
	}
}

// label is a zone's name made of letters, digits and hyphens.
func label(zone holdfast.Name) string {
	if zone == holdfast.Root {
		return "root"
	}
	mapped := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' {
			return r
		}
		return '-'
	}, zone.Short())
	return mapped[:min(len(mapped), 63)]
}

// good takes a look that shows nothing of an incident's trouble.
func (d *draft) good(found *holdfast.Incident, v holdfast.Verdict) {
	i, before := d.edit(found)
	m := memberOf(i, v.Zone)
	if v.Measurement <= m.Look {
		return
	}
	m.Look = v.Measurement
	if silent(i, v.Zone, v) && v.At.Sub(m.LastBad) < silentFor {
		return
	}
	m.Good++
	if m.Good == 1 {
		m.GoodSince = v.At
	}
	m.Bad, m.Lower, m.LowerTo = 0, 0, 0
	switch {
	case m.State == holdfast.StatePending:
		d.dismiss(i, v.Zone)
	case m.Good >= looksToClose<<min(i.Reopened, maxDoublings) && v.At.Sub(m.GoodSince) >= d.a.config.HoldGood.Of():
		m.State = holdfast.StateClosed
	}
	d.settle(i, &before, "")
}

// dismiss takes a zone out that was seen in trouble once and then was good. In
// an incident of its own it is remembered, for the case that it returns.
func (d *draft) dismiss(i *holdfast.Incident, zone holdfast.Name) {
	if len(i.Members) == 1 {
		memberOf(i, zone).State = holdfast.StateClosed
		return
	}
	i.Members = slices.DeleteFunc(i.Members, func(m holdfast.IncidentMember) bool { return m.Zone == zone })
	i.Findings = slices.DeleteFunc(i.Findings, func(f holdfast.IncidentFinding) bool { return f.Zone == zone })
}

// show puts what a look found in the place of what the zone's last one did.
func (d *draft) show(i *holdfast.Incident, l *look) {
	zone := l.subject.Zone
	i.Findings = slices.DeleteFunc(i.Findings, func(f holdfast.IncidentFinding) bool { return f.Zone == zone })
	i.Findings = append(i.Findings, l.findings...)
	slices.SortStableFunc(i.Findings, worstFinding)
	i.Findings = i.Findings[:min(len(i.Findings), findingsPerIncident)]
	others := slices.ContainsFunc(i.Members, func(m holdfast.IncidentMember) bool {
		return m.Zone != zone && m.State != holdfast.StateClosed
	})
	if !others {
		i.Servers = nil
	}
	i.Servers = append(i.Servers, l.servers...)
	slices.SortFunc(i.Servers, compareServers)
	i.Servers = slices.Compact(i.Servers)
	i.Servers = i.Servers[:min(len(i.Servers), maxServers)]
}

// passedLately says whether a pending incident was seen and gone twice before
// within the hour.
func passedLately(i *holdfast.Incident, now time.Time) bool {
	count := 0
	for _, e := range i.Log {
		if e.What == "passed" && now.Sub(e.At) <= comesAndGoes {
			count++
		}
	}
	return count >= 2
}

func (d *draft) log(i *holdfast.Incident, what, text string) {
	i.Log = append(i.Log, holdfast.IncidentEvent{At: d.now, What: what, Severity: i.Severity, Text: text})
	if len(i.Log) > maxLog {
		i.Log = slices.Delete(i.Log, firstLog, len(i.Log)-maxLog+firstLog)
	}
}

// tell notes that staff are to be told; the first reason of a look stands.
func (d *draft) tell(i *holdfast.Incident, reason holdfast.NoticeReason) {
	if _, told := d.news[i.ID]; !told {
		d.news[i.ID] = reason
	}
}
