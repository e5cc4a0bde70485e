package lab

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"
)

// stream is a TCP connection to a server of the lab, in memory: each question
// is answered while it is written, so there is no goroutine behind it.
type stream struct {
	in    *Internet
	local netip.AddrPort
	peer  netip.AddrPort
	read  deadline

	mu      sync.Mutex
	asked   []byte        // what was written and is not yet a whole message; owned by mu
	replies []byte        // what is to be read; owned by mu
	reset   bool          // the server has closed; owned by mu
	closed  bool          // we have; owned by mu
	wake    chan struct{} // closed, and replaced, at each change; owned by mu
}

// maxAsked bounds what may stand unread in one direction of a connection.
const maxAsked = 1 << 20

// dialTCP opens a connection, or says what the network said. A server that
// drops packets keeps the caller waiting until its context ends.
func (in *Internet) dialTCP(ctx context.Context, peer netip.AddrPort) (net.Conn, error) {
	outcome := lost
	if s := in.servers[peer.Addr()]; s != nil && peer.Port() == port {
		outcome = in.door(s)
	}
	switch outcome {
	case refused:
		return nil, opError("dial", "tcp", peer, os.NewSyscallError("connect", syscall.ECONNREFUSED))
	case noRoute:
		return nil, opError("dial", "tcp", peer, os.NewSyscallError("connect", syscall.EHOSTUNREACH))
	case lost:
		<-ctx.Done()
		return nil, opError("dial", "tcp", peer, fmt.Errorf("%w: %w", os.ErrDeadlineExceeded, ctx.Err()))
	}
	if err := ctx.Err(); err != nil {
		return nil, opError("dial", "tcp", peer, err)
	}
	local := in.endpoint(peer.Addr().Is6(), peer).local
	return &stream{in: in, local: local, peer: peer, read: newDeadline(), wake: make(chan struct{})}, nil
}

// door is what meets a new TCP connection. It is shut only when it is shut for
// every zone of the server; otherwise the questions for some are met later.
func (in *Internet) door(s *server) fate {
	now := in.clock.Now()
	outcome := delivered
	for name := range s.zones {
		if outcome = in.fateOf(in.viewOf(s, name, now), true, now); outcome == delivered {
			return delivered
		}
	}
	return outcome
}

// Write takes questions, each behind its two octets of length (RFC 1035
// section 4.2.2), and has them answered.
func (c *stream) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closed:
		return 0, opError("write", "tcp", c.peer, net.ErrClosed)
	case c.reset:
		return 0, opError("write", "tcp", c.peer, os.NewSyscallError("write", syscall.ECONNRESET))
	case len(c.asked)+len(b) > maxAsked:
		return 0, opError("write", "tcp", c.peer, os.NewSyscallError("write", syscall.ENOBUFS))
	}
	c.asked = append(c.asked, b...)
	for len(c.asked) >= 2 {
		n := int(binary.BigEndian.Uint16(c.asked))
		if len(c.asked) < 2+n {
			break
		}
		c.answer(c.asked[2 : 2+n])
		c.asked = c.asked[2+n:]
	}
	return len(b), nil
}

// answer puts the replies to one question up for reading. The caller holds mu.
func (c *stream) answer(question []byte) {
	c.in.hear(c.local, c.peer.Addr(), true, question)
	framed, r := c.in.respondTCP(c.peer.Addr(), question)
	switch {
	case r.fate == lost:
	case r.fate != delivered:
		c.reset = true
		c.changed()
	case r.delay > 0:
		time.AfterFunc(r.delay, func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.replies = append(c.replies, framed...)
			c.changed()
		})
	default:
		c.replies = append(c.replies, framed...)
		c.changed()
	}
}

// changed wakes the readers. The caller holds mu.
func (c *stream) changed() {
	close(c.wake)
	c.wake = make(chan struct{})
}

// Read gives what the server sent, waiting until the read deadline.
func (c *stream) Read(b []byte) (int, error) {
	for {
		c.mu.Lock()
		wake := c.wake
		switch {
		case c.closed:
			c.mu.Unlock()
			return 0, opError("read", "tcp", c.peer, net.ErrClosed)
		case len(c.replies) > 0:
			n := copy(b, c.replies)
			c.replies = c.replies[n:]
			c.mu.Unlock()
			return n, nil
		case c.reset:
			c.mu.Unlock()
			return 0, io.EOF
		}
		c.mu.Unlock()
		select {
		case <-wake:
		case <-c.read.passed():
			return 0, opError("read", "tcp", c.peer, os.ErrDeadlineExceeded)
		}
	}
}

// Close ends the connection.
func (c *stream) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.closed = true
		c.changed()
	}
	return nil
}

func (c *stream) LocalAddr() net.Addr  { return net.TCPAddrFromAddrPort(c.local) }
func (c *stream) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(c.peer) }

// SetDeadline sets the read deadline; writes never wait.
func (c *stream) SetDeadline(t time.Time) error { return c.SetReadDeadline(t) }

// SetReadDeadline sets when reads give up, in real time.
func (c *stream) SetReadDeadline(t time.Time) error {
	c.read.set(t)
	return nil
}

// SetWriteDeadline does nothing: writes never wait.
func (c *stream) SetWriteDeadline(time.Time) error { return nil }
