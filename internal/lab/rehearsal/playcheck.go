package rehearsal

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/lab"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// Bounds of a play.
const (
	maxKeys   = 64
	maxSteps  = 1024
	maxActs   = 16 // a step
	maxName   = 64
	maxText   = 8 << 10
	maxLength = 10 * 365 * 24 * time.Hour
)

// Check says what is wrong with a play, as Parse does of a text.
func Check(play holdfast.Play) error {
	err := checkHead(play)
	for i := 0; err == nil && i < len(play.Steps); i++ {
		err = checkStep(play, i)
	}
	if err == nil {
		err = checkWhole(play)
	}
	if err != nil {
		return fmt.Errorf("play %q: %w", play.Name, err)
	}
	return nil
}

// checkHead is about all but steps.
func checkHead(play holdfast.Play) error {
	switch {
	case !isName(play.Name):
		return fmt.Errorf("play: want a name of letters, digits and -")
	case !isText(play.Title) || strings.Contains(play.Title, "\n") || play.Title == "":
		return fmt.Errorf("title: want one line of text")
	case !isText(play.About) || !isText(play.Clause) || strings.Contains(play.Clause, "\n"):
		return fmt.Errorf("about, clause: want plain text, without blanks at its ends and without #")
	case len(play.Keys) > maxKeys || len(play.Steps) > maxSteps:
		return fmt.Errorf("%d keys and %d steps: want at most %d and %d", len(play.Keys), len(play.Steps), maxKeys, maxSteps)
	}
	if err := checkTimers(play.Timers); err != nil {
		return err
	}
	anchors, digests := 0, 0
	for i, k := range play.Keys {
		if k.Digest {
			digests++
		}
		if err := checkKey(k, play.Keys[:i]); err != nil {
			return fmt.Errorf("key %q: %w", k.Name, err)
		}
		if k.Anchor {
			anchors++
		}
	}
	switch {
	case digests > 0 && digests != anchors:
		return fmt.Errorf("key: want all anchors whole, or all by their DS")
	case anchors == 0:
		return fmt.Errorf("key: want one anchor at least, for the resolvers to begin with")
	}
	return nil
}

func checkTimers(t holdfast.Timers) error {
	for _, timer := range timerWords(&t) {
		if d := *timer.into; d < time.Second || d%time.Second != 0 || d > maxLength {
			return fmt.Errorf("timers %s %s: want whole seconds, one or more, at most %s", timer.word, d, span(maxLength))
		}
	}
	return nil
}

func checkKey(k holdfast.PlayKey, before []holdfast.PlayKey) error {
	known := func(name string) bool {
		return slices.ContainsFunc(before, func(o holdfast.PlayKey) bool { return o.Name == name })
	}
	switch {
	case !isName(k.Name):
		return fmt.Errorf("want a name of letters, digits and -")
	case known(k.Name):
		return fmt.Errorf("it is there twice")
	case !wire.Supported(k.Algorithm):
		return fmt.Errorf("algorithm %d: %w", k.Algorithm, wire.ErrAlgorithm)
	case k.Bits != 0 && (k.Bits < 1024 || k.Bits > 4096):
		return fmt.Errorf("%d bits: want 1024 to 4096, of RSA", k.Bits)
	case k.SameTag != "" && !known(k.SameTag):
		return fmt.Errorf("same-tag %q: no key of that name before it", k.SameTag)
	case k.SameTag != "" && k.Tag != 0:
		return fmt.Errorf("same-tag and tag: want one of them")
	case k.Digest && !k.Anchor:
		return fmt.Errorf("a digest that the resolvers do not begin with")
	case k.Anchor && !k.KSK:
		return fmt.Errorf("an anchor has to be a ksk")
	}
	return nil
}

