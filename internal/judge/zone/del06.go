package zone

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/wire"
)

func referralTooLarge() judge.Check {
	return judge.Check{
		Code: "DEL-06", Name: "referral-too-large", Severity: holdfast.SeverityWarning,
		Reference: "IANA technical requirements, No truncation of referrals; RFC 9471 section 3",
		Summary:   "The referral to the zone fits 512 octets with the least glue that is needed, whatever name is asked for.",
		Unless:    []string{"DEL-01"},
		Judge:     judgeReferralSize,
	}
}

// plainSize is what a question without EDNS takes over UDP, in octets (RFC
// 1035 section 4.2.1).
const plainSize = 512

func judgeReferralSize(c *judge.Case) []holdfast.Finding {
	d, ok := delegationOf(c)
	if c.Zone == holdfast.Root || !ok {
		return nil
	}
	var what []string
	evidence := slices.Clone(d.evidence)
	if size := referralSize(c.Zone, c.Parent, d); size > plainSize {
		what = append(what, fmt.Sprintf("the referral to the zone may have %d octets with the least glue that is needed, and 512 fit a packet without EDNS", size))
	}
	if cut := truncatedReferrals(c); len(cut) > 0 {
		what = append(what, "servers of the parent cut the referral short at 1232 octets")
		evidence = append(evidence, cut...)
	}
	if len(what) == 0 {
		return nil
	}
	return []holdfast.Finding{{Severity: holdfast.SeverityWarning, RRset: holdfast.ClassNS, Evidence: evidence, Text: strings.Join(what, "; ")}}
}

// referralSize is how many octets a referral has that answers the longest name
// below the zone: all NS records, and the glue that IANA counts as requisite.
// It is built and not guessed, so that names are compressed as in a real one;
// 0 where it cannot be built.
func referralSize(zone, parent holdfast.Name, d delegation) int {
	m := &wire.Message{Response: true, Question: []holdfast.Question{{Name: longest(zone), Type: uint16(wire.TypeA)}}}
	for _, name := range d.names {
		if ns, err := wire.NewTarget(zone, wire.TypeNS, 86400, name); err == nil {
			m.Authority = append(m.Authority, ns)
		}
	}
	for _, f := range []family{ipv4, ipv6} {
		if name, address, needed := requisite(parent, d, f); needed {
			m.Additional = append(m.Additional, wire.NewAddress(name, 86400, address))
		}
	}
	packet, err := m.Pack()
	if err != nil {
		return 0
	}
	return len(packet)
}

// requisite is the glue record of a family that IANA's requirements count: one
// A record if all name servers lie within the parent zone; one AAAA record if
// there are any with IPv6, and all those lie within it.
func requisite(parent holdfast.Name, d delegation, f family) (holdfast.Name, netip.Addr, bool) {
	var first holdfast.Name
	var address netip.Addr
	for _, name := range d.names {
		i := slices.IndexFunc(d.glue[name], func(a netip.Addr) bool { return familyOf(a) == f })
		if i < 0 && f == ipv6 {
			continue // not capable of IPv6, so far as is known
		}
		if !name.IsSubdomainOf(parent) {
			return "", netip.Addr{}, false
		}
		if i >= 0 && first == "" {
			first, address = name, d.glue[name][i].Unmap()
		}
	}
	return first, address, first != ""
}

// longest is a name below the zone of the 255 octets that names may have (RFC
// 1035 section 2.3.4), in as few labels as that takes.
func longest(zone holdfast.Name) holdfast.Name {
	packed, err := wire.PackName(zone)
	if err != nil {
		return zone
	}
	rest := string(zone)
	if zone == holdfast.Root {
		rest = ""
	}
	for room := 255 - len(packed); room > 1; {
		n := min(63, room-1)
		if room-n-1 == 1 {
			n-- // one octet left over would hold no label
		}
		rest = strings.Repeat("x", n) + "." + rest
		room -= n + 1
	}
	return holdfast.Name(rest)
}

// truncatedReferrals are the parent's replies that did not fit UDP.
func truncatedReferrals(c *judge.Case) []int {
	var out []int
	for _, server := range c.ParentServers {
		if r, ok := c.AtParent(server, holdfast.PurposeReferral); ok && r.Exchange.Truncated {
			out = append(out, r.Index)
		}
	}
	return out
}
