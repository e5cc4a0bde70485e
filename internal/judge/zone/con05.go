package zone

import (
	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
)

func wrongSource() judge.Check {
	return judge.Check{
		Code: "CON-05", Name: "wrong-source-address", Severity: holdfast.SeverityError,
		Reference: "RFC 2181 section 4",
		Summary:   "Each server replies from the address that was asked.",
		Judge:     judgeSource,
	}
}

func judgeSource(c *judge.Case) []holdfast.Finding {
	var out []holdfast.Finding
	for _, server := range c.Servers {
		finding := holdfast.Finding{Severity: holdfast.SeverityError, Server: server}
		for _, r := range latest(c, server) {
			e := r.Exchange
			if e.Outcome != holdfast.WrongSource || e.From.Unmap() == server.Address.Unmap() {
				continue
			}
			if finding.Text == "" {
				finding.Text = "replies to questions put to this address come from another"
				if e.From.IsValid() {
					finding.Text += ": " + e.From.Unmap().String()
				}
			}
			finding.Evidence = append(finding.Evidence, r.Index)
		}
		if finding.Text != "" {
			out = append(out, finding)
		}
	}
	return out
}
