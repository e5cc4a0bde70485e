package lab

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// defaultRoot is the root of a plan that has none: two servers under the names
// and addresses of real ones, so that ordinary root hints lead here.
var defaultRoot = ZonePlan{Name: holdfast.Root, Servers: []Host{
	{"a.root-servers.net.", []netip.Addr{netip.MustParseAddr("198.41.0.4"), netip.MustParseAddr("2001:503:ba3e::2:30")}},
	{"b.root-servers.net.", []netip.Addr{netip.MustParseAddr("170.247.170.2"), netip.MustParseAddr("2801:1b8:10::b")}},
}}

const (
	hostTTL       = 3600
	delegationTTL = 86400
)

func (t TTLs) withDefaults() TTLs {
	t.Default = cmp.Or(t.Default, hostTTL*time.Second)
	t.NS = cmp.Or(t.NS, t.Default)
	t.Delegation = cmp.Or(t.Delegation, delegationTTL*time.Second)
	return t
}

func ttlOf(d time.Duration) uint32 { return uint32(d / time.Second) }

// build turns the plan into zones and servers.
func (in *Internet) build(plan Plan) error {
	if plan.Zone(holdfast.Root) == nil {
		plan.Zones = append(slices.Clone(plan.Zones), defaultRoot)
	}
	serials := map[holdfast.Name]uint32{}
	for _, zp := range plan.Zones {
		if err := in.addZone(zp, plan.Seed, serials); err != nil {
			return err
		}
	}
	if err := in.findHosts(); err != nil {
		return err
	}
	if err := in.placeHosts(); err != nil {
		return err
	}
	for _, name := range in.Zones() {
		z := in.zones[name]
		if name == holdfast.Root {
			continue
		}
		up := name.Parent()
		for in.zones[up] == nil {
			up = up.Parent()
		}
		z.parent = in.zones[up]
		z.parent.children = append(z.parent.children, z)
		if err := z.parent.delegate(z); err != nil {
			return err
		}
	}
	for _, z := range in.zones {
		z.content.freeze()
	}
	if err := in.planKeys(plan); err != nil {
		return err
	}
	for name, z := range in.zones {
		z.schedule = newSchedule(z.signing, in.start, serials[name], in.events(z))
	}
	in.findServers()
	return in.addValidators(plan.Validators)
}

// planKeys works every zone's rollovers out.
func (in *Internet) planKeys(plan Plan) error {
	for _, zp := range plan.Zones {
		for _, r := range zp.Rollovers {
			if err := r.check(); err != nil {
				return fmt.Errorf("zone %s: %w", zp.Name, err)
			}
		}
		if len(zp.Orders) > 0 {
			in.zones[zp.Name].obey(zp.Ring, zp.Orders)
			continue
		}
		if err := in.zones[zp.Name].plan(zp.Rollovers); err != nil {
			return err
		}
	}
	return nil
}

