package holdfast

import (
	"cmp"
	"net/netip"
	"slices"
)

// Fate is who hangs on what: zones by the addresses, networks and hosts that
// serve them, as the latest verdicts show it. It is built once and then only
// read.
type Fate struct {
	zones     map[Name][]Server
	byAddress map[netip.Addr][]Name
	byNetwork map[netip.Prefix][]Name
	byHost    map[Name][]Name // by the domain that name servers' names are in
}

// NewFate builds it from verdicts.
func NewFate(verdicts []Verdict) *Fate {
	f := &Fate{
		zones: map[Name][]Server{}, byAddress: map[netip.Addr][]Name{},
		byNetwork: map[netip.Prefix][]Name{}, byHost: map[Name][]Name{},
	}
	for _, v := range verdicts {
		for _, s := range v.Servers {
			f.zones[v.Zone] = append(f.zones[v.Zone], s.Server)
			hang(f.byAddress, s.Address, v.Zone)
			hang(f.byNetwork, NetworkOf(s.Address), v.Zone)
			hang(f.byHost, s.Name.Parent(), v.Zone)
		}
	}
	return f
}

// hang notes a zone under a key. The servers of a zone come together, so that a
// zone noted already is the last.
func hang[K comparable](on map[K][]Name, key K, zone Name) {
	if list := on[key]; len(list) == 0 || list[len(list)-1] != zone {
		on[key] = append(list, zone)
	}
}

// NetworkOf is the network that stands for an address where no routing data is
// at hand: its /24 or /48, the longest prefixes that are routed everywhere.
func NetworkOf(a netip.Addr) netip.Prefix {
	a = a.Unmap()
	bits := 48
	if a.Is4() {
		bits = 24
	}
	p, err := a.Prefix(bits)
	if err != nil { // the zero address
		return netip.Prefix{}
	}
	return p
}

// Dependent is a zone that hangs on something, and how much of it does.
type Dependent struct {
	Zone Name `json:"zone"`
	Lost int  `json:"lost"` // of its server addresses, if that is gone
	Of   int  `json:"of"`
}

// All says that the zone would be silent.
func (d Dependent) All() bool { return d.Lost == d.Of }

// OnAddresses are the zones that hang on any of the addresses, those that have
// no other server first.
func (f *Fate) OnAddresses(addresses []netip.Addr) []Dependent {
	var zones []Name
	for _, a := range addresses {
		zones = append(zones, f.byAddress[a]...)
	}
	return f.dependents(zones, func(s Server) bool { return slices.Contains(addresses, s.Address) })
}

// OnNetwork are the zones with servers in a network of NetworkOf.
func (f *Fate) OnNetwork(p netip.Prefix) []Dependent {
	return f.dependents(f.byNetwork[p], func(s Server) bool { return NetworkOf(s.Address) == p })
}

// OnHost are the zones whose servers have their names directly in a domain:
// whose addresses cannot be found where that domain fails.
func (f *Fate) OnHost(domain Name) []Dependent {
	return f.dependents(f.byHost[domain], func(s Server) bool { return s.Name.Parent() == domain })
}

func (f *Fate) dependents(zones []Name, lost func(Server) bool) []Dependent {
	zones = slices.Clone(zones)
	slices.Sort(zones)
	out := []Dependent{}
	for _, zone := range slices.Compact(zones) {
		d := Dependent{Zone: zone, Of: len(f.zones[zone])}
		for _, s := range f.zones[zone] {
			if lost(s) {
				d.Lost++
			}
		}
		out = append(out, d)
	}
	slices.SortStableFunc(out, func(a, b Dependent) int { return b.Lost*a.Of - a.Lost*b.Of })
	return out
}

// Support is one thing that a zone hangs on: a network or a host domain.
type Support struct {
	What    string `json:"what"` // "192.0.2.0/24", "nic.example."
	Servers int    `json:"servers"`
	// Others is how many other zones hang on it too; Silent, how many of those
	// have no server elsewhere.
	Others int `json:"others"`
	Silent int `json:"silent"`
}

// ZoneFate is what a zone hangs on. A zone with one network, or one domain for
// the names of its servers, has one point of failure; a domain within the zone
// itself is no further one.
type ZoneFate struct {
	Zone     Name      `json:"zone"`
	Servers  int       `json:"servers"`
	Networks []Support `json:"networks"`
	Hosts    []Support `json:"hosts"`
}

// Of is what a zone hangs on; false where nothing is known of it.
func (f *Fate) Of(zone Name) (ZoneFate, bool) {
	servers, known := f.zones[zone]
	out := ZoneFate{Zone: zone, Servers: len(servers), Networks: []Support{}, Hosts: []Support{}}
	networks, hosts := map[netip.Prefix]int{}, map[Name]int{}
	for _, s := range servers {
		networks[NetworkOf(s.Address)]++
		hosts[s.Name.Parent()]++
	}
	for p, n := range networks {
		out.Networks = append(out.Networks, support(p.String(), n, zone, f.OnNetwork(p)))
	}
	for h, n := range hosts {
		out.Hosts = append(out.Hosts, support(h.String(), n, zone, f.OnHost(h)))
	}
	for _, list := range [][]Support{out.Networks, out.Hosts} {
		slices.SortFunc(list, func(a, b Support) int {
			return cmp.Or(cmp.Compare(b.Servers, a.Servers), cmp.Compare(a.What, b.What))
		})
	}
	return out, known
}

func support(what string, servers int, zone Name, all []Dependent) Support {
	s := Support{What: what, Servers: servers}
	for _, d := range all {
		if d.Zone == zone {
			continue
		}
		s.Others++
		if d.All() {
			s.Silent++
		}
	}
	return s
}

// Widest are the networks that most zones hang on, at most n, with how many of
// them would be silent without it.
func (f *Fate) Widest(n int) []Support {
	out := []Support{}
	for p, zones := range f.byNetwork {
		out = append(out, Support{What: p.String(), Others: len(zones)})
	}
	slices.SortFunc(out, func(a, b Support) int {
		return cmp.Or(cmp.Compare(b.Others, a.Others), cmp.Compare(a.What, b.What))
	})
	out = out[:min(n, len(out))]
	for i := range out {
		p := netip.MustParsePrefix(out[i].What)
		for _, d := range f.OnNetwork(p) {
			out[i].Servers += d.Lost
			if d.All() {
				out[i].Silent++
			}
		}
	}
	return out
}
