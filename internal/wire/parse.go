package wire

import (
	"errors"
	"fmt"

	"github.com/holdfastdns/holdfast"
)

// Messages are read here without the library: to make its records and then
// bytes of them again took a third of the time of a question. What is read is
// the frame of RFC 1035 section 4.1 and those names within record data that a
// sender may compress; what the data of a type mean is for its reader.

var (
	errLongName = errors.New("a name has more than 255 octets")
	errPointers = errors.New("a name leads in a circle")
	errLabel    = errors.New("a label is of an unknown kind")
	errLength   = errors.New("data have the wrong length")
)

// maxPointers bounds the compression pointers of one name: no name has more
// labels (RFC 1035 section 2.3.4).
const maxPointers = 127

// Parse reads a message. Data of a type that nobody here knows are kept as
// they stand. As with other readers of messages, sections may hold less than
// the header says, if they end with a record.
func Parse(packet []byte) (*Message, error) {
	var m Message
	p := parser{packet: packet, into: &m}
	if err := p.message(); err != nil {
		return nil, fmt.Errorf("parse message: %w", err)
	}
	return &m, nil
}

// Check says whether Parse can read a message, at a fraction of its cost, and
// with which response code; it allocates nothing unless it answers an error.
func Check(packet []byte) (rcode int, err error) {
	p := parser{packet: packet}
	if err := p.message(); err != nil {
		return 0, fmt.Errorf("parse message: %w", err)
	}
	return p.rcode(), nil
}

// parser reads one message; into is nil where nobody wants to know.
type parser struct {
	packet []byte
	off    int
	into   *Message
	// data is where the records' data are copied to, all of a message into
	// one piece of memory where they fit.
	data []byte
	// names read lately, by where they begin: most records of a message have
	// the owner of the one before.
	names [4]struct {
		at   int
		name holdfast.Name
	}
	read     int
	extended int // RCODE's upper bits, from the OPT record
}

func (p *parser) message() error {
	b := p.packet
	if len(b) < 12 {
		return errShort
	}
	p.off = 12
	if m := p.into; m != nil {
		m.ID, m.Response, m.Opcode = be16(b), b[2]&0x80 != 0, int(b[2]>>3&0x0F)
		m.Authoritative, m.Truncated, m.RecursionDesired = b[2]&4 != 0, b[2]&2 != 0, b[2]&1 != 0
		m.RecursionAvailable, m.AuthenticatedData, m.CheckingDisabled = b[3]&0x80 != 0, b[3]&0x20 != 0, b[3]&0x10 != 0
	}
	for range be16(b[4:]) {
		if p.off == len(b) {
			break
		}
		if err := p.question(); err != nil {
			return err
		}
	}
	for section, count := range [3]uint16{be16(b[6:]), be16(b[8:]), be16(b[10:])} {
		if err := p.section(section, int(count)); err != nil {
			return err
		}
	}
	if p.into != nil {
		p.into.Rcode = p.rcode()
	}
	return nil
}

func (p *parser) rcode() int { return p.extended<<4 | int(p.packet[3]&0x0F) }

func (p *parser) question() error {
	at := p.off
	end, err := p.skip(at)
	if err != nil {
		return err
	}
	if end+4 > len(p.packet) {
		return errShort
	}
	p.off = end + 4
	if p.into != nil {
		p.into.Question = append(p.into.Question, holdfast.Question{Name: p.name(at), Type: be16(p.packet[end:])})
	}
	return nil
}

func (p *parser) section(which, count int) error {
	var records []Record
	for i := 0; i < count && p.off < len(p.packet); i++ {
		at := p.off
		end, err := p.skip(at)
		if err != nil {
			return err
		}
		if end+10 > len(p.packet) {
			return errShort
		}
		head := p.packet[end:]
		t, from := Type(be16(head)), end+10
		if p.off = from + int(be16(head[8:])); p.off > len(p.packet) {
			return errShort
		}
		if t == TypeOPT {
			if err := p.opt(which, head, p.packet[from:p.off]); err != nil {
				return err
			}
			continue
		}
		data, err := p.rdata(t, from, p.off)
		if err != nil {
			return err
		}
		if p.into == nil {
			continue
		}
		if records == nil { // a record takes eleven octets at least
			records = make([]Record, 0, min(count-i, (len(p.packet)-at)/11+1))
		}
		records = append(records, Record{Name: p.name(at), Type: t, Class: be16(head[2:]), TTL: be32(head[4:]), Data: data})
	}
	if p.into != nil {
		*[3]*[]Record{&p.into.Answer, &p.into.Authority, &p.into.Additional}[which] = records
	}
	return nil
}

