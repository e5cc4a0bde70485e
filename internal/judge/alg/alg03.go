package alg

import (
	"slices"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
)

func onlyDeprecatedDigests() judge.Check {
	return judge.Check{
		Code: "ALG-03", Name: "only-deprecated-digests", Severity: holdfast.SeverityError,
		Reference: "RFC 9904 section 4",
		Summary:   "At least one DS record uses a digest that may be used for delegation.",
		Judge:     judgeOnlyDeprecated,
	}
}

func judgeOnlyDeprecated(c *judge.Case) []holdfast.Finding {
	set, evidence := delegated(c)
	if len(set) == 0 || slices.ContainsFunc(set, usable) {
		return nil
	}
	all := func(holdfast.DS) bool { return true }
	return []holdfast.Finding{{
		Severity: holdfast.SeverityError, RRset: holdfast.ClassDS, EDE: 2, Evidence: evidence, // unsupported DS digest type
		Text: "all DS records of the zone use digests that must not be used: " + digestNames(set, all),
	}}
}
