package anchor

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

var powerDNSCall = regexp.MustCompile(`(?m)^[^-\n]*\b(addTA|addDS|clearTA|clearDS|readTrustAnchorsFromFile|addNTA)\s*\(`)

func likePowerDNS(_ string, text []byte) bool { return powerDNSCall.Match(text) }

var knotConfCall = regexp.MustCompile(`(?m)^[^-\n]*\btrust_anchors\.(add|add_file|set_insecure|remove|config)\b`)

func likeKnotConf(_ string, text []byte) bool { return knotConfCall.Match(text) }

// luaCall is a call of a configuration in Lua with what is written out in it:
// strings without their quotes, anything else as it stands.
type luaCall struct {
	name     string
	args     []string
	from, to int
}

// parsePowerDNS reads the calls of PowerDNS Recursor's Lua configuration that
// speak of trust anchors, as data: nothing is run, and a call that is reached
// only sometimes is taken as one that is.
func parsePowerDNS(f *File) error {
	calls, err := f.luaCalls()
	if err != nil {
		return err
	}
	for _, c := range calls {
		switch c.name {
		case "addTA", "addDS":
			err = f.powerDNSAnchor(c)
		case "clearTA", "clearDS":
			err = f.clear(c.args)
		case "addNTA":
			err = f.negative(c.args)
		case "readTrustAnchorsFromFile", "dofile":
			err = f.refer(c)
		}
		if err != nil {
			return f.fault(c.from, "%w", err)
		}
	}
	return nil
}

// refer notes the file of anchors that a call names.
func (f *File) refer(c luaCall) error {
	if len(c.args) == 0 {
		return fmt.Errorf("%s names no file", c.name)
	}
	f.Files = append(f.Files, Reference{c.args[0], c.name, f.place(c.from)})
	return nil
}

func (f *File) powerDNSAnchor(c luaCall) error {
	if len(c.args) != 2 {
		return fmt.Errorf("%s: want a name and the words of a DS record", c.name)
	}
	zone, err := holdfast.ParseName(c.args[0])
	if err != nil {
		return err
	}
	ds, err := dsOf(strings.Fields(c.args[1]))
	if err != nil {
		return fmt.Errorf("%s: %w", c.name, err)
	}
	key := DigestOf(ds)
	key.Word = c.name
	f.hold(c.from, c.to, zone, key)
	return nil
}

// clear drops what calls before it have added: for a name, or for all.
func (f *File) clear(args []string) error {
	if len(args) == 0 {
		f.entries = nil
		return nil
	}
	zone, err := holdfast.ParseName(args[0])
	if err != nil {
		return err
	}
	kept := f.entries[:0]
	for _, e := range f.entries {
		if e.zone != zone {
			kept = append(kept, e)
		}
	}
	f.entries = kept
	return nil
}

func (f *File) negative(names []string) error {
	if len(names) == 0 {
		return fmt.Errorf("there is no name")
	}
	name, err := holdfast.ParseName(names[0])
	if err == nil {
		f.Negative = append(f.Negative, name)
	}
	return err
}

func powerDNSLine(zone holdfast.Name, key holdfast.TrustedKey) (string, error) {
	words, err := digestWords(zone, key)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("addTA(%q, %q)\n", zone, words), nil
}

// parseKnotConf reads the calls of Knot Resolver's configuration that speak of
// trust anchors, as data.
func parseKnotConf(f *File) error {
	calls, err := f.luaCalls()
	if err != nil {
		return err
	}
	for _, c := range calls {
		switch c.name {
		case "trust_anchors.add":
			err = f.knotAnchor(c)
		case "trust_anchors.remove":
			err = f.clear(c.args)
		case "trust_anchors.set_insecure":
			for _, name := range c.args {
				if err == nil {
					err = f.negative([]string{name})
				}
			}
		case "trust_anchors.add_file", "trust_anchors.config":
			err = f.refer(c)
		}
		if err != nil {
			return f.fault(c.from, "%w", err)
		}
	}
	return nil
}

