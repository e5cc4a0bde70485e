package zone

import (
	"net/netip"
	"slices"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
)

func unreachableByFamily() judge.Check {
	return judge.Check{
		Code: "DEL-03", Name: "unreachable-by-family", Severity: holdfast.SeverityWarning,
		Reference: "RFC 3901 section 3",
		Summary:   "Two name servers can be reached by IPv4, and one by IPv6 (two are the goal).",
		Unless:    []string{"DEL-01", "DEL-02", "CON-01"},
		Judge:     judgeFamilies,
	}
}

func judgeFamilies(c *judge.Case) []holdfast.Finding {
	if len(c.Servers) == 0 {
		return nil
	}
	var out []holdfast.Finding
	silent := ours(c)
	for _, f := range []family{ipv4, ipv6} {
		if silent[f] || !asked(c, f) {
			continue
		}
		n, evidence := reached(c, f)
		finding := holdfast.Finding{RRset: f.class(), Evidence: evidence, Count: n}
		switch {
		case f == ipv4 && n == 0:
			finding.Severity, finding.Text = holdfast.SeverityError, "no name server of the zone answers by IPv4"
		case f == ipv4 && n == 1:
			finding.Severity, finding.Text = holdfast.SeverityWarning, "only one name server of the zone answers by IPv4"
		case f == ipv6 && n == 0:
			finding.Severity, finding.Text = holdfast.SeverityWarning, "no name server of the zone answers by IPv6"
		case f == ipv6 && n == 1:
			finding.Severity, finding.Text = holdfast.SeverityNotice, "only one name server of the zone answers by IPv6"
		default:
			continue
		}
		out = append(out, finding)
	}
	return out
}

// asked says that anything at all was asked over the family: a walk that was
// told to use the other one says nothing of this one.
func asked(c *judge.Case, f family) bool {
	return slices.ContainsFunc(c.Measurement.Exchanges, func(e holdfast.Exchange) bool {
		return e.Outcome != holdfast.NotAsked && familyOf(e.Server.Address) == f
	})
}

// reached counts the name servers that answer over a family: different names
// on different addresses, whichever are fewer.
func reached(c *judge.Case, f family) (n int, evidence []int) {
	var names []holdfast.Name
	var addresses []netip.Addr
	for _, s := range c.Servers {
		if familyOf(s.Address) != f {
			continue
		}
		replies := latest(c, s)
		i := slices.IndexFunc(replies, func(r judge.Reply) bool { return r.Message != nil })
		if i < 0 {
			for _, r := range replies {
				evidence = append(evidence, r.Index)
			}
			continue
		}
		evidence = append(evidence, replies[i].Index)
		if !slices.Contains(names, s.Name) {
			names = append(names, s.Name)
		}
		if !slices.Contains(addresses, s.Address) {
			addresses = append(addresses, s.Address)
		}
	}
	return min(len(names), len(addresses)), evidence
}
