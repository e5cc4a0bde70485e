package alg

import (
	"slices"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
)

func digestDeprecated() judge.Check {
	return judge.Check{
		Code: "ALG-02", Name: "digest-deprecated", Severity: holdfast.SeverityWarning,
		Reference: "RFC 9904 section 4, RFC 4509 section 3",
		Summary:   "No DS record uses a digest that must not be used for delegation, beside others that may.",
		Judge:     judgeDigests,
	}
}

func judgeDigests(c *judge.Case) []holdfast.Finding {
	set, evidence := delegated(c)
	bad := func(ds holdfast.DS) bool { return !usable(ds) }
	if !slices.ContainsFunc(set, bad) || !slices.ContainsFunc(set, usable) {
		return nil
	}
	return []holdfast.Finding{{
		Severity: holdfast.SeverityWarning, RRset: holdfast.ClassDS, Evidence: evidence,
		Text: "the parent has a DS record with a digest that must not be used: " + digestNames(set, bad),
	}}
}
