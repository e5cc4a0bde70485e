package authority

import (
	"errors"
	"net/netip"
	"slices"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// Asked is a question that was answered, for whoever keeps count.
type Asked struct {
	At       time.Time
	From     netip.AddrPort
	Question holdfast.Question
	Zone     holdfast.Name
	DO, CD   bool
	TCP      bool
	Rcode    int
}

// replier answers one packet after another, each within the memory of the one
// before. It belongs to one goroutine.
type replier struct {
	server *Server
	q      *question
	from   netip.Addr
	now    time.Time
	ede    uint16 // of RFC 8914; 0: none
	key    []byte
}

func newReplier(s *Server) *replier { return &replier{server: s, q: new(question)} }

// reply answers a packet, behind what out holds already; what it answers is
// out where nothing is to be sent.
func (r *replier) reply(out, packet []byte, from netip.AddrPort, tcp bool) []byte {
	s := r.server
	s.counts.asked(tcp)
	r.from, r.now, r.ede = from.Addr(), s.clock.Now(), 0
	at := len(out)
	read := r.q.read(packet)
	if read == noMessage || from.Port() == 0 {
		s.counts.Ignored.Add(1)
		return out
	}
	out, rcode, k := r.body(out, packet, read, from, tcp)
	if len(out) == at {
		return out
	}
	if !tcp {
		switch s.limit(r, k) {
		case drop:
			s.counts.Held.Add(1)
			return out[:at]
		case slip:
			s.counts.Slipped.Add(1)
			r.ede = 0 // no longer than the question was
			out = r.q.plain(out[:at], packet, rcode, out[at+2]&4 != 0, true)
		}
	}
	out = r.dress(out, packet, at, rcode, tcp)
	s.counts.sent(rcode)
	return out
}

// body writes the reply but for the OPT record.
func (r *replier) body(out, packet []byte, read reading, from netip.AddrPort, tcp bool) ([]byte, int, kind) {
	q := r.q
	refuse := func(rcode int) ([]byte, int, kind) {
		return q.plain(out, packet, rcode, false, false), rcode, failure
	}
	switch {
	case read == malformed:
		return refuse(wire.FormErr)
	case q.opcode != 0:
		return refuse(wire.NotImp)
	case q.version != 0:
		return refuse(wire.BadVers)
	case q.qclass != wire.ClassIN, q.qtype == wire.TypeAXFR, q.qtype == typeIXFR:
		return refuse(wire.Refused)
	case q.qtype == wire.TypeOPT, q.qtype == typeNXNAME: // RFC 9824 section 3.5
		return refuse(wire.FormErr)
	}
	all := r.server.table.Load()
	zone := all.find(q.name, q.qtype)
	if zone == nil {
		r.ede = edeNotAuthority
		return refuse(wire.Refused)
	}
	p, err := r.find(all, zone)
	if errors.Is(err, errBusy) && !tcp {
		r.server.counts.Busy.Add(1)
		return out, 0, failure // silence: an asker comes back, and elsewhere
	}
	if err != nil {
		r.server.counts.Failed.Add(1)
		r.ede = edeNotReady
		return refuse(wire.ServFail)
	}
	r.observe(zone, from, tcp, p)
	return p.finish(out, q, packet), p.rcode, p.kind
}

func (r *replier) observe(zone *served, from netip.AddrPort, tcp bool, p *prepared) {
	if r.server.config.Observe == nil {
		return
	}
	q := r.q
	r.server.config.Observe(Asked{At: r.now, From: netip.AddrPortFrom(from.Addr().Unmap(), from.Port()),
		Question: holdfast.Question{Name: p.name, Type: uint16(q.qtype)}, Zone: zone.Zone(), DO: q.do, CD: q.cd, TCP: tcp, Rcode: p.rcode})
}

// find is the answer, kept or made.
func (r *replier) find(all *table, zone *served) (*prepared, error) {
	s := r.server
	r.key = appendKey(r.key[:0], zone.id, r.q)
	if p := s.cache.get(r.key, r.now.Unix()); p != nil {
		return p, nil
	}
	// Names without number can be asked for: who does shall not take the time
	// of others.
	if s.limiter.of(r.from, fresh, r.now) != send {
		return nil, errBusy
	}
	s.counts.Made.Add(1)
	a := &answer{zone: zone, all: all, sign: s.signer, now: r.now, name: nameOf(r.q.name), qtype: r.q.qtype, do: r.q.do, co: r.q.co}
	a.make()
	if a.err != nil {
		return nil, a.err
	}
	packet, err := a.out.Pack()
	if err != nil {
		return nil, err
	}
	p := &prepared{name: a.name, packet: packet, rcode: a.out.Rcode, kind: a.kind, until: a.until.Unix()}
	if a.until.IsZero() {
		p.until = r.now.Add(time.Hour).Unix()
	}
	s.cache.put(slices.Clone(r.key), p)
	return p, nil
}

// dress adds the OPT record and sees to it that the reply is not too long for
// who asked (RFC 6891 section 6.2.5, RFC 9715).
func (r *replier) dress(out, packet []byte, at, rcode int, tcp bool) []byte {
	if r.q.edns {
		out = r.appendOPT(out, at, rcode)
	}
	if tcp || len(out)-at <= min(r.q.size, largest) {
		return out
	}
	r.server.counts.Truncated.Add(1)
	out = r.q.plain(out[:at], packet, rcode, out[at+2]&4 != 0, true)
	if r.q.edns {
		out = r.appendOPT(out, at, rcode)
	}
	return out
}
