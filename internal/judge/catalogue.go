package judge

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// Catalogue is the checks that a program runs, with the validator whose chain
// they read. It is composed as a literal and not changed afterwards; it may be
// used by many goroutines at once where Validate may.
type Catalogue struct {
	Version string
	Checks  []Check
	// Validate makes the chain of a case, never nil.
	Validate func(*Case) *Chain
	// Remember is what is known of the zone after the case, which holds what
	// was known before it. Nil: the past stays as it was.
	Remember func(*Case) holdfast.Past
	// Weigh gives a finding the severity that it has under a profile; false
	// where it is not to be said. Nil: all findings weigh what their checks say.
	// What suppresses what is decided before.
	Weigh func(holdfast.Finding) (holdfast.Finding, bool)
}

// CodeBroken is the code under which the catalogue speaks of itself: a check
// panicked. The other checks are run all the same.
const CodeBroken = "SELF-00"

// Judge says what a measurement means at an instant, by itself: as the first
// that was ever seen of its zone. Whatever the replies hold, it ends in a
// verdict.
func (c Catalogue) Judge(m holdfast.Measurement, at time.Time) holdfast.Verdict {
	v, _ := c.Follow(m, holdfast.Past{}, at)
	return v
}

// Follow says what a measurement means at an instant, in the light of what
// earlier looks at the zone taught, and what is known after it.
func (c Catalogue) Follow(m holdfast.Measurement, past holdfast.Past, at time.Time) (holdfast.Verdict, holdfast.Past) {
	kase := NewCase(m, at)
	kase.Past = past
	run := &running{catalogue: c, kase: kase, done: make(map[string]*result, len(c.Checks))}
	kase.Chain = run.validate()
	for i := range c.Checks {
		run.check(&c.Checks[i])
	}
	v := kase.verdict()
	v.Catalogue = c.Version
	for _, check := range c.Checks {
		if cause := run.done[check.Code].suppressedBy; cause != "" {
			if v.Suppressed == nil {
				v.Suppressed = make(map[string]string)
			}
			v.Suppressed[check.Code] = cause
		}
	}
	after := run.remember()
	v.Findings = run.findings()
	v.Holds = kase.turn
	return v, after
}

// running is one pass of the catalogue over a case.
type running struct {
	catalogue Catalogue
	kase      *Case
	done      map[string]*result
	broken    []holdfast.Finding
}

type result struct {
	findings     []holdfast.Finding
	suppressedBy string
}

func (r *running) validate() (chain *Chain) {
	unknown := &Chain{Status: holdfast.Indeterminate, Link: Link{Status: holdfast.Indeterminate, Exchange: -1}}
	if r.catalogue.Validate == nil {
		unknown.Reason = "no validator is configured"
		return unknown
	}
	defer func() {
		if p := recover(); p != nil {
			unknown.Reason = "validation could not be carried out"
			chain = unknown
			r.report("validation", p)
		}
	}()
	if chain = r.catalogue.Validate(r.kase); chain == nil {
		return unknown
	}
	return chain
}

// remember is the past after the case. Where making it fails, what was known
// before is kept, and the fault is said.
func (r *running) remember() (after holdfast.Past) {
	if r.catalogue.Remember == nil {
		return r.kase.Past
	}
	defer func() {
		if p := recover(); p != nil {
			after = r.kase.Past
			r.report("remembering", p)
		}
	}()
	return r.catalogue.Remember(r.kase)
}

// check runs a check after those that may suppress it. A cycle of Unless ends
// where it closes: the check that was begun first counts as not failed yet.
func (r *running) check(check *Check) *result {
	if res, ok := r.done[check.Code]; ok {
		return res
	}
	res := &result{}
	r.done[check.Code] = res
	for _, code := range check.Unless {
		i := slices.IndexFunc(r.catalogue.Checks, func(c Check) bool { return c.Code == code })
		if i < 0 {
			continue
		}
		cause := r.check(&r.catalogue.Checks[i])
		if cause.suppressedBy != "" {
			res.suppressedBy = cause.suppressedBy
			return res
		}
		if slices.ContainsFunc(cause.findings, func(f holdfast.Finding) bool {
			return f.Server == (holdfast.Server{}) && f.Severity >= holdfast.SeverityError
		}) {
			res.suppressedBy = code
			return res
		}
	}
	res.findings = r.run(check)
	return res
}

