package zone

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
)

func tooFewNameServers() judge.Check {
	return judge.Check{
		Code: "DEL-02", Name: "too-few-name-servers", Severity: holdfast.SeverityError,
		Reference: "RFC 1034 section 4.1; IANA technical requirements, minimum number of name servers",
		Summary:   "The zone has two name servers or more, and they do not lie on the same address.",
		Unless:    []string{"DEL-01"},
		Judge:     judgeNumber,
	}
}

func judgeNumber(c *judge.Case) []holdfast.Finding {
	names := nameServers(c)
	if len(names) == 0 {
		return nil
	}
	d, _ := delegationOf(c)
	_, evidence, _ := published(c)
	evidence = append(slices.Clone(d.evidence), evidence...)
	if len(names) == 1 {
		return []holdfast.Finding{{
			Severity: holdfast.SeverityError, RRset: holdfast.ClassNS, Evidence: evidence, Count: 1,
			Text: fmt.Sprintf("the zone has one name server only: %s", names[0]),
		}}
	}
	all, complete := addressesByName(c, names)
	var distinct []netip.Addr
	var shared []string
	for _, name := range names {
		for _, a := range all[name] {
			if slices.Contains(distinct, a) {
				shared = append(shared, a.String())
				continue
			}
			distinct = append(distinct, a)
		}
	}
	slices.Sort(shared)
	shared = slices.Compact(shared)
	switch {
	case len(distinct) == 1 && complete:
		return []holdfast.Finding{{
			Severity: holdfast.SeverityError, RRset: holdfast.ClassNS, Evidence: evidence, Count: 1,
			Text: fmt.Sprintf("all name servers of the zone are one: %s lead to %s", join(names), distinct[0]),
		}}
	case len(shared) > 0:
		return []holdfast.Finding{{
			Severity: holdfast.SeverityWarning, RRset: holdfast.ClassNS, Evidence: evidence, Count: len(shared),
			Text: fmt.Sprintf("several names of name servers lead to the same address: %s", join(shared)),
		}}
	}
	return nil
}

// addressesByName are the addresses known of the names: what their zones
// publish, else the glue, else where they were asked. complete says that no
// name was without.
func addressesByName(c *judge.Case, names []holdfast.Name) (out map[holdfast.Name][]netip.Addr, complete bool) {
	out, complete = make(map[holdfast.Name][]netip.Addr), true
	held := holders(c)
	d, _ := delegationOf(c)
	for _, name := range names {
		if h := held[name]; h != nil {
			out[name] = h.addresses
		}
		if len(out[name]) == 0 {
			out[name] = d.glue[name]
		}
		if len(out[name]) == 0 {
			for _, s := range c.Servers {
				if s.Name == name {
					out[name] = append(out[name], s.Address)
				}
			}
		}
		complete = complete && len(out[name]) > 0
	}
	return out, complete
}
