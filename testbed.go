package holdfast

import (
	"net/netip"
	"time"
)

// TestZone is a zone of a public test bed for trust anchor updates. Its parent
// holds a DS that matches none of its keys, so that only who trusts it of
// themselves can validate it; and it rolls its key by a schedule, so that they
// see whether their resolver follows (RFC 5011).
type TestZone struct {
	Name Name   `json:"zone"`
	Pace string `json:"pace"` // of its schedule: weekly, hourly
	// Timers are what the schedule is made for: the hold-downs that a tester's
	// resolver is to have, and the TTL and the life of the zone's signatures.
	Timers Timers     `json:"timers"`
	Steps  []TestStep `json:"steps"` // in order of time
	// Old signs at first, New takes its place. Data signs all but the DNSKEY
	// RRset, and stays.
	Old  TestKey `json:"old"`
	New  TestKey `json:"new"`
	Data TestKey `json:"data"`
}

// TestKey is the public part of a test zone's key.
type TestKey struct {
	Tag       uint16 `json:"tag"`
	Revoked   uint16 `json:"revoked_tag,omitempty"` // its tag with REVOKE; zero for one that is never revoked
	Algorithm uint8  `json:"algorithm"`
	Flags     uint16 `json:"flags"` // without REVOKE
	Public    []byte `json:"public"`
	Digest    []byte `json:"digest,omitempty"` // SHA-256, as in a DS of it (RFC 4509)
}

// TestMove names a step of a test zone.
type TestMove string

// The steps of a test zone, in their order.
const (
	TestBegins    TestMove = "begins"    // the old key alone is there and signs
	TestPublishes TestMove = "publishes" // the new key is there, the old one signs
	TestAccepts   TestMove = "accepts"   // nothing changes: hold-downs have passed
	TestSigns     TestMove = "signs"     // the new key alone signs
	TestRevokes   TestMove = "revokes"   // the old key is there with REVOKE, and both sign
	TestRemoves   TestMove = "removes"   // the old key is gone
	TestEnds      TestMove = "ends"      // the zone is gone
)

// TestStep is when a test zone makes a step.
type TestStep struct {
	Move TestMove  `json:"step"`
	At   time.Time `json:"at"`
}

// At answers the step that a zone has come to; ok is false before its first.
func (z TestZone) At(at time.Time) (step TestStep, ok bool) {
	for _, s := range z.Steps {
		if s.At.After(at) {
			break
		}
		step, ok = s, true
	}
	return step, ok
}

// After answers the step that comes next; ok is false when the last has come.
func (z TestZone) After(at time.Time) (step TestStep, ok bool) {
	for _, s := range z.Steps {
		if s.At.After(at) {
			return s, true
		}
	}
	return TestStep{}, false
}

// When answers the instant of a step; the zero time where the zone has none.
func (z TestZone) When(move TestMove) time.Time {
	for _, s := range z.Steps {
		if s.Move == move {
			return s.At
		}
	}
	return time.Time{}
}

// Closes is the instant until which a resolver can be given the zone's first
// key and still come to trust the second in time: a hold-down and two
// intervals of asking before the schedule counts on it.
func (z TestZone) Closes() time.Time {
	return z.When(TestAccepts).Add(-z.Timers.Add - 2*z.Timers.Query)
}

// Live says whether the zone is served at an instant.
func (z TestZone) Live(at time.Time) bool {
	step, ok := z.At(at)
	return ok && step.Move != TestEnds
}

// SubscriptionState is where a subscription stands.
type SubscriptionState string

const (
	SubscriptionPending   SubscriptionState = "pending"   // asked for, and not confirmed by who has the address
	SubscriptionConfirmed SubscriptionState = "confirmed" // told of each step
	SubscriptionEnded     SubscriptionState = "ended"     // by its owner
)

// Subscription is somebody's wish to be told of the steps of a test zone. The
// address is shown to nobody but staff.
type Subscription struct {
	ID      string            `json:"id"`
	Zone    Name              `json:"zone"`
	Address string            `json:"address"`
	Label   string            `json:"label"` // of the name below the zone by which its resolver is known
	State   SubscriptionState `json:"state"`
	Created time.Time         `json:"created"`
	Expires time.Time         `json:"expires,omitzero"` // of one that is pending
	Changed time.Time         `json:"changed"`          // when it came into its state
}

// TestOutcome is what a resolver made of a test zone.
type TestOutcome string

const (
	OutcomeSecure   TestOutcome = "secure"   // NOERROR with AD
	OutcomeServfail TestOutcome = "servfail" // it does not validate
	OutcomeInsecure TestOutcome = "insecure" // NOERROR without AD: nothing was validated
	OutcomeOther    TestOutcome = "other"
)

// TestResult is what a subscriber reports of a step.
type TestResult struct {
	Subscription string      `json:"subscription,omitempty"`
	Zone         Name        `json:"zone"`
	Move         TestMove    `json:"step"`
	Outcome      TestOutcome `json:"outcome"`
	Software     string      `json:"software"` // one of a list
	Version      string      `json:"version,omitempty"`
	At           time.Time   `json:"at"`
}

// TestSighting is what the questions of one source to a test zone told: the
// key tags that it trusts (RFC 8145 section 5.1), or the label of a
// subscription that was asked for.
type TestSighting struct {
	Zone   Name       `json:"zone"`
	Source netip.Addr `json:"-"`
	Tags   []uint16   `json:"tags,omitempty"`
	Label  string     `json:"label,omitempty"`
	First  time.Time  `json:"first"`
	Last   time.Time  `json:"last"`
	Count  int        `json:"count"`
}

// CalendarEntry is an instant that a notice announces.
type CalendarEntry struct {
	UID      string    `json:"uid"` // the same whenever the entry is sent again
	At       time.Time `json:"at"`
	Until    time.Time `json:"until,omitzero"`
	Summary  string    `json:"summary"`
	Text     string    `json:"text,omitempty"`
	URL      string    `json:"url,omitempty"`
	Sequence int       `json:"sequence,omitempty"`
}

// TestRecipe is how a resolver is set up for a test zone.
type TestRecipe struct {
	Resolver string // Unbound
	// Follows says whether it can follow RFC 5011 at all. One that cannot is
	// due to fail when the new key signs alone.
	Follows bool
	About   string
	Files   []TestFile
	Check   string // a command that shows what it holds
}

// TestFile is a file of a recipe, whole or a part to add to it.
type TestFile struct {
	Path string
	Text string
}

// TestGuide says what a step is, for people.
type TestGuide struct {
	Title  string // the new key is published
	What   string // what happens
	Do     string // what a tester does
	Expect string // what a resolver shows that follows RFC 5011
}

// TestGuidance is all that a tester is told of a zone.
type TestGuidance struct {
	Guides   []TestGuide // of the zone's steps, in their order
	Recipes  []TestRecipe
	DNSKEY   string // the first key, as records in presentation format
	DS       string
	Calendar []CalendarEntry
}
