package server

import (
	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/wire"
)

func openRecursion() judge.Check {
	return judge.Check{
		Code: "NSB-01", Name: "open-recursion", Severity: holdfast.SeverityError,
		Reference: "RFC 5358 section 4",
		Summary:   "No server of the zone answers strangers about names that are not its own.",
		Judge:     judgeRecursion,
	}
}

func judgeRecursion(c *judge.Case) []holdfast.Finding {
	var out []holdfast.Finding
	of := 0
	for _, server := range c.Servers {
		r, ok := said(c, server, holdfast.PurposeForeign)
		if !ok {
			continue
		}
		of++
		if recurses(c, r) {
			out = append(out, holdfast.Finding{
				Severity: holdfast.SeverityError, Server: server, Evidence: []int{r.Index},
				Text: "offers recursion to strangers (RA) and answers about a name that is not its own",
			})
		}
	}
	return rolled(out, of, holdfast.SeverityError)
}

// recurses says whether a reply about a foreign name is a resolver's: with RA,
// and an answer or a denial. The RA flag alone is not enough, since some set
// it in whatever they send; nor is the answer alone, which the servers of the
// root give with authority, there being no such name.
func recurses(c *judge.Case, r judge.Reply) bool {
	m := r.Message
	if !m.RecursionAvailable {
		return false
	}
	owner, denial := hasSOA(c, r)
	if m.Authoritative && denial && owner == holdfast.Root {
		return false
	}
	return m.Rcode == wire.NXDomain || m.Rcode == wire.NoError && (len(m.Answer) > 0 || denial)
}
