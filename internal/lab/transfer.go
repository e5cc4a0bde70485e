package lab

import (
	"encoding/binary"
	"net/netip"
	"slices"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// respondTCP answers one question over TCP: the replies one after the other,
// each behind its length. All but transfers have one.
func (in *Internet) respondTCP(to netip.Addr, question []byte) ([]byte, reply) {
	if framed, r, ok := in.transfer(to, question); ok {
		return framed, r
	}
	r := in.respond(nil, to, question, true)
	if r.fate != delivered {
		return nil, r
	}
	return appendFramed(nil, r.packet), r
}

func appendFramed(out, packet []byte) []byte {
	return append(binary.BigEndian.AppendUint16(out, uint16(len(packet))), packet...)
}

// transferSize is about how many octets of records one message of a transfer
// holds; most servers send 16 to 64 KB.
const transferSize = 16 << 10

// noTransfer are the manners of a server that gives no transfer.
var noTransfer = []Kind{Refuse, TimeOut, ServFail, ConnRefused, Unreachable, NoTCP, Lame, LameUpward, LameEmpty, Truncate, Garbage, DropEDNS, CutOff}

// transfer answers AXFR (RFC 5936) and, as a server without a history may, IXFR
// (RFC 1995 section 4), where the server has the zone by that very name, gives
// it to everybody, and no fault stands in the way.
func (in *Internet) transfer(to netip.Addr, question []byte) ([]byte, reply, bool) {
	var q query
	s := in.servers[to]
	if s == nil || s.validator || q.read(question, nil) != nil || q.qtype != wire.TypeAXFR && q.qtype != typeIXFR || q.opcode != 0 || q.version != 0 {
		return nil, reply{}, false
	}
	z := s.zones[holdfast.Name(q.name)]
	if z == nil {
		return nil, reply{}, false
	}
	f := in.newFrame(z, s, in.clock.Now())
	if !z.transfer && f.view.manners[AXFROpen] == nil || slices.ContainsFunc(noTransfer, func(k Kind) bool { return f.view.manners[k] != nil }) {
		return nil, reply{}, false
	}
	in.questions.Add(1)
	r := reply{from: to}
	r.manner(f.view, true)
	records, err := in.whole(f)
	if err == nil {
		var framed []byte
		if framed, err = frames(&q, append(records[:len(records):len(records)], records[0])); err == nil {
			return framed, r, true
		}
	}
	return appendFramed(nil, q.header(nil, question[headerSize:q.end], wire.ServFail, false, false)), r, true
}

// frames packs a transfer: the SOA, all else, the SOA again.
func frames(q *query, records []wire.Record) ([]byte, error) {
	var out []byte
	for len(records) > 0 {
		n, size := 0, 0
		for n < len(records) && size < transferSize {
			size += len(records[n].Name) + 12 + len(records[n].Data)
			n++
		}
		message := wire.Message{ID: q.id, Response: true, Authoritative: true, Answer: records[:n],
			Question: []holdfast.Question{{Name: holdfast.Name(q.name), Type: uint16(q.qtype)}}}
		packet, err := pack(&message)
		if err != nil {
			return nil, err
		}
		out = appendFramed(out, packet)
		records = records[n:]
	}
	return out, nil
}