// skip checks the name at off, with all that its pointers lead to, and gives
// the offset behind it.
func (p *parser) skip(off int) (int, error) {
	end, length, pointers := -1, 1, 0
	for {
		if off >= len(p.packet) {
			return 0, errShort
		}
		c := int(p.packet[off])
		switch c & 0xC0 {
		case 0x00:
			off++
			if c == 0 {
				if end < 0 {
					end = off
				}
				return end, nil
			}
			if length += c + 1; length > 255 {
				return 0, errLongName
			}
			if off += c; off > len(p.packet) {
				return 0, errShort
			}
		case 0xC0:
			if off+1 >= len(p.packet) {
				return 0, errShort
			}
			if end < 0 {
				end = off + 2
			}
			if pointers++; pointers > maxPointers {
				return 0, errPointers
			}
			off = c&0x3F<<8 | int(p.packet[off+1])
		default:
			return 0, errLabel
		}
	}
}

// name is the name at off, which skip has checked, in presentation format and
// lower case.
func (p *parser) name(off int) holdfast.Name {
	off = p.follow(off)
	for i := range p.names {
		if p.names[i].at == off && p.names[i].name != "" {
			return p.names[i].name
		}
	}
	var text [1024]byte // each octet takes four characters at most
	out := text[:0]
	for at := off; p.packet[at] != 0; at = p.follow(at) {
		length := int(p.packet[at])
		out = appendLabel(out, p.packet[at+1:at+1+length])
		at += 1 + length
	}
	name := holdfast.Root
	if len(out) > 0 {
		name = holdfast.Name(out)
	}
	slot := &p.names[p.read%len(p.names)]
	slot.at, slot.name = off, name
	p.read++
	return name
}

// follow is where the pointers at off lead to.
func (p *parser) follow(off int) int {
	for p.packet[off]&0xC0 == 0xC0 {
		off = int(p.packet[off]&0x3F)<<8 | int(p.packet[off+1])
	}
	return off
}

// appendLabel writes a label in presentation format (RFC 1035 section 5.1), in
// lower case, with its dot. What is escaped is what the library escapes.
func appendLabel(out, label []byte) []byte {
	for _, c := range label {
		switch {
		case c >= 'A' && c <= 'Z':
			out = append(out, c+('a'-'A'))
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-', c == '_':
			out = append(out, c)
		case c < ' ' || c > '~':
			out = append(out, '\\', '0'+c/100, '0'+c/10%10, '0'+c%10)
		case c == '.', c == ' ', c == '\'', c == '@', c == ';', c == '(', c == ')', c == '"', c == '\\':
			out = append(out, '\\', c)
		default:
			out = append(out, c)
		}
	}
	return append(out, '.')
}

// layout says where the names stand in the data of a type that a sender may
// have compressed (RFC 1035 section 4.1.4, RFC 3597 section 4), or that older
// ones did: how many octets are before them, and how many names follow one
// another. What is behind them is kept as it is.
func layout(t Type) (before, names int) {
	switch t {
	case TypeNS, TypeCNAME, TypeDNAME, 3, 4, 7, 8, 9, 12, 23: // MD MF MB MG MR PTR NSAP-PTR
		return 0, 1
	case TypeSOA, 14, 17, 58: // MINFO RP TALINK
		return 0, 2
	case TypeMX, 18, 21, 36, 64, 65, 107: // AFSDB RT KX SVCB HTTPS LP
		return 2, 1
	case 26: // PX
		return 2, 2
	case 66: // DSYNC
		return 5, 1
	case 33: // SRV
		return 6, 1
	case TypeRRSIG, 24: // SIG
		return 18, 1
	case TypeNSEC, 30: // NXT
		return 0, 1
	}
	return 0, 0
}

