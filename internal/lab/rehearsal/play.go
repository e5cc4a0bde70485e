package rehearsal

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/lab"
)

// Bounds of a play's text, which may come from a stranger.
const (
	maxPlayLine  = 16 << 10
	maxPlayLines = 64 << 10
)

// reader reads the text format of docs/formats/play.md, line by line.
type reader struct {
	play   *holdfast.Play
	file   string
	line   int
	places []string // FILE:LINE of each step, for what is found wrong at the end
	said   map[string]bool
}

// Parse reads a play from its text (docs/formats/play.md). file names the text
// in errors, which begin "FILE:LINE: ".
func Parse(r io.Reader, file string) (holdfast.Play, error) {
	play := holdfast.Play{}
	in := &reader{play: &play, file: file, said: map[string]bool{}}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxPlayLine)
	for lines.Scan() {
		if in.line++; in.line > maxPlayLines {
			return play, in.fail(fmt.Errorf("more than %d lines", maxPlayLines))
		}
		if err := in.statement(strings.TrimSpace(uncomment(lines.Text()))); err != nil {
			return play, in.fail(err)
		}
		// A stranger's text is not to grow before it is refused at the end.
		if len(play.Keys) > maxKeys || len(play.Steps) > maxSteps || len(play.About) > maxText {
			return play, in.fail(fmt.Errorf("too long: want at most %d keys, %d steps and %d octets about them", maxKeys, maxSteps, maxText))
		}
	}
	if err := lines.Err(); err != nil {
		in.line++
		return play, in.fail(err)
	}
	if err := checkHead(play); err != nil {
		return play, in.fail(err)
	}
	for i := range play.Steps {
		if err := checkStep(play, i); err != nil {
			return play, fmt.Errorf("%s: %w", in.places[i], err)
		}
	}
	if err := checkWhole(play); err != nil {
		return play, in.fail(err)
	}
	return play, nil
}

func (in *reader) fail(err error) error { return fmt.Errorf("%s:%d: %w", in.file, in.line, err) }

// uncomment cuts off what follows a "#" at the start of a line or after a blank.
func uncomment(line string) string {
	for i := range len(line) {
		if line[i] == '#' && (i == 0 || line[i-1] == ' ' || line[i-1] == '\t') {
			return line[:i]
		}
	}
	return line
}

// statement carries out one line.
func (in *reader) statement(text string) error {
	verb, rest := text, ""
	if i := strings.IndexAny(text, " \t"); i >= 0 {
		verb, rest = text[:i], strings.TrimSpace(text[i:])
	}
	words := strings.Fields(rest)
	p := in.play
	switch verb {
	case "":
		return nil
	case "play":
		return in.once(verb, &p.Name, rest)
	case "title":
		return in.once(verb, &p.Title, rest)
	case "clause":
		return in.once(verb, &p.Clause, rest)
	case "about":
		p.About = joined(p.About, rest)
		return nil
	case "timers":
		return in.timers(words)
	case "key":
		k, err := parseKey(words)
		p.Keys = append(p.Keys, k)
		return err
	case "step":
		s, err := parseStep(words)
		p.Steps, in.places = append(p.Steps, s), append(in.places, fmt.Sprintf("%s:%d", in.file, in.line))
		return err
	case "end":
		if in.said[verb] || len(words) != 1 {
			return fmt.Errorf("end: want one duration, once")
		}
		in.said[verb] = true
		return parseTime(&p.Length, words[0])
	case "text", "act":
		if len(p.Steps) == 0 {
			return fmt.Errorf("%s: want a step before it", verb)
		}
		return more(&p.Steps[len(p.Steps)-1], verb, rest)
	}
	return fmt.Errorf("%q: want play, title, about, clause, timers, key, step, text, act or end", verb)
}

// once sets a line of text that a play has once.
func (in *reader) once(verb string, into *string, text string) error {
	if in.said[verb] || text == "" {
		return fmt.Errorf("%s: want a text, once", verb)
	}
	in.said[verb], *into = true, text
	return nil
}

// joined adds a line to a text of several.
func joined(text, line string) string {
	if text == "" {
		return line
	}
	return text + "\n" + line
}

// more adds to a step.
func more(s *holdfast.PlayStep, verb, rest string) error {
	if verb == "text" {
		if s.Text = joined(s.Text, rest); len(s.Text) > maxText {
			return fmt.Errorf("step %s: text: more than %d octets", s.Name, maxText)
		}
		return nil
	}
	if len(s.Acts) == maxActs {
		return fmt.Errorf("step %s: more than %d acts", s.Name, maxActs)
	}
	kind, with, _ := strings.Cut(rest, " ")
	s.Acts = append(s.Acts, holdfast.PlayAct{Do: holdfast.ActKind(kind), With: strings.TrimSpace(with)})
	return nil
}

// timerWord is a timer by its word.
type timerWord struct {
	word string
	into *time.Duration
}

