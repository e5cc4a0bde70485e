package rootkey

import (
	"bytes"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/holdfastdns/holdfast"
)

//go:embed calendar.json
var calendarText []byte

// Calendar is what is known and announced of the root's key-signing keys since
// 2010, each date with its source. It is data as of its Taken: dates marked as
// planned are plans, and only the live DNSKEY RRset says what happened.
func Calendar() holdfast.Calendar {
	c, err := readCalendar(calendarText)
	if err != nil {
		panic(err) // a build with a broken calendar must not pass its tests
	}
	return c
}

// readCalendar reads the calendar's file, in which the digest of a key is
// written as people compare it: in hexadecimal.
func readCalendar(text []byte) (holdfast.Calendar, error) {
	var file struct {
		holdfast.Calendar
		Keys []struct {
			holdfast.RootKey
			DS string `json:"ds"`
		} `json:"keys"`
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&file); err != nil {
		return holdfast.Calendar{}, fmt.Errorf("read the calendar of root keys: %w", err)
	}
	out := file.Calendar
	for _, k := range file.Keys {
		if k.DS != "" {
			digest, err := hex.DecodeString(k.DS)
			if err != nil {
				return out, fmt.Errorf("read the calendar of root keys: %s: ds: %w", k.Name, err)
			}
			k.RootKey.DS = &holdfast.DS{KeyTag: k.Tag, Algorithm: k.Algorithm, DigestType: 2, Digest: digest}
		}
		out.Keys = append(out.Keys, k.RootKey)
	}
	return out, nil
}
