package lab

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Addresses from which the lab's own askers ask, when they ask in memory.
var (
	asker4 = netip.MustParseAddr("192.0.2.53")
	asker6 = netip.MustParseAddr("2001:db8::53")
)

const (
	port         = 53
	inboxLength  = 4096 // datagrams; beyond it they are dropped, as a socket does
	datagramSize = 4096 // more than the largest reply over UDP
)

// datagram is one reply under way.
type datagram struct {
	buf  [datagramSize]byte
	n    int
	from netip.AddrPort
}

var datagrams = sync.Pool{New: func() any { return new(datagram) }}

// PacketConn is a UDP endpoint in the lab. Besides net.PacketConn it has the
// methods of net.UDPConn that do not allocate.
type PacketConn struct {
	in    *Internet
	local netip.AddrPort
	peer  netip.AddrPort // of a connected endpoint; zero otherwise

	inbox  chan *datagram
	failed atomic.Pointer[net.OpError] // what the network said to a connected endpoint
	closed chan struct{}
	once   sync.Once
	read   deadline
}

// ListenPacket makes an unconnected UDP endpoint: network is "udp", "udp4" or
// "udp6", address says at most a port.
func (in *Internet) ListenPacket(ctx context.Context, network, address string) (net.PacketConn, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("listen in the lab: %w", err)
	}
	switch network {
	case "udp", "udp4", "udp6":
	default:
		return nil, fmt.Errorf("listen in the lab: %w", net.UnknownNetworkError(network))
	}
	return in.endpoint(network == "udp6", netip.AddrPort{}), nil
}

func (in *Internet) endpoint(six bool, peer netip.AddrPort) *PacketConn {
	addr := asker4
	if six {
		addr = asker6
	}
	in.mu.Lock()
	number := uint16(49152 + in.random.IntN(1<<14))
	in.mu.Unlock()
	return &PacketConn{in: in, local: netip.AddrPortFrom(addr, number), peer: peer,
		inbox: make(chan *datagram, inboxLength), closed: make(chan struct{}), read: newDeadline()}
}

// DialContext connects to a server of the lab: "udp" or "tcp", with or without
// 4 or 6, at an address and port.
func (in *Internet) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	peer, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, fmt.Errorf("dial in the lab: %w", err)
	}
	peer = netip.AddrPortFrom(peer.Addr().Unmap(), peer.Port())
	switch network {
	case "udp", "udp4", "udp6":
		return in.endpoint(peer.Addr().Is6(), peer), ctx.Err()
	case "tcp", "tcp4", "tcp6":
		if peer.Port() == portTLS {
			return in.dialTLS(peer)
		}
		return in.dialTCP(ctx, peer)
	}
	return nil, fmt.Errorf("dial in the lab: %w", net.UnknownNetworkError(network))
}

func opError(op, network string, peer netip.AddrPort, cause error) *net.OpError {
	var addr net.Addr = net.UDPAddrFromAddrPort(peer)
	if network == "tcp" {
		addr = net.TCPAddrFromAddrPort(peer)
	}
	return &net.OpError{Op: op, Net: network, Addr: addr, Err: cause}
}

// WriteToUDPAddrPort asks a server. The reply, if any, is in the inbox before
// it returns, unless a fault holds it back. What the network would say by ICMP
// (connection refused, no route) is said here at once: an unconnected socket
// on a real machine may never hear of it.
func (c *PacketConn) WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error) {
	select {
	case <-c.closed:
		return 0, opError("write", "udp", to, net.ErrClosed)
	default:
	}
	if to.Port() != port {
		return len(b), nil
	}
	d := datagrams.Get().(*datagram)
	c.in.hear(c.local, to.Addr(), false, b)
	r := c.in.respond(d.buf[:0], to.Addr().Unmap(), b, false)
	switch r.fate {
	case refused:
		datagrams.Put(d)
		return 0, opError("write", "udp", to, os.NewSyscallError("sendto", syscall.ECONNREFUSED))
	case noRoute:
		datagrams.Put(d)
		return 0, opError("write", "udp", to, os.NewSyscallError("sendto", syscall.EHOSTUNREACH))
	case lost:
		datagrams.Put(d)
		return len(b), nil
	}
	d.n = copy(d.buf[:], r.packet)
	d.from = netip.AddrPortFrom(r.from, port)
	if r.delay > 0 {
		time.AfterFunc(r.delay, func() { c.deliver(d) })
	} else {
		c.deliver(d)
	}
	return len(b), nil
}

