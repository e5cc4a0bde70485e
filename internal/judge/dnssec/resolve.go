package dnssec

import (
	"slices"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// Resolution is what the evidence of a walk to one name means at an instant.
type Resolution struct {
	Name   holdfast.Name   `json:"name"`
	Type   string          `json:"type"`
	At     time.Time       `json:"at"`
	Status holdfast.Status `json:"status"` // the worst of the ways that aliases join
	// EDE, Reason and Reference (the clause) say why it is not secure, and Step
	// where: the first being 1. All are empty where it is secure.
	EDE       int    `json:"ede,omitempty"`
	Reason    string `json:"reason,omitempty"`
	Reference string `json:"reference,omitempty"`
	Step      int    `json:"step,omitempty"`
	// Rcode is the response code that the name has, NOERROR or NXDOMAIN; empty
	// where the way ended before an answer.
	Rcode string `json:"rcode,omitempty"`
	// Answer holds the records in presentation format, with the aliases that
	// led to them, signatures left out.
	Answer []string `json:"answer"`
	// FailsAt is when the first signature dies that the answer rests on.
	FailsAt time.Time `json:"fails_at,omitzero"`
	Steps   []Step    `json:"steps"`
	// Differ counts the servers that said other than what was taken, or whose
	// word is worth less.
	Differ int `json:"differ"`
	// Cut says that a bound of the walk was met before its end.
	Cut bool `json:"cut,omitempty"`
}

// Kind is what a step came to.
type Kind string

const (
	KindReferral Kind = "referral" // to the servers of another zone
	KindCut      Kind = "cut"      // the same servers hold a zone below, too
	KindAnswer   Kind = "answer"
	KindAlias    Kind = "alias" // a CNAME, or what a DNAME makes of the name
	KindNoData   Kind = "nodata"
	KindNoName   Kind = "nxdomain"
	KindNothing  Kind = "nothing" // no reply was of use
)

// Step is one zone on the way, asked for one name.
type Step struct {
	Zone holdfast.Name `json:"zone"`
	Name holdfast.Name `json:"name"`           // what was asked for
	Kind Kind          `json:"kind"`           // what came
	Says string        `json:"says"`           // the same for people
	Next holdfast.Name `json:"next,omitempty"` // the zone or name that it leads to
	// Trust is what the zone's keys rest on, for people; empty where they are
	// not trusted.
	Trust     string          `json:"trust,omitempty"`
	Status    holdfast.Status `json:"status"`
	EDE       int             `json:"ede,omitempty"`
	Reason    string          `json:"reason,omitempty"`
	Reference string          `json:"reference,omitempty"`
	// Server is whose reply was taken; zero where none was.
	Server holdfast.Server `json:"server"`
	// Voices are all servers that were asked for the name, and with them what
	// those of the zone said of its keys and of DS below it.
	Voices   []Voice `json:"voices"`
	Evidence []int   `json:"evidence"` // indexes into the exchanges: what was taken
}

// Voice is what one server said to one question of a step.
type Voice struct {
	Server   holdfast.Server  `json:"server"`
	Purpose  holdfast.Purpose `json:"purpose"` // name, parent-ds or dnskey
	Says     string           `json:"says"`
	Status   holdfast.Status  `json:"status"`
	EDE      int              `json:"ede,omitempty"`
	Reason   string           `json:"reason,omitempty"`
	Differs  bool             `json:"differs,omitempty"` // from what was taken, in words or in worth
	Evidence int              `json:"evidence"`
	key      string           // what is compared
}

// Bounds of judging one resolution, whatever the evidence holds.
const (
	// maxExchanges bounds what is read: four times what a walk brings that asks
	// a few servers, and more than one brings that asks all.
	maxExchanges = 4000
	// maxResolveRuns is how many signature verifications it may cost in all
	// (KeyTrap, CVE-2023-50387). An honest one costs about 4 a zone and server.
	maxResolveRuns = 2000
	// maxSteps and maxJudgedAliases are a little more than any walk takes.
	maxSteps         = 64
	maxJudgedAliases = 16
)

// Resolve judges the evidence that measure/resolve brought for a question. It
// follows the walk by the evidence alone; the same measurement, instant and
// anchors give the same resolution.
func (v *Validator) Resolve(m holdfast.Measurement, q holdfast.Question, at time.Time) Resolution {
	cut := m.Cut
	if len(m.Exchanges) > maxExchanges {
		m.Exchanges, cut = m.Exchanges[:maxExchanges], true
	}
	left := maxResolveRuns
	kase := judge.NewCase(m, at)
	r := &resolver{
		reader: &reader{
			validator: v, kase: kase, exams: exams{policy: v.Policy, cache: v.cache, at: kase.Instant, passed: kase.Passed, left: &left},
			rings: make(map[ringKey]*keyring), read: make(map[readKey]*reading),
		},
		t: wire.Type(q.Type), grounds: make(map[holdfast.Name]*ground), heard: make(map[hearing]word),
		out: &Resolution{
			Name: q.Name, Type: wire.Type(q.Type).String(), At: kase.Instant, Cut: cut,
			Status: holdfast.Secure, Answer: []string{}, Steps: []Step{},
		},
	}
	r.follow(q.Name)
	return *r.out
}

// resolver follows one walk.
type resolver struct {
	*reader
	t       wire.Type // asked for
	grounds map[holdfast.Name]*ground
	heard   map[hearing]word
	out     *Resolution
}

// follow goes from the name through its aliases, and gives the resolution its
// verdict: the worst of what was met.
func (r *resolver) follow(name holdfast.Name) {
	seen := map[holdfast.Name]bool{}
	for !seen[name] && len(seen) <= maxJudgedAliases && len(r.out.Steps) < maxSteps {
		seen[name] = true
		end := r.way(name)
		r.conclude(end)
		if end.kind != KindAlias || end.next == "" {
			return
		}
		name = end.next
	}
	why := "the aliases form a circle"
	if !seen[name] {
		why = "there are more aliases than are followed"
	}
	r.conclude(word{kind: KindNothing, verdict: verdict{
		status: holdfast.Indeterminate, reason: why, reference: "RFC 1034 section 5.3.3",
	}})
}

// conclude takes the end of one way into the resolution.
func (r *resolver) conclude(end word) {
	out := r.out
	for _, record := range end.records {
		out.Answer = append(out.Answer, record.String())
	}
	out.Rcode = ""
	if end.kind != KindNothing {
		out.Rcode = wire.RcodeName(end.rcode)
	}
	out.FailsAt = sooner(out.FailsAt, end.dies)
	grave := []holdfast.Status{holdfast.Secure, holdfast.Insecure, holdfast.Indeterminate, holdfast.Bogus}
	if slices.Index(grave, end.status) <= slices.Index(grave, out.Status) {
		return
	}
	out.Status, out.EDE, out.Reason, out.Reference = end.status, end.ede, end.reason, end.reference
	out.Step = len(out.Steps)
	for i, step := range out.Steps {
		if step.Status == end.status && step.Reason == end.reason {
			out.Step = i + 1
			break
		}
	}
}
