package zone

import (
	"fmt"
	"slices"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
)

// The longest prefixes that the routing system as a rule carries (RIPE-706,
// RIPE-532): addresses within one share their route, and those in two may not.
// They stand in for routing data, which is not looked at here.
const (
	routed4 = 24
	routed6 = 48
)

func onePrefix() judge.Check {
	return judge.Check{
		Code: "NET-03", Name: "one-prefix", Severity: holdfast.SeverityNotice,
		Reference: "RFC 2182 section 3.1",
		Summary:   "The name servers lie in two prefixes or more, in one family of addresses at least.",
		Unless:    []string{"DEL-01", "DEL-02"},
		Judge:     judgePrefixes,
	}
}

func judgePrefixes(c *judge.Case) []holdfast.Finding {
	var prefixes [2][]string
	var evidence []int
	addresses := 0
	for _, at := range placesOf(c) {
		f := familyOf(at.server.Address)
		prefix, err := at.server.Address.Prefix([...]int{routed4, routed6}[f])
		if err != nil {
			continue
		}
		addresses++
		evidence = append(evidence, at.evidence...)
		if text := prefix.String(); !slices.Contains(prefixes[f], text) {
			prefixes[f] = append(prefixes[f], text)
		}
	}
	if addresses < 2 || len(prefixes[ipv4]) > 1 || len(prefixes[ipv6]) > 1 {
		return nil
	}
	slices.Sort(evidence)
	all := slices.Concat(prefixes[ipv4], prefixes[ipv6])
	return []holdfast.Finding{{
		Severity: holdfast.SeverityNotice, RRset: holdfast.ClassNS, Evidence: slices.Compact(evidence), Count: len(all),
		Text: fmt.Sprintf("all name servers of the zone lie in %s: what cuts that off cuts off the zone (prefixes stand in for routes, which are not looked at)", join(all)),
	}}
}
