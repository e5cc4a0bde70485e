package authority

import (
	"encoding/binary"

	"github.com/holdfastdns/holdfast/internal/wire"
)

// question is what a packet asks. It is read without an allocation, into
// memory that the reader has: name and cookie are parts of that.
type question struct {
	id      uint16
	opcode  int
	rd, cd  bool
	name    []byte // wire form, lower case; nil where it could not be read
	end     int    // of the question section in the packet
	qtype   wire.Type
	qclass  uint16
	edns    bool
	version uint8
	size    int // of the largest reply over UDP that the asker takes
	do, co  bool
	nsid    bool
	cookie  []byte // RFC 7873; nil: none came
	scratch [255]byte
}

const (
	headerSize = 12
	plainSize  = 512  // RFC 1035 section 4.2.1
	largest    = 1232 // RFC 9715
)

// reading is what is to be done with a packet.
type reading int

const (
	readable  reading = iota
	malformed         // FORMERR is due
	noMessage         // nothing is: it is no question, and to answer could go round for ever
)

// read takes a packet apart. A message with other than one question, with
// records that no question has, or with something behind it is malformed (RFC
// 9619 section 4, RFC 1035 section 4.1).
func (q *question) read(packet []byte) reading {
	q.name, q.cookie, q.end, q.edns, q.size = nil, nil, 0, false, plainSize
	q.do, q.co, q.nsid, q.version = false, false, false, 0
	if len(packet) < headerSize || packet[2]&0x80 != 0 {
		return noMessage
	}
	q.id = binary.BigEndian.Uint16(packet)
	q.opcode = int(packet[2]>>3) & 15
	q.rd, q.cd = packet[2]&1 != 0, packet[3]&0x10 != 0
	if q.opcode != 0 { // its sections may mean something else
		return readable
	}
	if binary.BigEndian.Uint32(packet[4:]) != 1<<16 || binary.BigEndian.Uint16(packet[8:]) != 0 {
		return malformed
	}
	off := q.readName(packet)
	if off < 0 || off+4 > len(packet) {
		q.name = nil
		return malformed
	}
	q.qtype = wire.Type(binary.BigEndian.Uint16(packet[off:]))
	q.qclass = binary.BigEndian.Uint16(packet[off+2:])
	q.end = off + 4
	return q.readAdditional(packet)
}

// readName reads the name of the question; there is nothing before it that a
// pointer could lead to.
func (q *question) readName(packet []byte) int {
	off, out := headerSize, q.scratch[:0]
	for off < len(packet) {
		length := int(packet[off])
		if length > 63 || len(out)+length+1 > len(q.scratch) || off+1+length > len(packet) {
			return -1
		}
		out = append(out, byte(length))
		for _, c := range packet[off+1 : off+1+length] {
			if 'A' <= c && c <= 'Z' {
				c += 'a' - 'A'
			}
			out = append(out, c)
		}
		off += length + 1
		if length == 0 {
			q.name = out
			return off
		}
	}
	return -1
}

// readAdditional reads the additional section: an OPT record at most once,
// owned by the root (RFC 6891 section 6.1.1); what else is there, as a TSIG, is
// passed over.
func (q *question) readAdditional(packet []byte) reading {
	rest := packet[q.end:]
	for range binary.BigEndian.Uint16(packet[10:]) {
		owner := skipName(rest)
		if owner < 0 || owner+10 > len(rest) {
			return malformed
		}
		head := rest[owner:]
		length := int(binary.BigEndian.Uint16(head[8:]))
		if 10+length > len(head) {
			return malformed
		}
		if wire.Type(binary.BigEndian.Uint16(head)) == wire.TypeOPT {
			if owner != 1 || rest[0] != 0 || q.edns || !q.readOPT(head[:10+length]) {
				return malformed
			}
		}
		rest = head[10+length:]
	}
	if len(rest) > 0 {
		return malformed
	}
	return readable
}

// skipName is how long a name is that may end in a pointer; -1 where it is none.
func skipName(b []byte) int {
	for off := 0; off < len(b) && off < 256; {
		switch length := int(b[off]); {
		case length == 0:
			return off + 1
		case length >= 0xC0:
			return off + 2
		case length > 63:
			return -1
		default:
			off += length + 1
		}
	}
	return -1
}

// readOPT reads an OPT record from its type on; false where an option's data
// are not as they have to be.
func (q *question) readOPT(record []byte) bool {
	q.edns = true
	q.size = max(plainSize, int(binary.BigEndian.Uint16(record[2:])))
	q.version = record[5]
	q.do, q.co = record[6]&0x80 != 0, record[6]&0x40 != 0
	for options := record[10:]; len(options) > 0; {
		if len(options) < 4 {
			return false
		}
		length := int(binary.BigEndian.Uint16(options[2:]))
		if 4+length > len(options) {
			return false
		}
		data := options[4 : 4+length]
		switch binary.BigEndian.Uint16(options) {
		case wire.OptionNSID:
			q.nsid = true
		case wire.OptionCookie: // the first counts; its length is RFC 7873 section 5.2.2's
			if length != 8 && (length < 16 || length > 40) {
				return false
			}
			if q.cookie == nil {
				q.cookie = data
			}
		}
		options = options[4+length:]
	}
	return true
}
