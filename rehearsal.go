package holdfast

import "time"

// Play is a scenario of a key rollover, in steps: which keys of the root are
// published, sign and are revoked, and what is done to the resolvers
// meanwhile. It is the KSK operator's own notion of a phase (publish, sign,
// revoke), by the second or by the day.
type Play struct {
	Name   string `json:"name"`  // plain, n1-early-switch, e11-restart
	Title  string `json:"title"` // one line
	About  string `json:"about"` // what is tested, and why it matters
	Clause string `json:"clause"`
	// Timers are what the resolvers are set to, where they can be.
	Timers Timers     `json:"timers"`
	Keys   []PlayKey  `json:"keys"`
	Steps  []PlayStep `json:"steps"` // in order of At, the first at zero
	// Length is when the last sample is taken.
	Length time.Duration `json:"length_ns"`
}

// Timers are those of RFC 5011 section 2.3 and 2.4, and what they follow from.
type Timers struct {
	Add    time.Duration `json:"add_ns"`    // add hold-down
	Remove time.Duration `json:"remove_ns"` // remove hold-down
	TTL    time.Duration `json:"ttl_ns"`    // of the root's DNSKEY RRset
	Life   time.Duration `json:"life_ns"`   // of its signatures
	// Query and Retry are the floors of the intervals at which the keys are
	// asked for; an hour in the RFC.
	Query time.Duration `json:"query_ns"`
	Retry time.Duration `json:"retry_ns"`
}

// DefaultTimers are those of RFC 5011 for the root of 2026: a TTL of two days
// and signatures of 21.
func DefaultTimers() Timers {
	const day = 24 * time.Hour
	return Timers{Add: 30 * day, Remove: 30 * day, TTL: 2 * day, Life: 21 * day, Query: time.Hour, Retry: time.Hour}
}

// PlayKey is a key of the root in a play. Its name stands for it in the steps;
// the tag is known when the play is run.
type PlayKey struct {
	Name      string `json:"name"` // old, new, zsk
	KSK       bool   `json:"ksk"`
	Algorithm uint8  `json:"algorithm"`
	Bits      int    `json:"bits,omitempty"`     // RSA only
	SameTag   string `json:"same_tag,omitempty"` // of the key whose tag it has
	Tag       uint16 `json:"tag,omitempty"`      // that it is to have; zero: any
	Anchor    bool   `json:"anchor,omitempty"`   // the resolvers begin with it
	Digest    bool   `json:"digest,omitempty"`   // they begin with its DS alone
}

// PlayStep is what the root shows from an instant of the play on.
type PlayStep struct {
	At   time.Duration `json:"at_ns"` // since the play began
	Name string        `json:"name"`  // S1
	Text string        `json:"text"`
	// Publish, Sign and Revoke name keys: in the DNSKEY RRset, signing it, and
	// published with REVOKE, which stand in Publish also. A revoked key signs only
	// where Sign names it too.
	Publish []string `json:"publish"`
	Sign    []string `json:"sign"`
	Revoke  []string `json:"revoke,omitempty"`
	// Data names the keys that sign all but the DNSKEY RRset.
	Data []string  `json:"data"`
	Acts []PlayAct `json:"acts,omitempty"`
}

// PlayAct is what is done to the resolvers, or to the world, with a step.
type PlayAct struct {
	Do ActKind `json:"do"`
	// With is what the act wants to be told: a file, a fault, a key's name.
	With string `json:"with,omitempty"`
}

// ActKind names an act.
type ActKind string

const (
	ActRestart   ActKind = "restart"   // stop and start, state kept
	ActStop      ActKind = "stop"      // stop: the machine is switched off
	ActStart     ActKind = "start"     // start what was stopped, state kept
	ActReset     ActKind = "reset"     // stop, put the state of the beginning back, start: an image without a volume
	ActFlush     ActKind = "flush"     // start with an empty cache, state kept
	ActBootstrap ActKind = "bootstrap" // fetch root-anchors.xml in a form: rfc7958, rfc9718, mixed, unknown-ca, expired-signer
	ActFault     ActKind = "fault"     // a fault of the lab from that step on, as docs/formats/lab.md writes it
	ActTamper    ActKind = "tamper"    // damage the state file: half, empty, garbage, missing; read-only and writable, full and room: its folder
	ActClock     ActKind = "clock"     // restart with a clock that is off by so much: +2m, -1d, +0s
	ActRepair    ActKind = "repair"    // end the faults that acts have ordered
)

