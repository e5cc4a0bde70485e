package whole

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// An entry is a record as the sorter keeps it. Its octets in plain order are
// the zone in canonical order (RFC 4034 section 6): the owner's key, a zero
// octet, the type, the data in canonical form; then TTL and class.
//
// Type 0, which no record has, says that the name is wanted: a delegation names
// it as a name server. The data is then the delegation's key.
const typeWanted wire.Type = 0

const entryTail = 6 // TTL and class

// appendTail closes an entry.
func appendTail(out []byte, ttl uint32, class uint16) []byte {
	out = binary.BigEndian.AppendUint32(out, ttl)
	return binary.BigEndian.AppendUint16(out, class)
}

// record is an entry's second half.
type record struct {
	typ   wire.Type
	class uint16
	ttl   uint32
	data  []byte // in canonical form
	twin  bool   // the record before is the same, but for its TTL
}

var errEntry = errors.New("an entry of the sorter cannot be read")

// splitEntry takes an entry apart. A key ends where a label would begin with a
// zero octet; within labels zero octets are escaped.
func splitEntry(entry []byte) (key []byte, r record, err error) {
	end := keyLength(entry)
	if end < 0 || len(entry) < end+3+entryTail {
		return nil, record{}, errEntry
	}
	rest := entry[end+1:]
	tail := rest[len(rest)-entryTail:]
	return entry[:end], record{
		typ: wire.Type(binary.BigEndian.Uint16(rest)), data: rest[2 : len(rest)-entryTail],
		ttl: binary.BigEndian.Uint32(tail), class: binary.BigEndian.Uint16(tail[4:]),
	}, nil
}

// keyLength is the length of the key with which an entry begins; -1: none.
func keyLength(entry []byte) int {
	for at := 0; at < len(entry); {
		if entry[at] == 0 {
			return at
		}
		end := bytes.IndexByte(entry[at:], 0)
		if end < 0 {
			return -1
		}
		at += end + 1
	}
	return -1
}

// A key is a name as a text whose plain order is the canonical order of names,
// and of which a descendant's is a continuation: the labels from the right,
// each closed by a zero octet, which within labels is escaped.

// appendKey is the key of a packed name.
func appendKey(out, packed []byte) []byte {
	var offsets [128]int // at most 127 labels in 255 octets
	count := 0
	for off := 0; packed[off] != 0; off += int(packed[off]) + 1 {
		offsets[count] = off
		count++
	}
	for count--; count >= 0; count-- {
		off := offsets[count]
		out = append(appendEscaped(out, packed[off+1:off+1+int(packed[off])]), 0)
	}
	return out
}

func appendEscaped[text []byte | holdfast.Name](out []byte, label text) []byte {
	for i := range len(label) {
		switch c := label[i]; c {
		case 0:
			out = append(out, 1, 1)
		case 1:
			out = append(out, 1, 2)
		default:
			out = append(out, c)
		}
	}
	return out
}

// appendNameKey is the key of a name; false where it is none that can be
// packed.
func appendNameKey(out []byte, name holdfast.Name) ([]byte, bool) {
	if strings.IndexByte(string(name), '\\') >= 0 {
		packed, err := wire.PackName(name)
		if err != nil {
			return nil, false
		}
		return appendKey(out, packed), true
	}
	if name == holdfast.Root {
		return out, true
	}
	if len(name) < 2 || len(name) > 254 || name[len(name)-1] != '.' {
		return nil, false
	}
	end := len(name) - 1
	for end > 0 {
		start := strings.LastIndexByte(string(name[:end]), '.') + 1
		if end == start || end-start > 63 {
			return nil, false
		}
		out = append(appendEscaped(out, name[start:end]), 0)
		end = start - 1
	}
	return out, end < 0
}

// appendPacked is the packed name of a key.
func appendPacked(out, key []byte) []byte {
	var ends [128]int
	count := 0
	for at := 0; at < len(key); {
		at += bytes.IndexByte(key[at:], 0) + 1
		ends[count] = at
		count++
	}
	for count--; count >= 0; count-- {
		start := 0
		if count > 0 {
			start = ends[count-1]
		}
		at := len(out)
		out = append(out, 0)
		for i := start; i < ends[count]-1; i++ {
			c := key[i]
			if c == 1 {
				i++
				c = key[i] - 1
			}
			out = append(out, c)
		}
		out[at] = byte(len(out) - at - 1)
	}
	return append(out, 0)
}

// nameOf is the name of a key.
func nameOf(key []byte) holdfast.Name {
	name, err := wire.Record{Type: wire.TypeNS, Data: appendPacked(nil, key)}.Target()
	if err != nil {
		return "?" // no key of ours
	}
	return name
}

// labelsOf counts the labels of a key, without that of a wildcard (RFC 4034
// section 3.1.3).
func labelsOf(key []byte) int {
	count := bytes.Count(key, []byte{0})
	if n := len(key); n >= 2 && key[n-2] == '*' && (n == 2 || key[n-3] == 0) {
		count--
	}
	return count
}
