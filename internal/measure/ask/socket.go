package ask

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"
)

// packets is a packet connection as the hot path wants it: without an
// allocation for each address. *net.UDPConn and the lab's endpoint are such.
type packets interface {
	ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error)
	WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error)
	Close() error
}

// anyPackets makes any net.PacketConn one.
type anyPackets struct{ net.PacketConn }

func (p anyPackets) ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error) {
	n, from, err := p.ReadFrom(b)
	if err != nil {
		return n, netip.AddrPort{}, err
	}
	if udp, ok := from.(*net.UDPAddr); ok {
		return n, udp.AddrPort(), nil
	}
	parsed, _ := netip.ParseAddrPort(from.String()) // an address that is none matches no question
	return n, parsed, nil
}

func (p anyPackets) WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error) {
	return p.WriteTo(b, net.UDPAddrFromAddrPort(to))
}

func packetsOf(conn net.PacketConn) packets {
	if p, ok := conn.(packets); ok {
		return p
	}
	return anyPackets{conn}
}

// pool is the open sockets of one address family.
type pool struct {
	network string
	config  Config
	dialer  Dialer
	ids     *dice
	slots   []slot
	readers sync.WaitGroup
}

type slot struct {
	mutex  sync.Mutex
	socket *socket // owned by mutex; nil until needed
	shut   bool    // owned by mutex
}

func newPool(network string, c Config, d Dialer, ids *dice) *pool {
	return &pool{network: network, config: c, dialer: d, ids: ids, slots: make([]slot, c.Sockets)}
}

// lend gives a random socket of the pool, new where the old one has served its
// time. The caller gives it back with release.
func (p *pool) lend(ctx context.Context) (*socket, error) {
	s := &p.slots[int(p.ids.throw())%len(p.slots)]
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.shut {
		return nil, ErrClosed
	}
	if s.socket != nil && s.socket.lend(p.config) {
		return s.socket, nil
	}
	conn, err := p.dialer.ListenPacket(ctx, p.network, ":0")
	if err != nil {
		return nil, err
	}
	if c, ok := conn.(interface{ SetReadBuffer(int) error }); ok {
		_ = c.SetReadBuffer(1 << 20) // the kernel gives what it may; less is no fault
	}
	s.socket = &socket{conn: packetsOf(conn), ids: p.ids, born: time.Now(), lent: 1, borrowed: 1, waiting: make(map[uint16]*call)}
	p.readers.Add(1)
	go s.socket.read(&p.readers)
	return s.socket, nil
}

// shut closes all sockets and waits for their readers.
func (p *pool) shut() error {
	var errs []error
	for i := range p.slots {
		s := &p.slots[i]
		s.mutex.Lock()
		s.shut = true
		if s.socket != nil {
			errs = append(errs, s.socket.conn.Close())
			s.socket = nil
		}
		s.mutex.Unlock()
	}
	p.readers.Wait()
	return errors.Join(errs...)
}

// socket is one unconnected UDP socket and the questions in flight on it. It
// closes itself when it is retired and the last question has ended.
type socket struct {
	conn packets
	ids  *dice
	born time.Time

	mutex    sync.Mutex
	waiting  map[uint16]*call // owned by mutex; by the id sent, which is unique on the socket
	lent     int              // owned by mutex: questions in all
	borrowed int              // owned by mutex: questions now
	retired  bool             // owned by mutex
}

// call is a question in flight on a socket.
type call struct {
	to      netip.AddrPort
	query   []byte
	id      uint16
	replies chan arrival
	timer   *time.Timer
	// stray is the last reply with our id and question from elsewhere; owned
	// by the socket's mutex while the call is in waiting.
	stray     []byte
	strayFrom netip.Addr
	strayAt   time.Time
}

type arrival struct {
	packet []byte
	at     time.Time
}

// repliesKept bounds what waits to be examined: with the right address, port
// and id there is one reply, or a few copies of it.
const repliesKept = 4

func (s *socket) lend(c Config) bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.retired || s.lent >= c.SocketQuestions || time.Since(s.born) >= c.SocketAge.Of() {
		s.retired = true
		if s.borrowed == 0 {
			s.conn.Close() // a UDP socket's close has nothing to say
		}
		return false
	}
	s.lent++
	s.borrowed++
	return true
}

// release gives the socket back.
func (s *socket) release() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.borrowed--
	if s.retired && s.borrowed == 0 {
		s.conn.Close()
	}
}

// expect enters the call under a random id that is free, and sets it. There is
// one: InFlight is far below 65,536.
func (s *socket) expect(c *call) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for {
		c.id = s.ids.throw()
		if _, taken := s.waiting[c.id]; !taken {
			break
		}
	}
	// The id must stand in the query before a reply can be compared with it.
	binary.BigEndian.PutUint16(c.query, c.id)
	s.waiting[c.id] = c
}

// forget takes the call out: from here on no reply reaches it.
func (s *socket) forget(c *call) {
	s.mutex.Lock()
	delete(s.waiting, c.id)
	s.mutex.Unlock()
}

// read hands over replies until the socket is closed. An error that is not the
// end (an ICMP message, say) is passed over; many in a row are the end, and
// the socket is retired.
func (s *socket) read(done *sync.WaitGroup) {
	defer done.Done()
	buffer := make([]byte, 1<<16)
	const patience = 64
	for failures := 0; failures < patience; {
		n, from, err := s.conn.ReadFromUDPAddrPort(buffer)
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			failures++
		default:
			failures = 0
			s.deliver(buffer[:n], netip.AddrPortFrom(from.Addr().Unmap(), from.Port()))
		}
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.retired = true
	if s.borrowed == 0 {
		s.conn.Close()
	}
}

// deliver hands a packet to the question that it may answer. The packet is
// copied only when it came from where the question went, or bears both its id
// and its question.
func (s *socket) deliver(packet []byte, from netip.AddrPort) {
	if len(packet) < 2 {
		return
	}
	at := time.Now()
	s.mutex.Lock()
	defer s.mutex.Unlock()
	c := s.waiting[binary.BigEndian.Uint16(packet)]
	switch {
	case c == nil:
	case from == c.to:
		// While we hold the mutex the call is in waiting and its channel is
		// its own; a full one means copies, and those are dropped.
		select {
		case c.replies <- arrival{append([]byte(nil), packet...), at}:
		default:
		}
	case asksAlike(c.query, packet):
		c.stray, c.strayFrom, c.strayAt = append(c.stray[:0:0], packet...), from.Addr(), at
	}
}
