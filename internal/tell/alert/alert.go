// Package alert turns findings over time into incidents, and incidents into
// notices. It decides whether people are told, and what; whether it reaches
// them is the outbox's care (tell/notify).
//
// It decides in two ways. Consider follows the looks at a zone: it opens,
// raises, joins and closes incidents, and writes what staff are to be told of
// it in the same transaction. Tick looks at what stands, and writes what time
// alone makes due: reminders, gathered changes, and all that goes to contacts.
// What Tick writes follows from the record alone, so that a kill between any
// two lines is made good by the next Tick, and nothing is written twice.
package alert

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/record"
	"github.com/holdfastdns/holdfast/internal/tell/notify"
)

// Alert holds the incidents that are not over, and those that a return of
// their trouble would open again. Its methods may be called by many goroutines.
type Alert struct {
	config  Config
	record  *record.Record
	clock   holdfast.Clock
	targets []notify.Target
	flag    Flag
	wake    chan struct{} // holds at most one; Run waits for it
	// automatic and second are Config.Automatic and Config.SecondContacts.
	automatic map[holdfast.Name]bool
	second    map[holdfast.Name]string

	mu sync.Mutex // over all below
	// incidents by ID, as the record has them but for which look was the last:
	// looks that change nothing are not written.
	incidents map[string]*holdfast.Incident
	stale     bool // a write failed and may have happened: read again first
	// contactsAt is when the contacts' pass has something to do next.
	contactsAt time.Time
	// resent says when Alertmanager was last told of an incident.
	resent map[string]time.Time
}

// Flag says what makes a contact's address doubtful while a zone is in trouble,
// beyond what its name alone tells: "its mail server is ns1.example". Empty:
// nothing. It must answer quickly, from what is known.
type Flag func(contact holdfast.Contact, zone holdfast.Name) string

// New reads back what stood when the last process ended. targets are the
// channels, beside mail, that are told what staff are told. flag may be nil.
func New(ctx context.Context, c Config, r *record.Record, clock holdfast.Clock, targets []notify.Target, flag Flag) (*Alert, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	a := &Alert{config: c.withDefaults(), record: r, clock: clock, targets: targets, flag: flag, wake: make(chan struct{}, 1)}
	if a.flag == nil {
		a.flag = func(holdfast.Contact, holdfast.Name) string { return "" }
	}
	a.readZones()
	if err := a.load(ctx); err != nil {
		return nil, err
	}
	return a, nil
}

// readZones parses what the configuration says by zone; Check has seen to it
// that the names are names.
func (a *Alert) readZones() {
	a.automatic, a.second = make(map[holdfast.Name]bool), make(map[holdfast.Name]string)
	for _, text := range a.config.Automatic {
		if zone, err := holdfast.ParseName(text); err == nil {
			a.automatic[zone] = true
		}
	}
	for text, address := range a.config.SecondContacts {
		if zone, err := holdfast.ParseName(text); err == nil {
			a.second[zone] = address
		}
	}
}

// maxIncidents is how many incidents are read back; a watch over the whole
// root that has more is down itself.
const maxIncidents = 20000

func (a *Alert) load(ctx context.Context) error {
	standing, err := a.record.Incidents(ctx, record.IncidentFilter{
		States: []holdfast.State{holdfast.StatePending, holdfast.StateOpen}, Limit: maxIncidents})
	if err != nil {
		return fmt.Errorf("read incidents: %w", err)
	}
	over, err := a.record.Incidents(ctx, record.IncidentFilter{
		States: []holdfast.State{holdfast.StateClosed}, Since: a.clock.Now().Add(-a.config.ReopenWithin.Of()), Limit: maxIncidents})
	if err != nil {
		return fmt.Errorf("read incidents: %w", err)
	}
	a.incidents = make(map[string]*holdfast.Incident, len(standing)+len(over))
	for _, i := range slices.Concat(standing, over) {
		a.incidents[i.ID] = &i
	}
	a.stale, a.contactsAt, a.resent = false, time.Time{}, make(map[string]time.Time)
	return nil
}

// Consider takes note of one look at a zone. No findings are news too: they
// close incidents. sweep names the sweep that the look belongs to, for the
// history. A look that was considered before changes nothing. On an error
// nothing is changed, and the same look may be considered again.
func (a *Alert) Consider(ctx context.Context, subject holdfast.Subject, v holdfast.Verdict, sweep string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	d, err := a.draft(ctx)
	if err != nil {
		return err
	}
	looks := looksOf(subject, v, sweep)
	for _, trouble := range order {
		if l := looks[trouble]; l != nil {
			d.bad(l)
			continue
		}
		for _, i := range a.standing(v.Zone, trouble) {
			d.good(i, v)
		}
	}
	return a.commit(ctx, d)
}

