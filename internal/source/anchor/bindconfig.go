package anchor

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/holdfastdns/holdfast"
)

var bindBlock = regexp.MustCompile(`(?mi)(^|[\s;{}])(trust-anchors|managed-keys|trusted-keys)\s*\{`)

func likeBIND(_ string, text []byte) bool { return bindBlock.Match(text) }

// bindToken is a word, a string or a mark of a configuration of BIND's.
type bindToken struct {
	text   string
	quoted bool
	from   int
	to     int
}

// parseBIND reads the blocks of trust anchors of a configuration of BIND's,
// within views too: trust-anchors, and the older managed-keys and trusted-keys.
// Everything else it passes over; files that are included it does not read.
func parseBIND(f *File) error {
	tokens, err := f.bindTokens()
	if err != nil {
		return err
	}
	var views []string // one for each brace that is open
	f.insert = -1
	for i := 0; i < len(tokens); i++ {
		t := tokens[i]
		switch {
		case t.quoted:
		case t.text == "{":
			views = append(views, f.viewBefore(tokens[:i]))
		case t.text == "}":
			if len(views) == 0 {
				return f.fault(t.from, "a brace is closed that was not opened")
			}
			views = views[:len(views)-1]
		case i+1 < len(tokens) && tokens[i+1].text == "{" && bindBlock.MatchString(" "+t.text+"{"):
			view := strings.Join(views, "")
			end, err := f.bindAnchors(view, strings.ToLower(t.text), tokens[i+2:])
			if err != nil {
				return err
			}
			i += 2 + end
		}
	}
	if len(views) > 0 {
		return f.fault(len(f.text), "a brace is not closed")
	}
	if f.insert >= 0 {
		f.insert = f.beforeBrace(f.insert)
	}
	return nil
}

// viewBefore is the name of a view whose brace follows, empty for any other.
func (f *File) viewBefore(tokens []bindToken) string {
	for back := 1; back <= 3 && back <= len(tokens); back++ {
		if t := tokens[len(tokens)-back]; strings.EqualFold(t.text, "view") && !t.quoted && back > 1 {
			return tokens[len(tokens)-back+1].text
		} else if t.text == ";" || t.text == "}" || t.text == "{" {
			break
		}
	}
	return ""
}

// bindAnchors reads the anchors of a block up to its closing brace, and says
// which token that is.
func (f *File) bindAnchors(view, block string, tokens []bindToken) (int, error) {
	start := 0
	for i, t := range tokens {
		switch {
		case t.quoted:
		case t.text == "}":
			if i != start {
				return 0, f.fault(tokens[start].from, "an anchor does not end in a semicolon")
			}
			f.insert = t.from
			return i, nil
		case t.text == "{":
			return 0, f.fault(t.from, "there is a brace within %s", block)
		case t.text == ";":
			if i > start {
				if err := f.bindAnchor(view, block, tokens[start:i], t.to); err != nil {
					return 0, f.fault(tokens[start].from, "%w", err)
				}
			}
			start = i + 1
		}
	}
	return 0, f.fault(len(f.text), "%s is not closed", block)
}

// beforeBrace is where a line can be put before a closing brace: at the
// beginning of its line where it stands alone there.
func (f *File) beforeBrace(at int) int {
	line := bytes.LastIndexByte(f.text[:at], '\n') + 1
	if len(bytes.TrimSpace(f.text[line:at])) == 0 {
		return line
	}
	return at
}

// bindAnchor reads one anchor of a block, which ends before to.
func (f *File) bindAnchor(view, block string, words []bindToken, to int) error {
	name, err := holdfast.ParseName(words[0].text)
	if err != nil {
		return err
	}
	fields := make([]string, 0, len(words))
	for _, w := range words[1:] {
		fields = append(fields, w.text)
	}
	kind := "static-key" // what trusted-keys means
	if block != "trusted-keys" {
		if len(fields) == 0 {
			return fmt.Errorf("anchor of %s: want initial-key, initial-ds, static-key or static-ds", name)
		}
		kind, fields = strings.ToLower(fields[0]), fields[1:]
	}
	if len(fields) < 4 {
		return fmt.Errorf("%s of %s: want three numbers and a string", kind, name)
	}
	material := strings.Join(strings.Fields(strings.Join(fields[3:], "")), "")
	var key holdfast.TrustedKey
	switch kind {
	case "initial-key", "static-key":
		record, err := dnskeyOf(name, append(fields[:3:3], material))
		if err != nil {
			return err
		}
		key = KeyOf(record)
	case "initial-ds", "static-ds":
		ds, err := dsOf(append(fields[:3:3], material))
		if err != nil {
			return fmt.Errorf("%s of %s: %w", kind, name, err)
		}
		key = DigestOf(ds)
	default:
		return fmt.Errorf("anchor of %s: %q is not initial-key, initial-ds, static-key or static-ds", name, kind)
	}
	key.Word = kind
	f.holdIn(view, words[0].from, to, name, key)
	return nil
}