// events are the instants at which a zone has a new version besides those of
// its schedule: its own keys changed, or what it says of a child's.
func (in *Internet) events(z *zone) []int64 {
	var out []int64
	for _, p := range z.phases[1:] {
		if p.own {
			out = append(out, p.at.Unix())
		}
	}
	for _, child := range z.children {
		for _, p := range child.phases[1:] {
			if p.parent {
				out = append(out, p.at.Unix())
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// addZone takes one zone in, with an apex of its own where the plan's records
// have none.
func (in *Internet) addZone(zp ZonePlan, seed uint64, serials map[holdfast.Name]uint32) error {
	if in.zones[zp.Name] != nil {
		return fmt.Errorf("zone %s: it is there twice", zp.Name)
	}
	signing := zp.Signing.withDefaults()
	if err := signing.check(); err != nil {
		return fmt.Errorf("zone %s: %w", zp.Name, err)
	}
	if err := zp.checkKeys(); err != nil {
		return fmt.Errorf("zone %s: %w", zp.Name, err)
	}
	if zp.Multisigner < 0 || zp.Multisigner > 2 {
		return fmt.Errorf("zone %s: multisigner %d: want model 1 or 2", zp.Name, zp.Multisigner)
	}
	z := &zone{name: zp.Name, signing: signing, seed: seed, hosts: slices.Concat(zp.Servers, zp.Partners),
		partners: slices.Clone(zp.Partners), model: cmp.Or(zp.Multisigner, 2), content: newContent(zp.Name),
		transfer: zp.Transfer || zp.Name == holdfast.Root, ttl: zp.TTL.withDefaults()}
	records := zp.Records
	if zp.Presigned != nil {
		z.presigned = &presigned{records: zp.Presigned, island: signing.Island, digests: signing.Digests}
		records = zp.Presigned
	}
	for _, r := range records {
		if err := z.content.add(r); err != nil {
			return fmt.Errorf("zone %s: %w", zp.Name, err)
		}
	}
	for _, r := range zp.Keys {
		if err := z.content.put(r); err != nil {
			return fmt.Errorf("zone %s: %w", zp.Name, err)
		}
	}
	if len(z.content.set(z.name, wire.TypeNS)) == 0 {
		for _, h := range z.hosts {
			ns, err := wire.NewTarget(z.name, wire.TypeNS, ttlOf(z.ttl.NS), h.Name)
			if err != nil {
				return fmt.Errorf("zone %s: %w", zp.Name, err)
			}
			if err := z.content.add(ns); err != nil {
				return err
			}
		}
	}
	serials[z.name] = 1
	switch soa := z.content.set(z.name, wire.TypeSOA); len(soa) {
	case 0:
		if err := z.addSOA(); err != nil {
			return err
		}
	case 1:
		data, err := soa[0].SOA()
		if err != nil {
			return fmt.Errorf("zone %s: %w", zp.Name, err)
		}
		serials[z.name] = data.Serial
	default:
		return fmt.Errorf("zone %s: it has %d SOA records", zp.Name, len(soa))
	}
	if err := z.setTimers(zp.SOA); err != nil {
		return fmt.Errorf("zone %s: %w", zp.Name, err)
	}
	in.zones[z.name] = z
	return nil
}

// addSOA makes an SOA up: timers as RIPE-203 and Zonemaster's Zone02 to Zone06
// would have them.
func (z *zone) addSOA() error {
	soa := wire.SOA{MName: childOf("ns", z.name), RName: childOf("hostmaster", z.name),
		Serial: 1, Refresh: 14400, Retry: 3600, Expire: 1209600, NegativeMinTTL: 3600}
	if ns := z.content.set(z.name, wire.TypeNS); len(ns) > 0 {
		target, err := ns[0].Target()
		if err != nil {
			return fmt.Errorf("zone %s: %w", z.name, err)
		}
		soa.MName = target
	}
	record, err := wire.NewSOA(z.name, ttlOf(z.ttl.Default), soa)
	if err != nil {
		return fmt.Errorf("zone %s: %w", z.name, err)
	}
	return z.content.add(record)
}

// setTimers writes what the plan says of the SOA into it.
func (z *zone) setTimers(t SOATimers) error {
	record := &z.content.nodes[z.name].sets[wire.TypeSOA][0]
	soa, err := record.SOA()
	if err != nil {
		return err
	}
	soa.Refresh = cmp.Or(ttlOf(t.Refresh), soa.Refresh)
	soa.Retry = cmp.Or(ttlOf(t.Retry), soa.Retry)
	soa.Expire = cmp.Or(ttlOf(t.Expire), soa.Expire)
	soa.NegativeMinTTL = cmp.Or(ttlOf(t.Minimum), soa.NegativeMinTTL)
	soa.MName, soa.RName = cmp.Or(t.MName, soa.MName), cmp.Or(t.RName, soa.RName)
	*record, err = wire.NewSOA(z.name, record.TTL, soa)
	return err
}

// findHosts completes who serves what: zones without servers in the plan are
// served by their NS names, wherever in the lab the addresses of those stand.
func (in *Internet) findHosts() error {
	known := map[holdfast.Name][]netip.Addr{}
	learn := func(name holdfast.Name, addr netip.Addr) {
		if !slices.Contains(known[name], addr) {
			known[name] = append(known[name], addr)
		}
	}
	for _, z := range in.zones {
		for name, n := range z.content.nodes {
			for _, r := range slices.Concat(n.sets[wire.TypeA], n.sets[wire.TypeAAAA]) {
				if addr, err := r.Address(); err == nil {
					learn(name, addr)
				}
			}
		}
	}
	for _, z := range in.zones {
		for _, h := range z.hosts {
			for _, addr := range h.Addresses {
				learn(h.Name, addr)
			}
		}
	}
	for _, z := range in.zones {
		if len(z.hosts) == 0 {
			for _, r := range z.content.set(z.name, wire.TypeNS) {
				target, err := r.Target()
				if err != nil {
					return fmt.Errorf("zone %s: %w", z.name, err)
				}
				z.hosts = append(z.hosts, Host{Name: target})
			}
		}
		served := false
		for i, h := range z.hosts {
			if len(h.Addresses) == 0 {
				z.hosts[i].Addresses = slices.Clone(known[h.Name])
				slices.SortFunc(z.hosts[i].Addresses, netip.Addr.Compare)
			}
			served = served || len(z.hosts[i].Addresses) > 0
			for j := range z.partners {
				if z.partners[j].Name == h.Name {
					z.partners[j].Addresses = z.hosts[i].Addresses
				}
			}
		}
		if !served {
			return fmt.Errorf("zone %s: none of its name servers has an address", z.name)
		}
	}
	return nil
}

// placeHosts lets each name server's addresses be answered by the zone that
// its name is in.
func (in *Internet) placeHosts() error {
	for _, name := range in.Zones() {
		for _, h := range in.zones[name].hosts {
			home := in.zones[h.Name]
			for up := h.Name; home == nil; home = in.zones[up] {
				up = up.Parent()
			}
			for _, addr := range h.Addresses {
				if err := home.content.add(wire.NewAddress(h.Name, ttlOf(home.ttl.Default), addr)); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// delegate puts a child's NS and glue into its parent, where they are not
// there already.
func (z *zone) delegate(child *zone) error {
	given := len(z.content.set(child.name, wire.TypeNS)) > 0
	for _, h := range child.hosts {
		if !given {
			ns, err := wire.NewTarget(child.name, wire.TypeNS, ttlOf(child.ttl.Delegation), h.Name)
			if err != nil {
				return fmt.Errorf("zone %s: %w", child.name, err)
			}
			if err := z.content.add(ns); err != nil {
				return err
			}
		}
		if given && z.content.nodes[h.Name] != nil || !h.Name.IsSubdomainOf(z.name) {
			continue
		}
		for _, addr := range h.Addresses {
			if err := z.content.add(wire.NewAddress(h.Name, ttlOf(child.ttl.Delegation), addr)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (in *Internet) addValidators(addresses []netip.Addr) error {
	for _, addr := range addresses {
		if in.servers[addr] != nil {
			return fmt.Errorf("validator %s: there is a server at that address", addr)
		}
		in.servers[addr] = &server{addr: addr, zones: in.zones, validator: true}
	}
	return nil
}

func (in *Internet) findServers() {
	for _, name := range in.Zones() {
		z := in.zones[name]
		for _, h := range z.hosts {
			for _, addr := range h.Addresses {
				s := in.servers[addr]
				if s == nil {
					s = &server{addr: addr, zones: map[holdfast.Name]*zone{}}
					in.servers[addr] = s
				}
				s.zones[name] = z
				if !slices.Contains(s.names, h.Name) {
					s.names = append(s.names, h.Name)
				}
			}
		}
	}
}
