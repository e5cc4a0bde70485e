package lab

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// serveLoopback serves on loopback and gives the table of addresses.
func serveLoopback(t *testing.T, in *Internet, cfg ServeConfig) map[netip.Addr]netip.AddrPort {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	tables, done := make(chan map[netip.Addr]netip.AddrPort, 1), make(chan error, 1)
	cfg.Ready = func(table map[netip.Addr]netip.AddrPort) { tables <- table }
	go func() { done <- in.Serve(ctx, cfg) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(10 * time.Second):
			t.Error("it does not end with its context")
		}
	})
	select {
	case table := <-tables:
		return table
	case err := <-done:
		done <- nil
		t.Fatal(err)
		return nil
	}
}

// overSocket asks for a SOA and waits for the reply so long.
func overSocket(t *testing.T, network string, at netip.AddrPort, name string, wait time.Duration) ([]byte, error) {
	t.Helper()
	conn, err := net.Dial(network, at.String())
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(wait))
	packet := packed(t, wire.NewQuery(3, holdfast.Question{Name: holdfast.Name(name), Type: uint16(wire.TypeSOA)}))
	if network == "tcp" {
		if _, err := conn.Write(appendFramed(nil, packet)); err != nil {
			return nil, err
		}
		return readFramed(conn)
	}
	if _, err := conn.Write(packet); err != nil {
		return nil, err
	}
	buf := make([]byte, 4096)
	n, err := conn.Read(buf)
	return buf[:n], err
}

func TestServeOnLoopback(t *testing.T) {
	in, _ := small(t)
	table := serveLoopback(t, in, ServeConfig{})
	if len(table) != len(in.Addresses()) {
		t.Fatalf("%d addresses mapped, want %d", len(table), len(in.Addresses()))
	}
	for _, zone := range in.Zones() {
		for _, s := range in.Servers(zone) {
			at := table[s.Address]
			if !at.Addr().IsLoopback() {
				t.Fatalf("%s is at %s", s, at)
			}
			for _, network := range []string{"udp", "tcp"} {
				packet, err := overSocket(t, network, at, string(zone), 30*time.Second)
				if err != nil {
					t.Fatalf("%s over %s: %v", s, network, err)
				}
				if m, err := wire.Parse(packet); err != nil || !m.Authoritative || len(m.Answer) == 0 {
					t.Errorf("%s over %s: %v %+v", s, network, err, m)
				}
			}
		}
	}
	seen := map[netip.AddrPort]bool{}
	for _, at := range table {
		seen[at] = true
	}
	if len(seen) != len(table) {
		t.Error("two addresses share a socket")
	}
}

func TestFaultsOnSockets(t *testing.T) {
	in, _ := small(t)
	table := serveLoopback(t, in, ServeConfig{})
	at := table[netip.MustParseAddr(nsecA)]
	for _, c := range []struct {
		order    string
		udp, tcp bool // an answer comes
	}{
		{"* timeout nsec.test.", false, false},
		{"* conn-refused nsec.test.", false, false},
		{"* no-tcp nsec.test.", true, false},
		{"* wrong-source nsec.test.", false, true}, // a connected socket does not see it
		{"* slow 5ms nsec.test.", true, true},
	} {
		f, err := ParseFault(c.order, start)
		if err != nil {
			t.Fatal(err)
		}
		id, err := in.Order(f)
		if err != nil {
			t.Fatal(err)
		}
		for network, want := range map[string]bool{"udp": c.udp, "tcp": c.tcp} {
			wait := 200 * time.Millisecond
			if want {
				wait = 30 * time.Second
			}
			if _, err := overSocket(t, network, at, "nsec.test.", wait); (err == nil) != want {
				t.Errorf("%s over %s: %v", c.order, network, err)
			}
		}
		in.Repair(id)
	}
}

func TestServeBoundsConnections(t *testing.T) {
	in, _ := small(t)
	table := serveLoopback(t, in, ServeConfig{Connections: 1})
	at := table[netip.MustParseAddr(nsecA)]
	held, err := net.Dial("tcp", at.String())
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	if _, err := held.Write(appendFramed(nil, packed(t, wire.NewQuery(3, holdfast.Question{Name: "nsec.test.", Type: 6})))); err != nil {
		t.Fatal(err)
	}
	if _, err := readFramed(held); err != nil {
		t.Fatal(err)
	}
	if _, err := overSocket(t, "tcp", at, "nsec.test.", 30*time.Second); err == nil {
		t.Error("a second connection was served where one is allowed")
	}
}

func TestServeRefuses(t *testing.T) {
	in, _ := small(t)
	for what, cfg := range map[string]ServeConfig{
		"a base off loopback": {Base: netip.MustParseAddr("192.0.2.1")},
		"a base of IPv6":      {Base: netip.MustParseAddr("::1")},
	} {
		if err := in.Serve(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "127.0.0.0/8") {
			t.Errorf("%s: %v", what, err)
		}
	}
	taken, err := net.ListenPacket("udp4", "127.53.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := uint16(taken.LocalAddr().(*net.UDPAddr).Port)
	var inUse *net.OpError
	if err := in.Serve(t.Context(), ServeConfig{Port: port}); !errors.As(err, &inUse) {
		t.Errorf("a port in use: %v", err)
	}
}
