package server

import (
	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/wire"
)

func transferOpen() judge.Check {
	return judge.Check{
		Code: "NSB-07", Name: "transfer-open", Severity: holdfast.SeverityNotice,
		Reference: "RFC 5936 section 6",
		Summary:   "No server gives the whole zone to strangers, unless that is meant.",
		Judge:     judgeTransfer,
	}
}

func judgeTransfer(c *judge.Case) []holdfast.Finding {
	// The root and the zones of the infrastructure are there for everybody.
	severity := holdfast.SeverityNotice
	if c.Zone == holdfast.Root || c.Zone == "arpa." || c.Measurement.Subject.Kind == holdfast.KindInfra {
		severity = holdfast.SeverityInfo
	}
	var out []holdfast.Finding
	of := 0
	for _, server := range c.Servers {
		r, ok := said(c, server, holdfast.PurposeAXFR)
		if !ok {
			continue
		}
		of++
		if gives(c, r) {
			out = append(out, holdfast.Finding{Severity: severity, Server: server, Evidence: []int{r.Index},
				Text: "gives the whole zone to strangers (AXFR)"})
		}
	}
	return rolled(out, of, severity)
}

// gives says whether the message begins a transfer: the zone's SOA, and more
// behind it. An SOA alone may be an answer by one that takes the question for
// another.
func gives(c *judge.Case, r judge.Reply) bool {
	m := r.Message
	return m.Rcode == wire.NoError && len(m.Answer) > 1 && m.Answer[0].Type == wire.TypeSOA && m.Answer[0].Name == c.Zone
}
