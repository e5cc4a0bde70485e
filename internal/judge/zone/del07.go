package zone

import (
	"strings"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
)

func nameServerUnusable() judge.Check {
	return judge.Check{
		Code: "DEL-07", Name: "name-server-name-unusable", Severity: holdfast.SeverityError,
		Reference: "RFC 2181 section 10.3, RFC 1123 section 2.1",
		Summary:   "Each name in the NS set is a legal host name, no alias, and has an address.",
		Unless:    []string{"DEL-01"},
		Judge:     judgeNames,
	}
}

func judgeNames(c *judge.Case) []holdfast.Finding {
	held := holders(c)
	var faults []string
	finding := holdfast.Finding{Severity: holdfast.SeverityWarning, RRset: holdfast.ClassNS}
	for _, name := range nameServers(c) {
		if !isHostName(name) {
			faults = append(faults, string(name)+" is not a legal host name")
		}
		h := held[name]
		if h == nil {
			continue
		}
		fault := ""
		switch {
		case h.alias:
			fault = " is an alias"
		case len(h.addresses) > 0:
		case h.absent:
			fault = " does not exist"
		case h.answered[ipv4] && h.answered[ipv6]:
			fault = " has no address"
		}
		if fault != "" {
			faults = append(faults, string(name)+fault)
			finding.Severity = holdfast.SeverityError
			finding.Evidence = append(finding.Evidence, h.evidence...)
		}
	}
	if d, ok := delegationOf(c); ok && unfindable(c, d) {
		return []holdfast.Finding{{
			Severity: holdfast.SeverityCritical, RRset: holdfast.ClassNS, Evidence: d.evidence, Count: len(d.names), EDE: 22, // no reachable authority
			Text: "every name server of the delegation has its name in the zone itself, and the parent has glue for none: nobody can find the zone",
		}}
	}
	if len(faults) == 0 {
		return nil
	}
	finding.Count = len(faults)
	finding.Text = "name servers that cannot be used by their names: " + strings.Join(faults, "; ")
	return []holdfast.Finding{finding}
}

// unfindable says whether the delegation leads in a circle: all its names lie in
// the zone, and no address comes with any.
func unfindable(c *judge.Case, d delegation) bool {
	for _, name := range d.names {
		if !name.IsSubdomainOf(c.Zone) || len(d.glue[name]) > 0 {
			return false
		}
	}
	return len(d.names) > 0 && len(c.Servers) == 0
}

// isHostName says whether a name is made of letters, digits and inner hyphens
// (RFC 952 as amended by RFC 1123 section 2.1).
func isHostName(name holdfast.Name) bool {
	trimmed := strings.TrimSuffix(string(name), ".")
	if trimmed == "" {
		return false
	}
	for label := range strings.SplitSeq(trimmed, ".") {
		if label == "" || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, c := range []byte(label) {
			if c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'z') {
				return false
			}
		}
	}
	return true
}
