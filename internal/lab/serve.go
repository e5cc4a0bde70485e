package lab

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// ServeConfig says on which sockets a lab answers.
type ServeConfig struct {
	// Everywhere answers on port 53 of every address that the machine calls
	// its own. In a network namespace of one's own that can be all there are:
	//
	//	unshare -Urn sh -c 'ip link set lo up
	//	  ip route add local 0.0.0.0/0 dev lo; ip -6 route add local ::/0 dev lo
	//	  exec holdfast lab --serve ...'
	//
	// Otherwise each address of the lab, IPv4 or IPv6, gets a loopback address
	// of its own, for which no privilege is needed; Ready tells which.
	Everywhere bool
	// Base is the first loopback address of the mapping; zero: 127.53.0.1.
	Base netip.Addr
	// Port is that of the loopback addresses; 0: any free one, the same on all.
	Port uint16
	// Ready is called once all sockets are open, with the lab's addresses and
	// where they are to be found; it is empty where Everywhere is set.
	Ready func(map[netip.Addr]netip.AddrPort)
	// Connections bounds how many TCP connections are open at once; 0: 256.
	Connections int
}

// Bounds of serving.
const (
	maxLoopback = 4096             // addresses, two sockets and two goroutines each
	maxDelayed  = 1 << 14          // replies over UDP that wait for their delay
	idle        = 10 * time.Second // a TCP connection without a question (RFC 7766 section 6.2.3)
)

// serving is one run of Serve.
type serving struct {
	ctx     context.Context // of the run, which the struct is
	in      *Internet
	closers []io.Closer
	slots   chan struct{} // TCP connections
	delayed chan struct{} // replies that wait
	wait    sync.WaitGroup
}

// Serve answers on sockets until ctx ends, and then closes them all. It
// answers nil when ctx ended it.
func (in *Internet) Serve(ctx context.Context, cfg ServeConfig) error {
	if cfg.Connections <= 0 {
		cfg.Connections = 256
	}
	s := &serving{ctx: ctx, in: in, slots: make(chan struct{}, cfg.Connections), delayed: make(chan struct{}, maxDelayed)}
	defer s.wait.Wait()
	defer s.close()
	table := map[netip.Addr]netip.AddrPort{}
	var err error
	if cfg.Everywhere {
		err = s.everywhere()
	} else {
		table, err = s.loopback(cfg)
	}
	if err != nil {
		return fmt.Errorf("serve lab: %w", err)
	}
	if cfg.Ready != nil {
		cfg.Ready(table)
	}
	<-ctx.Done()
	return nil
}

func (s *serving) close() {
	for _, c := range s.closers {
		_ = c.Close() // what is lost by closing is what the caller has ended
	}
}

// loopback opens one UDP and one TCP socket for each address of the lab.
func (s *serving) loopback(cfg ServeConfig) (map[netip.Addr]netip.AddrPort, error) {
	addresses := s.in.Addresses()
	if len(addresses) > maxLoopback {
		return nil, fmt.Errorf("the lab has %d addresses, more than the %d that are given loopback sockets; serve it on every address, inside unshare -Urn", len(addresses), maxLoopback)
	}
	here := cfg.Base
	if !here.IsValid() {
		here = netip.AddrFrom4([4]byte{127, 53, 0, 1})
	}
	if !here.Is4() || !here.IsLoopback() {
		return nil, fmt.Errorf("base address %s: want one of 127.0.0.0/8", here)
	}
	table := make(map[netip.Addr]netip.AddrPort, len(addresses))
	at := cfg.Port
	for _, addr := range addresses {
		udp, tcp, err := listenBoth(netip.AddrPortFrom(here, at))
		if err != nil {
			return nil, err
		}
		local := udp.LocalAddr().(*net.UDPAddr).AddrPort()
		at, table[addr] = local.Port(), local
		s.closers = append(s.closers, udp, tcp)
		s.wait.Go(func() { s.loopbackUDP(udp, addr) })
		s.wait.Go(func() { s.accept(tcp, func(net.Conn) netip.Addr { return addr }) })
		here = here.Next()
	}
	return table, nil
}

