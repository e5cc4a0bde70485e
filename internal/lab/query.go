package lab

import (
	"encoding/binary"
	"errors"

	"github.com/holdfastdns/holdfast/internal/wire"
)

// query is a question as it came in. The lab reads questions by itself and
// without allocating: it answers many thousands a second.
type query struct {
	id      uint16
	opcode  int
	rd      bool
	name    []byte // presentation form, lower case
	end     int    // of the question section
	qtype   wire.Type
	qclass  uint16
	edns    bool
	version uint8
	size    int // what the asker takes over UDP
	do      bool
	nsid    bool
}

var errQuery = errors.New("not a question")

const (
	headerSize = 12
	plainSize  = 512  // RFC 1035 section 4.2.1
	largest    = 1232 // RFC 9715
)

// nameSize is room for most names in presentation form; longer ones, full of
// escapes, cost an allocation.
const nameSize = 256

// read takes a message apart; the name is written into scratch, which must be
// empty. An error means that not even FORMERR is due.
func (q *query) read(packet, scratch []byte) error {
	if len(packet) < headerSize || packet[2]&0x80 != 0 || binary.BigEndian.Uint16(packet[4:]) != 1 {
		return errQuery
	}
	q.id = binary.BigEndian.Uint16(packet)
	q.opcode = int(packet[2]>>3) & 15
	q.rd = packet[2]&1 != 0
	off, err := q.readName(packet, scratch)
	if err != nil || off+4 > len(packet) {
		return errQuery
	}
	q.qtype = wire.Type(binary.BigEndian.Uint16(packet[off:]))
	q.qclass = binary.BigEndian.Uint16(packet[off+2:])
	q.end = off + 4
	q.size = plainSize
	q.edns, q.do, q.nsid, q.version = false, false, false, 0
	if binary.BigEndian.Uint16(packet[10:]) > 0 && binary.BigEndian.Uint32(packet[6:]) == 0 {
		return q.readOPT(packet[q.end:])
	}
	return nil
}

// readName reads the question's name into presentation form, as the nouns
// write names: escaped like a master file's, lower case.
func (q *query) readName(packet, out []byte) (int, error) {
	off := headerSize
	for {
		if off >= len(packet) {
			return 0, errQuery
		}
		length := int(packet[off])
		if length == 0 {
			break
		}
		if length > 63 || off+1+length >= len(packet) || off+length-headerSize > 254 {
			return 0, errQuery
		}
		for _, c := range packet[off+1 : off+1+length] {
			out = appendEscaped(out, c)
		}
		out = append(out, '.')
		off += length + 1
	}
	if len(out) == 0 {
		out = append(out, '.')
	}
	q.name = out
	return off + 1, nil
}

func appendEscaped(out []byte, c byte) []byte {
	switch {
	case 'A' <= c && c <= 'Z':
		return append(out, c+'a'-'A')
	case c == '.' || c == '\\' || c == '"' || c == ' ' || c == '\'' || c == '@' || c == ';' || c == '(' || c == ')':
		return append(out, '\\', c)
	case c < ' ' || c > '~':
		return append(out, '\\', '0'+c/100, '0'+c/10%10, '0'+c%10)
	}
	return append(out, c)
}

// readOPT reads the OPT record where it is the first of the additional
// section, as every asker in these parts puts it.
func (q *query) readOPT(rest []byte) error {
	if len(rest) < 11 || rest[0] != 0 || wire.Type(binary.BigEndian.Uint16(rest[1:])) != wire.TypeOPT {
		return nil
	}
	q.edns = true
	q.size = max(plainSize, int(binary.BigEndian.Uint16(rest[3:])))
	q.version = rest[6]
	q.do = rest[7]&0x80 != 0
	options := rest[11:]
	if n := int(binary.BigEndian.Uint16(rest[9:])); n <= len(options) {
		options = options[:n]
	} else {
		return errQuery
	}
	for len(options) >= 4 {
		code, n := binary.BigEndian.Uint16(options), int(binary.BigEndian.Uint16(options[2:]))
		if len(options) < 4+n {
			return errQuery
		}
		q.nsid = q.nsid || code == 3 // RFC 5001
		options = options[4+n:]
	}
	return nil
}

// header writes the reply's header and question, with no records.
func (q *query) header(out []byte, packet []byte, rcode int, aa, tc bool) []byte {
	var head [headerSize]byte
	binary.BigEndian.PutUint16(head[:], q.id)
	head[2] = 0x80 | byte(q.opcode)<<3
	if aa {
		head[2] |= 4
	}
	if tc {
		head[2] |= 2
	}
	if q.rd {
		head[2] |= 1
	}
	head[3] = byte(rcode & 15)
	head[5] = 1
	out = append(append(out, head[:]...), packet[headerSize:q.end]...)
	return out
}

// finish adds the OPT record to a reply that has none.
func (q *query) finish(out []byte, rcode int, nsid string) []byte {
	if !q.edns {
		return out
	}
	out[11]++ // ARCOUNT; no reply of ours has 255 additional records
	flags := byte(0)
	if q.do {
		flags = 0x80
	}
	length := 0
	if q.nsid {
		length = 4 + len(nsid)
	}
	out = append(out, 0, 0, byte(wire.TypeOPT), largest>>8, largest&0xff, byte(rcode>>4), 0, flags, 0, byte(length>>8), byte(length))
	if q.nsid {
		out = append(out, 0, 3, byte(len(nsid)>>8), byte(len(nsid)))
		out = append(out, nsid...)
	}
	return out
}
