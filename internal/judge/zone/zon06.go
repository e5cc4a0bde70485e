package zone

import (
	"fmt"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
)

func primaryOdd() judge.Check {
	return judge.Check{
		Code: "ZON-06", Name: "soa-mname", Severity: holdfast.SeverityNotice,
		Reference: "RFC 1035 section 3.3.13, RFC 2181 section 7.3",
		Summary:   "The SOA's MNAME is the name of a host, not of the zone, that exists, has an address and is no alias.",
		Judge:     judgePrimary,
	}
}

func judgePrimary(c *judge.Case) []holdfast.Finding {
	v, ok := newestSOA(c)
	if !ok {
		return nil
	}
	name := v.soa.MName
	find := func(fault string, evidence ...int) []holdfast.Finding {
		f := aboutSOA(v, holdfast.SeverityNotice, fmt.Sprintf("the SOA's MNAME %s %s", name, fault))
		f.Evidence = append(f.Evidence, evidence...)
		return []holdfast.Finding{f}
	}
	switch {
	case !isHostName(name):
		return find("is not a legal host name")
	case name == c.Zone:
		return find("is the name of the zone itself, not of its primary server")
	}
	h := hosts(c, holdfast.PurposeMName)[name]
	if h == nil {
		h = holders(c)[name]
	}
	if h == nil {
		return nil // nobody asked, or nobody answered
	}
	switch {
	case h.alias:
		return find("is an alias", h.evidence...)
	case len(h.addresses) > 0:
	case h.absent:
		return find("does not exist", h.evidence...)
	case h.answered[ipv4] && h.answered[ipv6]:
		return find("has no address", h.evidence...)
	}
	return nil
}
