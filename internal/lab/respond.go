package lab

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
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
	zone     *zone
	baked    *baked
	moment   moment
	view     int
	provider int
	child    int // the view of the delegation that the answer speaks of
	name     holdfast.Name
	qtype    wire.Type
	do       bool
}

// prepared is an answer without id, EDNS and truncation.
type prepared struct {
	packet []byte
	rcode  int
}

// exchange is one question and all that bears on its answer.
type exchange struct {
	in      *Internet
	server  *server
	q       *query
	packet  []byte
	tcp     bool
	now     time.Time
	zone    *zone // that the question is for; nil where the server has none
	frame   *frame
	manners map[Kind]*order
	ede     uint16 // info-code of an extended error (RFC 8914); 0: none

	asked   query // q
	scratch [nameSize]byte
}

// exchanges are lent out for the time of one answer: nothing of them stays in
// what is answered.
var exchanges = sync.Pool{New: func() any { return new(exchange) }}

// respond answers one packet that came to an address. The reply is written
// into buf, which must be empty; it grows where its capacity is too small.
func (in *Internet) respond(buf []byte, to netip.Addr, packet []byte, tcp bool) reply {
	in.questions.Add(1)
	s := in.servers[to]
	if s == nil {
		return reply{fate: lost}
	}
	now := in.clock.Now()
	x := exchanges.Get().(*exchange)
	defer exchanges.Put(x)
	x.in, x.server, x.packet, x.tcp, x.now, x.zone, x.frame, x.manners, x.ede = in, s, packet, tcp, now, nil, nil, nil, 0
	x.asked = query{}
	q := &x.asked
	x.q = q
	if err := q.read(packet, x.scratch[:0]); err != nil {
		if packet, err = x.several(err); err != nil {
			return reply{fate: lost}
		}
		if err := q.read(packet, x.scratch[:0]); err != nil {
			return reply{packet: x.header(buf, wire.FormErr, false, false), from: to}
		}
		x.packet = packet
	}
	name := holdfast.Name("")
	if x.zone = s.closest(q.name, q.qtype); x.zone != nil {
		name = x.zone.name
	}
	v := in.viewOf(s, name, now)
	x.manners = v.manners
	out := reply{fate: in.fateOf(v, tcp, now), from: to}
	if out.fate != delivered {
		return out
	}
	if len(v.manners) > 0 {
		out.manner(v, tcp)
		if packet, f, ok := x.misbehave(buf); ok {
			out.packet, out.fate = packet, f
			return out
		}
	}
	if rcode := x.refusal(); rcode != wire.NoError {
		out.packet = x.plain(buf, rcode, false)
	} else if s.validator {
		out.packet = x.validate(buf)
	} else {
		out.packet = x.answer(buf)
	}
	if len(v.manners) > 0 {
		out.spoil(x)
	}
	return out
}

// several is what becomes of a message without just one question: FORMERR (RFC
// 9619 section 4), or, at a server that does not count, an answer to the first.
// Other errors come back: they are not answered at all.
func (x *exchange) several(err error) ([]byte, error) {
	if !errors.Is(err, errQuestions) {
		return nil, err
	}
	if binary.BigEndian.Uint16(x.packet[4:]) > 1 && x.in.viewOf(x.server, "", x.now).manners[QuestionsBlind] != nil {
		first := slices.Clone(x.packet)
		copy(first[4:headerSize], []byte{0, 1, 0, 0, 0, 0, 0, 0})
		return first, nil
	}
	return x.packet, nil
}

// answer looks the answer up, and makes it fit for the asker.
func (x *exchange) answer(buf []byte) []byte {
	x.frame = x.in.newFrame(x.zone, x.server, x.now)
	p, err := x.in.lookup(x.frame, x.q)
	if err != nil {
		return x.plain(buf, wire.ServFail, false)
	}
	out := x.fit(buf, p)
	if x.manners[Lame] != nil {
		out[2] &^= 4
	}
	return out
}

// plain is a reply without records.
func (x *exchange) plain(buf []byte, rcode int, tc bool) []byte {
	return x.finish(x.header(buf, rcode, false, tc), rcode)
}

// header writes the reply's header and, where it could be read, the question.
func (x *exchange) header(out []byte, rcode int, aa, tc bool) []byte {
	if x.q.end == 0 {
		out = x.q.header(out, nil, rcode, aa, tc)
		out[5] = 0
		return out
	}
	return x.q.header(out, x.packet[headerSize:x.q.end], rcode, aa, tc)
}

// refusal is the code with which a well-kept server turns a question away.
func (x *exchange) refusal() int {
	q := x.q
	switch {
	case q.opcode != 0:
		return wire.NotImp
	case q.version != 0 && x.manners[BadVersWrong] == nil:
		return wire.BadVers
	case q.malformed:
		return wire.FormErr
	case q.qtype == typeNXNAME && x.zone != nil && x.zone.signing.Compact: // RFC 9824 section 3.5
		x.ede = edeQueryType
		return wire.FormErr
	case q.qclass != wire.ClassIN, x.zone == nil, q.qtype == wire.TypeAXFR, q.qtype == typeIXFR:
		return wire.Refused
	}
	return wire.NoError
}

const typeIXFR = wire.Type(251) // RFC 1995

// fateOf is what the network does to a question for a zone.
func (in *Internet) fateOf(v *view, tcp bool, now time.Time) fate {
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
	if o := v.manners[AddressFlap]; o != nil && now.Sub(o.began)/o.Amount%2 == 0 {
		return lost
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

// lookup finds or prepares the answer to a question.
func (in *Internet) lookup(f *frame, q *query) (prepared, error) {
	name := holdfast.Name(q.name)
	key := answerKey{zone: f.zone, baked: f.baked, moment: f.moment, provider: f.provider, view: f.view.id, name: name, qtype: q.qtype, do: q.do}
	if cut := f.content.cutAt(name); cut != "" {
		key.child = f.delegation(cut).id
	}
	if p, ok := in.answers.get(key); ok {
		return p, nil
	}
	message, err := f.resolve(name, q.qtype, q.do)
	if err != nil {
		return prepared{}, err
	}
	packet, err := pack(message)
	if err != nil {
		return prepared{}, fmt.Errorf("answer %s %s: %w", name, q.qtype, err)
	}
	p := prepared{packet: packet, rcode: message.Rcode}
	in.answers.put(key, p)
	return p, nil
}

// fit writes a prepared answer for one asker: its id, its spelling of the
// name, its EDNS, and TC where the answer is too long for it.
func (x *exchange) fit(buf []byte, p prepared) []byte {
	q := x.q
	out := append(buf, p.packet...)
	binary.BigEndian.PutUint16(out, q.id)
	if q.rd {
		out[2] |= 1
	}
	if q.cd {
		out[3] |= 0x10
	}
	copy(out[headerSize:], x.packet[headerSize:q.end-4])
	out = x.finish(out, p.rcode)
	if !x.tcp && len(out) > min(q.size, x.largest()) && (x.manners[Oversize] == nil || len(out) > datagramSize) {
		out = x.header(out[:0], p.rcode, out[2]&4 != 0, true)
		out = x.finish(out, p.rcode)
	}
	return out
}