// rdata checks a record's data and gives them with their names in full, nil
// where nobody wants to know or there are none. Data of no length are those of
// an update (RFC 2136), which no reply holds: they are left to the readers.
func (p *parser) rdata(t Type, from, end int) ([]byte, error) {
	raw := p.packet[from:end]
	switch {
	case len(raw) == 0:
		return nil, nil
	case t == TypeA && len(raw) != 4, t == TypeAAAA && len(raw) != 16:
		return nil, errLength
	}
	before, names := layout(t)
	if t == typeNAPTR {
		before, names = behindStrings(raw, 4, 3), 1
	}
	if before > len(raw) || before < 0 {
		return nil, errShort
	}
	off := from + before
	for range names {
		var err error
		if off, err = p.skip(off); err != nil {
			return nil, err
		}
		if off > end {
			return nil, errShort
		}
	}
	switch {
	case names > 0 && endsWithNames(t) && off != end:
		return nil, errTrailing
	case p.into == nil:
		return nil, nil
	case names == 0:
		return p.keep(raw), nil
	}
	return p.uncompressed(from, before, names, end), nil
}

const typeNAPTR = Type(35)

// behindStrings is the offset behind n character strings (RFC 1035 section
// 3.3) at off, more than there are octets where they are cut short.
func behindStrings(data []byte, off, n int) int {
	for range n {
		if off >= len(data) {
			return len(data) + 1
		}
		off += 1 + int(data[off])
	}
	return off
}

// endsWithNames says that nothing may follow the names in the data.
func endsWithNames(t Type) bool {
	switch t {
	case TypeSOA, TypeRRSIG, TypeNSEC, 24, 30, 64, 65:
		return false
	}
	return true
}

// uncompressed copies data with the names in them, which skip has checked.
func (p *parser) uncompressed(from, before, names, end int) []byte {
	start := len(p.room(end - from + 255*names))
	p.data = append(p.data, p.packet[from:from+before]...)
	off := from + before
	for range names {
		at := off
		off, _ = p.skip(off)
		for at = p.follow(at); p.packet[at] != 0; at = p.follow(at) {
			length := int(p.packet[at])
			p.data = append(p.data, p.packet[at:at+1+length]...)
			at += 1 + length
		}
		p.data = append(p.data, 0)
	}
	p.data = append(p.data, p.packet[off:end]...)
	return p.data[start:len(p.data):len(p.data)]
}

// keep copies data as they stand.
func (p *parser) keep(raw []byte) []byte {
	start := len(p.room(len(raw)))
	p.data = append(p.data, raw...)
	return p.data[start:len(p.data):len(p.data)]
}

// room makes sure that n octets fit, without moving what was handed out.
func (p *parser) room(n int) []byte {
	if cap(p.data)-len(p.data) < n {
		p.data = make([]byte, 0, max(n, len(p.packet)))
	}
	return p.data
}

// opt reads an OPT record (RFC 6891 section 6.1.2); head begins with its type.
func (p *parser) opt(section int, head, data []byte) error {
	e := EDNS{UDPSize: be16(head[2:]), Version: head[5], DO: head[6]&0x80 != 0}
	for len(data) > 0 {
		if len(data) < 4 || len(data)-4 < int(be16(data[2:])) {
			return errShort
		}
		code, value := be16(data), data[4:4+be16(data[2:])]
		data = data[4+len(value):]
		switch {
		case code == optionEDE && len(value) < 2:
			return errShort
		case p.into == nil:
		case code == OptionNSID:
			e.NSID = append([]byte{}, value...)
		case code == optionEDE:
			e.EDE = append(e.EDE, ExtendedError{Code: be16(value), Text: string(value[2:])})
		}
	}
	if p.into != nil {
		kept := e // by itself, so that Check allocates nothing
		p.into.EDNS = &kept
	}
	if section == sectionAdditional { // RFC 6891 section 6.1.1: an OPT record elsewhere is none
		p.extended = int(head[4])
	}
	return nil
}

const (
	optionEDE         = 15 // RFC 8914 section 2
	sectionAdditional = 2
)
