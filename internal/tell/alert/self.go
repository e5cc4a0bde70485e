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

// Codes of what Holdfast finds about itself here. They stand in Findings[0] of
// a self incident, which has no zones.
const (
	codeWorldDown   = "SELF-WORLD"
	codeUndelivered = "SELF-MAIL"
	codeRoster      = "SELF-ROSTER"
)

// Codes of what others notice of Holdfast itself, and tell by SelfTrouble.
const (
	SelfClock = "SELF-CLOCK" // our clock is wrong, or may be
	SelfLate  = "SELF-LATE"  // zones are not looked at as often as they should be
	SelfStale = "SELF-STALE" // what we go by is old
	SelfDisk  = "SELF-DISK"  // there is hardly room for the database
)

// selves are they, by code.
var selves = map[string]self{
	SelfClock: {code: SelfClock, name: "clock-unsure", word: "clock"},
	SelfLate:  {code: SelfLate, name: "looks-behind", word: "late"},
	SelfStale: {code: SelfStale, name: "data-old", word: "stale"},
	SelfDisk:  {code: SelfDisk, name: "disk-nearly-full", word: "disk"},
}

// SelfTrouble takes trouble of our own by its code: staff are told once, and
// again where it rises. The same trouble is to be told in the same words.
func (a *Alert) SelfTrouble(ctx context.Context, code string, severity holdfast.Severity, text string) error {
	s, ok := selves[code]
	if !ok {
		return fmt.Errorf("tell of trouble of our own: %q is no code of it", code)
	}
	s.severity = severity
	return a.selfBad(ctx, s, text, notify.Target{})
}

// SelfMended takes word that the trouble of a code is not there; the second in
// a row closes what SelfTrouble opened.
func (a *Alert) SelfMended(ctx context.Context, code string) error {
	return a.selfGood(ctx, self{code: code})
}

// Withheld takes a sweep in which most of the world seemed down at once. One
// such sweep is enough: thousands of questions agree. Staff are told, no zone
// is blamed, and until two sweeps were good again nothing goes to a contact by
// itself.
func (a *Alert) Withheld(ctx context.Context, sweep holdfast.Sweep) error {
	asked, silent := 0, sweep.Outcomes[holdfast.Timeout]+sweep.Outcomes[holdfast.Unreachable]
	for _, n := range sweep.Outcomes {
		asked += n
	}
	text := fmt.Sprintf("most of the world seemed down at once: %d of %d questions about %d zones got no answer, seen from %s in sweep %s",
		silent, asked, sweep.Zones, sweep.Vantage, sweep.ID)
	return a.selfBad(ctx, self{code: codeWorldDown, name: "world-down", word: "network"}, text, notify.Target{})
}

// SelfGood takes a sweep that was not withheld; the second in a row closes what
// Withheld opened.
func (a *Alert) SelfGood(ctx context.Context) error {
	return a.selfGood(ctx, self{code: codeWorldDown})
}

// RosterRefused takes the refusal of a new roster: the old one stays in use,
// and staff are told why. RosterGood takes the acceptance of one.
func (a *Alert) RosterRefused(ctx context.Context, why error) error {
	text := "the new list of zones was refused and the old one stays in use: " + why.Error()
	return a.selfBad(ctx, self{code: codeRoster, name: "roster-refused", word: "roster"}, text, notify.Target{})
}

// RosterGood closes what RosterRefused opened.
func (a *Alert) RosterGood(ctx context.Context) error { return a.selfGood(ctx, self{code: codeRoster}) }

// GaveUp takes a notice that could not be delivered: all but the one who could
// not be reached are told, one incident for all such notices of a channel. The
// outbox calls it before it settles the notice, perhaps more than once.
func (a *Alert) GaveUp(ctx context.Context, n holdfast.Notice, why error) error {
	// Addresses stay out of it: incidents are on the page. `holdfast notices
	// list` shows staff whose it is.
	recipient := "staff"
	if n.Audience == holdfast.ForContact {
		recipient = "the contact of " + strings.Join(names(n.Zones), ", ")
	}
	text := fmt.Sprintf("notice %s could not be delivered to %s over %s: %s", n.ID, recipient, n.Channel, withoutAddresses(why.Error()))
	return a.selfBad(ctx, self{code: codeUndelivered, name: "notice-undelivered", word: "delivery", channel: n.Channel}, text, notify.Target{Channel: n.Channel, Recipient: n.Recipient})
}

func withoutAddresses(text string) string {
	words := strings.Fields(text)
	for n, word := range words {
		if strings.Contains(word, "@") {
			words[n] = "[address]"
		}
	}
	return strings.Join(words, " ")
}

