package authority

import (
	"strings"

	"github.com/holdfastdns/holdfast"
)

// firstLabel is a name's first label, in octets, and the name above.
func firstLabel(name holdfast.Name) (string, holdfast.Name) {
	parent := name.Parent()
	text := strings.TrimSuffix(string(name), string(parent))
	if parent != holdfast.Root {
		text = strings.TrimSuffix(text, ".")
	} else {
		text = strings.TrimSuffix(string(name), ".")
	}
	if !strings.Contains(text, `\`) {
		return text, parent
	}
	var out []byte
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] != '\\' || i+1 >= len(text):
			out = append(out, text[i])
		case i+3 < len(text) && isDigit(text[i+1]) && isDigit(text[i+2]) && isDigit(text[i+3]):
			out = append(out, (text[i+1]-'0')*100+(text[i+2]-'0')*10+text[i+3]-'0')
			i += 3
		default:
			out = append(out, text[i+1])
			i++
		}
	}
	return string(out), parent
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// joinLabel puts a label, in octets, before a name.
func joinLabel(label string, parent holdfast.Name) holdfast.Name {
	var out []byte
	for i := range len(label) {
		out = appendEscaped(out, label[i])
	}
	return childOf(string(out), parent)
}

// childOf puts a label in presentation form before a name.
func childOf(label string, parent holdfast.Name) holdfast.Name {
	if parent == holdfast.Root {
		return holdfast.Name(label + ".")
	}
	return holdfast.Name(label + "." + string(parent))
}

// appendEscaped writes an octet of a label as master files have it (RFC 1035
// section 5.1), in lower case.
func appendEscaped(out []byte, c byte) []byte {
	switch {
	case 'A' <= c && c <= 'Z':
		return append(out, c+'a'-'A')
	case strings.IndexByte(`.\" '@;()`, c) >= 0:
		return append(out, '\\', c)
	case c < ' ' || c > '~':
		return append(out, '\\', '0'+c/100, '0'+c/10%10, '0'+c%10)
	}
	return append(out, c)
}

// nameOf writes a name in wire form, without pointers, in presentation form.
func nameOf(packed []byte) holdfast.Name {
	var out []byte
	for off := 0; off < len(packed) && packed[off] != 0; {
		end := off + 1 + int(packed[off])
		for _, c := range packed[off+1 : end] {
			out = appendEscaped(out, c)
		}
		out = append(out, '.')
		off = end
	}
	if len(out) == 0 {
		return holdfast.Root
	}
	return holdfast.Name(out)
}
