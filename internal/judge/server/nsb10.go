package server

import (
	"fmt"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
)

func amplifies() judge.Check {
	return judge.Check{
		Code: "NSB-10", Name: "amplifies", Severity: holdfast.SeverityNotice,
		Reference: "RFC 9715 section 3.1",
		Summary:   "No server sends more over UDP than fits a packet, for a small question from an address that anybody can forge.",
		Judge:     judgeAmplification,
	}
}

// fits is what a server should send over UDP at most, in octets: what passes
// every path in one piece (RFC 9715 section 3.1, R3).
const fits = 1400

func judgeAmplification(c *judge.Case) []holdfast.Finding {
	var out []holdfast.Finding
	of := 0
	for _, server := range c.Servers {
		r, ok := said(c, server, holdfast.PurposeANY)
		if !ok || r.Exchange.Transport != holdfast.UDP {
			continue
		}
		of++
		question, reply := len(r.Exchange.Query), len(r.Exchange.Reply)
		if reply <= fits || question == 0 {
			continue
		}
		out = append(out, holdfast.Finding{
			Severity: holdfast.SeverityNotice, Server: server, Evidence: []int{r.Index},
			Text: fmt.Sprintf("answers a question of %d octets over UDP (ANY) with more than %d00, some %d times as much",
				question, reply/100, reply/question/5*5),
		})
	}
	return rolled(out, of, holdfast.SeverityNotice)
}
