package zone

import (
	"net/netip"
	"slices"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
)

func glueDiffers() judge.Check {
	return judge.Check{
		Code: "DEL-05", Name: "glue-differs", Severity: holdfast.SeverityError,
		Reference: "RFC 1034 section 4.2.2, RFC 9471 section 2",
		Summary:   "The glue at the parent is what the name servers' zones publish, in both directions and for each family.",
		Unless:    []string{"DEL-01"},
		Judge:     judgeGlue,
	}
}

func judgeGlue(c *judge.Case) []holdfast.Finding {
	if c.Zone == holdfast.Root {
		return nil
	}
	d, _ := delegationOf(c)
	held := holders(c)
	var out []holdfast.Finding
	for _, name := range d.names {
		h := held[name]
		if h == nil {
			continue // its addresses were not asked for
		}
		for _, f := range []family{ipv4, ipv6} {
			if !h.answered[f] {
				continue
			}
			out = append(out, compareGlue(c, d, name, h, f)...)
		}
	}
	return out
}

// compareGlue speaks of one name and family. Glue that is not authoritative is
// wrong wherever the name lies; glue that is missing matters only for a name
// that cannot be looked up without it, one in the zone itself.
func compareGlue(c *judge.Case, d delegation, name holdfast.Name, h *holder, f family) []holdfast.Finding {
	var out []holdfast.Finding
	find := func(address netip.Addr, text string) {
		out = append(out, holdfast.Finding{
			Severity: holdfast.SeverityError, Server: holdfast.Server{Name: name, Address: address},
			RRset: f.class(), Text: text, Evidence: append(slices.Clone(d.evidence), h.evidence...),
		})
	}
	var glue []netip.Addr
	for _, a := range d.glue[name] {
		if familyOf(a) == f {
			glue = append(glue, a)
		}
	}
	for _, a := range without(glue, h.of(f)) {
		find(a, "the parent has glue with this address, and the zone of the name does not publish it")
	}
	if name.IsSubdomainOf(c.Zone) {
		for _, a := range without(h.of(f), glue) {
			find(a, "the zone of the name publishes this address, and the parent has no glue for it")
		}
	}
	return out
}
