package server

import (
	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/wire"
)

func questionsMishandled() judge.Check {
	return judge.Check{
		Code: "NSB-09", Name: "any-or-many-questions", Severity: holdfast.SeverityInfo,
		Reference: "RFC 8482 section 4, RFC 9619 section 4",
		Summary:   "Each server answers ANY with little, and a message with two questions with FORMERR.",
		Judge:     judgeQuestions,
	}
}

func judgeQuestions(c *judge.Case) []holdfast.Finding {
	var out []holdfast.Finding
	of := 0
	for _, server := range c.Servers {
		if _, asked := c.At(server, holdfast.PurposeANY); !asked {
			continue
		}
		of++
		var faults []string
		var evidence []int
		if r, ok := said(c, server, holdfast.PurposeANY); ok && kinds(c, r) > 1 {
			faults = append(faults, "answers ANY with all that it has of the name")
			evidence = append(evidence, r.Index)
		}
		if r, _ := c.At(server, holdfast.PurposeQDCount); answersTwo(r) {
			faults = append(faults, "answers a message with two questions, where FORMERR is due")
			evidence = append(evidence, r.Index)
		}
		if len(faults) > 0 {
			out = append(out, holdfast.Finding{Severity: holdfast.SeverityInfo, Server: server, Evidence: evidence, Text: and(faults)})
		}
	}
	return rolled(out, of, holdfast.SeverityInfo)
}

// kinds counts the RRsets of the zone's name in the answer.
func kinds(c *judge.Case, r judge.Reply) int {
	n := 0
	for _, set := range c.Sets(r).Answer {
		if set.Name == c.Zone && set.Type != wire.TypeRRSIG {
			n++
		}
	}
	return n
}

// answersTwo says whether a message with two questions was answered. The reply
// is read by itself, since it may hold both questions.
func answersTwo(r judge.Reply) bool {
	if r.Exchange == nil || r.Exchange.Outcome != holdfast.Answered {
		return false
	}
	m, err := wire.Parse(r.Exchange.Reply)
	return err == nil && m.Response && !m.Truncated && m.Rcode == wire.NoError && len(m.Answer) > 0
}
