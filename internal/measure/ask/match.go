package ask

import "encoding/binary"

// headerLength is that of every DNS message (RFC 1035 section 4.1.1).
const headerLength = 12

// asksAlike says whether the reply is a response to the query: the same id and
// opcode, and the same question, its name compared without regard to case (RFC
// 5452 section 9.1). The query is our own, and uncompressed; where it has a
// second question the reply may have both, or only the first.
// It reads the bytes as they stand and allocates nothing, so that a flood of
// forged replies costs little.
func asksAlike(query, reply []byte) bool {
	end := questionEnd(query)
	if end < 0 || len(reply) < end {
		return false
	}
	const qr, opcode = 0x80, 0x78
	if reply[0] != query[0] || reply[1] != query[1] || reply[2]&qr == 0 || reply[2]&opcode != query[2]&opcode {
		return false
	}
	if n := binary.BigEndian.Uint16(reply[4:]); n == 0 || n > binary.BigEndian.Uint16(query[4:]) {
		return false
	}
	// Length octets are at most 63 and so never within A to Z: folding the
	// name as a whole is safe. Type and class must be the same octets.
	for i := headerLength; i < end-4; i++ {
		if folded(reply[i]) != folded(query[i]) {
			return false
		}
	}
	return string(reply[end-4:end]) == string(query[end-4:end])
}

// asksNothing says whether a well-formed message is a response without a
// question.
func asksNothing(reply []byte) bool {
	const qr = 0x80
	return reply[2]&qr != 0 && binary.BigEndian.Uint16(reply[4:]) == 0
}

// questionEnd is the offset behind the first question, -1 where there is none.
func questionEnd(message []byte) int {
	off := headerLength
	for off < len(message) && message[off] != 0 {
		if message[off]&0xC0 != 0 {
			return -1
		}
		off += int(message[off]) + 1
	}
	if off += 5; off > len(message) { // the root label, type and class
		return -1
	}
	return off
}

func folded(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + ('a' - 'A')
	}
	return c
}
