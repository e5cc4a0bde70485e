package zone

import (
	"fmt"
	"slices"
	"strings"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/wire"
)

func namesIllegal() judge.Check {
	return judge.Check{
		Code: "SYN-01", Name: "name-illegal", Severity: holdfast.SeverityNotice,
		Reference: "RFC 1123 section 2.1, RFC 5890 section 2.3.1, RFC 5891 section 5.4",
		Summary:   "The zone's name, its name servers, the SOA's names and its mail hosts are made of letters, digits and hyphens, and internationalised labels are A-labels of IDNA2008.",
		Judge:     judgeSyntax,
	}
}

// named is a name that the zone uses, and as what.
type named struct {
	name     holdfast.Name
	role     string
	class    holdfast.Class
	evidence []int
}

func judgeSyntax(c *judge.Case) []holdfast.Finding {
	var out []holdfast.Finding
	for _, class := range []holdfast.Class{"", holdfast.ClassNS, holdfast.ClassSOA, "MX"} {
		var faults []string
		var evidence []int
		for _, n := range namesOf(c) {
			if n.class != class {
				continue
			}
			if fault := labelFault(n.name); fault != "" {
				faults = append(faults, fmt.Sprintf("%s %s: %s", n.role, n.name, fault))
				evidence = append(evidence, n.evidence...)
			}
		}
		if len(faults) > 0 {
			slices.Sort(evidence)
			out = append(out, holdfast.Finding{
				Severity: holdfast.SeverityNotice, RRset: class, Evidence: slices.Compact(evidence), Count: len(faults),
				Text: "names that are not legal: " + strings.Join(faults, "; "),
			})
		}
	}
	return out
}

// namesOf are the names that are the zone's to choose and that must be those of
// hosts or mail domains.
func namesOf(c *judge.Case) []named {
	out := []named{{name: c.Zone, role: "the zone"}}
	d, _ := delegationOf(c)
	_, evidence, _ := published(c)
	for _, name := range nameServers(c) {
		out = append(out, named{name, "name server", holdfast.ClassNS, slices.Concat(d.evidence, evidence)})
	}
	if v, ok := newestSOA(c); ok {
		out = append(out, named{v.soa.MName, "MNAME", holdfast.ClassSOA, []int{v.reply.Index}})
		if v.soa.RName.Labels() > 1 {
			out = append(out, named{v.soa.RName.Parent(), "the domain of RNAME", holdfast.ClassSOA, []int{v.reply.Index}})
		}
	}
	for _, r := range apexReplies(c, wire.TypeMX) {
		set := c.Answer(r, c.Zone, wire.TypeMX)
		if set == nil {
			continue
		}
		for _, record := range set.Records {
			mx, err := record.MX()
			i := slices.IndexFunc(out, func(n named) bool { return n.class == "MX" && n.name == mx.Host })
			switch {
			case err != nil:
			case i >= 0:
				out[i].evidence = append(out[i].evidence, r.Index)
			default:
				out = append(out, named{mx.Host, "mail host", "MX", []int{r.Index}})
			}
		}
	}
	return out
}

// labelFault is what is wrong with the first illegal label of a name; the root
// has none.
func labelFault(name holdfast.Name) string {
	if name == holdfast.Root {
		return ""
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(string(name), "."), ".") {
		if fault := wire.CheckLabel(label); fault != "" {
			return fmt.Sprintf("%q %s", label, fault)
		}
	}
	return ""
}
