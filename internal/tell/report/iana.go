// Package report puts verdicts into the forms that others ask for: the
// technical requirements of IANA, one by one. It draws no conclusions of its
// own: each line names the checks that it rests on.
package report

import (
	"slices"
	"time"

	"github.com/holdfastdns/holdfast"
)

// Result is how a zone stands to one requirement.
type Result string

const (
	Met       Result = "met"
	Remarks   Result = "met, with remarks" // found wanting, but not against the requirement
	NotMet    Result = "not met"
	NotTested Result = "not tested" // Why says why not
	NoMatter  Result = "does not apply"
)

// Requirement is one of IANA's technical requirements and how a zone meets it.
type Requirement struct {
	Number   int                `json:"number"`
	Title    string             `json:"title"`
	Result   Result             `json:"result"`
	Why      string             `json:"why,omitempty"` // where it was not tested, or with what limits
	Checks   []string           `json:"checks"`        // the codes that speak of it
	Findings []holdfast.Finding `json:"findings"`      // what they found
}

// IANAReport is the requirements as a zone meets them at an instant.
type IANAReport struct {
	Zone         holdfast.Name `json:"zone"`
	At           time.Time     `json:"at"`
	Source       string        `json:"source"`
	Catalogue    string        `json:"catalogue"`
	Measurement  string        `json:"measurement"`
	Met          bool          `json:"met"` // no requirement is "not met"
	Requirements []Requirement `json:"requirements"`
}

// IANASource is where the requirements are published.
const IANASource = "https://www.iana.org/help/nameserver-requirements"

// requirements are IANA's, in its order, with the checks that speak of each.
var requirements = []struct {
	title  string
	checks []string
	why    string // what limits the test
	signed bool   // of zones with DS only
}{
	{title: "Minimum number of name servers", checks: []string{"DEL-02"}},
	{title: "Valid hostnames", checks: []string{"SYN-01", "DEL-07"}},
	{title: "Name server reachability", checks: []string{"CON-01", "CON-02"}, why: "seen from one place; IANA looks from several"},
	{title: "Answer authoritatively", checks: []string{"CON-01"}},
	{title: "Network diversity", checks: []string{"NET-02", "NET-03"}, why: "what counts is the origin AS, for which routing data is wanted; the prefixes stand in for it"},
	{title: "Consistency between glue and authoritative data", checks: []string{"DEL-05"}},
	{title: "Consistency between delegation and zone", checks: []string{"DEL-04"}},
	{title: "Consistency between authoritative name servers", checks: []string{"CST-01", "CST-02", "CST-03", "CST-04"}},
	{title: "No truncation of referrals", checks: []string{"DEL-06"}},
	{title: "Prohibited networks", checks: []string{"NET-01"}},
	{title: "No open recursive name service", checks: []string{"NSB-01"}},
	{title: "Same source address", checks: []string{"CON-05"}},
	{title: "DS record format", checks: []string{"ALG-02", "ALG-03", "DEL-09"}, signed: true},
	{title: "Matching DNSKEY", checks: []string{"CHN-02", "CHN-05", "CHN-06"}, signed: true},
	{title: "Validation of RRSIG", checks: []string{"CHN-01", "CHN-03", "SIG-01", "SIG-05", "SIG-07", "SIG-08", "SIG-09"}, signed: true},
}

// IANA is the report on a zone. The verdict should be one under the profile
// "iana", by which what is against a requirement is an error.
func IANA(v holdfast.Verdict) IANAReport {
	r := IANAReport{Zone: v.Zone, At: v.At, Source: IANASource, Catalogue: v.Catalogue, Measurement: v.Measurement, Met: true}
	for i, of := range requirements {
		q := Requirement{Number: i + 1, Title: of.title, Checks: of.checks, Why: of.why, Findings: []holdfast.Finding{}}
		for _, f := range v.Findings {
			if slices.Contains(of.checks, f.Code) {
				q.Findings = append(q.Findings, f)
			}
		}
		q.Result = result(q.Findings)
		if cause := suppressed(v, of.checks); cause != "" && q.Result == Met {
			q.Result, q.Why = NotTested, cause+" makes it meaningless"
		}
		switch {
		case of.signed && v.Status == holdfast.Insecure && len(q.Findings) == 0:
			q.Result, q.Why = NoMatter, "the zone has no DS records"
		case v.Status == holdfast.Unreached && q.Result == Met && !saysWithoutServers(of.checks):
			q.Result, q.Why = NotTested, "no server answered"
		}
		r.Met = r.Met && q.Result != NotMet
		r.Requirements = append(r.Requirements, q)
	}
	return r
}

func result(findings []holdfast.Finding) Result {
	worst := holdfast.Verdict{Findings: findings}.Worst()
	switch {
	case worst >= holdfast.SeverityError:
		return NotMet
	case worst >= holdfast.SeverityNotice:
		return Remarks
	}
	return Met
}

// suppressed is the cause that kept one of the checks from running.
func suppressed(v holdfast.Verdict, checks []string) string {
	for _, code := range checks {
		if cause := v.Suppressed[code]; cause != "" {
			return cause
		}
	}
	return ""
}

// byParent are the checks that need the parent's word only: they speak of a
// zone whose servers are silent as well.
var byParent = []string{"DEL-02", "DEL-06", "NET-01", "NET-02", "NET-03"}

func saysWithoutServers(checks []string) bool {
	return !slices.ContainsFunc(checks, func(code string) bool { return !slices.Contains(byParent, code) })
}