// InTrouble says whether a zone has an incident, pending or open: it is looked
// at more often then.
func (a *Alert) InTrouble(zone holdfast.Name) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.ContainsFunc(order, func(t holdfast.Trouble) bool { return len(a.standing(zone, t)) > 0 })
}

// standing are the incidents in which a zone has that trouble now.
func (a *Alert) standing(zone holdfast.Name, trouble holdfast.Trouble) []*holdfast.Incident {
	var out []*holdfast.Incident
	for _, i := range a.incidents {
		if i.Trouble != trouble || i.State == holdfast.StateClosed {
			continue
		}
		if m := memberOf(i, zone); m != nil && m.State != holdfast.StateClosed {
			out = append(out, i)
		}
	}
	return out
}

// commit writes what a draft changed, in one transaction with the notices to
// staff, and only then takes it as what stands.
func (a *Alert) commit(ctx context.Context, d *draft) error {
	if d.err != nil {
		return d.err
	}
	var incidents []holdfast.Incident
	var notices []holdfast.Notice
	for _, id := range d.order {
		i := d.changed[id]
		if before := a.incidents[id]; before != nil && sameInSubstance(before, i) && i.Updated.Sub(before.Updated) < refresh {
			i.Updated = before.Updated
			continue
		}
		if reason, ok := d.news[id]; ok {
			told, err := a.staffNotices(ctx, i, reason, d.now, d.except)
			if err != nil {
				return err
			}
			notices = append(notices, told...)
			d.resent = append(d.resent, id)
		}
		incidents = append(incidents, *i)
	}
	if len(incidents) > 0 {
		if err := a.record.Decide(ctx, incidents, notices); err != nil {
			a.stale = true
			return fmt.Errorf("decide incidents: %w", err)
		}
		a.contactsAt = time.Time{}
	}
	for _, id := range d.order {
		a.incidents[id] = d.changed[id]
	}
	for _, id := range d.resent {
		a.resent[id] = d.now
	}
	if len(incidents) > 0 {
		a.kick()
	}
	return nil
}

// refresh is how long an incident that does not change may stand in the record
// with the evidence of an earlier look.
const refresh = time.Hour

// kick lets Run look at once.
func (a *Alert) kick() {
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// sameInSubstance says whether two states of an incident differ in nothing but
// which look was the last to confirm it.
func sameInSubstance(a, b *holdfast.Incident) bool {
	return a.State == b.State && a.Severity == b.Severity && a.FailsAt.Equal(b.FailsAt) && a.Title == b.Title &&
		a.Reopened == b.Reopened && len(a.Log) == len(b.Log) &&
		slices.Equal(a.Zones, b.Zones) && slices.Equal(a.Servers, b.Servers) &&
		slices.EqualFunc(a.Members, b.Members, sameMember) &&
		slices.EqualFunc(a.Findings, b.Findings, func(a, b holdfast.IncidentFinding) bool {
			return a.Code == b.Code && a.Zone == b.Zone && a.Server == b.Server && a.RRset == b.RRset &&
				a.Severity == b.Severity && a.Until.Equal(b.Until) && a.Text == b.Text
		})
}

func sameMember(a, b holdfast.IncidentMember) bool {
	a.Look, b.Look = "", ""
	a.LastBad, b.LastBad = time.Time{}, time.Time{}
	if !a.FailsAt.Equal(b.FailsAt) || !a.GoodSince.Equal(b.GoodSince) {
		return false
	}
	a.FailsAt, a.GoodSince = b.FailsAt, b.GoodSince
	return a == b
}

func memberOf(i *holdfast.Incident, zone holdfast.Name) *holdfast.IncidentMember {
	at := slices.IndexFunc(i.Members, func(m holdfast.IncidentMember) bool { return m.Zone == zone })
	if at < 0 {
		return nil
	}
	return &i.Members[at]
}

// sorted are the incidents for which keep holds, in the order of their IDs.
func (a *Alert) sorted(keep func(*holdfast.Incident) bool) []*holdfast.Incident {
	var out []*holdfast.Incident
	for _, i := range a.incidents {
		if keep(i) {
			out = append(out, i)
		}
	}
	slices.SortFunc(out, func(a, b *holdfast.Incident) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

// forget drops from memory what is closed for so long that its trouble, if it
// returned, would be a new incident.
func (a *Alert) forget(now time.Time) {
	for id, i := range a.incidents {
		if i.State == holdfast.StateClosed && now.Sub(i.Closed) > a.config.ReopenWithin.Of() {
			delete(a.incidents, id)
			delete(a.resent, id)
		}
	}
}

func (a *Alert) known(ctx context.Context, id string) (bool, error) {
	if a.incidents[id] != nil {
		return true, nil
	}
	_, err := a.record.Incident(ctx, id)
	if errors.Is(err, record.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}
