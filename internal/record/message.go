package record

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/holdfastdns/holdfast"
)

// A reply is stored in a normal form, so that what two servers, or one server
// twice, say alike is stored once: without the query id (its first two octets)
// and without what a server puts into each reply anew: its own identifier
// (NSID, RFC 5001), which operators of anycast send, and its cookie (RFC 7873),
// which holds the time. Both are kept with the look, and put back in place,
// octet for octet.
//
// The form is a head and the octets: head formVerbatim, all of them; formPlain,
// without the id; any greater head is the offset in the message at which the
// content of these options was cut out, in one piece: from the first of them to
// the last, with what stands between.
const (
	formVerbatim = 0
	formPlain    = 1
	formShell    = 2 // of queries only
)

const (
	headerLength   = 12     // RFC 1035 section 4.1.1
	maxMessage     = 65_535 // RFC 1035 section 4.2.2
	typeOPT        = 41
	optionNSID     = 3
	optionCookie   = 10
	questionSuffix = 4 // QTYPE and QCLASS
)

// normal is the normal form of a message, its id, and what was cut out.
func normal(message []byte) (form []byte, id uint16, nsid []byte) {
	if len(message) < headerLength {
		return append([]byte{formVerbatim}, message...), 0, nil
	}
	id = binary.BigEndian.Uint16(message)
	at, length := findOwn(message)
	if length == 0 {
		return append([]byte{formPlain}, message[2:]...), id, nil
	}
	form = binary.AppendUvarint(make([]byte, 0, len(message)+1), uint64(at))
	form = append(form, message[2:at]...)
	return append(form, message[at+length:]...), id, message[at : at+length]
}

// restore undoes normal.
func restore(form []byte, id uint16, nsid []byte) ([]byte, error) {
	head, n := binary.Uvarint(form)
	if n <= 0 {
		return nil, fmt.Errorf("restore message: %w", errDamaged)
	}
	body := form[n:]
	if head == formVerbatim {
		return slices.Clone(body), nil
	}
	message := binary.BigEndian.AppendUint16(make([]byte, 0, len(body)+2+len(nsid)), id)
	if head == formPlain {
		return append(message, body...), nil
	}
	if head < 2 || head-2 > uint64(len(body)) {
		return nil, fmt.Errorf("restore message: %w: the cut lies outside", errDamaged)
	}
	message = append(message, body[:head-2]...)
	message = append(message, nsid...)
	return append(message, body[head-2:]...), nil
}

// findOwn answers where the server's own options stand in a message, and how
// long they are; length 0 where there are none, or the message is not
// well-formed. What it answers need not be right for restore to be exact.
func findOwn(message []byte) (at, length int) {
	count := func(i int) int { return int(binary.BigEndian.Uint16(message[i:])) }
	off := headerLength
	for range count(4) {
		if off = skipName(message, off); off < 0 {
			return 0, 0
		}
		off += questionSuffix
	}
	for range count(6) + count(8) + count(10) {
		if off = skipName(message, off); off < 0 || off+10 > len(message) {
			return 0, 0
		}
		rrtype, end := count(off), off+10+count(off+8)
		if end > len(message) {
			return 0, 0
		}
		if rrtype == typeOPT {
			return findOptions(message, off+10, end)
		}
		off = end
	}
	return 0, 0
}

// findOptions looks for NSID and COOKIE among the options of an OPT record's
// data (RFC 6891 section 6.1.2).
func findOptions(message []byte, off, end int) (at, length int) {
	for off+4 <= end {
		code := binary.BigEndian.Uint16(message[off:])
		size := int(binary.BigEndian.Uint16(message[off+2:]))
		off += 4
		if off+size > end {
			break
		}
		if (code == optionNSID || code == optionCookie) && size > 0 {
			if length == 0 {
				at = off
			}
			length = off + size - at
		}
		off += size
	}
	return at, length
}

