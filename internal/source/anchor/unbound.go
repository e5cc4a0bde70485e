package anchor

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// The first line of every state file that Unbound wrote.
const unboundHead = "; autotrust trust anchor file"

func likeUnbound(_ string, text []byte) bool {
	return bytes.Contains(text, []byte(unboundHead)) || bytes.Contains(text, []byte(";;state="))
}

// unboundStates are the numbers of Unbound's states, in the order of
// RFC 5011 section 4.1.
var unboundStates = []holdfast.KeyState{
	holdfast.KeyStart, holdfast.KeyAddPend, holdfast.KeyValid, holdfast.KeyMissing, holdfast.KeyRevoked, holdfast.KeyRemoved,
}

// unboundTimes are the comment lines that say when: epoch seconds behind the
// colon, and the same for people behind ";;".
var unboundTimes = regexp.MustCompile(`(?m)^;;(last_queried|last_success|next_probe_time): *(\d+)`)

var unboundWord = regexp.MustCompile(`\[ *([A-Z]+) *\]`)

var unboundID = regexp.MustCompile(`(?m)^;;id: *(\S+) +(\d+)`)

// parseUnbound reads Unbound's auto-trust-anchor-file: records with a state
// in a comment behind them, and when the keys were asked for in comments before.
// A record without a state is one that Unbound has yet to take up: it trusts it.
func parseUnbound(f *File) error {
	zone := holdfast.Name("")
	if m := unboundID.FindSubmatchIndex(f.text); m != nil {
		name, err := holdfast.ParseName(string(f.text[m[2]:m[3]]))
		if err != nil {
			return f.fault(m[0], "id: %w", err)
		}
		zone = name
		f.point(zone, "")
	}
	for _, m := range unboundTimes.FindAllSubmatchIndex(f.text, -1) {
		at, err := epoch(string(f.text[m[4]:m[5]]))
		if err != nil {
			return f.fault(m[0], "%s: %w", f.text[m[2]:m[3]], err)
		}
		if zone == "" {
			return f.fault(m[0], "there is no ;;id: line before it")
		}
		point := f.point(zone, "")
		switch string(f.text[m[2]:m[3]]) {
		case "last_queried":
			point.Asked = at
		case "last_success":
			point.Succeeded = at
		case "next_probe_time":
			point.Next = at
		}
	}
	return f.eachRecord(func(from, to int, record wire.Record, comment string) error {
		key, err := anchorOf(record)
		if err != nil {
			return err
		}
		if err := unboundState(&key, comment); err != nil {
			return err
		}
		f.hold(from, to, record.Name, key)
		return nil
	})
}

// unboundState reads ";;state=2 [  VALID  ] ;;count=0 ;;lastchange=1700000000".
func unboundState(key *holdfast.TrustedKey, comment string) error {
	if m := unboundWord.FindStringSubmatch(comment); m != nil {
		key.Word = m[1]
	}
	for part := range strings.SplitSeq(comment, ";") {
		word, value, _ := strings.Cut(part, "=")
		value, _, _ = strings.Cut(value, " ")
		switch word {
		case "state":
			n, err := strconv.Atoi(value)
			if err != nil || n < 0 || n >= len(unboundStates) {
				return fmt.Errorf("state %q: want 0 to %d", value, len(unboundStates)-1)
			}
			key.State = unboundStates[n]
		case "lastchange":
			at, err := epoch(value)
			if err != nil {
				return fmt.Errorf("lastchange: %w", err)
			}
			key.Since = at
		}
	}
	return nil
}

// epoch reads seconds since 1970; zero, which files write for never, is the
// zero time.
func epoch(text string) (time.Time, error) {
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil || seconds < 0 || seconds > 1<<40 {
		return time.Time{}, fmt.Errorf("%q is not a number of seconds since 1970", text)
	}
	if seconds == 0 {
		return time.Time{}, nil
	}
	return time.Unix(seconds, 0).UTC(), nil
}
