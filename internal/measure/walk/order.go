package walk

import (
	"slices"
	"strings"

	"github.com/holdfastdns/holdfast"
)

var purposeOrder = []holdfast.Purpose{
	holdfast.PurposeReferral, holdfast.PurposeDS, holdfast.PurposeDSYNC, holdfast.PurposeAddress,
	holdfast.PurposeSOA, holdfast.PurposeSOATCP, holdfast.PurposeNS, holdfast.PurposeDNSKEY, holdfast.PurposeNSEC3PARAM,
	holdfast.PurposeCDS, holdfast.PurposeCDNSKEY, holdfast.PurposeNXDomain, holdfast.PurposeNoData, holdfast.PurposeApex,
	holdfast.PurposeNXDeep, holdfast.PurposeSample, holdfast.PurposeMName, holdfast.PurposeMail, holdfast.PurposeSignal,
	holdfast.PurposeValidator,
	holdfast.PurposeManners, holdfast.PurposeCase, holdfast.PurposeEDNSOption, holdfast.PurposeEDNSFlag, holdfast.PurposeEDNSVersion,
	holdfast.PurposeANY, holdfast.PurposeQDCount, holdfast.PurposeAXFR,
	holdfast.PurposeForeign, holdfast.PurposeVersion, holdfast.PurposeIdentity, holdfast.PurposeTLS,
}

// inOrder sorts exchanges from the root downwards, then by purpose, question
// and server, so that their order does not hang on who answered first.
func inOrder(exchanges []exchange) []exchange {
	type rank struct{ labels, purpose, at int }
	ranks := make([]rank, len(exchanges))
	for i, e := range exchanges {
		ranks[i] = rank{e.Zone.Labels(), slices.Index(purposeOrder, e.Purpose), i}
	}
	slices.SortFunc(ranks, func(a, b rank) int {
		if c := a.labels - b.labels; c != 0 {
			return c
		}
		x, y := &exchanges[a.at], &exchanges[b.at]
		if c := strings.Compare(string(x.Zone), string(y.Zone)); c != 0 {
			return c
		}
		if c := a.purpose - b.purpose; c != 0 {
			return c
		}
		if c := compareAlike(x, y); c != 0 {
			return c
		}
		return a.at - b.at
	})
	out := make([]exchange, len(exchanges))
	for i, r := range ranks {
		out[i] = exchanges[r.at]
	}
	return out
}

// compareAlike orders exchanges of one zone and purpose.
func compareAlike(a, b *exchange) int {
	if c := strings.Compare(string(a.Question.Name), string(b.Question.Name)); c != 0 {
		return c
	}
	if c := compareServers(a.Server, b.Server); c != 0 {
		return c
	}
	return int(a.Question.Type) - int(b.Question.Type)
}
