package record

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"time"
)

// A measurement's id stands twice in the database for each look: in its row
// and in the index. Ids of the form that the walk gives them, a time and twelve
// hexadecimal digits, are kept in 15 octets instead of 36; any other as it is.

const (
	idLayout = "20060102T150405.000000Z"
	idText   = 0 // first octet: the text follows
	idTime   = 1 // first octet: microseconds since 1970 and six octets follow
)

// packID keeps the order of ids of one form.
func packID(id string) []byte {
	at, err := time.Parse(idLayout, id[:min(len(idLayout), len(id))])
	if err == nil && len(id) == len(idLayout)+13 {
		packed := binary.BigEndian.AppendUint64([]byte{idTime}, uint64(at.UnixMicro()))
		if packed, err = hex.AppendDecode(packed, []byte(id[len(idLayout)+1:])); err == nil {
			if text, err := unpackID(packed); err == nil && text == id {
				return packed
			}
		}
	}
	return append([]byte{idText}, id...)
}

func unpackID(packed []byte) (string, error) {
	switch {
	case len(packed) > 0 && packed[0] == idText:
		return string(packed[1:]), nil
	case len(packed) == 15 && packed[0] == idTime:
		at := time.UnixMicro(int64(binary.BigEndian.Uint64(packed[1:]))).UTC()
		return at.Format(idLayout) + "-" + hex.EncodeToString(packed[9:]), nil
	}
	return "", fmt.Errorf("read id: %w", errDamaged)
}
