package zone

import (
	"fmt"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/wire"
)

func severalSOA() judge.Check {
	return judge.Check{
		Code: "ZON-05", Name: "several-soa", Severity: holdfast.SeverityError,
		Reference: "RFC 1035 section 5.2",
		Summary:   "Each server gives exactly one SOA record for the zone.",
		Judge:     judgeOneSOA,
	}
}

func judgeOneSOA(c *judge.Case) []holdfast.Finding {
	var out []holdfast.Finding
	all := versions(c)
	for _, v := range all {
		if n := len(content(c.Answer(v.reply, c.Zone, wire.TypeSOA))); n > 1 {
			out = append(out, holdfast.Finding{
				Severity: holdfast.SeverityError, Server: v.server, RRset: holdfast.ClassSOA, Evidence: []int{v.reply.Index}, Count: n,
				Text: fmt.Sprintf("gives %d SOA records where there must be one", n),
			})
		}
	}
	return judge.Spread(out, len(all), holdfast.SeverityError, "every server gives more than one SOA record for the zone")
}