func (f *File) knotAnchor(c luaCall) error {
	if len(c.args) == 0 {
		return fmt.Errorf("%s: want a record", c.name)
	}
	record, err := wire.ParseRecord(c.args[0])
	if err != nil {
		return err
	}
	key, err := anchorOf(record)
	if err != nil {
		return err
	}
	key.Word = c.name
	f.hold(c.from, c.to, record.Name, key)
	return nil
}

func knotConfLine(zone holdfast.Name, key holdfast.TrustedKey) (string, error) {
	record, err := RecordOf(zone, key, 172800)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("trust_anchors.add('%s')\n", presentation(record)), nil
}

var luaName = regexp.MustCompile(`^[A-Za-z_][A-Za-z_0-9.]*`)

// luaCalls finds calls that speak of anchors: a name, and arguments in
// parentheses or a single string without. Comments and strings are passed over.
func (f *File) luaCalls() ([]luaCall, error) {
	var out []luaCall
	text := string(f.text)
	for i := 0; i < len(text); {
		if end := luaComment(text[i:]); end > 0 {
			i += end
			continue
		}
		if c := text[i]; c == '"' || c == '\'' {
			_, end, ok := luaString(text[i:])
			if !ok {
				return nil, f.fault(i, "a string is not closed")
			}
			i += end
			continue
		}
		name := luaName.FindString(text[i:])
		if name == "" {
			i++
			continue
		}
		from := i
		i += len(name)
		if !speaksOfAnchors(name) {
			continue
		}
		args, end, err := luaArguments(text[i:])
		if err != nil {
			return nil, f.fault(from, "%s: %w", name, err)
		}
		i += end
		out = append(out, luaCall{name, args, from, i})
	}
	return out, nil
}

func speaksOfAnchors(name string) bool {
	switch name {
	case "addTA", "addDS", "clearTA", "clearDS", "addNTA", "readTrustAnchorsFromFile", "dofile",
		"trust_anchors.add", "trust_anchors.remove", "trust_anchors.set_insecure", "trust_anchors.add_file", "trust_anchors.config":
		return true
	}
	return false
}

// luaComment is the length of a comment with which the text begins; zero: it
// begins with none.
func luaComment(text string) int {
	switch {
	case strings.HasPrefix(text, "--[["):
		return behind(text, 0, "]]")
	case strings.HasPrefix(text, "--"):
		return behind(text, 0, "\n")
	}
	return 0
}

// luaString reads a string in quotes and says where it ends.
func luaString(text string) (value string, end int, ok bool) {
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch c := text[i]; {
		case c == text[0]:
			return b.String(), i + 1, true
		case c == '\n':
			return "", 0, false
		case c == '\\' && i+1 < len(text):
			i++
			b.WriteByte(text[i])
		default:
			b.WriteByte(c)
		}
	}
	return "", 0, false
}

// luaArguments reads the arguments of a call: strings by what is in them,
// tables and parentheses passed through, all else as it stands.
func luaArguments(text string) (args []string, end int, err error) {
	depth, word := 0, ""
	flush := func() {
		if word != "" {
			args = append(args, word)
		}
		word = ""
	}
	for i := 0; i < len(text); {
		c := text[i]
		if n := luaComment(text[i:]); n > 0 {
			i += n
			continue
		}
		switch {
		case c == '"' || c == '\'':
			value, n, ok := luaString(text[i:])
			if !ok {
				return nil, 0, fmt.Errorf("a string is not closed")
			}
			args = append(args, value)
			i += n
			if depth == 0 {
				return args, i, nil // f 'text'
			}
			continue
		case c == '(' || c == '{':
			depth++
		case c == ')' || c == '}':
			flush()
			if depth--; depth <= 0 {
				return args, i + 1, nil
			}
		case c == ',' || c == ' ' || c == '\t' || c == '\n' || c == '\r':
			flush()
		case depth == 0:
			return nil, i, nil // it is named, not called
		default:
			word += string(c)
		}
		i++
	}
	if depth == 0 {
		return nil, len(text), nil
	}
	return nil, 0, fmt.Errorf("a parenthesis is not closed")
}
