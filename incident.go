package holdfast

import (
	"encoding/json"
	"net/netip"
	"strings"
	"time"
)

// State of an incident.
type State string

const (
	StatePending State = "pending" // seen once; not yet told
	StateOpen    State = "open"
	StateClosed  State = "closed"
)

// Trouble names what an incident is about; one incident a zone and trouble.
type Trouble string

const (
	TroubleExpiry       Trouble = "expiry"       // signatures die, or are dead
	TroubleChain        Trouble = "chain"        // validation fails for another reason
	TroubleDenial       Trouble = "denial"       // negative answers cannot be proven
	TroubleDelegation   Trouble = "delegation"   // parent and child disagree
	TroubleReachability Trouble = "reachability" // servers do not answer as they should
	TroubleConsistency  Trouble = "consistency"  // servers disagree with one another
	TroubleSelf         Trouble = "self"         // ours: network, clock, roster
)

// Incident is trouble over time: what findings of many sweeps amount to.
type Incident struct {
	ID       string    `json:"id"`
	Trouble  Trouble   `json:"trouble"`
	Zones    []Name    `json:"zones"` // more than one where they share the failing addresses
	State    State     `json:"state"`
	Severity Severity  `json:"severity"` // now
	Peak     Severity  `json:"peak"`     // the worst it was
	Title    string    `json:"title"`
	Opened   time.Time `json:"opened"`
	Updated  time.Time `json:"updated"`
	Closed   time.Time `json:"closed,omitzero"`
	FailsAt  time.Time `json:"fails_at,omitzero"` // when it breaks (or broke) resolution; zero: not by time
	Reopened int       `json:"reopened,omitempty"`
	Servers  []Server  `json:"servers,omitempty"` // those that the trouble is on
	// Members is what is remembered of each zone from look to look, those that
	// have left included.
	Members []IncidentMember `json:"members,omitempty"`
	// Shared are the failing addresses by which other zones belong to this
	// incident; they are set when it is made. Empty: it is one zone's own.
	Shared []netip.Addr `json:"shared,omitempty"`
	// Findings are those of the last sweep that showed the trouble, with the
	// measurement that each rests on.
	Findings []IncidentFinding `json:"findings"`
	Log      []IncidentEvent   `json:"log"`
}

// Public is the incident as strangers may see it: mail addresses in the texts
// of its log are left out. Contacts are shown to staff alone.
func (i Incident) Public() Incident {
	log := make([]IncidentEvent, len(i.Log))
	for n, event := range i.Log {
		event.Text = withoutMailAddresses(event.Text)
		log[n] = event
	}
	i.Log = log
	return i
}

// withoutMailAddresses replaces every word that holds an @ behind something
// else: "dig @192.0.2.1" stays, "tech@nic.example" goes.
func withoutMailAddresses(text string) string {
	words := strings.SplitAfter(text, " ")
	for n, word := range words {
		if strings.Index(word, "@") > 0 {
			words[n] = "[address]"
			if strings.HasSuffix(word, " ") {
				words[n] += " "
			}
		}
	}
	return strings.Join(words, "")
}

// IncidentMember is one zone's part in an incident.
type IncidentMember struct {
	Zone     Name      `json:"zone"`
	Unicode  UName     `json:"unicode,omitempty"`
	State    State     `json:"state"`    // StateClosed: it has left
	Severity Severity  `json:"severity"` // rises at once, falls when looks agree
	FailsAt  time.Time `json:"fails_at,omitzero"`
	Look     string    `json:"look"`     // the last measurement that counted
	LastBad  time.Time `json:"last_bad"` // when the trouble was last seen
	Bad      int       `json:"bad,omitempty"`
	// Good and Lower count looks in a row that were good, and that were bad
	// but less so than Severity; LowerTo is the worst of the latter.
	Good      int       `json:"good,omitempty"`
	GoodSince time.Time `json:"good_since,omitzero"`
	Lower     int       `json:"lower,omitempty"`
	LowerTo   Severity  `json:"lower_to,omitempty"`
}

// IncidentFinding is a finding and the measurement whose exchanges it names.
type IncidentFinding struct {
	Finding
	Measurement string `json:"measurement"`
}

// flatInIncident is an incident's finding as JSON has it.
type flatInIncident struct {
	flat
	Measurement string `json:"measurement"`
}

