package lab

import (
	"fmt"
	"io"
	"net/netip"
	"slices"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// ReadRootPlan makes a plan from a root zone file; see RootPlan. file names it
// in errors.
func ReadRootPlan(r io.Reader, file string) (Plan, error) {
	var records []wire.Record
	err := wire.ReadZone(r, holdfast.Root, file, func(record wire.Record) error {
		records = append(records, record)
		return nil
	})
	if err != nil {
		return Plan{}, fmt.Errorf("root plan: %w", err)
	}
	return RootPlan(records)
}

// RootPlan makes a plan from the records of a root zone: the same delegations
// under the same names and addresses, with keys and DS of the lab's own. Top
// level domains that have DS in the file are signed, by the algorithm of their
// first DS where that is an elliptic curve and by ECDSA P-256 where it is RSA,
// whose keys take seconds to make by the thousand. Set Signing.Algorithms for
// those that are to have RSA.
func RootPlan(records []wire.Record) (Plan, error) {
	addresses := map[holdfast.Name][]netip.Addr{}
	servers := map[holdfast.Name][]holdfast.Name{}
	algorithms := map[holdfast.Name]uint8{}
	root := ZonePlan{Name: holdfast.Root, Signing: rootSigning()}
	for _, r := range records {
		switch r.Type {
		case wire.TypeA, wire.TypeAAAA:
			addr, err := r.Address()
			if err != nil {
				return Plan{}, fmt.Errorf("root plan: %w", err)
			}
			addresses[r.Name] = append(addresses[r.Name], addr)
		case wire.TypeNS:
			target, err := r.Target()
			if err != nil {
				return Plan{}, fmt.Errorf("root plan: %w", err)
			}
			servers[r.Name] = append(servers[r.Name], target)
		case wire.TypeDS:
			if ds, err := r.DS(); err == nil && algorithms[r.Name] == 0 {
				algorithms[r.Name] = ds.Algorithm
			}
			continue
		case wire.TypeSOA:
			if slices.ContainsFunc(root.Records, func(old wire.Record) bool { return old.Type == wire.TypeSOA }) {
				continue // a transfer ends with the SOA again
			}
		}
		root.Records = append(root.Records, r)
	}
	if len(servers[holdfast.Root]) == 0 {
		return Plan{}, fmt.Errorf("root plan: the zone has no NS records at its apex")
	}
	plan := Plan{}
	for name, names := range servers {
		hosts := make([]Host, 0, len(names))
		for _, host := range names {
			hosts = append(hosts, Host{Name: host, Addresses: addresses[host]})
		}
		if name == holdfast.Root {
			root.Servers = hosts
			continue
		}
		plan.Zones = append(plan.Zones, ZonePlan{Name: name, Servers: hosts, Signing: tldSigning(name, algorithms[name])})
	}
	plan.Zones = append(plan.Zones, root)
	slices.SortFunc(plan.Zones, func(a, b ZonePlan) int { return wire.CompareNames(a.Name, b.Name) })
	return plan, nil
}

const day = 24 * time.Hour

// rootSigning is how the root zone is signed and published: twice a day, for
// 13 days (as the files of 2018, 2019 and 2026 show), with a zone digest.
func rootSigning() Signing {
	return Signing{Validity: 13 * day, Resign: day, Publish: 12 * time.Hour, Serial: SerialDate, ZONEMD: true, NoCDS: true}
}

// tldSigning is how a top-level domain is signed: spread over the week by its
// name, so that they do not all sign at once; every eighth with plain NSEC, as
// a few real ones do.
func tldSigning(name holdfast.Name, algorithm uint8) Signing {
	spread := hashOf(string(name))
	s := Signing{
		Unsigned: algorithm == 0,
		Validity: 21 * day, Resign: 4 * day, Publish: day, Jitter: 12 * time.Hour,
		Phase: -time.Duration(spread%uint64(seconds(4*day))) * time.Second,
	}
	switch algorithm {
	case wire.ECDSAP384SHA384, wire.ED25519, wire.ED448:
		s.Algorithms = []Algorithm{{Number: algorithm}}
	}
	if spread>>32%8 != 0 {
		s.NSEC3 = &NSEC3{OptOut: spread>>40%2 == 0}
	}
	return s
}
