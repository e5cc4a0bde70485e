package holdfast

import (
	"net/netip"
	"slices"
	"testing"
)

func TestFate(t *testing.T) {
	at := func(name, address string) ServerVerdict {
		return ServerVerdict{Server: Server{Name(name), netip.MustParseAddr(address)}}
	}
	f := NewFate([]Verdict{
		{Zone: "red.", Servers: []ServerVerdict{at("ns1.red.", "192.0.2.1"), at("any.backend.green.", "198.51.100.66"), at("any.backend.green.", "2001:db8:66::1")}},
		{Zone: "green.", Servers: []ServerVerdict{at("any.backend.green.", "198.51.100.66")}},
		{Zone: "blue.", Servers: []ServerVerdict{at("ns1.blue.", "192.0.2.9"), at("ns2.blue.", "192.0.2.10")}},
	})
	on := f.OnAddresses([]netip.Addr{netip.MustParseAddr("198.51.100.66"), netip.MustParseAddr("2001:db8:66::1")})
	if want := []Dependent{{"green.", 1, 1}, {"red.", 2, 3}}; !slices.Equal(on, want) || !on[0].All() || on[1].All() {
		t.Errorf("on the backend hang %v, want %v", on, want)
	}
	if on := f.OnHost("backend.green."); len(on) != 2 {
		t.Errorf("on the host domain hang %v", on)
	}
	if on := f.OnNetwork(netip.MustParsePrefix("192.0.2.0/24")); !slices.Equal(on, []Dependent{{"blue.", 2, 2}, {"red.", 1, 3}}) {
		t.Errorf("on the network hang %v", on)
	}
	red, known := f.Of("red.")
	if !known || red.Servers != 3 || len(red.Networks) != 3 || len(red.Hosts) != 2 ||
		red.Hosts[0] != (Support{"backend.green.", 2, 1, 1}) {
		t.Errorf("red hangs on %+v", red)
	}
	if _, known := f.Of("white."); known {
		t.Error("a zone that was never seen is known")
	}
	if w := f.Widest(1); len(w) != 1 || w[0] != (Support{"192.0.2.0/24", 3, 2, 1}) {
		t.Errorf("the widest is %+v", w)
	}
}
