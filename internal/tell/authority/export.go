package authority

import (
	"errors"
	"fmt"
	"slices"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// Export is a whole zone as the server answers it now, signatures and chain of
// denial included, so that other programs can verify it. A zone whose denial
// is made for each question has no such form: that is an error.
func (s *Server) Export(name holdfast.Name) ([]wire.Record, error) {
	packed, err := wire.PackName(name)
	if err != nil {
		return nil, fmt.Errorf("export zone %s: %w", name, err)
	}
	all := s.table.Load()
	zone := all.zones[string(packed)]
	if zone == nil {
		return nil, fmt.Errorf("export zone %s: it is not served", name)
	}
	if d := zone.plan.Denial; zone.plan.Names != nil || len(zone.plan.Keys) > 0 && d != NSEC && d != NSEC3 {
		return nil, fmt.Errorf("export zone %s: its denial is made for each question: it has no zone file", name)
	}
	a := &answer{zone: zone, all: all, sign: s.signer, now: s.clock.Now(), do: true}
	names := make([]holdfast.Name, 0, len(zone.nodes))
	for n := range zone.nodes {
		names = append(names, n)
	}
	slices.SortFunc(names, wire.CompareNames)
	for _, n := range names {
		a.exportNode(n, *zone.nodes[n])
	}
	if errors.Is(a.err, errBusy) {
		return nil, fmt.Errorf("export zone %s: %w; try again in a moment", name, a.err)
	}
	return a.out.Answer, a.err
}

func (a *answer) exportNode(name holdfast.Name, n node) {
	for _, t := range n.types {
		set := a.zone.set(name, t)
		if n.cut && t == wire.TypeNS {
			a.out.Answer = append(a.out.Answer, set...)
			a.out.Answer = append(a.out.Answer, a.glueBelow(name, set)...)
			continue
		}
		a.put(&a.out.Answer, set, n.fault)
	}
	if !a.signed() {
		return
	}
	a.out.Authority = nil
	if a.zone.plan.Denial == NSEC3 || len(n.types) > 0 {
		a.proveTypes(name, n)
	}
	a.out.Answer = append(a.out.Answer, a.out.Authority...)
}

// glueBelow are the addresses of name servers within a delegation.
func (a *answer) glueBelow(cut holdfast.Name, ns []wire.Record) (out []wire.Record) {
	for _, r := range ns {
		if host, err := r.Target(); err == nil && host.IsSubdomainOf(cut) {
			out = append(out, a.all.addresses(host)...)
		}
	}
	return out
}
