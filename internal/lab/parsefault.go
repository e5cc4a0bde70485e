package lab

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
)

// fault reads "SERVER KIND [ARGUMENT] ZONE [at INSTANT] [from INSTANT] [to
// INSTANT]".
func (p *parser) fault(words []string) error {
	f, err := ParseFault(strings.Join(words, " "), p.plan.Start)
	if err != nil {
		return err
	}
	p.plan.Faults = append(p.plan.Faults, f)
	return nil
}

// ParseFault reads one fault as the text format writes it, without the word
// "fault" before it. Instants written "+6h" or "-2d" count from start; where
// that is zero they are refused.
func ParseFault(text string, start time.Time) (Fault, error) {
	words := strings.Fields(text)
	if len(words) < 3 {
		return Fault{}, fmt.Errorf("fault: want SERVER KIND [ARGUMENT] ZONE, then perhaps at, from or to INSTANT")
	}
	f := Fault{Server: words[0], Kind: Kind(words[1])}
	if f.Server != Everywhere && !strings.ContainsAny(f.Server, ".:") {
		return Fault{}, fmt.Errorf("fault: server %q: want a name, an address or *", f.Server)
	}
	doc, ok := docOf(f.Kind)
	if !ok {
		return Fault{}, fmt.Errorf("fault %q: no such kind", f.Kind)
	}
	words = words[2:]
	if doc.Argument == AText {
		words = quoted(words)
	}
	if doc.Argument != NoArgument {
		if err := f.argument(doc.Argument, words[0]); err != nil {
			return Fault{}, fmt.Errorf("fault %s: %w", f.Kind, err)
		}
		words = words[1:]
	}
	if len(words) == 0 {
		return Fault{}, fmt.Errorf("fault %s: want a zone, or * for all", f.Kind)
	}
	if f.Zone = Everywhere; words[0] != Everywhere {
		name, err := holdfast.ParseName(words[0])
		if err != nil {
			return Fault{}, fmt.Errorf("fault %s: zone %w", f.Kind, err)
		}
		f.Zone = name
	}
	if err := f.times(words[1:], start); err != nil {
		return Fault{}, fmt.Errorf("fault %s: %w", f.Kind, err)
	}
	return f, f.check()
}

// quoted makes one word of the first words where they stand within quotes.
func quoted(words []string) []string {
	if !strings.HasPrefix(words[0], `"`) {
		return words
	}
	for i, word := range words {
		if strings.HasSuffix(word, `"`) && (i > 0 || len(word) > 1) {
			return append([]string{strings.Trim(strings.Join(words[:i+1], " "), `"`)}, words[i+1:]...)
		}
	}
	return words
}

func (f *Fault) argument(kind Argument, word string) error {
	switch kind {
	case ClassList:
		for c := range strings.SplitSeq(word, ",") {
			f.Classes = append(f.Classes, holdfast.Class(strings.ToUpper(c)))
		}
	case ADuration:
		d, err := ParseDuration(word)
		if err != nil {
			return err
		}
		f.Amount = d
	case APercent:
		n, err := strconv.ParseFloat(strings.TrimSuffix(word, "%"), 64)
		if err != nil {
			return fmt.Errorf("%q is no percentage", word)
		}
		f.Percent = n
	case ASize:
		n, err := strconv.Atoi(word)
		if err != nil {
			return fmt.Errorf("%q is no number of octets", word)
		}
		f.Size = n
	case AText:
		f.Text = word
	case AName:
		name, err := holdfast.ParseName(word)
		if err != nil {
			return err
		}
		f.Text = string(name)
	}
	return nil
}

func (f *Fault) times(words []string, start time.Time) error {
	for ; len(words) > 0; words = words[2:] {
		if len(words) == 1 {
			return fmt.Errorf("%q: want at, from or to, and an instant", words[0])
		}
		at, err := relativeInstant(words[1], start)
		if err != nil {
			return fmt.Errorf("%s: %w", words[0], err)
		}
		switch words[0] {
		case "at":
			f.At = at
		case "from":
			f.From = at
		case "to":
			f.To = at
		default:
			return fmt.Errorf("%q: want at, from or to", words[0])
		}
	}
	return nil
}

// relativeInstant reads an instant, or one counted from the clock's start.
func relativeInstant(word string, start time.Time) (time.Time, error) {
	if word[0] != '+' && word[0] != '-' {
		return parseInstant(word)
	}
	if start.IsZero() {
		return time.Time{}, fmt.Errorf("%q counts from the clock's start, which is not said: put a clock statement first", word)
	}
	d, err := ParseDuration(strings.TrimPrefix(word, "+"))
	if err != nil {
		return time.Time{}, err
	}
	return start.Add(d), nil
}
