package lab

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

func TestPacketConnDeadlineAndClose(t *testing.T) {
	in, _ := small(t)
	conn, err := in.ListenPacket(t.Context(), "udp6", ":0")
	if err != nil {
		t.Fatal(err)
	}
	if local := conn.LocalAddr().(*net.UDPAddr); local.Port < 49152 || local.IP.To4() != nil {
		t.Errorf("local address %s", local)
	}
	buf := make([]byte, 512)
	_ = conn.SetReadDeadline(time.Now().Add(-time.Second))
	if _, _, err := conn.ReadFrom(buf); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("behind the deadline: %v", err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(5 * time.Millisecond))
	if _, _, err := conn.ReadFrom(buf); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("at the deadline: %v", err)
	}
	_ = conn.SetReadDeadline(time.Time{})
	time.AfterFunc(5*time.Millisecond, func() { _ = conn.Close() })
	if _, _, err := conn.ReadFrom(buf); !errors.Is(err, net.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
	if _, err := conn.WriteTo(buf, &net.UDPAddr{IP: net.IPv4(192, 0, 2, 11), Port: 53}); !errors.Is(err, net.ErrClosed) {
		t.Errorf("write after close: %v", err)
	}
	if _, err := in.ListenPacket(t.Context(), "unixgram", ""); err == nil {
		t.Error("a network that the lab does not have")
	}
}

func TestSlowRepliesComeInTheirTime(t *testing.T) {
	in, _ := small(t)
	f, err := ParseFault("ns1.nsec.test. slow 20ms nsec.test.", start)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := in.Order(f); err != nil {
		t.Fatal(err)
	}
	for network, least := range map[string]time.Duration{"udp": 20 * time.Millisecond, "tcp": 20 * time.Millisecond} {
		began := time.Now()
		conn, err := in.DialContext(t.Context(), network, nsecA+":53")
		if err != nil {
			t.Fatal(err)
		}
		packet := packed(t, wire.NewQuery(1, holdfast.Question{Name: "nsec.test.", Type: uint16(wire.TypeSOA)}))
		if network == "tcp" {
			packet = appendFramed(nil, packet)
		}
		if _, err := conn.Write(packet); err != nil {
			t.Fatal(err)
		}
		_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
		if _, err := conn.Read(make([]byte, 4096)); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took < least {
			t.Errorf("%s took %s, want at least %s", network, took, least)
		}
		_ = conn.Close()
	}
}

func TestConnectedEndpoint(t *testing.T) {
	in, _ := small(t)
	for _, c := range []struct {
		order string
		want  error
	}{
		{"ns1.nsec.test. conn-refused nsec.test.", syscall.ECONNREFUSED}, // said by the next read, as Linux does
		{"ns1.nsec.test. wrong-source nsec.test.", os.ErrDeadlineExceeded},
	} {
		f, err := ParseFault(c.order, start)
		if err != nil {
			t.Fatal(err)
		}
		id, err := in.Order(f)
		if err != nil {
			t.Fatal(err)
		}
		conn, err := in.DialContext(t.Context(), "udp", nsecA+":53")
		if err != nil {
			t.Fatal(err)
		}
		if conn.RemoteAddr().String() != nsecA+":53" {
			t.Errorf("peer %s", conn.RemoteAddr())
		}
		if _, err := conn.Write(packed(t, wire.NewQuery(1, holdfast.Question{Name: "nsec.test.", Type: 6}))); err != nil {
			t.Errorf("%s: write: %v", c.order, err)
		}
		_ = conn.SetReadDeadline(time.Now().Add(patience))
		if _, err := conn.Read(make([]byte, 512)); !errors.Is(err, c.want) {
			t.Errorf("%s: read: %v, want %v", c.order, err, c.want)
		}
		_ = conn.Close()
		in.Repair(id)
	}
}

func TestStreamCarriesManyQuestions(t *testing.T) {
	in, _ := small(t)
	conn, err := in.DialContext(t.Context(), "tcp4", nsecA+":53")
	if err != nil {
		t.Fatal(err)
	}
	var asked []byte
	for id := range 3 {
		asked = appendFramed(asked, packed(t, wire.NewQuery(uint16(id), holdfast.Question{Name: "nsec.test.", Type: 6})))
	}
	for i := range asked { // an octet a write: messages do not come whole
		if _, err := conn.Write(asked[i : i+1]); err != nil {
			t.Fatal(err)
		}
	}
	for id := range 3 {
		packet, err := readFramed(conn)
		if err != nil {
			t.Fatal(err)
		}
		if m, err := wire.Parse(packet); err != nil || m.ID != uint16(id) {
			t.Errorf("reply %d: %v %+v", id, err, m)
		}
	}
	_ = conn.SetDeadline(time.Now().Add(5 * time.Millisecond))
	if _, err := conn.Read(asked); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("nothing more is to come: %v", err)
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	if _, err := conn.Read(asked); !errors.Is(err, net.ErrClosed) {
		t.Errorf("read after close: %v", err)
	}
}

