package alert

import (
	"slices"
	"time"

	"github.com/holdfastdns/holdfast"
)

// missing says what a contact is still to be told of an incident, for those of
// its zones that are the contact's, after the notices of history (newest
// first). The severity is that which the notice will have.
func missing(p part, history []holdfast.Notice, now time.Time, patience time.Duration) (holdfast.NoticeReason, holdfast.Severity, bool) {
	i, severity := p.incident, severest(p.incident, p.zones)
	if i.State != holdfast.StateOpen || severity == holdfast.SeverityInfo {
		return missingClose(p, history)
	}
	if tooSoon(p, severity, history, patience) {
		return "", 0, false
	}
	if len(history) == 0 {
		return holdfast.ReasonOpened, severity, true
	}
	last := history[0]
	for _, e := range i.Log {
		if e.What == "reopened" && e.At.After(last.Created) {
			return holdfast.ReasonReopened, severity, true
		}
	}
	switch reminder, ok := lastReminder(i, now); {
	case last.Reason == holdfast.ReasonClosed:
		return holdfast.ReasonReopened, severity, true
	case severity > last.Severity:
		return holdfast.ReasonRaised, severity, true
	case ok && severity >= holdfast.SeverityCritical && last.Created.Before(reminder):
		return holdfast.ReasonReminder, severity, true
	}
	return "", 0, false
}

// tooSoon says that what a contact does not know yet may be over before the
// mail is read: servers that fail while others of the zone answer, which most
// often begin anew, or have their route again, within minutes. An incident may
// stand for longer than that after the last bad look; it does not count.
func tooSoon(p part, severity holdfast.Severity, history []holdfast.Notice, patience time.Duration) bool {
	if p.incident.Trouble != holdfast.TroubleReachability || severity >= holdfast.SeverityCritical {
		return false
	}
	var opened, bad time.Time
	for _, e := range p.incident.Log {
		if e.What == "opened" || e.What == "reopened" {
			opened = e.At
		}
	}
	for _, m := range p.incident.Members {
		if slices.Contains(p.zones, m.Zone) {
			bad = latest(bad, m.LastBad)
		}
	}
	known := len(history) > 0 && !history[0].Created.Before(opened)
	return !known && bad.Sub(opened) < patience
}

// missingClose says whether a closing mail is missing: all the contact's zones
// have left, and the last that it was told was bad news.
func missingClose(p part, history []holdfast.Notice) (holdfast.NoticeReason, holdfast.Severity, bool) {
	if !over(p) || len(history) == 0 || history[0].Reason == holdfast.ReasonClosed {
		return "", 0, false
	}
	for _, n := range history {
		switch {
		case n.Reason == holdfast.ReasonClosed:
			return "", 0, false
		case n.State == holdfast.NoticeSent || n.State == holdfast.NoticeSending || n.State == holdfast.NoticeQueued:
			return holdfast.ReasonClosed, n.Severity, true
		}
	}
	return "", 0, false // it never got the opening
}

// over says whether all zones of a part have left the incident.
func over(p part) bool {
	return !slices.ContainsFunc(p.incident.Members, func(m holdfast.IncidentMember) bool {
		return m.State != holdfast.StateClosed && slices.Contains(p.zones, m.Zone)
	})
}
