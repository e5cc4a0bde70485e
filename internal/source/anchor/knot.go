package anchor

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// knotLine is an anchor as Knot Resolver writes it: a record, out in a comment
// where the key is not trusted, then the state with the end of its time in
// epoch seconds, then the tag.
var knotLine = regexp.MustCompile(`(?m)^(; *)?(\S+[ \t].*\S)[ \t]*; (Start|AddPend|Valid|Missing|Revoked|Removed):(\d*) ; KeyTag:(\d+)[ \t\r]*$`)

func likeKnot(_ string, text []byte) bool { return knotLine.Match(text) }

// knotStates are Knot Resolver's words for the states of RFC 5011 section 4.1.
func knotState(word string) holdfast.KeyState {
	switch word {
	case "AddPend":
		return holdfast.KeyAddPend
	case "Valid":
		return holdfast.KeyValid
	case "Missing":
		return holdfast.KeyMissing
	case "Revoked":
		return holdfast.KeyRevoked
	case "Removed":
		return holdfast.KeyRemoved
	}
	return holdfast.KeyStart
}

// parseKnot reads Knot Resolver's root.keys. Its commented-out lines are
// anchors too; other comments mean nothing, and a record without a state is one
// that somebody wrote for it, and that it trusts.
func parseKnot(f *File) error {
	for from := 0; from < len(f.text); {
		to, _ := lineEnd(f.text, from)
		line := strings.TrimRight(string(f.text[from:to]), "\r\n")
		if err := f.knotLine(from, line); err != nil {
			return f.fault(from, "%w", err)
		}
		from = to
	}
	return nil
}

func (f *File) knotLine(from int, line string) error {
	m := knotLine.FindStringSubmatch(line)
	if m == nil {
		bare, _ := uncomment(line)
		if bare = strings.TrimSpace(bare); bare == "" {
			return nil
		}
		m = []string{line, "", bare, "Valid", "", ""}
	}
	record, err := wire.ParseRecord(m[2])
	if err != nil {
		return err
	}
	key, err := anchorOf(record)
	if err != nil {
		return err
	}
	key.State, key.Word = knotState(m[3]), m[3]
	if trusted := m[1] == ""; trusted != key.State.Trusted() && key.State != holdfast.KeyMissing {
		return fmt.Errorf("state %s and whether the line is commented out do not go together", m[3])
	}
	if m[4] != "" {
		if key.Hold, err = epoch(m[4]); err != nil {
			return err
		}
	}
	if m[5] != "" {
		if tag, err := strconv.ParseUint(m[5], 10, 16); err != nil || uint16(tag) != key.Tag {
			return fmt.Errorf("KeyTag %s is not the key's, which is %d", m[5], key.Tag)
		}
	}
	f.hold(from, from+len(line), record.Name, key)
	return nil
}

// hasAny says whether a text has one of some words.
func hasAny(text []byte, words ...string) bool {
	for _, word := range words {
		if bytes.Contains(text, []byte(word)) {
			return true
		}
	}
	return false
}
