package zone

import (
	"fmt"
	"slices"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
)

func ttlAboveOriginal() judge.Check {
	return judge.Check{
		Code: "ZON-11", Name: "ttl-above-original", Severity: holdfast.SeverityError,
		Reference: "RFC 4034 section 3.1.4, RFC 4035 section 2.2",
		Summary:   "No record comes with a TTL above the one that its signature was made for.",
		Judge:     judgeOriginalTTL,
	}
}

func judgeOriginalTTL(c *judge.Case) []holdfast.Finding {
	var out []holdfast.Finding
	for _, server := range c.Servers {
		for _, r := range latest(c, server) {
			if !r.OK() || !r.Message.Authoritative {
				continue // a cache counts down from what it was given, and never up
			}
			sets := c.Sets(r)
			for _, set := range slices.Concat(sets.Answer, sets.Authority) {
				if ttl, original, above := aboveOriginal(set); above {
					out = append(out, holdfast.Finding{
						Severity: holdfast.SeverityError, Server: server, RRset: holdfast.Class(set.Type.String()), Evidence: []int{r.Index},
						Text: fmt.Sprintf("gives %s records with a TTL of %d seconds, and their signature was made for %d", set.Type, ttl, original),
					})
				}
			}
		}
	}
	return out
}

// aboveOriginal compares an RRset's highest TTL with the highest that a
// signature over it allows: where several signers disagree, any may be right.
func aboveOriginal(set *judge.RRset) (ttl, original uint32, above bool) {
	if len(set.RRSIGs) == 0 {
		return 0, 0, false
	}
	for _, record := range set.Records {
		ttl = max(ttl, record.TTL)
	}
	for _, sig := range set.RRSIGs {
		original = max(original, sig.OriginalTTL)
	}
	return ttl, original, ttl > original
}
