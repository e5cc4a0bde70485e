package server

import (
	"bytes"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/wire"
)

func caseMishandled() judge.Check {
	return judge.Check{
		Code: "NSB-04", Name: "case-mishandled", Severity: holdfast.SeverityWarning,
		Reference: "RFC 4343 sections 3 and 4.1",
		Summary:   "Each server finds names whatever their case, and sends the question back letter for letter.",
		Judge:     judgeCase,
	}
}

func judgeCase(c *judge.Case) []holdfast.Finding {
	var blind, folding []holdfast.Finding
	of := 0
	for _, server := range c.Servers {
		if _, ok := plain(c, server); !ok {
			continue
		}
		r, ok := said(c, server, holdfast.PurposeCase)
		if !ok {
			// What else was unusual about the question went well as a rule.
			if r, ok = said(c, server, holdfast.PurposeManners); !ok || !answersSOA(c, r) {
				continue
			}
		}
		of++
		f := holdfast.Finding{Severity: holdfast.SeverityWarning, Server: server, Evidence: []int{r.Index}}
		asked, replied := wire.Spelling(r.Exchange.Query), wire.Spelling(r.Exchange.Reply)
		switch {
		case !answersSOA(c, r):
			f.Severity = holdfast.SeverityError
			f.Text = "does not know the zone by its name in capitals: it answers " + wire.RcodeName(r.Message.Rcode)
			blind = append(blind, f)
		case len(replied) > 0 && !bytes.Equal(asked, replied):
			f.Text = "spells the name in its reply otherwise than in the question"
			folding = append(folding, f)
		}
	}
	return append(rolled(blind, of, holdfast.SeverityError), rolled(folding, of, holdfast.SeverityWarning)...)
}