// Rehearsal is the evidence of a play: what was served, asked, answered and
// written, and nothing of what it means. judge/anchor compares it with the RFC.
type Rehearsal struct {
	Format   string    `json:"format"` // holdfast-rehearsal/1
	Play     Play      `json:"play"`
	Started  time.Time `json:"started"`
	Finished time.Time `json:"finished"`
	Program  string    `json:"program"` // that ran it, with its version
	Clock    string    `json:"clock"`   // accelerated, faketime or wall
	// Tags are those of the play's keys, without REVOKE, by name.
	Tags map[string]uint16 `json:"tags"`
	// Public are the keys themselves as DNSKEY records in presentation format,
	// by name, without REVOKE.
	Public map[string]string `json:"public"`
	Actors []Actor           `json:"actors"`
	// Served is what the root's server answered for its DNSKEY, each time that
	// it changed, asked without a resolver between.
	Served  []Sample       `json:"served"`
	Samples []Sample       `json:"samples"` // by time
	States  []StateSample  `json:"states"`  // each time that one changed
	Signals []SignalSample `json:"signals"` // what the root's server was asked that tells of anchors
	Acts    []Acted        `json:"acts,omitempty"`
	Queries []QueryCount   `json:"queries,omitempty"`
}

// Actor is a resolver in a rehearsal.
type Actor struct {
	Name     string `json:"name"`              // unbound, bind, knot, pdns, unbound-static, dnsmasq
	Software string `json:"software"`          // Unbound
	Version  string `json:"version,omitempty"` // as it says
	Package  string `json:"package,omitempty"` // Debian's package and version
	// Follows says whether it is set up to follow RFC 5011; otherwise it trusts
	// what it was given.
	Follows bool   `json:"follows"`
	Config  string `json:"config,omitempty"` // as it was written for it
	// Skipped says why it did not play; then nothing else is known of it.
	Skipped string `json:"skipped,omitempty"`
}

// Probe says what a sample asks: the names are of the lab's zone.
type Probe string

const (
	ProbeSigned   Probe = "signed"   // a signed name: AD is due
	ProbeBogus    Probe = "bogus"    // a name whose signature does not verify: SERVFAIL is due
	ProbeUnsigned Probe = "unsigned" // a name of an insecure zone
	ProbeIs       Probe = "is-ta"    // RFC 8509: root-key-sentinel-is-ta-TAG
	ProbeNot      Probe = "not-ta"   // RFC 8509: root-key-sentinel-not-ta-TAG
	ProbeKeys     Probe = "keys"     // the root's DNSKEY
	ProbeBare     Probe = "bare"     // the signed name with CD: what fails then is not validation
	ProbeVersion  Probe = "version"  // version.bind, class CH
	ProbeTrusted  Probe = "trusted"  // trustanchor.server, class CH: the anchors that PowerDNS Recursor holds
)

// Sample is one question and what came of it. Where the same answer came again
// and again, but for its id and TTLs, the first stands for all of them.
type Sample struct {
	After time.Duration `json:"after_ns"` // since the play began, when it was sent
	// Last is when the last question was sent that had the same answer, and Times
	// how many had it; both zero where it was the only one.
	Last     time.Duration `json:"last_ns,omitempty"`
	Times    int           `json:"times,omitempty"`
	Actor    string        `json:"actor,omitempty"`
	Probe    Probe         `json:"probe"`
	Key      string        `json:"key,omitempty"` // of the play, for ProbeIs and ProbeNot
	Exchange Exchange      `json:"exchange"`
}

// StateSample is a resolver's state file, or what it says of its anchors.
type StateSample struct {
	After time.Duration `json:"after_ns"`
	Actor string        `json:"actor"`
	Name  string        `json:"name"` // of the file or command
	Text  string        `json:"text"`
	// Point is what was read from it; nil where it was not understood.
	Point *TrustPoint `json:"point,omitempty"`
}

// SignalSample is a key-tag signal that reached the root's server (RFC 8145). One
// that comes again and again stands for all of them, as a Sample does.
type SignalSample struct {
	After time.Duration `json:"after_ns"`
	Last  time.Duration `json:"last_ns,omitempty"`
	Times int           `json:"times,omitempty"`
	Actor string        `json:"actor"` // by its source address
	Name  Name          `json:"name"`  // _ta-4f66-9728; the root where it came as an EDNS option
	Type  uint16        `json:"type"`
	Tags  []uint16      `json:"tags"`
}

// Acted is an act that was carried out, and what came of it.
type Acted struct {
	After time.Duration `json:"after_ns"`
	Actor string        `json:"actor"`
	Act   PlayAct       `json:"act"`
	Exit  int           `json:"exit"`             // of the program that it ran
	Said  string        `json:"output,omitempty"` // bounded
}

// QueryCount is how often a resolver asked the root for its keys in a step.
type QueryCount struct {
	Actor   string  `json:"actor"`
	Step    string  `json:"step"`
	Keys    int     `json:"keys"`    // questions for the root's DNSKEY
	All     int     `json:"all"`     // questions that reached the root's server
	Seconds float64 `json:"seconds"` // that the step lasted
}
