package rootkey

import (
	"bytes"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/holdfastdns/holdfast"
)

//go:embed calendar.json
var calendarText []byte

// Calendar is what is known and announced of the root's key-signing keys since
// 2010, each date with its source. It is data as of its Taken: dates marked as
// planned are plans, and only the live DNSKEY RRset says what happened.
func Calendar() holdfast.Calendar {
	c, err := ReadCalendar(calendarText)
	if err != nil {
		panic(err) // a build with a broken calendar must not pass its tests
	}
	return c
}

// ReadCalendar reads a calendar's file (docs/formats/calendar.md), in which the
// digest of a key is written as people compare it: in hexadecimal. Unknown
// fields are errors, and so is a date without a step, an instant or a source.
func ReadCalendar(text []byte) (holdfast.Calendar, error) {
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
		for _, d := range k.Dates {
			if _, shows := verbs[d.Step]; !shows && !slices.Contains(unseen, d.Step) || d.At.IsZero() || d.Source == "" {
				return out, fmt.Errorf("read the calendar of root keys: %s: a date wants a known step, an instant and a source; this is %q at %s by %q", k.Name, d.Step, d.At.Format("2006-01-02"), d.Source)
			}
		}
		out.Keys = append(out.Keys, k.RootKey)
	}
	if out.Taken.IsZero() || len(out.Keys) == 0 {
		return out, errCalendar
	}
	return out, nil
}

// unseen are the steps that do not show in the DNSKEY RRset.
var unseen = []holdfast.RootStep{holdfast.RootGenerated, holdfast.RootAnchored, holdfast.RootAbandoned}

var errCalendar = errors.New("read the calendar of root keys: it wants the day it was taken, and a key at least")
