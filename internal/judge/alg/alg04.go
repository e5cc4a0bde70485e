package alg

import (
	"slices"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
)

// sha256 is the digest type that every validator has (RFC 4509 section 4).
const sha256 = 2

func sha256Missing() judge.Check {
	return judge.Check{
		Code: "ALG-04", Name: "sha256-missing", Severity: holdfast.SeverityNotice,
		Reference: "RFC 9904 section 4",
		Summary:   "One of the DS records uses SHA-256, which every validator must know.",
		Unless:    []string{"ALG-03"},
		Judge:     judgeSHA256,
	}
}

func judgeSHA256(c *judge.Case) []holdfast.Finding {
	set, evidence := delegated(c)
	if len(set) == 0 || slices.ContainsFunc(set, func(ds holdfast.DS) bool { return ds.DigestType == sha256 }) {
		return nil
	}
	return []holdfast.Finding{{
		Severity: holdfast.SeverityNotice, RRset: holdfast.ClassDS, Evidence: evidence,
		Text: "no DS record of the zone uses SHA-256; those there are use " + digestNames(set, func(holdfast.DS) bool { return true }),
	}}
}