// listenBoth opens UDP and TCP on one port; where any will do, it tries a few
// times for one that is free for both.
func listenBoth(at netip.AddrPort) (*net.UDPConn, net.Listener, error) {
	for try := 0; ; try++ {
		udp, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(at))
		if err != nil {
			return nil, nil, err
		}
		tcp, err := net.Listen("tcp4", udp.LocalAddr().String())
		if err == nil {
			return udp, tcp, nil
		}
		_ = udp.Close()
		if at.Port() != 0 || try == 8 {
			return nil, nil, err
		}
	}
}

// loopbackUDP answers for one address of the lab. A reply from a wrong source
// is sent from a socket of its own: its port is wrong, which is as good.
func (s *serving) loopbackUDP(conn *net.UDPConn, addr netip.Addr) {
	in, out := make([]byte, datagramSize), make([]byte, 0, datagramSize)
	for {
		n, from, err := conn.ReadFromUDPAddrPort(in)
		if err != nil {
			return
		}
		s.in.hear(from, addr, false, in[:n])
		r := s.in.respond(out, addr, in[:n], false)
		s.later(r, func(packet []byte) {
			if r.from == addr {
				_, _ = conn.WriteToUDPAddrPort(packet, from)
				return
			}
			if other, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(from)); err == nil {
				_, _ = other.Write(packet)
				_ = other.Close()
			}
		})
	}
}

// later sends a reply when its time has come; most at once. On sockets what
// ICMP would say is not said: the asker hears nothing.
func (s *serving) later(r reply, send func([]byte)) {
	if r.fate != delivered {
		return
	}
	if r.delay == 0 {
		send(r.packet)
		return
	}
	select {
	case s.delayed <- struct{}{}:
	default:
		return // too many wait: this one is lost, as in a full queue
	}
	packet := slices.Clone(r.packet)
	time.AfterFunc(r.delay, func() {
		defer func() { <-s.delayed }()
		send(packet)
	})
}

// accept serves TCP connections; asked says which of the lab's addresses a
// connection came to.
func (s *serving) accept(listener net.Listener, asked func(net.Conn) netip.Addr) {
	for {
		conn, err := listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			time.Sleep(10 * time.Millisecond) // out of descriptors, most likely: let some go
			continue
		}
		select {
		case s.slots <- struct{}{}:
		default:
			_ = conn.Close()
			continue
		}
		s.wait.Go(func() {
			defer func() { <-s.slots }()
			defer conn.Close()
			defer context.AfterFunc(s.ctx, func() { _ = conn.Close() })()
			s.converse(conn, asked(conn))
		})
	}
}

// converse answers the questions of one TCP connection, one after the other.
func (s *serving) converse(conn net.Conn, addr netip.Addr) {
	server := s.in.servers[addr]
	if server == nil || s.in.door(server) != delivered {
		s.slam(conn)
		return
	}
	from := netip.AddrPort{}
	if tcp, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
		from = tcp.AddrPort()
	}
	var length [2]byte
	question := make([]byte, 0, datagramSize)
	for {
		if conn.SetDeadline(time.Now().Add(idle)) != nil {
			return
		}
		if _, err := io.ReadFull(conn, length[:]); err != nil {
			return
		}
		n := int(binary.BigEndian.Uint16(length[:]))
		if n > datagramSize {
			return // no question is that long
		}
		question = question[:n]
		if _, err := io.ReadFull(conn, question); err != nil {
			return
		}
		s.in.hear(from, addr, true, question)
		framed, r := s.in.respondTCP(addr, question)
		switch r.fate {
		case lost:
			continue
		case refused, noRoute:
			s.slam(conn)
			return
		}
		select { // the connection is this goroutine's alone
		case <-time.After(r.delay):
		case <-s.ctx.Done():
			return
		}
		if _, err := conn.Write(framed); err != nil {
			return
		}
	}
}

// slam closes a connection with a reset: on sockets of every address a port
// cannot be closed for some and open for others.
func (s *serving) slam(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
}
