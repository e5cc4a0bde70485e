package zone

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/judge/iana"
)

func specialAddress() judge.Check {
	return judge.Check{
		Code: "NET-01", Name: "special-purpose-address", Severity: holdfast.SeverityError,
		Reference: "RFC 6890 section 2.2.1; IANA technical requirements, prohibited networks",
		Summary:   "No name server has an address that IANA's registries keep for special purposes.",
		Judge:     judgeSpecial,
	}
}

func judgeSpecial(c *judge.Case) []holdfast.Finding {
	var out []holdfast.Finding
	test := testNetwork(c)
	for _, at := range placesOf(c) {
		block, special := iana.SpecialOf(at.server.Address)
		if !special || block.GloballyReachable || test && setAside(block) {
			continue
		}
		out = append(out, holdfast.Finding{
			Severity: holdfast.SeverityError, Server: at.server, RRset: familyOf(at.server.Address).class(), Evidence: at.evidence,
			Text: fmt.Sprintf("has an address of a block for special purposes, %s (%s), that the world cannot reach", block.Prefix, block.Name),
		})
	}
	return out
}

// setAside are the blocks for documents and for tests, which no host on the
// Internet has.
func setAside(block iana.Block) bool {
	switch block.Reference {
	case "[RFC5737]", "[RFC3849]", "[RFC9637]", "[RFC2544]", "[RFC5180][RFC Errata 1752]", "[RFC5180]":
		return true
	}
	return false
}

// testNetwork says that what was measured is a laboratory: a server on an
// address of documentation's answered with authority, which on the Internet
// none can. It goes by the evidence alone, so that saved evidence means the
// same wherever it is judged.
func testNetwork(c *judge.Case) bool {
	for i := range c.Measurement.Exchanges {
		e := &c.Measurement.Exchanges[i]
		if m := c.Messages[i]; m == nil || !m.Authoritative {
			continue
		}
		if block, special := iana.SpecialOf(e.Server.Address.Unmap()); special && setAside(block) {
			return true
		}
	}
	return false
}

// place is an address that a name server is published with, and by which
// exchanges.
type place struct {
	server   holdfast.Server
	evidence []int
}

// placesOf are the zone's servers on all addresses that anybody publishes for
// them: the parent's glue, the zones of their names, and those that were asked.
func placesOf(c *judge.Case) []place {
	at := make(map[holdfast.Server][]int)
	add := func(name holdfast.Name, address netip.Addr, evidence []int) {
		s := holdfast.Server{Name: name, Address: address.Unmap()}
		at[s] = append(at[s], evidence...)
	}
	d, _ := delegationOf(c)
	held := holders(c)
	for _, name := range nameServers(c) {
		for _, a := range d.glue[name] {
			add(name, a, d.evidence)
		}
		if h := held[name]; h != nil {
			for _, a := range h.addresses {
				add(name, a, h.evidence)
			}
		}
	}
	for _, s := range c.Servers {
		add(s.Name, s.Address, nil)
	}
	out := make([]place, 0, len(at))
	for s, evidence := range at {
		slices.Sort(evidence)
		out = append(out, place{s, slices.Compact(evidence)})
	}
	slices.SortFunc(out, func(a, b place) int { return judge.CompareServers(a.server, b.server) })
	return out
}
