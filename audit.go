package holdfast

import (
	"slices"
	"time"
)

// Audit is what a machine's files mean for its trust in the root's keys, at an
// instant and under a calendar.
type Audit struct {
	Format string      `json:"format"` // holdfast-audit/1
	Path   string      `json:"path"`
	Kind   MachineKind `json:"kind"`
	At     time.Time   `json:"at"`
	// Calendar is as of when the root's dates are known. Assumed are plans that
	// were to come true before At, and of which it does not know whether they did.
	Calendar time.Time `json:"calendar"`
	Assumed  []Assumed `json:"assumed,omitempty"`
	// Resolvers are those that were found. Findings are those that are about none
	// of them: of files, and of the means to recover.
	Resolvers []Prospect     `json:"resolvers"`
	Findings  []AuditFinding `json:"findings"`
	Carriers  []Carrier      `json:"carriers"`
	Recovery  []Recovery     `json:"recovery,omitempty"`
	Unread    []Unread       `json:"unread,omitempty"`
	Counts    map[string]int `json:"counts"` // findings, by severity
	Worst     Severity       `json:"worst"`
}

// Assumed is a step of the calendar that was planned and whose day has passed.
type Assumed struct {
	Key uint16 `json:"key"`
	RootDate
}

// Prospect is how one resolver fares.
type Prospect struct {
	Installation
	// Trusts are the keys that it trusts now, Waits those in their hold-down.
	Trusts []TrustedKey `json:"trusts"`
	Waits  []TrustedKey `json:"waits,omitempty"`
	Upkeep Upkeep       `json:"upkeep,omitempty"`
	Writes Writes       `json:"writes"`
	// Succeeded is when it last validated the root's keys, as its file says.
	Succeeded time.Time      `json:"succeeded,omitzero"`
	Fates     []AnchorFate   `json:"fates,omitempty"` // nil where it does not validate
	Findings  []AuditFinding `json:"findings"`
}

// Name is the resolver for people: "BIND, view internal".
func (i Installation) Name() string {
	if i.Instance == "" {
		return i.Software.Title()
	}
	return i.Software.Title() + ", " + i.Instance
}

// Fails is the first fate in which it does not validate; ok is false where
// there is none as far as the calendar goes.
func (p Prospect) Fails() (f AnchorFate, ok bool) {
	return p.first(func(f AnchorFate) bool { return f.Standing != Secure })
}

// FailsOpen is the first fate in which it answers without validating, though it
// is set up to validate.
func (p Prospect) FailsOpen() (f AnchorFate, ok bool) {
	return p.first(func(f AnchorFate) bool { return f.Standing == Insecure })
}

func (p Prospect) first(is func(AnchorFate) bool) (AnchorFate, bool) {
	i := slices.IndexFunc(p.Fates, is)
	if i < 0 {
		return AnchorFate{}, false
	}
	return p.Fates[i], true
}

// AnchorFate is how a machine's trust anchors fare from an instant on.
type AnchorFate struct {
	From time.Time `json:"from"`
	// By is when it is so at the latest, for what was cached has run out by then.
	// Zero for what is so at once.
	By time.Time `json:"by,omitzero"`
	// Standing is Secure where the machine validates, Bogus where it answers
	// SERVFAIL to everything that is signed, Insecure where it answers without
	// validating.
	Standing Status   `json:"standing"`
	Trusted  []uint16 `json:"trusted"` // tags, sorted
	// Step, Key and Date are the step of the calendar that brings it; zero where
	// none does.
	Step   RootStep `json:"step,omitempty"`
	Key    uint16   `json:"key,omitempty"`
	Date   RootDate `json:"date,omitzero"`
	Why    string   `json:"why"` // one sentence without its dot
	Clause string   `json:"clause"`
}

// Answer is yes, no, or that the files do not say.
type Answer string

const (
	AnswerYes      Answer = "yes"
	AnswerNo       Answer = "no"
	AnswerUnknown  Answer = "unknown"
	AnswerNeedless Answer = "needless" // the question does not arise
)

// Writes says whether a resolver can keep what it learns of keys.
type Writes struct {
	Can   Answer `json:"can"`
	Why   string `json:"why"`
	Place string `json:"place,omitempty"`
}

// AuditFinding is one thing that an audit has to say.
type AuditFinding struct {
	Code     string   `json:"code"` // AUD-C1
	Name     string   `json:"name"`
	Severity Severity `json:"severity"`
	Resolver string   `json:"resolver,omitempty"`
	Text     string   `json:"text"`           // one sentence without its dot
	Evidence []string `json:"evidence"`       // FILE:LINE, or FILE
	Mend     string   `json:"mend,omitempty"` // what to do, with the exact line where there is one
	// Until is when what it warns of happens, or happened.
	Until     time.Time `json:"until,omitzero"`
	Reference string    `json:"reference"` // the clause that it rests on
}