func (r *running) run(check *Check) (findings []holdfast.Finding) {
	defer func() {
		if p := recover(); p != nil {
			findings = nil
			r.report("check "+check.Code, p)
		}
	}()
	findings = check.Judge(r.kase)
	for i := range findings {
		f := &findings[i]
		f.Code, f.Name, f.Zone = check.Code, check.Name, r.kase.Zone
		if f.Reference == "" {
			f.Reference = check.Reference
		}
		if f.Evidence == nil {
			f.Evidence = []int{}
		}
	}
	return merge(findings)
}

// report turns a panic into a finding about ourselves: a fault of ours must be
// seen, and must not cost the zone its other findings.
func (r *running) report(what string, p any) {
	r.broken = append(r.broken, holdfast.Finding{
		Code: CodeBroken, Name: "check-broken", Severity: holdfast.SeverityError, Zone: r.kase.Zone,
		Text:     fmt.Sprintf("a fault in Holdfast: %s panicked on this evidence: %v", what, p),
		Evidence: []int{},
	})
}

// merge makes one finding of those with the same key: the gravest stays, and
// takes over the others' evidence and the earliest Until.
func merge(findings []holdfast.Finding) []holdfast.Finding {
	var out []holdfast.Finding
	at := make(map[string]int, len(findings))
	for _, f := range findings {
		key := f.Key()
		i, seen := at[key]
		if !seen {
			at[key] = len(out)
			out = append(out, f)
			continue
		}
		kept, other := out[i], f
		if other.Severity > kept.Severity {
			kept, other = other, kept
		}
		kept.Evidence = orderEvidence(append(slices.Clone(kept.Evidence), other.Evidence...))
		kept.Until = earliest(kept.Until, other.Until)
		out[i] = kept
	}
	return out
}

// findings are all that was found, gravest first, in a stable order.
func (r *running) findings() []holdfast.Finding {
	out := merge(r.broken)
	for i := range r.catalogue.Checks {
		for _, f := range r.done[r.catalogue.Checks[i].Code].findings {
			weighed, said := f, true
			if r.catalogue.Weigh != nil {
				weighed, said = r.catalogue.Weigh(f)
			}
			if said {
				out = append(out, weighed)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b holdfast.Finding) int {
		return cmp.Or(
			cmp.Compare(b.Severity, a.Severity),
			strings.Compare(a.Code, b.Code),
			CompareServers(a.Server, b.Server),
			strings.Compare(string(a.RRset), string(b.RRset)),
		)
	})
	if out == nil {
		out = []holdfast.Finding{}
	}
	return out
}

// verdict is the chain in the house's words.
func (c *Case) verdict() holdfast.Verdict {
	v := holdfast.Verdict{
		Zone: c.Zone, Measurement: c.Measurement.ID, Depth: c.Measurement.Depth, At: c.Instant,
		Status: c.Chain.Status, EDE: c.Chain.EDE, Reason: c.Chain.Reason,
		FailsAt: c.Chain.FailsAt, FailsBy: c.Chain.FailsBy,
		Algorithms: c.Chain.Algorithms, Windows: c.Chain.Windows,
		Servers: make([]holdfast.ServerVerdict, 0, len(c.Servers)),
	}
	for _, s := range c.Servers {
		sv := holdfast.ServerVerdict{Server: s, Status: holdfast.Indeterminate}
		if sc := c.Chain.Server(s); sc != nil {
			sv.Status, sv.EDE, sv.Reason = sc.Status, sc.EDE, sc.Reason
			sv.FailsAt, sv.FailsBy = sc.FailsAt, sc.FailsBy
		}
		if r, ok := c.At(s, holdfast.PurposeSOA); ok {
			sv.RTT = r.Exchange.RTT
		}
		if soa, ok := c.SOA(s); ok {
			sv.Serial, sv.Known = soa.Serial, true
		}
		v.Servers = append(v.Servers, sv)
	}
	return v
}

// SOA is the zone's SOA as the server gave it when asked, over UDP or else TCP.
func (c *Case) SOA(server holdfast.Server) (wire.SOA, bool) {
	for _, purpose := range []holdfast.Purpose{holdfast.PurposeSOA, holdfast.PurposeSOATCP} {
		r, ok := c.At(server, purpose)
		if !ok {
			continue
		}
		if set := c.Answer(r, c.Zone, wire.TypeSOA); set != nil {
			if soa, err := set.Records[0].SOA(); err == nil {
				return soa, true
			}
		}
	}
	return wire.SOA{}, false
}