// timerWords are the words of "timers", and what they set, in the order of
// printing.
func timerWords(t *holdfast.Timers) []timerWord {
	return []timerWord{{"add", &t.Add}, {"remove", &t.Remove}, {"ttl", &t.TTL}, {"life", &t.Life}, {"query", &t.Query}, {"retry", &t.Retry}}
}

// timers reads "add D remove D ttl D life D query D retry D", in any order.
func (in *reader) timers(words []string) error {
	if len(words)%2 != 0 || len(words) == 0 || in.said["timers"] {
		return fmt.Errorf("timers: want add, remove, ttl, life, query and retry, each with a duration, once")
	}
	in.said["timers"] = true
	all := timerWords(&in.play.Timers)
	for ; len(words) > 0; words = words[2:] {
		i := slices.IndexFunc(all, func(t timerWord) bool { return t.word == words[0] })
		if i < 0 {
			return fmt.Errorf("timers: %q: want add, remove, ttl, life, query or retry", words[0])
		}
		if err := parseTime(all[i].into, words[1]); err != nil {
			return fmt.Errorf("timers %s: %w", words[0], err)
		}
	}
	return nil
}

// parseTime reads a duration of whole seconds.
func parseTime(into *time.Duration, word string) error {
	d, err := lab.ParseDuration(word)
	if err == nil && (d < 0 || d%time.Second != 0) {
		err = fmt.Errorf("%q: want whole seconds, none of them below zero", word)
	}
	*into = d
	return err
}

// parseKey reads "NAME ksk|zsk ALG [BITS] [same-tag NAME] [tag N] [anchor|anchor-ds]".
func parseKey(words []string) (holdfast.PlayKey, error) {
	if len(words) < 3 || words[1] != "ksk" && words[1] != "zsk" {
		return holdfast.PlayKey{}, fmt.Errorf("key: want NAME ksk|zsk ALG [BITS] [same-tag NAME] [tag N] [anchor|anchor-ds]")
	}
	k := holdfast.PlayKey{Name: words[0], KSK: words[1] == "ksk"}
	number, ok := lab.ParseAlgorithm(words[2])
	if !ok {
		return k, fmt.Errorf("key %s: algorithm %q: no such algorithm", k.Name, words[2])
	}
	k.Algorithm, words = number, words[3:]
	if len(words) > 0 && words[0][0] >= '0' && words[0][0] <= '9' {
		bits, err := strconv.Atoi(words[0])
		if err != nil {
			return k, fmt.Errorf("key %s: bits %q: want a number", k.Name, words[0])
		}
		k.Bits, words = bits, words[1:]
	}
	for len(words) > 0 {
		switch {
		case words[0] == "anchor", words[0] == "anchor-ds":
			k.Anchor, k.Digest, words = true, words[0] == "anchor-ds", words[1:]
			continue
		case len(words) == 1:
			return k, fmt.Errorf("key %s: %q wants something after it, or is unknown", k.Name, words[0])
		case words[0] == "same-tag":
			k.SameTag = words[1]
		case words[0] == "tag":
			tag, err := strconv.ParseUint(words[1], 10, 16)
			if err != nil || tag == 0 {
				return k, fmt.Errorf("key %s: tag %q: want a number from 1 to 65535", k.Name, words[1])
			}
			k.Tag = uint16(tag)
		default:
			return k, fmt.Errorf("key %s: %q: want same-tag, tag, anchor or anchor-ds", k.Name, words[0])
		}
		words = words[2:]
	}
	return k, nil
}

// parseStep reads "NAME at D publish NAMES [sign NAMES] [revoke NAMES] data
// NAMES", names joined by commas.
func parseStep(words []string) (holdfast.PlayStep, error) {
	if len(words) == 0 || len(words)%2 == 0 {
		return holdfast.PlayStep{}, fmt.Errorf("step: want NAME at DURATION publish NAMES sign NAMES [revoke NAMES] data NAMES")
	}
	s := holdfast.PlayStep{Name: words[0], At: -1}
	lists := map[string]*[]string{"publish": &s.Publish, "sign": &s.Sign, "revoke": &s.Revoke, "data": &s.Data}
	for words = words[1:]; len(words) > 0; words = words[2:] {
		switch list := lists[words[0]]; {
		case words[0] == "at":
			if err := parseTime(&s.At, words[1]); err != nil {
				return s, fmt.Errorf("step %s: at: %w", s.Name, err)
			}
		case list == nil:
			return s, fmt.Errorf("step %s: %q: want at, publish, sign, revoke or data", s.Name, words[0])
		case *list != nil:
			return s, fmt.Errorf("step %s: %s stands there twice", s.Name, words[0])
		default:
			*list = strings.Split(words[1], ",")
		}
	}
	if s.At < 0 {
		return s, fmt.Errorf("step %s: want at DURATION", s.Name)
	}
	s.Publish = published(s)
	return s, nil
}

// published are the keys in the RRset, the revoked among them.
func published(s holdfast.PlayStep) []string {
	out := slices.Clone(s.Publish)
	for _, name := range s.Revoke {
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}
