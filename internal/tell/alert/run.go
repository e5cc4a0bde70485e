package alert

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/tell/notify"
)

// reminders are how long before signatures die people are told again.
var reminders = [...]time.Duration{12 * time.Hour, 6 * time.Hour, 2 * time.Hour, 30 * time.Minute, 0}

// deadlinesApart is how close deaths lie that one reminder speaks of.
const deadlinesApart = 30 * time.Minute

// pace is how often Run looks where nothing wakes it: a reminder is late by
// that much at most.
const pace = 30 * time.Second

// Run writes what time makes due, until the context ends; then it answers nil.
// An error is the record's: what is due is still due, and Run may be called
// again.
func (a *Alert) Run(ctx context.Context) error {
	for {
		if err := a.Tick(ctx); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-a.wake:
		case <-a.clock.After(pace):
		}
	}
}

// Tick writes what is due now: reminders, changes of zones gathered for long
// enough, and all that contacts are to be told. A single sweep ends with it.
func (a *Alert) Tick(ctx context.Context) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	d, err := a.draft(ctx)
	if err != nil {
		return err
	}
	a.forget(d.now)
	for _, i := range a.sorted(func(i *holdfast.Incident) bool { return i.State == holdfast.StateOpen }) {
		d.remind(i)
	}
	if err := a.commit(ctx, d); err != nil {
		return err
	}
	if err := a.resend(ctx, d.now); err != nil {
		return err
	}
	if d.now.Before(a.contactsAt) {
		return nil
	}
	return a.tellContacts(ctx, d.now)
}

// remind tells staff again where a reminder's time has come, or where zones
// have joined or left and nobody was told for long enough.
func (d *draft) remind(found *holdfast.Incident) {
	told := lastTold(found)
	if due, ok := lastReminder(found, d.now); ok && told.Before(due) {
		i, _ := d.edit(found)
		i.Title = clean(title(i, d.now), maxLine)
		d.log(i, "reminder", "the instant of failure is "+away(i.FailsAt, d.now))
		d.tell(i, holdfast.ReasonReminder)
		return
	}
	for _, e := range found.Log {
		if (e.What == "joined" || e.What == "left") && e.At.After(told) {
			if d.now.Sub(e.At) >= d.a.config.Batch.Of() {
				i, _ := d.edit(found)
				d.log(i, "told", "of the zones that joined and left")
				d.tell(i, holdfast.ReasonChanged)
			}
			return
		}
	}
}

// lastTold is when staff were last told of an incident.
func lastTold(i *holdfast.Incident) time.Time {
	for _, e := range slices.Backward(i.Log) {
		switch e.What {
		case "opened", "reopened", "rose", "reminder", "told":
			return e.At
		}
	}
	return time.Time{}
}

// lastReminder is the latest instant, not after now, at which a reminder of
// one of the incident's deadlines fell due.
func lastReminder(i *holdfast.Incident, now time.Time) (time.Time, bool) {
	var last time.Time
	for _, deadline := range deadlines(i) {
		for _, before := range reminders {
			if due := deadline.Add(-before); !due.After(now) && due.After(last) {
				last = due
			}
		}
	}
	return last, !last.IsZero()
}

// deadlines are the instants at which signatures of an incident die, those that
// lie close together counted as the first of them.
func deadlines(i *holdfast.Incident) []time.Time {
	if i.Trouble != holdfast.TroubleExpiry {
		return nil
	}
	all := []time.Time{}
	if !i.FailsAt.IsZero() {
		all = append(all, i.FailsAt)
	}
	for _, f := range i.Findings {
		if !f.Until.IsZero() {
			all = append(all, f.Until)
		}
	}
	slices.SortFunc(all, time.Time.Compare)
	var out []time.Time
	for _, at := range all {
		if len(out) == 0 || at.Sub(out[len(out)-1]) > deadlinesApart {
			out = append(out, at)
		}
	}
	return out
}

// nextDeadline is the next death of signatures after now.
func nextDeadline(i *holdfast.Incident, now time.Time) (time.Time, bool) {
	for _, at := range deadlines(i) {
		if at.After(now) {
			return at, true
		}
	}
	return time.Time{}, false
}

// latestDeadline is the latest death of signatures that is past.
func latestDeadline(i *holdfast.Incident, now time.Time) time.Time {
	last := i.FailsAt
	for _, at := range deadlines(i) {
		if !at.After(now) {
			last = at
		}
	}
	return last
}

// resend tells Alertmanager again of what is open, which would forget it
// otherwise. What was sent when is not recorded: after a restart once more
// does no harm.
func (a *Alert) resend(ctx context.Context, now time.Time) error {
	var notices []holdfast.Notice
	for _, target := range a.targets {
		if target.Channel != notify.ChannelAlertmanager {
			continue
		}
		for _, i := range a.sorted(func(i *holdfast.Incident) bool {
			return i.State == holdfast.StateOpen && i.Severity >= a.config.StaffFrom
		}) {
			if now.Sub(a.resent[i.ID]) < a.config.Resend.Of() {
				continue
			}
			n := a.notice(i, holdfast.ReasonReminder, now, target)
			n.Subject = i.Title
			var err error
			if n.Payload, err = a.payload(i, n, target); err != nil {
				return err
			}
			notices = append(notices, n)
		}
	}
	if len(notices) == 0 {
		return nil
	}
	if err := a.record.Decide(ctx, nil, notices); err != nil {
		return fmt.Errorf("decide notices: %w", err)
	}
	for _, n := range notices {
		a.resent[n.Incident] = now
	}
	return nil
}