func TestFaultOfOneZoneSparesTheServersOthers(t *testing.T) {
	in, _ := small(t)
	f, err := ParseFault("ns1.nic.test. conn-refused both.test.", start)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := in.Order(f); err != nil {
		t.Fatal(err)
	}
	if s := askTCP(t, in, testA, "test.", wire.TypeSOA); s.err != nil {
		t.Errorf("test.: %v", s.err)
	}
	if s := askTCP(t, in, testA, "both.test.", wire.TypeSOA); !errors.Is(s.err, io.EOF) {
		t.Errorf("both.test.: %v, want the connection closed", s.err)
	}
}

func TestDialOfNowhere(t *testing.T) {
	in, _ := small(t)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
	defer cancel()
	if _, err := in.DialContext(ctx, "tcp", "203.0.113.1:53"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("an address that no server has: %v", err)
	}
	for _, bad := range [][2]string{{"tcp", "ns1.nsec.test:53"}, {"sctp", "192.0.2.11:53"}} {
		if _, err := in.DialContext(t.Context(), bad[0], bad[1]); err == nil {
			t.Errorf("dialled %v", bad)
		}
	}
	if s := askUDP(t, in, "203.0.113.1", "test.", wire.TypeSOA); !errors.Is(s.err, os.ErrDeadlineExceeded) {
		t.Errorf("UDP to nowhere: %+v", s)
	}
}

// TestManyAskers: one lab, many endpoints, faults ordered and repaired the
// while; for the race detector.
func TestManyAskers(t *testing.T) {
	in, _ := small(t)
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for range 20 {
				for _, zone := range in.Zones() {
					for _, s := range in.Servers(zone) {
						if got := askUDP(t, in, s.Address.String(), string(zone), wire.TypeSOA); got.err != nil {
							t.Errorf("%s at %s: %v", zone, s, got.err)
						}
					}
				}
			}
		})
	}
	for range 50 {
		f, err := ParseFault("* expire SOA nsec.test.", start)
		if err != nil {
			t.Error(err)
		}
		id, err := in.Order(f)
		if err != nil {
			t.Error(err)
		}
		in.Repair(id)
	}
	wait.Wait()
	if in.Questions() == 0 {
		t.Error("no question was counted")
	}
}

func TestTransferInMemory(t *testing.T) {
	in, _ := small(t)
	conn, err := in.DialContext(t.Context(), "tcp", rootA+":53")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ask := &wire.Message{ID: 9, Question: []holdfast.Question{{Name: holdfast.Root, Type: uint16(wire.TypeAXFR)}}}
	if _, err := conn.Write(appendFramed(nil, packed(t, ask))); err != nil {
		t.Fatal(err)
	}
	want, err := in.RootZone(start)
	if err != nil {
		t.Fatal(err)
	}
	var got []wire.Record
	for len(got) < len(want)+1 {
		packet, err := readFramed(conn)
		if err != nil {
			t.Fatal(err)
		}
		m, err := wire.Parse(packet)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, m.Answer...)
	}
	if got[0].Type != wire.TypeSOA || got[len(got)-1].Type != wire.TypeSOA {
		t.Error("a transfer begins and ends with the SOA (RFC 5936 section 2.2)")
	}
	for i, r := range want {
		if r.Name != got[i].Name || r.Type != got[i].Type || string(r.Canonical()) != string(got[i].Canonical()) {
			t.Fatalf("record %d: %s, want %s", i, got[i], r)
		}
	}
	// Over TCP, of a zone that the server does not have: refused.
	ask.Question[0].Name = "nsec.test."
	if _, err := conn.Write(appendFramed(nil, packed(t, ask))); err != nil {
		t.Fatal(err)
	}
	packet, err := readFramed(conn)
	if err != nil {
		t.Fatal(err)
	}
	if m, err := wire.Parse(packet); err != nil || m.Rcode != wire.Refused {
		t.Errorf("%v %+v", err, m)
	}
}

// BenchmarkAsk is one question with its answer in memory, over 100 zones.
func BenchmarkAsk(b *testing.B) {
	plan := BuiltinPlan(100)
	in, err := New(plan, NewClock(start, 1))
	if err != nil {
		b.Fatal(err)
	}
	type target struct {
		packet []byte
		to     netip.AddrPort
	}
	var targets []target
	for _, zone := range in.Zones() {
		for _, s := range in.Servers(zone) {
			packet := packed(b, wire.NewQuery(1, holdfast.Question{Name: zone, Type: uint16(wire.TypeSOA)}))
			targets = append(targets, target{packet, netip.AddrPortFrom(s.Address, 53)})
		}
	}
	conn, err := in.ListenPacket(b.Context(), "udp", "")
	if err != nil {
		b.Fatal(err)
	}
	c, buf := conn.(*PacketConn), make([]byte, 4096)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		at := targets[i%len(targets)]
		if _, err := c.WriteToUDPAddrPort(at.packet, at.to); err != nil {
			b.Fatal(err)
		}
		if _, _, err := c.ReadFromUDPAddrPort(buf); err != nil {
			b.Fatal(err)
		}
	}
}
