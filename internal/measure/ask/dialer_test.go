package ask

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
)

// The table moves addresses of both families to loopback ports; replies seem
// to come from where the question went.
func TestMapped(t *testing.T) {
	s := (&server{onUDP: one(answer), onTCP: overStream(answer)}).start(t)
	here := netip.AddrPortFrom(home, s.port)
	for _, addr := range []string{"192.0.2.1", "2001:db8::1"} {
		table := map[netip.Addr]netip.AddrPort{netip.MustParseAddr(addr): here}
		a, err := New(Config{Rate: -1, UDPWait: holdfast.Duration(500 * time.Millisecond)}, Mapped{Table: table, Base: LoopbackOnly{System{}}}, clock{})
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		q := theQuestion
		q.Server.Address = netip.MustParseAddr(addr)
		for _, transport := range []holdfast.Transport{holdfast.UDP, holdfast.TCP} {
			q.Transport = transport
			if e := a.Ask(t.Context(), q); e.Outcome != holdfast.Answered || e.Tries != 1 || e.From.IsValid() {
				t.Errorf("%s over %s: %s after %d tries (%s)", addr, transport, e.Outcome, e.Tries, e.Detail)
			}
		}
		q.Server.Address = netip.MustParseAddr("192.0.2.99")
		if e := a.Ask(t.Context(), q); e.Outcome != holdfast.NotAsked {
			t.Errorf("an address outside the table: %s", e.Outcome)
		}
	}
	twice := Mapped{Base: System{}, Table: map[netip.Addr]netip.AddrPort{
		netip.MustParseAddr("192.0.2.1"): here, netip.MustParseAddr("192.0.2.2"): here}}
	if _, err := twice.ListenPacket(t.Context(), "udp4", ":0"); err == nil {
		t.Error("two addresses at one place were taken")
	}
}

// plain hides what a connection can do beyond net.PacketConn.
type plain struct{ net.PacketConn }

func TestAnyPacketConn(t *testing.T) {
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	p := packetsOf(plain{conn})
	self := conn.LocalAddr().(*net.UDPAddr).AddrPort()
	if _, err := p.WriteToUDPAddrPort([]byte("x"), self); err != nil {
		t.Fatal(err)
	}
	buffer := make([]byte, 10)
	n, from, err := p.ReadFromUDPAddrPort(buffer)
	if err != nil || n != 1 || from.Port() != self.Port() {
		t.Errorf("%d octets from %s, %v", n, from, err)
	}
	mapped, err := Mapped{Base: LoopbackOnly{System{}}}.ListenPacket(t.Context(), "udp4", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer mapped.Close()
	if _, err := mapped.WriteTo([]byte("y"), conn.LocalAddr()); err != nil {
		t.Error(err)
	}
	if _, err := mapped.WriteTo([]byte("y"), &net.UDPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 53}); err == nil {
		t.Error("wrote outside loopback")
	}
}
