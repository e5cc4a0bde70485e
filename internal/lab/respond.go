package lab

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// fate is what becomes of a question on the network.
type fate int

const (
	delivered fate = iota
	lost           // nobody answers
	refused        // the host says that the port is closed
	noRoute        // the network says that there is no way
)

// reply is what a server sends back, and how.
type reply struct {
	fate   fate
	packet []byte // nil unless delivered
	from   netip.Addr
	delay  time.Duration // real time
}

// answerKey names a prepared answer. The moments and views in it make it true
// for ever; nothing has to be invalidated.
type answerKey struct {
	zone   *zone
	moment moment
	view   int
	child  int // the view of the delegation that the answer speaks of
	name   holdfast.Name
	qtype  wire.Type
	do     bool
}

// prepared is an answer without id, EDNS and truncation.
type prepared struct {
	packet []byte
	rcode  int
}

// respond answers one packet that came to an address. The reply is written
// into buf, which must be empty; it grows where its capacity is too small.
func (in *Internet) respond(buf []byte, to netip.Addr, packet []byte, tcp bool) reply {
	in.questions.Add(1)
	s := in.servers[to]
	var q query
	var scratch [nameSize]byte
	if err := q.read(packet, scratch[:0]); s == nil || err != nil {
		return reply{fate: lost}
	}
	zone := holdfast.Name("")
	z := s.closest(q.name, q.qtype)
	if z != nil {
		zone = z.name
	}
	now := in.clock.Now()
	v := in.viewOf(s, zone, now)
	out := reply{fate: in.fateOf(v, tcp), from: to}
	if out.fate != delivered {
		return out
	}
	if len(v.manners) > 0 {
		out.manner(v, tcp)
		if packet, ok := in.misbehave(buf, s, &q, packet, v, tcp); ok {
			out.packet = packet
			return out
		}
	}
	if rcode := q.refusal(z); rcode != wire.NoError {
		out.packet = q.finish(q.header(buf, packet, rcode, false, false), rcode, s.nsid())
		return out
	}
	p, err := in.lookup(in.newFrame(z, s, now), &q)
	if err != nil {
		p = prepared{packet: q.header(nil, packet, wire.ServFail, false, false), rcode: wire.ServFail}
	}
	out.packet = q.fit(buf, packet, p, s.nsid(), tcp)
	if v.manners[Lame] != nil {
		out.packet[2] &^= 4
	}
	return out
}

func (s *server) nsid() string { return string(s.names[0]) }

// refusal is the code with which a well-kept server turns a question away.
func (q *query) refusal(z *zone) int {
	switch {
	case q.opcode != 0:
		return wire.NotImp
	case q.version != 0:
		return wire.BadVers
	case q.qclass != wire.ClassIN, z == nil, q.qtype == wire.TypeAXFR:
		return wire.Refused
	}
	return wire.NoError
}

// fateOf is what the network does to a question for a zone.
func (in *Internet) fateOf(v *view, tcp bool) fate {
	switch {
	case len(v.manners) == 0:
		return delivered
	case v.manners[TimeOut] != nil:
		return lost
	case v.manners[ConnRefused] != nil, tcp && v.manners[NoTCP] != nil:
		return refused
	case v.manners[Unreachable] != nil:
		return noRoute
	}
	if o := v.manners[Lossy]; o != nil && !tcp {
		in.mu.Lock()
		defer in.mu.Unlock()
		if in.random.Float64()*100 < o.Percent {
			return lost
		}
	}
	return delivered
}

// manner sets how a reply travels.
func (r *reply) manner(v *view, tcp bool) {
	if o := v.manners[Slow]; o != nil {
		r.delay = o.Amount
	}
	if v.manners[WrongSource] != nil && !tcp {
		octets := r.from.AsSlice()
		octets[len(octets)-1] ^= 1
		r.from, _ = netip.AddrFromSlice(octets)
	}
}

// misbehave makes the replies of servers that do not answer as they should.
func (in *Internet) misbehave(buf []byte, s *server, q *query, packet []byte, v *view, tcp bool) ([]byte, bool) {
	plain := func(rcode int, tc bool) ([]byte, bool) {
		return q.finish(q.header(buf, packet, rcode, false, tc), rcode, s.nsid()), true
	}
	switch {
	case v.manners[Garbage] != nil:
		// The id is right, the answer section promised is a name that never ends.
		out := q.header(buf, packet, wire.NoError, true, false)
		out[7] = 1
		return append(out, 0x3f, 'g', 'a', 'r', 'b', 'a', 'g', 'e'), true
	case v.manners[DropEDNS] != nil && q.edns:
		return q.header(buf, packet, wire.FormErr, false, false), true
	case v.manners[Refuse] != nil:
		return plain(wire.Refused, false)
	case v.manners[ServFail] != nil:
		return plain(wire.ServFail, false)
	case v.manners[Truncate] != nil, v.manners[TruncateUDP] != nil && !tcp:
		return plain(wire.NoError, true)
	case v.manners[LameEmpty] != nil:
		return plain(wire.NoError, false)
	case v.manners[LameUpward] != nil:
		return in.upward(buf, s, q, packet)
	}
	return nil, false
}

func (in *Internet) upward(buf []byte, s *server, q *query, packet []byte) ([]byte, bool) {
	root := in.zones[holdfast.Root].content.set(holdfast.Root, wire.TypeNS)
	message := wire.Message{Response: true, Authority: root,
		Question: []holdfast.Question{{Name: holdfast.Name(q.name), Type: uint16(q.qtype)}}}
	out, err := message.Pack()
	if err != nil {
		return nil, false
	}
	return q.fit(buf, packet, prepared{packet: out}, s.nsid(), true), true
}

// lookup finds or prepares the answer to a question.
func (in *Internet) lookup(f *frame, q *query) (prepared, error) {
	name := holdfast.Name(q.name)
	key := answerKey{zone: f.zone, moment: f.moment, view: f.view.id, name: name, qtype: q.qtype, do: q.do}
	if cut := f.zone.content.cutAt(name); cut != "" {
		key.child = f.delegation(cut).id
	}
	if p, ok := in.answers.get(key); ok {
		return p, nil
	}
	message, err := f.resolve(name, q.qtype, q.do)
	if err != nil {
		return prepared{}, err
	}
	packet, err := message.Pack()
	if err != nil {
		return prepared{}, fmt.Errorf("answer %s %s: %w", name, q.qtype, err)
	}
	p := prepared{packet: packet, rcode: message.Rcode}
	in.answers.put(key, p)
	return p, nil
}

// fit writes a prepared answer for one asker: its id, its spelling of the
// name, its EDNS, and TC where the answer is too long for it.
func (q *query) fit(buf []byte, query []byte, p prepared, nsid string, tcp bool) []byte {
	out := append(buf, p.packet...)
	binary.BigEndian.PutUint16(out, q.id)
	if q.rd {
		out[2] |= 1
	}
	copy(out[headerSize:], query[headerSize:q.end-4])
	out = q.finish(out, p.rcode, nsid)
	if !tcp && len(out) > min(q.size, largest) {
		out = q.header(out[:0], query, p.rcode, out[2]&4 != 0, true)
		out = q.finish(out, p.rcode, nsid)
	}
	return out
}
