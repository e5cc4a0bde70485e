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
	cd      bool
	name    []byte // presentation form, lower case
	end     int    // of the question section
	qtype   wire.Type
	qclass  uint16
	edns    bool
	version uint8
	size    int // what the asker takes over UDP
	do      bool
	nsid    bool
	options
}

// options is what else the OPT record of a question holds.
type options struct {
	z           uint16 // its unknown flags
	cookie      []byte // RFC 7873; part of the packet
	zoneversion bool   // RFC 9660
	malformed   bool   // some option's data is not as it has to be: FORMERR
	unknown     []byte // the first option of another code, whole; part of the packet
}

// Codes of EDNS options.
const (
	optionNSID          = 3
	optionCookie        = 10
	optionExtendedError = 15 // RFC 8914
	optionReportChannel = 18
	optionZoneVersion   = 19
)

var (
	errQuery     = errors.New("not a question")
	errQuestions = errors.New("not one question")
)

const (
	headerSize = 12
	plainSize  = 512  // RFC 1035 section 4.2.1
	largest    = 1232 // RFC 9715
)

// nameSize is room for most names in presentation form; longer ones, full of
// escapes, cost an allocation.
const nameSize = 256

// read takes a message apart; the name is written into scratch, which must be
// empty. An error means that not even FORMERR is due, but for errQuestions.
func (q *query) read(packet, scratch []byte) error {
	if len(packet) < headerSize || packet[2]&0x80 != 0 {
		return errQuery
	}
	q.id = binary.BigEndian.Uint16(packet)
	q.opcode = int(packet[2]>>3) & 15
	q.rd, q.cd = packet[2]&1 != 0, packet[3]&0x10 != 0
	if binary.BigEndian.Uint16(packet[4:]) != 1 { // RFC 9619 section 4
		return errQuestions
	}
	off, err := q.readName(packet, scratch)
	if err != nil || off+4 > len(packet) {
		return errQuery
	}
	q.qtype = wire.Type(binary.BigEndian.Uint16(packet[off:]))
	q.qclass = binary.BigEndian.Uint16(packet[off+2:])
	q.end = off + 4
	q.size = plainSize
	q.edns, q.do, q.nsid, q.version, q.options = false, false, false, 0, options{}
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
	q.z = binary.BigEndian.Uint16(rest[7:]) &^ 0x8000
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
		q.readOption(code, options[:4+n])
		options = options[4+n:]
	}
	return nil
}

// readOption reads one option, given with its code and length.
func (q *query) readOption(code uint16, option []byte) {
	data := option[4:]
	switch code {
	case optionNSID:
		q.nsid = true
	case optionCookie:
		// A client's cookie, or it and a server's (RFC 7873 section 5.2.2).
		q.cookie = data
		q.malformed = q.malformed || len(data) != 8 && (len(data) < 16 || len(data) > 40)
	case optionZoneVersion:
		q.zoneversion = true
		q.malformed = q.malformed || len(data) != 0 // RFC 9660 section 3.1
	case optionReportChannel: // none of a client's (RFC 9567 section 6.2): ignored
	default:
		if q.unknown == nil {
			q.unknown = option
		}
	}
}

// header writes the reply's header and the question section, with no records.
func (q *query) header(out, question []byte, rcode int, aa, tc bool) []byte {
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
	if q.cd { // RFC 4035 section 3.1.6
		head[3] |= 0x10
	}
	head[5] = 1
	return append(append(out, head[:]...), question...)
}
