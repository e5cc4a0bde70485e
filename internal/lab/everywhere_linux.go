package lab

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// everywhere opens port 53 of all addresses, IPv4 and IPv6 apart.
func (s *serving) everywhere() error {
	four, err := net.ListenPacket("udp4", fmt.Sprintf("0.0.0.0:%d", port))
	if err != nil {
		return err
	}
	s.closers = append(s.closers, four)
	p4 := ipv4.NewPacketConn(four)
	if err := p4.SetControlMessage(ipv4.FlagDst, true); err != nil {
		return fmt.Errorf("ask for destination addresses: %w", err)
	}
	listen := net.ListenConfig{Control: freebind}
	six, err := listen.ListenPacket(s.ctx, "udp6", fmt.Sprintf("[::]:%d", port))
	if err != nil {
		return err
	}
	s.closers = append(s.closers, six)
	p6 := ipv6.NewPacketConn(six)
	if err := p6.SetControlMessage(ipv6.FlagDst, true); err != nil {
		return fmt.Errorf("ask for destination addresses: %w", err)
	}
	for _, network := range []string{"tcp4", "tcp6"} {
		listener, err := net.Listen(network, fmt.Sprintf(":%d", port))
		if err != nil {
			return err
		}
		s.closers = append(s.closers, listener)
		s.wait.Go(func() { s.accept(listener, localAddress) })
	}
	s.wait.Go(func() { s.udp4(p4) })
	s.wait.Go(func() { s.udp6(p6) })
	return nil
}

// ipv6Freebind is IPV6_FREEBIND of linux/in6.h. Without it the kernel refuses
// to reply from an address that is local by a route only.
const ipv6Freebind = 78

func freebind(_, _ string, raw syscall.RawConn) error {
	var failed error
	err := raw.Control(func(fd uintptr) {
		failed = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_IPV6, ipv6Freebind, 1)
	})
	return errors.Join(err, failed)
}

func localAddress(conn net.Conn) netip.Addr {
	if tcp, ok := conn.LocalAddr().(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}

// addrPort is the address of a UDP peer.
func addrPort(from net.Addr) netip.AddrPort {
	if udp, ok := from.(*net.UDPAddr); ok {
		return udp.AddrPort()
	}
	return netip.AddrPort{}
}

// udp4 answers from the address that was asked, or, where a fault wants it,
// from another.
func (s *serving) udp4(conn *ipv4.PacketConn) {
	in, out := make([]byte, datagramSize), make([]byte, 0, datagramSize)
	for {
		n, cm, from, err := conn.ReadFrom(in)
		if err != nil {
			return
		}
		if cm == nil {
			continue
		}
		to, _ := netip.AddrFromSlice(cm.Dst)
		s.in.hear(addrPort(from), to, false, in[:n])
		r := s.in.respond(out, to.Unmap(), in[:n], false)
		s.later(r, func(packet []byte) {
			_, _ = conn.WriteTo(packet, &ipv4.ControlMessage{Src: r.from.AsSlice()}, from)
		})
	}
}

func (s *serving) udp6(conn *ipv6.PacketConn) {
	in, out := make([]byte, datagramSize), make([]byte, 0, datagramSize)
	for {
		n, cm, from, err := conn.ReadFrom(in)
		if err != nil {
			return
		}
		if cm == nil {
			continue
		}
		to, _ := netip.AddrFromSlice(cm.Dst)
		s.in.hear(addrPort(from), to, false, in[:n])
		r := s.in.respond(out, to, in[:n], false)
		s.later(r, func(packet []byte) {
			_, _ = conn.WriteTo(packet, &ipv6.ControlMessage{Src: r.from.AsSlice()}, from)
		})
	}
}