// skipName answers the offset behind the name at off, -1 where there is none.
func skipName(message []byte, off int) int {
	for off >= 0 && off < len(message) {
		switch length := int(message[off]); {
		case length == 0:
			return off + 1
		case length >= 0xc0: // a pointer ends the name (RFC 1035 section 4.1.4)
			return off + 2
		case length >= 0x40:
			return -1
		default:
			off += 1 + length
		}
	}
	return -1
}

// hash names content. Sixteen octets of SHA-256: two messages that collide by
// chance are out of the question, and to make two on purpose takes some 2^64
// tries, for a server that only ever spoils the evidence about itself.
type hash [16]byte

func hashOf(parts ...[]byte) hash {
	h := sha256.New()
	for _, part := range parts {
		h.Write(part)
	}
	return hash(h.Sum(nil)[:16])
}

// queryShell is a query without its id and its question, where these can be
// rebuilt from q; the same for all queries of one asker. The first octet says
// what is left out: formVerbatim, nothing; formPlain, the id; formShell, both.
func queryShell(query []byte, q holdfast.Question) []byte {
	if len(query) < headerLength {
		return append([]byte{formVerbatim}, query...)
	}
	question := packQuestion(q)
	if question == nil || !bytes.HasPrefix(query[headerLength:], question) {
		return append([]byte{formPlain}, query[2:]...)
	}
	shell := append([]byte{formShell}, query[2:headerLength]...)
	return append(shell, query[headerLength+len(question):]...)
}

// queryOf undoes queryShell.
func queryOf(shell []byte, id uint16, q holdfast.Question) ([]byte, error) {
	if len(shell) == 0 {
		return nil, fmt.Errorf("restore query: %w: it is empty", errDamaged)
	}
	form, body := shell[0], shell[1:]
	if form == formVerbatim {
		return slices.Clone(body), nil
	}
	query := binary.BigEndian.AppendUint16(make([]byte, 0, 2+len(body)+len(q.Name)+1+questionSuffix), id)
	if form == formPlain {
		return append(query, body...), nil
	}
	question := packQuestion(q)
	if form != formShell || len(body) < headerLength-2 || question == nil {
		return nil, fmt.Errorf("restore query: %w", errDamaged)
	}
	query = append(query, body[:headerLength-2]...)
	query = append(query, question...)
	return append(query, body[headerLength-2:]...), nil
}

// packQuestion is a question of class IN on the wire (RFC 1035 section 4.1.2),
// nil where the name cannot be packed.
func packQuestion(q holdfast.Question) []byte {
	name := packName(string(q.Name))
	if name == nil {
		return nil
	}
	name = binary.BigEndian.AppendUint16(name, q.Type)
	return binary.BigEndian.AppendUint16(name, 1)
}

// packName turns the presentation format of RFC 1035 section 5.1 into the
// wire's; nil where it is no absolute name.
func packName(name string) []byte {
	if name == "." {
		return []byte{0}
	}
	if name == "" {
		return nil
	}
	out := make([]byte, 1, len(name)+1+questionSuffix)
	label := 0 // offset of the length octet of the label being read
	for i := 0; i < len(name); i++ {
		switch c := name[i]; {
		case c == '.':
			length := len(out) - label - 1
			if length == 0 || length > 63 {
				return nil
			}
			out[label] = byte(length)
			label = len(out)
			out = append(out, 0)
		case c == '\\' && i+3 < len(name) && isDigit(name[i+1]) && isDigit(name[i+2]) && isDigit(name[i+3]):
			v := int(name[i+1]-'0')*100 + int(name[i+2]-'0')*10 + int(name[i+3]-'0')
			if v > 255 {
				return nil
			}
			out = append(out, byte(v))
			i += 3
		case c == '\\' && i+1 < len(name):
			i++
			out = append(out, name[i])
		default:
			out = append(out, c)
		}
	}
	if label != len(out)-1 || len(out) > 255 {
		return nil
	}
	return out
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
