package ask

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
)

// Dialer is the network: the machine's own (System), one with addresses moved
// (Mapped), one that goes nowhere (LoopbackOnly), or a lab's.
type Dialer interface {
	// ListenPacket opens an unconnected UDP endpoint on a random port; network
	// is "udp4" or "udp6", address ":0".
	ListenPacket(ctx context.Context, network, address string) (net.PacketConn, error)
	// DialContext connects "tcp" or "udp" to an address and port.
	DialContext(ctx context.Context, network, address string) (net.Conn, error)
}

// System is the machine's network.
type System struct{}

// ListenPacket opens a socket of the kernel's choice of port.
func (System) ListenPacket(ctx context.Context, network, address string) (net.PacketConn, error) {
	var config net.ListenConfig
	return config.ListenPacket(ctx, network, address)
}

// DialContext connects a socket. Address families do not compete: the address
// is given.
func (System) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	var dialer net.Dialer
	return dialer.DialContext(ctx, network, address)
}

// ErrForbidden says that a dialer does not go to an address.
var ErrForbidden = errors.New("address is not allowed")

// LoopbackOnly is a network that reaches the machine itself and nothing else.
type LoopbackOnly struct{ Base Dialer }

// ListenPacket opens an endpoint that refuses to write elsewhere.
func (l LoopbackOnly) ListenPacket(ctx context.Context, network, address string) (net.PacketConn, error) {
	conn, err := l.Base.ListenPacket(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return loopbackPackets{conn, packetsOf(conn)}, nil
}

// DialContext connects to a loopback address, given as a literal.
func (l LoopbackOnly) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	to, err := netip.ParseAddrPort(address)
	if err != nil || !to.Addr().Unmap().IsLoopback() {
		return nil, fmt.Errorf("dial %s: %w: loopback only", address, ErrForbidden)
	}
	return l.Base.DialContext(ctx, network, address)
}

type loopbackPackets struct {
	net.PacketConn
	packets packets
}

func (p loopbackPackets) ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error) {
	return p.packets.ReadFromUDPAddrPort(b)
}

func (p loopbackPackets) WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error) {
	if !to.Addr().Unmap().IsLoopback() {
		return 0, fmt.Errorf("write to %s: %w: loopback only", to, ErrForbidden)
	}
	return p.packets.WriteToUDPAddrPort(b, to)
}

func (p loopbackPackets) WriteTo(b []byte, to net.Addr) (int, error) {
	udp, ok := to.(*net.UDPAddr)
	if !ok {
		return 0, fmt.Errorf("write to %s: %w: it is no UDP address", to, ErrForbidden)
	}
	return p.WriteToUDPAddrPort(b, udp.AddrPort())
}

// Mapped is a network in which some addresses stand elsewhere: what is sent to
// an address of the table goes to the address and port it names, whatever port
// was meant, and what comes from there seems to come from the table's address,
// port 53. Other addresses are as they are in the base.
//
// Two addresses must not stand at the same place: nobody could tell who
// answered, and ListenPacket refuses.
type Mapped struct {
	Table map[netip.Addr]netip.AddrPort
	Base  Dialer
}

// ListenPacket opens an endpoint of both families: an IPv6 address may stand
// at an IPv4 one.
func (m Mapped) ListenPacket(ctx context.Context, _, address string) (net.PacketConn, error) {
	back := make(map[netip.AddrPort]netip.AddrPort, len(m.Table))
	for addr, place := range m.Table {
		place = netip.AddrPortFrom(place.Addr().Unmap(), place.Port())
		if other, taken := back[place]; taken {
			return nil, fmt.Errorf("map addresses: %s and %s both stand at %s", addr, other.Addr(), place)
		}
		back[place] = netip.AddrPortFrom(addr.Unmap(), 53)
	}
	conn, err := m.Base.ListenPacket(ctx, "udp", address)
	if err != nil {
		return nil, err
	}
	return mappedPackets{conn, packetsOf(conn), m.Table, back}, nil
}

// DialContext connects to where the address stands.
func (m Mapped) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, fmt.Errorf("dial: %w", err)
	}
	if place, ok := m.Table[to.Addr().Unmap()]; ok {
		address = place.String()
	}
	return m.Base.DialContext(ctx, network, address)
}

type mappedPackets struct {
	net.PacketConn
	packets packets
	table   map[netip.Addr]netip.AddrPort
	back    map[netip.AddrPort]netip.AddrPort
}

func (p mappedPackets) ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error) {
	n, from, err := p.packets.ReadFromUDPAddrPort(b)
	if seen, ok := p.back[netip.AddrPortFrom(from.Addr().Unmap(), from.Port())]; ok {
		from = seen
	}
	return n, from, err
}

func (p mappedPackets) WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error) {
	if place, ok := p.table[to.Addr().Unmap()]; ok {
		to = place
	}
	return p.packets.WriteToUDPAddrPort(b, to)
}

func (p mappedPackets) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := p.ReadFromUDPAddrPort(b)
	if err != nil {
		return n, nil, err
	}
	return n, net.UDPAddrFromAddrPort(from), nil
}

func (p mappedPackets) WriteTo(b []byte, to net.Addr) (int, error) {
	udp, ok := to.(*net.UDPAddr)
	if !ok {
		return 0, fmt.Errorf("write to %s: it is no UDP address", to)
	}
	return p.WriteToUDPAddrPort(b, udp.AddrPort())
}
