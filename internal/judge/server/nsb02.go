package server

import (
	"slices"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/wire"
)

func upwardReferral() judge.Check {
	return judge.Check{
		Code: "NSB-02", Name: "upward-referral", Severity: holdfast.SeverityWarning,
		Reference: "RFC 9499 section 4, Referrals",
		Summary:   "The servers turn away questions about foreign names, all in the same way, and refer nobody upwards.",
		Judge:     judgeForeign,
	}
}

func judgeForeign(c *judge.Case) []holdfast.Finding {
	var upward []holdfast.Finding
	var ways []string
	var evidence []int
	of := 0
	for _, server := range c.Servers {
		r, ok := said(c, server, holdfast.PurposeForeign)
		if !ok {
			continue
		}
		of++
		switch way := turnsAway(c, r); way {
		case "":
			upward = append(upward, holdfast.Finding{
				Severity: holdfast.SeverityWarning, Server: server, Evidence: []int{r.Index},
				Text: "answers questions about foreign names with a referral to the root",
			})
		case another:
		default:
			evidence = append(evidence, r.Index)
			if !slices.Contains(ways, way) {
				ways = append(ways, way)
			}
		}
	}
	if len(ways) > 1 {
		slices.Sort(ways)
		return append(upward, holdfast.Finding{
			Severity: holdfast.SeverityInfo, Evidence: evidence,
			Text: "the servers turn questions about foreign names away in different ways: " + and(ways),
		})
	}
	return rolled(upward, of, holdfast.SeverityWarning)
}

// another is the way of those that do not turn the question away: they know
// the name's zone, or look it up for strangers (NSB-01).
const another = "another"

// turnsAway says how a question about a foreign name is turned away, empty
// where that is by a referral upwards.
func turnsAway(c *judge.Case, r judge.Reply) string {
	m := r.Message
	_, denial := hasSOA(c, r)
	switch {
	case m.Rcode == wire.NXDomain, m.Authoritative, len(m.Answer) > 0, denial:
		return another
	case m.Rcode != wire.NoError:
		return wire.RcodeName(m.Rcode)
	case c.Authority(r, holdfast.Root, wire.TypeNS) != nil:
		return ""
	}
	return "NOERROR with nothing in it"
}