// MarshalJSON writes the finding's keys and the measurement's beside them.
func (f IncidentFinding) MarshalJSON() ([]byte, error) {
	return json.Marshal(flatInIncident{f.flat(), f.Measurement})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (f *IncidentFinding) UnmarshalJSON(text []byte) error {
	var read flatInIncident
	err := json.Unmarshal(text, &read)
	*f = IncidentFinding{read.finding(), read.Measurement}
	return err
}

// IncidentEvent is one line of an incident's history.
type IncidentEvent struct {
	At       time.Time `json:"at"`
	What     string    `json:"what"` // opened, rose, fell, joined, left, told, reminder, again, closed, reopened, passed
	Severity Severity  `json:"severity"`
	Text     string    `json:"text"`
}

// ContactSource says where a contact was learned.
type ContactSource string

const (
	ContactFromConfig ContactSource = "configuration"
	ContactFromRDAP   ContactSource = "rdap"
	ContactFromWHOIS  ContactSource = "whois"
	ContactFromFile   ContactSource = "file"
)

// Contact is whom to tell about a zone. The address is not public: only staff
// see it.
type Contact struct {
	Zone         Name          `json:"zone"`
	Role         string        `json:"role"` // "technical"
	Person       string        `json:"person,omitempty"`
	Organisation string        `json:"organisation,omitempty"`
	Email        string        `json:"email"`
	Phone        string        `json:"phone,omitempty"`
	Source       ContactSource `json:"source"`
	Fetched      time.Time     `json:"fetched"`
}

// Audience says whom a notice is for.
type Audience string

const (
	ForStaff   Audience = "staff"
	ForContact Audience = "contact"
	// ForSubscriber is who asked to be told of a test zone's steps.
	ForSubscriber Audience = "subscriber"
)

// NoticeState is where a notice stands in the outbox.
type NoticeState string

const (
	NoticeHeld    NoticeState = "held"    // waits for a person to release it
	NoticeQueued  NoticeState = "queued"  // to be sent when NotBefore has come
	NoticeSending NoticeState = "sending" // handed to the channel; its end not yet known
	NoticeSent    NoticeState = "sent"
	NoticeDropped NoticeState = "dropped" // by a person, or made moot
	NoticeFailed  NoticeState = "failed"  // refused for good, or tried for too long
)

// NoticeReason says why a notice is sent.
type NoticeReason string

const (
	ReasonOpened   NoticeReason = "opened"
	ReasonRaised   NoticeReason = "raised"
	ReasonReminder NoticeReason = "reminder"
	ReasonChanged  NoticeReason = "changed"
	ReasonClosed   NoticeReason = "closed"
	ReasonReopened NoticeReason = "reopened"
	ReasonConfirm  NoticeReason = "confirm" // asks whether a subscription was meant
	ReasonStep     NoticeReason = "step"    // of a test zone
)

// Notice is one message to one recipient over one channel, rendered when it
// was decided on, so that what is sent is what was meant then.
type Notice struct {
	ID        string       `json:"id"`
	Incident  string       `json:"incident"`       // empty where it is about none
	Also      []string     `json:"also,omitempty"` // further incidents that it tells of
	Reason    NoticeReason `json:"reason"`
	Severity  Severity     `json:"severity"`
	Zones     []Name       `json:"zones"`
	Audience  Audience     `json:"audience"`
	Channel   string       `json:"channel"`   // a configured channel: "mail", "webhook:NAME", "alertmanager"
	Recipient string       `json:"recipient"` // mail address or URL
	// MessageID is stable over retries; ThreadID is the first message of the
	// incident to this recipient, empty for the first itself.
	MessageID string `json:"message_id"`
	ThreadID  string `json:"thread_id,omitempty"`
	Subject   string `json:"subject"`
	Text      string `json:"text"`
	HTML      string `json:"html,omitempty"`
	Payload   []byte `json:"payload,omitempty"` // JSON body for channels that are not mail
	// Calendar goes with a mail as an attachment. Unsubscribe is an https: or
	// http: address at which one POST ends the subscription (RFC 8058).
	Calendar    []CalendarEntry `json:"calendar,omitempty"`
	Unsubscribe string          `json:"unsubscribe,omitempty"`
	State       NoticeState     `json:"state"`
	Created     time.Time       `json:"created"`
	NotBefore   time.Time       `json:"not_before,omitzero"`
	Attempts    int             `json:"attempts"`
	Sent        time.Time       `json:"sent,omitzero"`
	LastError   string          `json:"last_error,omitempty"`
}
