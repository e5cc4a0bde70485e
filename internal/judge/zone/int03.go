package zone

import (
	"fmt"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/wire"
)

func aliasWithData() judge.Check {
	return judge.Check{
		Code: "INT-03", Name: "alias-and-other-data", Severity: holdfast.SeverityError,
		Reference: "RFC 1034 section 3.6.2, RFC 2181 section 10.1, RFC 6672 section 2.4",
		Summary:   "The apex is no alias, since it has an SOA and NS records; and nobody answers with an alias and other data of the same name.",
		Judge:     judgeAliases,
	}
}

func judgeAliases(c *judge.Case) []holdfast.Finding {
	var out []holdfast.Finding
	for _, server := range c.Servers {
		for i := range c.Measurement.Exchanges {
			e := &c.Measurement.Exchanges[i]
			if e.Zone != c.Zone || e.Server != server {
				continue
			}
			r := c.Reply(i)
			if !r.OK() || !r.Message.Authoritative {
				continue
			}
			if fault := aliasFault(c, r); fault != "" {
				out = append(out, holdfast.Finding{
					Severity: holdfast.SeverityError, Server: server, RRset: "CNAME", Evidence: []int{i}, Text: fault,
				})
				break
			}
		}
	}
	return judge.Spread(out, len(c.Servers), holdfast.SeverityError, "the zone has an alias beside other data of the same name")
}

// aliasFault is what is wrong with the aliases in an answer. Signatures may
// stand beside an alias (RFC 4035 section 2.5), and a set has them with it.
func aliasFault(c *judge.Case, r judge.Reply) string {
	at := make(map[holdfast.Name]bool)
	sets := c.Sets(r).Answer
	for _, set := range sets {
		if set.Type != wire.TypeCNAME {
			continue
		}
		if set.Name == c.Zone {
			return "answers that the zone's own name is an alias, beside its SOA and NS records"
		}
		if len(set.Records) > 1 {
			return fmt.Sprintf("gives %d aliases for %s, where one is allowed", len(set.Records), set.Name)
		}
		at[set.Name] = true
	}
	for _, set := range sets {
		if at[set.Name] && set.Type != wire.TypeCNAME {
			return fmt.Sprintf("gives an alias and %s records for %s", set.Type, set.Name)
		}
	}
	return ""
}
