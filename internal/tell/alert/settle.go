package alert

import (
	"slices"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
)

// follow moves a member's severity after a look: up at once, down only when
// looks in a row agree, and then to the worst that they showed. While nobody
// has been told it simply is what the look says.
func follow(m *holdfast.IncidentMember, seen holdfast.Severity) {
	switch {
	case seen >= m.Severity || m.State == holdfast.StatePending:
		m.Severity, m.Lower, m.LowerTo = seen, 0, 0
		return
	case m.Lower == 0:
		m.LowerTo = seen
	}
	m.Lower, m.LowerTo = m.Lower+1, max(m.LowerTo, seen)
	if m.Lower >= looksToFall {
		m.Severity, m.Lower, m.LowerTo = m.LowerTo, 0, 0
	}
}

// settle draws the sum of an incident's members after one of them changed, and
// notes in the log, and for staff, what that sum did.
func (d *draft) settle(i, before *holdfast.Incident, sweep string) {
	open, pending := count(i, holdfast.StateOpen), count(i, holdfast.StatePending)
	opening := open > 0 && i.State == holdfast.StatePending
	if opening {
		// One zone that was seen twice in trouble at these addresses confirms
		// the others that were seen in it once.
		for n := range i.Members {
			if i.Members[n].State == holdfast.StatePending {
				i.Members[n].State = holdfast.StateOpen
			}
		}
		i.State = holdfast.StateOpen
	}
	closing := open+pending == 0 && i.State != holdfast.StateClosed
	sum(i)
	switch {
	case opening:
		d.opened(i, sweep)
	case closing:
		d.closed(i, before)
	case i.State == holdfast.StateOpen:
		d.moved(i, before)
	}
	i.Title = clean(title(i, d.now), maxLine)
}

func count(i *holdfast.Incident, state holdfast.State) int {
	n := 0
	for _, m := range i.Members {
		if m.State == state {
			n++
		}
	}
	return n
}

// opened logs an opening. An incident that was open before is opened again.
func (d *draft) opened(i *holdfast.Incident, sweep string) {
	text := "seen by " + plural(looksToOpen, "look") + " that agree"
	if !slices.ContainsFunc(i.Members, func(m holdfast.IncidentMember) bool { return m.Bad >= looksToOpen }) {
		text = "seen by one look, which is enough" // certain, or it comes and goes
	}
	if sweep != "" {
		text += ", the last in sweep " + sweep
	}
	if wasOpen(i) {
		i.Reopened++
		d.log(i, "reopened", text)
		d.tell(i, holdfast.ReasonReopened)
		return
	}
	i.Peak = i.Severity
	d.log(i, "opened", text)
	d.tell(i, holdfast.ReasonOpened)
}

func wasOpen(i *holdfast.Incident) bool {
	return slices.ContainsFunc(i.Log, func(e holdfast.IncidentEvent) bool { return e.What == "opened" })
}

// closed logs the end. What was never open passes without a word.
func (d *draft) closed(i, before *holdfast.Incident) {
	i.State, i.Closed = holdfast.StateClosed, d.now
	if before.State != holdfast.StateOpen {
		d.log(i, "passed", "it was not seen again")
		return
	}
	d.log(i, "closed", "all good for "+plural(looksToClose<<min(i.Reopened, maxDoublings), "look"))
	d.tell(i, holdfast.ReasonClosed)
}

// moved logs what happened to an incident that was open and still is.
func (d *draft) moved(i, before *holdfast.Incident) {
	i.Peak = max(i.Peak, i.Severity)
	if before.State != holdfast.StateOpen {
		return
	}
	if !slices.Equal(i.Zones, before.Zones) {
		d.cameAndWent(i, before)
	}
	switch {
	case i.Severity > before.Severity:
		d.log(i, "rose", "from "+before.Severity.String()+" to "+i.Severity.String())
		d.tell(i, holdfast.ReasonRaised)
	case i.Severity < before.Severity:
		d.log(i, "fell", "from "+before.Severity.String()+" to "+i.Severity.String())
	}
}

func (d *draft) cameAndWent(i, before *holdfast.Incident) {
	if joined := without(i.Zones, before.Zones); len(joined) > 0 {
		d.log(i, "joined", zoneList(i, joined))
	}
	if left := without(before.Zones, i.Zones); len(left) > 0 {
		d.log(i, "left", zoneList(i, left))
	}
}

// sum draws from the members what is true of the incident: of those that are
// open, of the pending ones where none is open, of all where all is over.
func sum(i *holdfast.Incident) {
	state := holdfast.StateOpen
	if count(i, state) == 0 {
		state = holdfast.StatePending
	}
	if count(i, state) == 0 {
		state = holdfast.StateClosed
	}
	var zones []holdfast.Name
	var failsAt time.Time
	severity := holdfast.SeverityInfo
	for _, m := range i.Members {
		if m.State != state {
			continue
		}
		zones = append(zones, m.Zone)
		severity = max(severity, m.Severity)
		failsAt = earliest(failsAt, m.FailsAt)
	}
	slices.SortFunc(zones, holdfast.CompareNames)
	i.Zones = zones
	if state != holdfast.StateClosed {
		i.Severity, i.FailsAt = severity, failsAt
		i.Findings = slices.DeleteFunc(i.Findings, func(f holdfast.IncidentFinding) bool {
			m := memberOf(i, f.Zone)
			return f.Zone != "" && (m == nil || m.State == holdfast.StateClosed)
		})
	}
}

// without are the elements of a that are not in b.
func without(a, b []holdfast.Name) []holdfast.Name {
	var out []holdfast.Name
	for _, name := range a {
		if !slices.Contains(b, name) {
			out = append(out, name)
		}
	}
	return out
}

// title says in one line what is wrong. Instants are absolute: it is read at
// any time.
func title(i *holdfast.Incident, now time.Time) string {
	if len(i.Findings) == 0 {
		return string(i.Trouble)
	}
	worst := i.Findings[0]
	if i.Trouble == holdfast.TroubleExpiry && !worst.Until.IsZero() {
		return expiryTitle(i, worst, now)
	}
	text := worst.Text
	others := 0
	for _, f := range i.Findings {
		if f.Zone == worst.Zone {
			others++
		}
	}
	if others > 1 {
		text += " (and " + plural(others-1, "further finding") + ")"
	}
	return text
}

// expiryTitle names what dies, when and where: "NS, DENIAL signatures expire
// 2026-08-03 06:00 UTC at ns2.example (192.0.2.2)".
func expiryTitle(i *holdfast.Incident, worst holdfast.IncidentFinding, now time.Time) string {
	var classes []string
	servers := make(map[holdfast.Server]bool)
	for _, f := range i.Findings {
		if f.Severity < worst.Severity || f.Until.IsZero() {
			continue
		}
		if class := string(f.RRset); class != "" && !slices.Contains(classes, class) {
			classes = append(classes, class)
		}
		servers[f.Server] = true
	}
	verb := " expire "
	if !worst.Until.After(now) {
		verb = " expired "
	}
	text := strings.TrimSpace(strings.Join(classes, ", ")+" signatures") + verb + instant(worst.Until)
	if len(servers) == 1 && worst.Server != (holdfast.Server{}) {
		return text + " at " + serverText(worst.Server)
	}
	return text
}
