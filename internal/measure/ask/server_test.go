package ask

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clock is one that stands still, so that a test knows what Sent must be.
type clock struct{}

var instant = time.Date(2026, 11, 21, 4, 0, 0, 0, time.UTC)

func (clock) Now() time.Time                         { return instant }
func (clock) After(d time.Duration) <-chan time.Time { return time.After(d) }

// server is a name server of the test's own, over UDP and TCP on one loopback
// port. What it answers is up to the test.
type server struct {
	port    uint16
	udp     *net.UDPConn
	tcp     *net.TCPListener
	asked   atomic.Int64 // over UDP
	streams atomic.Int64 // over TCP
	running sync.WaitGroup
	// onUDP gives the packets to send back from the server's own socket.
	onUDP func(query []byte, from netip.AddrPort) [][]byte
	// onTCP gives the bytes to write to the stream, length included; then it
	// is closed. nil: no listener on TCP, the port is closed.
	onTCP func(query []byte) []byte
}

func (s *server) start(t testing.TB) *server {
	t.Helper()
	// The same port for both: try until one is free for both.
	for range 20 {
		udp, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		s.port = udp.LocalAddr().(*net.UDPAddr).AddrPort().Port()
		s.udp = udp
		if s.onTCP == nil {
			break
		}
		s.tcp, err = net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: int(s.port)})
		if err == nil {
			break
		}
		udp.Close()
	}
	s.running.Go(s.serveUDP)
	if s.tcp != nil {
		s.running.Go(s.serveTCP)
	}
	t.Cleanup(func() {
		s.udp.Close()
		if s.tcp != nil {
			s.tcp.Close()
		}
		s.running.Wait()
	})
	return s
}

func (s *server) serveUDP() {
	buffer := make([]byte, 4096)
	for {
		n, from, err := s.udp.ReadFromUDPAddrPort(buffer)
		if err != nil {
			return
		}
		s.asked.Add(1)
		if s.onUDP == nil {
			continue
		}
		for _, reply := range s.onUDP(append([]byte(nil), buffer[:n]...), from) {
			s.udp.WriteToUDPAddrPort(reply, from)
		}
	}
}

func (s *server) serveTCP() {
	for {
		conn, err := s.tcp.Accept()
		if err != nil {
			return
		}
		s.streams.Add(1)
		s.running.Go(func() {
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(5 * time.Second))
			var length [2]byte
			if _, err := io.ReadFull(conn, length[:]); err != nil {
				return
			}
			query := make([]byte, binary.BigEndian.Uint16(length[:]))
			if _, err := io.ReadFull(conn, query); err == nil {
				conn.Write(s.onTCP(query))
			}
		})
	}
}

var home = netip.MustParseAddr("127.0.0.1")

// asker is one with short waits and no politeness, that reaches loopback only.
func (s *server) asker(t testing.TB, change ...func(*Config)) *Asker {
	t.Helper()
	config := Config{Port: s.port, Rate: -1, UDPWait: holdfast.Duration(150 * time.Millisecond), TCPWait: holdfast.Duration(300 * time.Millisecond)}
	for _, f := range change {
		f(&config)
	}
	a, err := New(config, LoopbackOnly{System{}}, clock{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	return a
}

var theQuestion = Question{
	Zone: "example.", Purpose: holdfast.PurposeSOA,
	Server:   holdfast.Server{Name: "ns1.example.", Address: home},
	Question: holdfast.Question{Name: "example.", Type: uint16(wire.TypeSOA)},
}

func askOnce(t testing.TB, a *Asker, transport holdfast.Transport) holdfast.Exchange {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	q := theQuestion
	q.Transport = transport
	return a.Ask(ctx, q)
}

// answer makes a reply to a query: the same header and question with QR and AA
// set, and an A record, so that replies differ from queries.
func answer(query []byte) []byte {
	m, err := wire.Parse(query)
	if err != nil {
		panic(err)
	}
	reply := &wire.Message{ID: m.ID, Response: true, Authoritative: true, Question: m.Question,
		Answer: []wire.Record{wire.NewAddress(m.Question[0].Name, 60, netip.MustParseAddr("192.0.2.1"))}}
	packet, err := reply.Pack()
	if err != nil {
		panic(err)
	}
	return packet
}

func truncated(query []byte) []byte {
	reply := answer(query)
	reply[2] |= 0x02
	return reply
}

func framed(message []byte) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(message))), message...)
}

func one(reply func([]byte) []byte) func([]byte, netip.AddrPort) [][]byte {
	return func(query []byte, _ netip.AddrPort) [][]byte { return [][]byte{reply(query)} }
}

func overStream(reply func([]byte) []byte) func([]byte) []byte {
	return func(query []byte) []byte { return framed(reply(query)) }
}
