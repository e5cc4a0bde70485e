package alg

import (
	"fmt"
	"slices"
	"strings"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/judge/iana"
)

func algorithmDeprecated() judge.Check {
	return judge.Check{
		Code: "ALG-01", Name: "algorithm-deprecated", Severity: holdfast.SeverityError,
		Reference: "RFC 9904 section 3, RFC 9905 section 2, RFC 9906 section 2",
		Summary:   "The algorithms of the zone's keys and DS records are recommended or allowed for signing by IANA's registry.",
		Judge:     judgeAlgorithms,
	}
}

func judgeAlgorithms(c *judge.Case) []holdfast.Finding {
	var out []holdfast.Finding
	published, evidence := keys(c)
	var used []uint8
	for _, k := range published {
		used = append(used, k.Algorithm)
	}
	if f, found := standing(used, "keys of the zone"); found {
		f.RRset, f.Evidence = holdfast.ClassDNSKEY, evidence
		out = append(out, f)
	}
	set, evidence := delegated(c)
	used = nil
	for _, ds := range set {
		used = append(used, ds.Algorithm)
	}
	if f, found := standing(used, "DS records of the zone"); found {
		f.RRset, f.Evidence = holdfast.ClassDS, evidence
		out = append(out, f)
	}
	return out
}

// standing says which of the algorithms in use the registry advises against;
// false where it advises against none.
func standing(used []uint8, whose string) (holdfast.Finding, bool) {
	var forbidden, discouraged []string
	slices.Sort(used)
	for _, number := range slices.Compact(used) {
		algorithm, _ := iana.AlgorithmOf(number)
		name := fmt.Sprintf("%d (%s)", number, algorithm.Mnemonic)
		switch algorithm.UseForSigning {
		case iana.MustNot:
			forbidden = append(forbidden, name)
		case iana.NotRecommended:
			discouraged = append(discouraged, name)
		}
	}
	var what []string
	f := holdfast.Finding{Severity: holdfast.SeverityWarning, Count: len(forbidden) + len(discouraged)}
	if len(forbidden) > 0 {
		f.Severity = holdfast.SeverityError
		what = append(what, whose+" use an algorithm that must not be used for signing: "+strings.Join(forbidden, ", "))
	}
	if len(discouraged) > 0 {
		what = append(what, whose+" use an algorithm that is not recommended for signing: "+strings.Join(discouraged, ", "))
	}
	f.Text = strings.Join(what, "; ")
	return f, f.Count > 0
}
