package wire

import (
	"encoding/binary"
	"fmt"

	"github.com/holdfastdns/holdfast"
)

// ClassCH is the Chaosnet class, in which servers speak of themselves (RFC
// 4892).
const ClassCH uint16 = 3

// Option is one option of an OPT record, its data as it stands on the wire.
type Option struct {
	Code uint16
	Data []byte
}

// Codes of EDNS options (IANA, "DNS EDNS0 Option Codes (OPT)").
const (
	OptionNSID          uint16 = 3  // RFC 5001
	OptionCookie        uint16 = 10 // RFC 7873
	OptionReportChannel uint16 = 18 // RFC 9567
	OptionZoneVersion   uint16 = 19 // RFC 9660
)

// Shape says how a question differs from the ordinary one (NewQuery), for
// those that find out how a server takes it. The zero value is the ordinary
// one.
type Shape struct {
	Class     uint16 // 0: IN
	Recursion bool   // RD
	// Unchecked sets CD: a validating resolver is to answer whatever it thinks
	// of the data (RFC 4035 section 3.2.2).
	Unchecked bool
	// Bare clears DO and sets AD: whether the data is authentic is asked, but
	// not for the signatures (RFC 6840 section 5.7).
	Bare bool
	// MixedCase spells every other letter of the name as a capital.
	MixedCase bool
	Version   uint8  // of EDNS
	Flags     uint16 // of EDNS, beside DO
	Payload   uint16 // what is taken over UDP; 0: 1232
	Options   []Option
	// Second is the type of a second question for the same name; 0: none.
	Second Type
}

const (
	usualPayload = 1232   // RFC 9715
	flagDO       = 0x8000 // RFC 3225
	flagRD       = 0x01   // in the third octet of a message
	flagAD       = 0x20   // in the fourth
	flagCD       = 0x10   // in the fourth
)

// Query is the message that asks the question in this shape, its id zero.
func (s Shape) Query(q holdfast.Question) ([]byte, error) {
	name, err := PackName(q.Name)
	if err != nil {
		return nil, fmt.Errorf("pack question: %w", err)
	}
	if s.MixedCase {
		mixCase(name)
	}
	class, payload := s.Class, s.Payload
	if class == 0 {
		class = ClassIN
	}
	if payload == 0 {
		payload = usualPayload
	}
	out := make([]byte, 12, 12+2*len(name)+32)
	if s.Recursion {
		out[2] |= flagRD
	}
	flags := s.Flags | flagDO
	if s.Unchecked {
		out[3] |= flagCD
	}
	if s.Bare {
		out[3] |= flagAD
		flags &^= flagDO
	}
	out[5], out[11] = 1, 1 // QDCOUNT, ARCOUNT
	out = append(out, name...)
	out = put16(put16(out, q.Type), class)
	if s.Second != 0 {
		out[5] = 2
		out = append(out, name...)
		out = put16(put16(out, uint16(s.Second)), class)
	}
	options := put16(put16(nil, OptionNSID), 0)
	for _, o := range s.Options {
		options = put16(put16(options, o.Code), uint16(len(o.Data)))
		options = append(options, o.Data...)
	}
	out = put16(put16(append(out, 0), uint16(TypeOPT)), payload)
	out = put16(append(out, 0, s.Version), flags)
	return append(put16(out, uint16(len(options))), options...), nil
}

// mixCase spells every other letter of a name in wire form as a capital, the
// first one included. Lengths are below 64 and so never letters.
func mixCase(name []byte) {
	capital := true
	for i, c := range name {
		if c >= 'a' && c <= 'z' {
			if capital {
				name[i] = c - ('a' - 'A')
			}
			capital = !capital
		}
	}
}

// OPT is a message's OPT record with all its options, those that nobody here
// knows included (RFC 6891 section 6.1.2).
type OPT struct {
	UDPSize uint16
	Version uint8
	Flags   uint16 // DO and the rest
	Options []Option
}

// Option is the data of the first option with a code.
func (o OPT) Option(code uint16) ([]byte, bool) {
	for _, option := range o.Options {
		if option.Code == code {
			return option.Data, true
		}
	}
	return nil, false
}

// ReadOPT reads the OPT record of a message from its octets; false where there
// is none that can be read. What it gives shares the message's memory.
func ReadOPT(packet []byte) (OPT, bool) {
	if len(packet) < 12 {
		return OPT{}, false
	}
	count := func(at int) int { return int(binary.BigEndian.Uint16(packet[at:])) }
	off := 12
	for range count(4) {
		if off = behindName(packet, off); off < 0 || off+4 > len(packet) {
			return OPT{}, false
		}
		off += 4
	}
	for range count(6) + count(8) + count(10) {
		if off = behindName(packet, off); off < 0 || off+10 > len(packet) {
			return OPT{}, false
		}
		end := off + 10 + count(off+8)
		if end > len(packet) {
			return OPT{}, false
		}
		if Type(count(off)) == TypeOPT {
			options, ok := readOptions(packet[off+10 : end])
			return OPT{UDPSize: uint16(count(off + 2)), Version: packet[off+5], Flags: uint16(count(off + 6)), Options: options}, ok
		}
		off = end
	}
	return OPT{}, false
}

func readOptions(data []byte) ([]Option, bool) {
	var out []Option
	for len(data) > 0 {
		if len(data) < 4 {
			return out, false
		}
		n := int(binary.BigEndian.Uint16(data[2:]))
		if len(data) < 4+n {
			return out, false
		}
		out = append(out, Option{Code: binary.BigEndian.Uint16(data), Data: data[4 : 4+n : 4+n]})
		data = data[4+n:]
	}
	return out, true
}

// behindName is the offset behind the name at off, -1 where there is none.
func behindName(packet []byte, off int) int {
	for off < len(packet) {
		switch length := int(packet[off]); {
		case length == 0:
			return off + 1
		case length >= 0xC0: // a pointer ends the name (RFC 1035 section 4.1.4)
			return off + 2
		case length >= 0x40:
			return -1
		default:
			off += 1 + length
		}
	}
	return -1
}

// Spelling is the name of a message's first question, letter for letter as it
// stands there, in wire form; nil where there is none.
func Spelling(packet []byte) []byte {
	if len(packet) < 12 || binary.BigEndian.Uint16(packet[4:]) == 0 {
		return nil
	}
	end := behindName(packet, 12)
	if end < 0 || end > len(packet) {
		return nil
	}
	return packet[12:end]
}
