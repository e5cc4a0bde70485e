package zone

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/wire"
)

func apexAddress() judge.Check {
	return judge.Check{
		Code: "ZON-09", Name: "apex-address", Severity: holdfast.SeverityError,
		Reference: "SAC053, RFC 7085",
		Summary:   "A top-level domain has no address under its own name.",
		Judge:     judgeApexAddress,
	}
}

func judgeApexAddress(c *judge.Case) []holdfast.Finding {
	if !isTop(c.Zone) {
		return nil
	}
	var out []holdfast.Finding
	for _, f := range []family{ipv4, ipv6} {
		t := [...]wire.Type{wire.TypeA, wire.TypeAAAA}[f]
		var addresses []netip.Addr
		var evidence []int
		for _, r := range apexReplies(c, t) {
			set := c.Answer(r, c.Zone, t)
			if set == nil {
				continue
			}
			evidence = append(evidence, r.Index)
			for _, record := range set.Records {
				if a, err := record.Address(); err == nil && !slices.Contains(addresses, a) {
					addresses = append(addresses, a)
				}
			}
		}
		if len(addresses) == 0 {
			continue
		}
		slices.SortFunc(addresses, netip.Addr.Compare)
		out = append(out, holdfast.Finding{
			Severity: holdfast.SeverityError, RRset: f.class(), Evidence: evidence, Count: len(addresses),
			Text: fmt.Sprintf("the name of the top-level domain itself has the address %s", join(texts(addresses))),
		})
	}
	return out
}

func texts(addresses []netip.Addr) []string {
	out := make([]string, len(addresses))
	for i, a := range addresses {
		out[i] = a.String()
	}
	return out
}
