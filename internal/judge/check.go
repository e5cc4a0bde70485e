package judge

import (
	"slices"
	"time"

	"github.com/holdfastdns/holdfast"
)

// Check is one thing that can be said about a zone: an entry of the catalogue.
// Its Code is permanent; what it is about never changes under the same code.
type Check struct {
	Code      string            // "SIG-01"
	Name      string            // kebab-case: "signature-expired"
	Severity  holdfast.Severity // the usual one; a finding says its own
	Reference string            // the clause that backs it: "RFC 4035 section 5.3.1"
	Summary   string            // one sentence: what it looks for
	// Unless are codes of checks whose failure makes this one meaningless. It
	// is not run, and Verdict.Suppressed says so, where one of them has a
	// finding of error or above about the zone as a whole (Server is zero), or
	// is itself suppressed. Trouble of single servers suppresses nothing: a
	// check leaves out the servers that it cannot speak of.
	Unless []string
	// Judge gives the findings. It fills in what is special to each: Severity,
	// Text, Evidence and, where they apply, Server, RRset, EDE, Until, Count.
	// Code, Name, Zone and an empty Reference are filled in by the catalogue.
	Judge func(*Case) []holdfast.Finding
}

// Spread says a thing that is true of single servers about the zone, where it
// is true of all of them. each are findings about servers, on the same RRset;
// of is how many servers could have shown it. Where every one of them does,
// the answer is one finding about the zone, with severity all and the text
// given, the evidence of each and the earliest Until; otherwise each as it
// came.
func Spread(each []holdfast.Finding, of int, all holdfast.Severity, text string) []holdfast.Finding {
	if len(each) == 0 || len(each) < of {
		return each
	}
	whole := each[0]
	whole.Server = holdfast.Server{}
	whole.Severity = all
	whole.Text = text
	whole.Evidence = nil
	whole.Count = len(each)
	for _, f := range each {
		whole.Evidence = append(whole.Evidence, f.Evidence...)
		whole.Until = earliest(whole.Until, f.Until)
	}
	whole.Evidence = orderEvidence(whole.Evidence)
	return []holdfast.Finding{whole}
}

// earliest is the earlier of two instants, of which zero means none.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

func orderEvidence(indexes []int) []int {
	slices.Sort(indexes)
	return slices.Compact(indexes)
}