// Delivered takes a notice that arrived; the second closes what GaveUp opened
// over the same channel.
func (a *Alert) Delivered(ctx context.Context, n holdfast.Notice) error {
	return a.selfGood(ctx, self{code: codeUndelivered, channel: n.Channel})
}

func names(zones []holdfast.Name) []string {
	out := make([]string, len(zones))
	for n, zone := range zones {
		out[n] = zone.Short()
	}
	return out
}

// self is one sort of trouble of our own: its code, and the channel where it is
// about one. The name and the word are for people, and for the incident's ID.
type self struct {
	code, name, word, channel string
	severity                  holdfast.Severity // zero: critical
}

func (s self) loud() holdfast.Severity {
	if s.severity == 0 {
		return holdfast.SeverityCritical
	}
	return s.severity
}

// is says whether an incident is of that sort.
func (s self) is(i *holdfast.Incident) bool {
	return i.Trouble == holdfast.TroubleSelf && len(i.Findings) > 0 && i.Findings[0].Code == s.code && i.Findings[0].Reference == s.reference()
}

func (s self) reference() string {
	if s.channel == "" {
		return ""
	}
	return "channel " + s.channel
}

// ours is the incident of a sort that is not over, or closed lately.
func (a *Alert) ours(s self, now time.Time) *holdfast.Incident {
	var closed *holdfast.Incident
	for _, i := range a.sorted(s.is) {
		if i.State != holdfast.StateClosed {
			return i
		}
		if now.Sub(i.Closed) <= a.config.ReopenWithin.Of() {
			closed = i
		}
	}
	return closed
}

func (a *Alert) selfBad(ctx context.Context, s self, text string, except notify.Target) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	d, err := a.draft(ctx)
	if err != nil {
		return err
	}
	d.except = except
	found := a.ours(s, d.now)
	if found == nil {
		id, err := d.newID(d.now, "self", s.word)
		if err != nil {
			return err
		}
		found = &holdfast.Incident{ID: id, Trouble: holdfast.TroubleSelf, State: holdfast.StatePending, Opened: d.now}
	}
	i, before := d.edit(found)
	finding := cleanFinding(holdfast.Finding{Code: s.code, Name: s.name, Severity: s.loud(), Text: text, Reference: s.reference()})
	news := !slices.ContainsFunc(i.Log, func(e holdfast.IncidentEvent) bool { return e.Text == finding.Text })
	i.Findings = []holdfast.IncidentFinding{{Finding: finding}}
	i.Severity, i.Peak, i.Title = finding.Severity, max(i.Peak, finding.Severity), clean(finding.Text, maxLine)
	i.Members = []holdfast.IncidentMember{{State: holdfast.StateOpen, Severity: i.Severity, LastBad: d.now}}
	switch {
	case i.State == holdfast.StatePending:
		i.State = holdfast.StateOpen
		d.log(i, "opened", finding.Text)
		d.tell(i, holdfast.ReasonOpened)
	case i.State == holdfast.StateClosed:
		i.State, i.Closed, i.Reopened = holdfast.StateOpen, time.Time{}, i.Reopened+1
		d.log(i, "reopened", finding.Text)
		d.tell(i, holdfast.ReasonReopened)
	case i.Severity > before.Severity:
		d.log(i, "rose", finding.Text)
		d.tell(i, holdfast.ReasonRaised)
	case news && s.code == codeUndelivered:
		d.log(i, "again", finding.Text)
	}
	return a.commit(ctx, d)
}

func (a *Alert) selfGood(ctx context.Context, s self) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	d, err := a.draft(ctx)
	if err != nil {
		return err
	}
	found := a.ours(s, d.now)
	if found == nil || found.State == holdfast.StateClosed {
		return nil
	}
	i, _ := d.edit(found)
	m := &i.Members[0]
	if m.Good++; m.Good >= looksToClose {
		m.State = holdfast.StateClosed
		i.State, i.Closed = holdfast.StateClosed, d.now
		d.log(i, "closed", "good again")
		d.tell(i, holdfast.ReasonClosed)
	}
	return a.commit(ctx, d)
}

// blind says whether our own trouble with the network or the clock stands, in
// which nothing is sent to strangers by itself.
func (a *Alert) blind() bool {
	for _, i := range a.incidents {
		if i.State == holdfast.StateOpen && i.Severity >= holdfast.SeverityCritical && ((self{code: codeWorldDown}).is(i) || (self{code: SelfClock}).is(i)) {
			return true
		}
	}
	return false
}
