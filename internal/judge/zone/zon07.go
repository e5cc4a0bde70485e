package zone

import (
	"fmt"
	"slices"
	"strings"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/wire"
)

func mailboxOdd() judge.Check {
	return judge.Check{
		Code: "ZON-07", Name: "soa-rname", Severity: holdfast.SeverityNotice,
		Reference: "RFC 1035 section 3.3.13, RFC 1912 section 2.2, RFC 5321 section 5.1",
		Summary:   "The SOA's RNAME is a mail address, and its domain takes mail.",
		Judge:     judgeMailbox,
	}
}

// judgeMailbox names the domain of the address only: whose mailbox it is need
// not be in every report.
func judgeMailbox(c *judge.Case) []holdfast.Finding {
	v, ok := newestSOA(c)
	if !ok {
		return nil
	}
	fault, evidence := mailboxFault(c, v.soa.RName)
	if fault == "" {
		return nil
	}
	f := aboutSOA(v, holdfast.SeverityNotice, "the SOA's RNAME "+fault)
	f.Evidence = append(f.Evidence, evidence...)
	return []holdfast.Finding{f}
}

func mailboxFault(c *judge.Case, name holdfast.Name) (fault string, evidence []int) {
	if name.Labels() < 2 {
		return "is no mail address: it has no domain", nil
	}
	domain := name.Parent()
	local := strings.TrimSuffix(string(name), "."+string(domain))
	switch {
	case strings.Contains(local, "@"):
		return "is written with an @; its first dot stands for that", nil
	case !isHostName(domain):
		return fmt.Sprintf("is no mail address: %s is not a legal domain of one", domain), nil
	case domain.Labels() == 1:
		return fmt.Sprintf("is an address at the top-level domain %s itself, which most mail programs refuse", domain), nil
	}
	fault, evidence = undeliverable(c, domain)
	if fault != "" {
		fault = fmt.Sprintf("is an address at %s, and %s", domain, fault)
	}
	return fault, evidence
}

// undeliverable says why a domain takes no mail, empty where it does or where
// not enough is known (RFC 5321 section 5.1, RFC 7505).
func undeliverable(c *judge.Case, domain holdfast.Name) (fault string, evidence []int) {
	all := hosts(c, holdfast.PurposeMail)
	for i := range c.Measurement.Exchanges {
		r := c.Reply(i)
		e := r.Exchange
		if e.Purpose != holdfast.PurposeMail || e.Question.Name != domain || wire.Type(e.Question.Type) != wire.TypeMX ||
			!r.OK() || !r.Message.Authoritative {
			continue
		}
		evidence = append(evidence, i)
		set := c.Answer(r, domain, wire.TypeMX)
		switch {
		case c.Answer(r, domain, wire.TypeCNAME) != nil:
			return "", nil // what stands behind the alias was not asked
		case set != nil:
			return exchangersFault(set, all, evidence)
		case r.Message.Rcode == wire.NXDomain:
			return "that domain does not exist", evidence
		}
	}
	if h := all[domain]; len(evidence) > 0 && h != nil && !h.alias && h.answered[ipv4] && h.answered[ipv6] && len(h.addresses) == 0 {
		return "that domain has neither a mail host nor an address", append(evidence, h.evidence...)
	}
	return "", nil
}

func exchangersFault(set *judge.RRset, all map[holdfast.Name]*holder, evidence []int) (string, []int) {
	refused := false
	for _, record := range set.Records {
		mx, err := record.MX()
		if err != nil {
			return "", nil
		}
		if mx.Host == holdfast.Root {
			refused = true
			continue
		}
		h := all[mx.Host]
		if h == nil || h.alias || len(h.addresses) > 0 || !h.absent && !(h.answered[ipv4] && h.answered[ipv6]) {
			return "", nil // it has an address, or was not asked about
		}
		evidence = append(evidence, h.evidence...)
	}
	if refused && len(set.Records) == 1 {
		return "that domain takes no mail (null MX)", evidence
	}
	slices.Sort(evidence)
	return "none of that domain's mail hosts has an address", slices.Compact(evidence)
}