// deliver puts a datagram into the inbox, or drops it where that is full. A
// connected endpoint hears its peer only.
func (c *PacketConn) deliver(d *datagram) {
	if !c.peer.IsValid() || c.peer == d.from {
		select {
		case c.inbox <- d:
			return
		default:
		}
	}
	datagrams.Put(d)
}

// ReadFromUDPAddrPort waits for a reply until the read deadline.
func (c *PacketConn) ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error) {
	select { // what has arrived is read even when the deadline has passed
	case d := <-c.inbox:
		return c.take(b, d)
	default:
	}
	if err := c.failed.Swap(nil); err != nil {
		return 0, netip.AddrPort{}, err
	}
	select {
	case d := <-c.inbox:
		return c.take(b, d)
	case <-c.read.passed():
		return 0, netip.AddrPort{}, opError("read", "udp", c.local, os.ErrDeadlineExceeded)
	case <-c.closed:
		return 0, netip.AddrPort{}, opError("read", "udp", c.local, net.ErrClosed)
	}
}

func (c *PacketConn) take(b []byte, d *datagram) (int, netip.AddrPort, error) {
	n, from := copy(b, d.buf[:d.n]), d.from
	datagrams.Put(d)
	return n, from, nil
}

// ReadFrom is ReadFromUDPAddrPort for net.PacketConn.
func (c *PacketConn) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := c.ReadFromUDPAddrPort(b)
	if err != nil {
		return n, nil, err
	}
	return n, net.UDPAddrFromAddrPort(from), nil
}

// WriteTo is WriteToUDPAddrPort for net.PacketConn.
func (c *PacketConn) WriteTo(b []byte, to net.Addr) (int, error) {
	addr, ok := to.(*net.UDPAddr)
	if !ok {
		return 0, fmt.Errorf("write in the lab: %T is no UDP address", to)
	}
	return c.WriteToUDPAddrPort(b, addr.AddrPort())
}

// Read is for connected endpoints.
func (c *PacketConn) Read(b []byte) (int, error) {
	n, _, err := c.ReadFromUDPAddrPort(b)
	return n, err
}

// Write is for connected endpoints. What ICMP would say, the next Read says.
func (c *PacketConn) Write(b []byte) (int, error) {
	if !c.peer.IsValid() {
		return 0, opError("write", "udp", c.local, syscall.EDESTADDRREQ)
	}
	n, err := c.WriteToUDPAddrPort(b, c.peer)
	if said, ok := err.(*net.OpError); ok && said.Err != net.ErrClosed {
		c.failed.Store(said)
		return len(b), nil
	}
	return n, err
}

// Close ends the endpoint; a pending read answers net.ErrClosed.
func (c *PacketConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return nil
}

// LocalAddr is an address of documentation (RFC 5737, RFC 3849) and a port.
func (c *PacketConn) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(c.local) }

// RemoteAddr is the peer of a connected endpoint.
func (c *PacketConn) RemoteAddr() net.Addr { return net.UDPAddrFromAddrPort(c.peer) }

// SetDeadline sets the read deadline; writes never wait.
func (c *PacketConn) SetDeadline(t time.Time) error { return c.SetReadDeadline(t) }

// SetReadDeadline sets when reads give up, in real time.
func (c *PacketConn) SetReadDeadline(t time.Time) error {
	c.read.set(t)
	return nil
}

// SetWriteDeadline does nothing: writes never wait.
func (c *PacketConn) SetWriteDeadline(time.Time) error { return nil }

// deadline is a moment after which waiting ends, and that may be moved.
type deadline struct {
	mu    *sync.Mutex
	state *deadlineState
}

type deadlineState struct {
	timer *time.Timer
	done  chan struct{}
}

func newDeadline() deadline {
	return deadline{mu: new(sync.Mutex), state: &deadlineState{done: make(chan struct{})}}
}

// passed is closed when the deadline has passed.
func (d deadline) passed() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.state.done
}

func (d deadline) set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.state
	if s.timer != nil && !s.timer.Stop() {
		<-s.done // the timer has fired: let it close its channel first
	}
	s.timer = nil
	select {
	case <-s.done:
		s.done = make(chan struct{})
	default:
	}
	if t.IsZero() {
		return
	}
	done := s.done
	if wait := time.Until(t); wait > 0 {
		s.timer = time.AfterFunc(wait, func() { close(done) })
	} else {
		close(done)
	}
}

var _ interface {
	net.PacketConn
	net.Conn
} = (*PacketConn)(nil)

var _ io.ReadWriteCloser = (*stream)(nil)
