package authority

import (
	"crypto/subtle"
	"encoding/binary"
	"math/bits"
	"net/netip"
	"time"
)

// Lengths of cookies (RFC 7873 section 4, RFC 9018 section 4).
const (
	clientCookie = 8
	serverCookie = 16
)

// Bounds of a server cookie's age (RFC 9018 section 4.3): it is renewed after
// half an hour and refused after an hour; five minutes ahead is a clock that
// is wrong.
const (
	cookieRenew  = 1800
	cookieOldest = 3600
	cookieAhead  = 300
)

// cookies makes and checks server cookies (RFC 9018).
type cookies struct{ secret [16]byte }

// appendTo writes the whole cookie for a client: its own, and the server's.
// What came is sent back as long as it is valid and fresh.
func (c cookies) appendTo(out, came []byte, from netip.Addr, now time.Time) []byte {
	if valid, fresh := c.check(came, from, now); valid && fresh {
		return append(out, came...)
	}
	return c.make(out, came[:clientCookie], from, uint32(now.Unix()))
}

func (c cookies) make(out, client []byte, from netip.Addr, stamp uint32) []byte {
	at := len(out)
	out = append(out, client...)
	out = append(out, 1, 0, 0, 0) // version and what is reserved
	out = binary.BigEndian.AppendUint32(out, stamp)
	input := append(make([]byte, 0, 32), out[at:]...)
	if from = from.Unmap(); from.Is4() {
		four := from.As4()
		input = append(input, four[:]...)
	} else {
		six := from.As16()
		input = append(input, six[:]...)
	}
	return binary.LittleEndian.AppendUint64(out, sipHash(c.secret, input))
}

// check says whether a cookie came back from where it was sent to, and whether
// it is young enough to be used again.
func (c cookies) check(came []byte, from netip.Addr, now time.Time) (valid, fresh bool) {
	if len(came) != clientCookie+serverCookie || came[clientCookie] != 1 {
		return false, false
	}
	stamp := binary.BigEndian.Uint32(came[12:])
	age := int32(uint32(now.Unix()) - stamp) // serial arithmetic (RFC 1982)
	if age > cookieOldest || age < -cookieAhead {
		return false, false
	}
	var scratch [clientCookie + serverCookie]byte
	want := c.make(scratch[:0], came[:clientCookie], from, stamp)
	return subtle.ConstantTimeCompare(want, came) == 1, age <= cookieRenew
}

// sipHash is SipHash-2-4 (Aumasson and Bernstein, 2012), which RFC 9018
// section 4.4 chooses.
func sipHash(key [16]byte, data []byte) uint64 {
	k0, k1 := binary.LittleEndian.Uint64(key[:8]), binary.LittleEndian.Uint64(key[8:])
	v := [4]uint64{k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573}
	last := uint64(len(data)) << 56
	for ; len(data) >= 8; data = data[8:] {
		sipWord(&v, binary.LittleEndian.Uint64(data))
	}
	for i, b := range data {
		last |= uint64(b) << (8 * i)
	}
	sipWord(&v, last)
	v[2] ^= 0xff
	for range 4 {
		sipRound(&v)
	}
	return v[0] ^ v[1] ^ v[2] ^ v[3]
}

func sipWord(v *[4]uint64, word uint64) {
	v[3] ^= word
	sipRound(v)
	sipRound(v)
	v[0] ^= word
}

func sipRound(v *[4]uint64) {
	v[0] += v[1]
	v[1] = bits.RotateLeft64(v[1], 13) ^ v[0]
	v[0] = bits.RotateLeft64(v[0], 32)
	v[2] += v[3]
	v[3] = bits.RotateLeft64(v[3], 16) ^ v[2]
	v[0] += v[3]
	v[3] = bits.RotateLeft64(v[3], 21) ^ v[0]
	v[2] += v[1]
	v[1] = bits.RotateLeft64(v[1], 17) ^ v[2]
	v[2] = bits.RotateLeft64(v[2], 32)
}
