package authority

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"time"
)

// Bounds of a TCP conversation.
const (
	idle        = 10 * time.Second // without a question (RFC 7766 section 6.2.3)
	longest     = 2 * time.Minute  // of a connection, whatever it asks
	patience    = 5 * time.Second  // for a reply to be taken
	maxQuestion = 4096             // octets of a question over TCP; over UDP it is cut there
)

// sockets are what a server listens on.
type sockets struct {
	server *Server
	udp    []*net.UDPConn
	tcp    []net.Listener
	slots  chan struct{} // TCP connections

	mu   sync.Mutex
	from map[netip.Prefix]int // TCP connections by network; under mu
}

// open opens all sockets, or none.
func (s *Server) open() (*sockets, error) {
	addresses, err := s.config.addresses()
	if err != nil {
		return nil, err
	}
	out := &sockets{server: s, slots: make(chan struct{}, s.config.Connections), from: map[netip.Prefix]int{}}
	for _, at := range addresses {
		udp, tcp, err := listen(at)
		if err != nil {
			out.close()
			return nil, err
		}
		out.udp, out.tcp = append(out.udp, udp), append(out.tcp, tcp)
	}
	return out, nil
}

// listen opens UDP and TCP on one port; where any will do, it tries a few times
// for one that is free for both.
func listen(at netip.AddrPort) (*net.UDPConn, net.Listener, error) {
	for try := 0; ; try++ {
		udp, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(at))
		if err != nil {
			return nil, nil, err
		}
		_ = udp.SetReadBuffer(4 << 20) // as much as the kernel gives
		tcp, err := net.Listen("tcp", udp.LocalAddr().String())
		if err == nil {
			return udp, tcp, nil
		}
		_ = udp.Close()
		if at.Port() != 0 || try == 8 {
			return nil, nil, err
		}
	}
}

func (k *sockets) close() {
	for i := range k.udp { // what is lost by closing is what the caller has ended
		_ = k.udp[i].Close()
		_ = k.tcp[i].Close()
	}
}

func (k *sockets) addresses() (out []netip.AddrPort) {
	for _, udp := range k.udp {
		out = append(out, udp.LocalAddr().(*net.UDPAddr).AddrPort())
	}
	return out
}

func (k *sockets) serve(ctx context.Context, wait *sync.WaitGroup) {
	for i := range k.udp {
		for range runtime.GOMAXPROCS(0) {
			wait.Go(func() { k.datagrams(k.udp[i]) })
		}
		wait.Go(func() { k.accept(ctx, k.tcp[i], wait) })
	}
}

// datagrams answers what comes over UDP until the socket is closed.
func (k *sockets) datagrams(conn *net.UDPConn) {
	r := newReplier(k.server)
	in, out := make([]byte, maxQuestion), make([]byte, 0, 64<<10)
	for {
		n, from, err := conn.ReadFromUDPAddrPort(in)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // an error that an earlier reply met on its way
		}
		if reply := r.reply(out[:0], in[:n], from, false); len(reply) > 0 {
			_, _ = conn.WriteToUDPAddrPort(reply, from) // what the network does not take is lost, as on its way
		}
	}
}

// accept serves TCP connections, as many as there may be.
func (k *sockets) accept(ctx context.Context, listener net.Listener, wait *sync.WaitGroup) {
	for {
		conn, err := listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			time.Sleep(10 * time.Millisecond) // out of descriptors, most likely: let some go
			continue
		}
		from := conn.RemoteAddr().(*net.TCPAddr).AddrPort()
		if !k.enter(from.Addr()) {
			k.server.counts.Turned.Add(1)
			_ = conn.Close()
			continue
		}
		wait.Go(func() {
			defer k.leave(from.Addr())
			defer conn.Close()
			defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
			k.converse(conn, from)
		})
	}
}

// enter takes a place for a connection, if there is one for its network.
func (k *sockets) enter(from netip.Addr) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	net := network(from)
	if k.from[net] >= k.server.config.PerNetwork {
		return false
	}
	select {
	case k.slots <- struct{}{}:
		k.from[net]++
		return true
	default:
		return false
	}
}

func (k *sockets) leave(from netip.Addr) {
	k.mu.Lock()
	defer k.mu.Unlock()
	net := network(from)
	if k.from[net]--; k.from[net] <= 0 {
		delete(k.from, net)
	}
	<-k.slots
}

// converse answers the questions of one connection, one after the other, as
// they come (RFC 7766 section 6.2.1).
func (k *sockets) converse(conn net.Conn, from netip.AddrPort) {
	end := time.Now().Add(longest)
	r := newReplier(k.server)
	var in [maxQuestion]byte
	out := make([]byte, 0, 4096)
	for {
		deadline := time.Now().Add(idle)
		if deadline.After(end) {
			deadline = end
		}
		if conn.SetReadDeadline(deadline) != nil {
			return
		}
		if _, err := io.ReadFull(conn, in[:2]); err != nil {
			return
		}
		n := int(binary.BigEndian.Uint16(in[:]))
		if n > len(in) {
			return // no question is that long
		}
		if _, err := io.ReadFull(conn, in[:n]); err != nil {
			return
		}
		out = r.reply(append(out[:0], 0, 0), in[:n], from, true)
		if len(out) == 2 || len(out) > 2+65535 {
			return // who sends what is no question over TCP has nothing to hope for
		}
		binary.BigEndian.PutUint16(out, uint16(len(out)-2))
		if conn.SetWriteDeadline(time.Now().Add(patience)) != nil {
			return
		}
		if _, err := conn.Write(out); err != nil {
			return
		}
	}
}
