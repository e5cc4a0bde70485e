package lab

import (
	"bytes"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// misbehave makes the replies of servers that do not answer as they should,
// and those that are about the server and no zone.
func (x *exchange) misbehave(buf []byte) ([]byte, fate, bool) {
	m, q := x.manners, x.q
	plain := func(rcode int, tc bool) ([]byte, fate, bool) { return x.plain(buf, rcode, tc), delivered, true }
	switch {
	case m[Garbage] != nil:
		// The id is right, the answer section promised is a name that never ends.
		out := x.header(buf, wire.NoError, true, false)
		out[7] = 1
		return append(out, 0x3f, 'g', 'a', 'r', 'b', 'a', 'g', 'e'), delivered, true
	case m[DropEDNS] != nil && q.edns:
		return x.header(buf, wire.FormErr, false, false), delivered, true
	case m[OptionDrop] != nil && q.unknown != nil:
		return nil, lost, true
	case m[OptionFormErr] != nil && q.unknown != nil, m[FlagsFormErr] != nil && q.z != 0, m[VersionFormErr] != nil && q.version != 0:
		return plain(wire.FormErr, false)
	case m[Refuse] != nil:
		return plain(wire.Refused, false)
	case m[ServFail] != nil, m[CutOff] != nil && x.expired(m[CutOff].began):
		return plain(wire.ServFail, false)
	case m[Truncate] != nil, m[TruncateUDP] != nil && !x.tcp:
		return plain(wire.NoError, true)
	case m[LameEmpty] != nil:
		return plain(wire.NoError, false)
	case m[LameUpward] != nil, m[Upward] != nil && x.zone == nil && q.qclass == wire.ClassIN && q.opcode == 0:
		return x.upward(buf), delivered, true
	}
	return x.misread(buf)
}

// misread makes the replies of servers that get the question wrong.
func (x *exchange) misread(buf []byte) ([]byte, fate, bool) {
	m, q := x.manners, x.q
	plain := func(rcode int) ([]byte, fate, bool) { return x.plain(buf, rcode, false), delivered, true }
	switch {
	case q.qclass == classCH && q.opcode == 0:
		out, ok := x.chaos(buf)
		return out, delivered, ok
	case m[UnknownDrop] != nil && newType(q.qtype):
		return nil, lost, true
	case m[UnknownNotImp] != nil && newType(q.qtype):
		return plain(wire.NotImp)
	case m[UnknownServFail] != nil && newType(q.qtype):
		return plain(wire.ServFail)
	case m[CaseBlind] != nil && x.capitals(), m[AAAANXDomain] != nil && x.lacksAAAA():
		out := x.header(buf, wire.NXDomain, true, false)
		return x.finish(out, wire.NXDomain), delivered, true
	case m[Recursive] != nil && q.rd && x.zone == nil && q.qclass == wire.ClassIN && q.opcode == 0 && q.version == 0:
		return x.recurse(buf), delivered, true
	}
	return nil, delivered, false
}

// spoil is what happens to a reply that is otherwise as it should be.
func (r *reply) spoil(x *exchange) {
	if x.manners[CaseFold] != nil && x.q.end > 0 {
		for i := headerSize; i < x.q.end-4; i += int(r.packet[i]) + 1 {
			for j := range r.packet[i+1 : i+1+int(r.packet[i])] {
				if c := &r.packet[i+1+j]; 'A' <= *c && *c <= 'Z' {
					*c += 'a' - 'A'
				}
			}
		}
	}
	if o := x.manners[BigUDPLost]; o != nil && !x.tcp && len(r.packet) > o.Size {
		r.packet, r.fate = nil, lost
	}
}

const (
	classCH = 3
	typeTXT = wire.TypeTXT
)

// chaos answers who the server is, where it is told to say so.
func (x *exchange) chaos(buf []byte) ([]byte, bool) {
	var o *order
	switch string(x.q.name) {
	case "version.bind.", "version.server.":
		o = x.manners[Version]
	case "hostname.bind.", "id.server.": // RFC 4892
		o = x.manners[HostName]
	}
	if o == nil || x.q.qtype != typeTXT {
		return nil, false
	}
	out := x.header(buf, wire.NoError, true, false)
	out[7] = 1
	out = append(out, 0xc0, headerSize, 0, byte(typeTXT), 0, classCH, 0, 0, 0, 0, 0, byte(len(o.Text)+1), byte(len(o.Text)))
	return x.finish(append(out, o.Text...), wire.NoError), true
}

// newType says whether a type is younger than RFC 5155: what old or strict
// middleboxes do not know.
func newType(t wire.Type) bool { return t > wire.TypeNSEC3PARAM && t < 128 || t > 255 }

func (x *exchange) capitals() bool {
	return bytes.ContainsAny(x.packet[headerSize:x.q.end-4], "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
}

// lacksAAAA: the mistake of RFC 4074 section 4.2.
func (x *exchange) lacksAAAA() bool {
	if x.zone == nil || x.q.qtype != wire.TypeAAAA {
		return false
	}
	name := holdfast.Name(x.q.name)
	return len(x.content().set(name, wire.TypeA)) > 0 && len(x.content().set(name, wire.TypeAAAA)) == 0
}

// content is what the zone holds, before any fault.
func (x *exchange) content() *content { return x.zone.content }

// recurse answers as a resolver would that has the answer in its cache: with
// what the closest zone of the lab says, without AA.
func (x *exchange) recurse(buf []byte) []byte {
	name := holdfast.Name(x.q.name)
	z := x.in.zones[name]
	if z != nil && x.q.qtype == wire.TypeDS && z.parent != nil {
		z = z.parent
	}
	for up := name; z == nil; z = x.in.zones[up] {
		up = up.Parent()
	}
	p, err := x.in.lookup(x.in.newFrame(z, nil, x.now), x.q)
	if err != nil {
		return x.plain(buf, wire.ServFail, false)
	}
	out := x.fit(buf, p)
	out[2] &^= 4
	return out
}

func (x *exchange) upward(buf []byte) []byte {
	root := x.in.zones[holdfast.Root].content.set(holdfast.Root, wire.TypeNS)
	message := wire.Message{Response: true, Authority: root,
		Question: []holdfast.Question{{Name: holdfast.Name(x.q.name), Type: uint16(x.q.qtype)}}}
	out, err := message.Pack()
	if err != nil {
		return x.plain(buf, wire.ServFail, false)
	}
	return x.fit(buf, prepared{packet: out})
}