// checkStep is about one step and the one before it.
func checkStep(play holdfast.Play, i int) error {
	s := play.Steps[i]
	switch {
	case !isName(s.Name):
		return fmt.Errorf("step %q: want a name of letters, digits and -", s.Name)
	case !isText(s.Text):
		return fmt.Errorf("step %s: text: want plain text, without blanks at its ends and without #", s.Name)
	case s.At%time.Second != 0:
		return fmt.Errorf("step %s: at %s: want whole seconds", s.Name, s.At)
	case i == 0 && s.At != 0:
		return fmt.Errorf("step %s: at %s: the first is at 0s", s.Name, span(s.At))
	case i > 0 && s.At <= play.Steps[i-1].At:
		return fmt.Errorf("step %s: at %s, which is not after the step before", s.Name, span(s.At))
	case slices.ContainsFunc(play.Steps[:i], func(o holdfast.PlayStep) bool { return o.Name == s.Name }):
		return fmt.Errorf("step %s: it is there twice", s.Name)
	case len(s.Publish) == 0 || len(s.Data) == 0:
		return fmt.Errorf("step %s: want a key to publish, and one that signs the data", s.Name)
	case len(s.Acts) > maxActs:
		return fmt.Errorf("step %s: %d acts: want at most %d", s.Name, len(s.Acts), maxActs)
	}
	for _, list := range [][]string{s.Publish, s.Sign, s.Revoke, s.Data} {
		if err := checkNames(play, list); err != nil {
			return fmt.Errorf("step %s: %w", s.Name, err)
		}
	}
	if len(published(s)) != len(s.Publish) {
		return fmt.Errorf("step %s: what is revoked is published too", s.Name)
	}
	for _, act := range s.Acts {
		if err := checkAct(act); err != nil {
			return fmt.Errorf("step %s: act %s: %w", s.Name, act.Do, err)
		}
	}
	return nil
}

func checkNames(play holdfast.Play, names []string) error {
	for i, name := range names {
		if !slices.ContainsFunc(play.Keys, func(k holdfast.PlayKey) bool { return k.Name == name }) {
			return fmt.Errorf("no key is called %q", name)
		}
		if slices.Contains(names[:i], name) {
			return fmt.Errorf("key %q stands there twice", name)
		}
	}
	return nil
}

// checkWhole is about what only shows at the end.
func checkWhole(play holdfast.Play) error {
	switch {
	case len(play.Steps) == 0:
		return fmt.Errorf("want one step at least")
	case play.Length <= play.Steps[len(play.Steps)-1].At || play.Length%time.Second != 0 || play.Length > maxLength:
		return fmt.Errorf("end %s: want whole seconds after the last step, at most %s", span(play.Length), span(maxLength))
	}
	return nil
}

// Words that acts may have behind them; docs/formats/play.md says what they
// mean.
var (
	bootstraps = []string{"rfc7958", "rfc9718", "mixed", "unknown-ca", "expired-signer"}
	tampers    = []string{"half", "empty", "garbage", "missing", "read-only", "writable", "full", "room"}
)

func checkAct(act holdfast.PlayAct) error {
	switch act.Do {
	case holdfast.ActRestart, holdfast.ActStop, holdfast.ActStart, holdfast.ActReset, holdfast.ActFlush, holdfast.ActRepair:
		if act.With != "" {
			return fmt.Errorf("%q: want nothing after it", act.With)
		}
		return nil
	case holdfast.ActBootstrap:
		return oneOf(act.With, bootstraps)
	case holdfast.ActTamper:
		return oneOf(act.With, tampers)
	case holdfast.ActClock:
		_, err := clockOffset(act.With)
		return err
	case holdfast.ActFault:
		return checkFault(act.With)
	}
	return fmt.Errorf("no such act")
}

func oneOf(word string, words []string) error {
	if !slices.Contains(words, word) {
		return fmt.Errorf("%q: want one of %s", word, strings.Join(words, ", "))
	}
	return nil
}

// clockOffset reads by how much a clock is off: +2m, -1d, +0s.
func clockOffset(text string) (time.Duration, error) {
	digits, plus := strings.CutPrefix(text, "+")
	d, err := lab.ParseDuration(digits)
	if err != nil || plus == (d < 0) || !plus && !strings.HasPrefix(text, "-") || d%time.Second != 0 {
		return 0, fmt.Errorf("%q: want a sign and a duration of whole seconds, as in +2m or -1d", text)
	}
	return d, nil
}

// checkFault wants a fault that begins with its step.
func checkFault(text string) error {
	if !isText(text) || strings.Contains(text, "\n") {
		return fmt.Errorf("%q: want one line of text", text)
	}
	f, err := lab.ParseFault(text, time.Unix(0, 0))
	if err == nil && !(f.From.IsZero() && f.To.IsZero()) {
		err = fmt.Errorf("fault: from and to: it begins with its step, and ends with one that repairs")
	}
	return err
}

// isName says whether a word can name a play, a key or a step: also in file
// names and addresses of pages.
func isName(s string) bool {
	if s == "" || len(s) > maxName || s[0] == '-' {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_') {
			return false
		}
	}
	return true
}

// isText says whether a text survives being written and read.
func isText(s string) bool {
	if len(s) > maxText || !utf8.ValidString(s) || s != strings.TrimSpace(s) {
		return false
	}
	for line := range strings.SplitSeq(s, "\n") {
		if line != strings.TrimSpace(line) || uncomment(line) != line || strings.ContainsFunc(line, unicode.IsControl) {
			return false
		}
	}
	return true
}