// dsOf reads the fields of a DS record: tag, algorithm, digest type and a
// digest in hexadecimal, which may be in pieces.
func dsOf(fields []string) (holdfast.DS, error) {
	var ds holdfast.DS
	if len(fields) < 4 {
		return ds, fmt.Errorf("want a key tag, an algorithm, a digest type and a digest")
	}
	tag, err := strconv.ParseUint(fields[0], 10, 16)
	if err != nil {
		return ds, fmt.Errorf("key tag %q is not a number below 65536", fields[0])
	}
	algorithm, err := algorithmNumber(fields[1])
	if err != nil {
		return ds, err
	}
	kind, err := digestNumber(fields[2])
	if err != nil {
		return ds, err
	}
	digest, err := hex.DecodeString(strings.Join(fields[3:], ""))
	if err != nil || len(digest) == 0 {
		return ds, fmt.Errorf("digest %q is not hexadecimal", strings.Join(fields[3:], ""))
	}
	ds = holdfast.DS{KeyTag: uint16(tag), Algorithm: algorithm, DigestType: kind, Digest: digest}
	return ds, digestLength(ds)
}

// digestNumber reads a digest type's number, or its mnemonic.
func digestNumber(text string) (uint8, error) {
	if n, err := strconv.ParseUint(text, 10, 8); err == nil {
		return uint8(n), nil
	}
	switch strings.ToUpper(text) {
	case "SHA-1", "SHA1":
		return 1, nil
	case "SHA-256", "SHA256":
		return 2, nil
	case "SHA-384", "SHA384":
		return 4, nil
	}
	return 0, fmt.Errorf("digest type %q is not known", text)
}

// bindTokens parts a configuration into its words. Comments are those of C,
// C++ and the shell; a string may go over lines.
func (f *File) bindTokens() ([]bindToken, error) {
	var out []bindToken
	text := string(f.text)
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			i++
		case c == '#' || strings.HasPrefix(text[i:], "//"):
			i = behind(text, i, "\n")
		case strings.HasPrefix(text[i:], "/*"):
			end := strings.Index(text[i+2:], "*/")
			if end < 0 {
				return nil, f.fault(i, "a comment is not closed")
			}
			i += 2 + end + 2
		case c == '"':
			end := closingQuote(text[i+1:])
			if end < 0 {
				return nil, f.fault(i, "a string is not closed")
			}
			out = append(out, bindToken{text[i+1 : i+1+end], true, i, i + end + 2})
			i += end + 2
		case strings.IndexByte("{};", c) >= 0:
			out = append(out, bindToken{string(c), false, i, i + 1})
			i++
		default:
			end := strings.IndexAny(text[i:], " \t\r\n{};\"#")
			if end < 0 {
				end = len(text) - i
			}
			out = append(out, bindToken{text[i : i+end], false, i, i + end})
			i += end
		}
	}
	return out, nil
}

// behind is the offset behind the next occurrence of a mark.
func behind(text string, from int, mark string) int {
	end := strings.Index(text[from:], mark)
	if end < 0 {
		return len(text)
	}
	return from + end + len(mark)
}

// closingQuote is where a string ends that a backslash may have quotes in.
func closingQuote(text string) int {
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return -1
}

// bindLine writes an anchor that BIND is to follow by RFC 5011.
func bindLine(zone holdfast.Name, key holdfast.TrustedKey) (string, error) {
	kind := "initial"
	if strings.HasPrefix(key.Word, "static-") {
		kind = "static"
	}
	if len(key.Public) > 0 {
		return fmt.Sprintf("\t%s %s-key %d 3 %d \"%s\";\n", zone, kind, key.Flags, key.Algorithm, base64.StdEncoding.EncodeToString(key.Public)), nil
	}
	if key.DS == nil {
		return "", fmt.Errorf("anchor %d of %s: there is neither its key nor a digest", key.Tag, zone)
	}
	return fmt.Sprintf("\t%s %s-ds %d %d %d \"%X\";\n", zone, kind, key.DS.KeyTag, key.DS.Algorithm, key.DS.DigestType, key.DS.Digest), nil
}
