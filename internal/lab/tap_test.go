package lab

import (
	"context"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// TestTapHearsEverything: each question, over UDP and TCP, in memory and on
// sockets, with who asked whom.
func TestTapHearsEverything(t *testing.T) {
	in := ordered(t, &stopped{start})
	tap := in.Tap(16)
	root := netip.MustParseAddr("198.41.0.4")
	packet, err := wire.NewQuery(7, holdfast.Question{Name: "_ta-4f66.", Type: 10}).Pack()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ready, done := make(chan netip.AddrPort, 1), make(chan error, 1)
	go func() {
		done <- in.Serve(ctx, ServeConfig{Ready: func(table map[netip.Addr]netip.AddrPort) { ready <- table[root] }})
	}()
	at := <-ready
	dial := func(conn net.Conn, err error) netip.AddrPort {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		sent := packet
		if _, stream := conn.LocalAddr().(*net.TCPAddr); stream {
			sent = append([]byte{0, byte(len(packet))}, packet...)
		}
		if _, err := conn.Write(sent); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Read(make([]byte, 512)); err != nil {
			t.Fatal(err)
		}
		return netip.MustParseAddrPort(conn.LocalAddr().String())
	}
	for _, network := range []string{"udp", "tcp"} {
		memory := dial(in.DialContext(t.Context(), network, "198.41.0.4:53"))
		socket := dial(net.Dial(network, at.String()))
		for _, from := range []netip.AddrPort{memory, socket} {
			h := <-tap.Questions
			if h.From != from || h.Server != root || h.TCP != (network == "tcp") || string(h.Packet) != string(packet) || !h.At.Equal(start) {
				t.Errorf("%s from %s was heard as %+v", network, from, h)
			}
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	tap.Close()
	tap.Close()
	if h, open := <-tap.Questions; open {
		t.Errorf("after the end %+v was heard", h)
	}
}

// TestTapNeverHoldsTheLabUp: a listener that does not read loses, and is told
// how much; one that has gone costs nothing.
func TestTapNeverHoldsTheLabUp(t *testing.T) {
	in := ordered(t, &stopped{start})
	slow, other := in.Tap(2), in.Tap(0)
	conn, err := in.DialContext(t.Context(), "udp", "198.41.0.4:53")
	if err != nil {
		t.Fatal(err)
	}
	packet, err := wire.NewQuery(7, holdfast.Question{Name: ".", Type: uint16(wire.TypeSOA)}).Pack()
	if err != nil {
		t.Fatal(err)
	}
	ask := func() {
		if _, err := conn.Write(packet); err != nil {
			t.Fatal(err)
		}
		_ = conn.SetReadDeadline(time.Now().Add(time.Second))
		if _, err := conn.Read(make([]byte, 512)); err != nil {
			t.Fatal(err)
		}
	}
	for range 5 {
		ask()
	}
	other.Close()
	ask()
	if slow.Lost() != 4 || len(slow.Questions) != 2 || other.Lost() != 4 {
		t.Errorf("lost %d and %d, %d wait; want 4, 4 and 2", slow.Lost(), other.Lost(), len(slow.Questions))
	}
}
