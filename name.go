package holdfast

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
)

// Name is a domain name in A-label form: absolute, lower case, in the
// presentation format of RFC 1035 section 5.1 ("example.", "." for the root).
// Make one with ParseName; the wire room makes them from messages.
type Name string

// UName is the same name as people write it, in U-labels (RFC 5890), without
// the final dot. It is for eyes only: nothing is looked up by it.
type UName string

// Root is the name of the root zone.
const Root Name = "."

var errName = errors.New("not a domain name")

// ParseName reads a name as people and configuration files write it: with or
// without the final dot, in any case. It accepts A-labels only and answers an
// error that wraps no sentinel, naming the name and the fault.
func ParseName(s string) (Name, error) {
	if s == "." {
		return Root, nil
	}
	trimmed := strings.TrimSuffix(s, ".")
	if trimmed == "" {
		return "", fmt.Errorf("%q: %w: it is empty", s, errName)
	}
	wireLength := 1
	for label := range strings.SplitSeq(trimmed, ".") {
		if label == "" {
			return "", fmt.Errorf("%q: %w: it has an empty label", s, errName)
		}
		if len(label) > 63 {
			return "", fmt.Errorf("%q: %w: a label has more than 63 octets (RFC 1035 section 2.3.4)", s, errName)
		}
		wireLength += len(label) + 1
		for _, c := range []byte(label) {
			if c <= ' ' || c >= 0x7f {
				return "", fmt.Errorf("%q: %w: it has a character outside ASCII; write internationalised names as A-labels (xn--...)", s, errName)
			}
		}
	}
	if wireLength > 255 {
		return "", fmt.Errorf("%q: %w: it has more than 255 octets (RFC 1035 section 2.3.4)", s, errName)
	}
	return Name(strings.ToLower(trimmed) + "."), nil
}

// String is the name as it is written in zone files, with the final dot.
func (n Name) String() string { return string(n) }

// Short is the name without the final dot, for people; the root stays ".".
func (n Name) Short() string {
	if n == Root {
		return "."
	}
	return strings.TrimSuffix(string(n), ".")
}

// Labels counts the labels of the name, the root's empty one not included
// (RFC 4034 section 3.1.3). An escaped dot does not end a label.
func (n Name) Labels() int {
	if n == Root || n == "" {
		return 0
	}
	count := 0
	for i := 0; i < len(n); i++ {
		switch n[i] {
		case '\\':
			i++
		case '.':
			count++
		}
	}
	return count
}

// Parent is the name without its first label; the root is its own parent.
func (n Name) Parent() Name {
	for i := 0; i < len(n); i++ {
		switch n[i] {
		case '\\':
			i++
		case '.':
			if i+1 >= len(n) {
				return Root
			}
			return n[i+1:]
		}
	}
	return Root
}

// IsSubdomainOf says whether n is zone or lies below it.
func (n Name) IsSubdomainOf(zone Name) bool {
	if zone == Root || n == zone {
		return true
	}
	rest, ok := strings.CutSuffix(string(n), "."+string(zone))
	return ok && !strings.HasSuffix(rest, `\`)
}

// Ancestors are the name's ancestors from its parent up to the root.
// The root has none.
func (n Name) Ancestors() []Name {
	var out []Name
	for n != Root {
		n = n.Parent()
		out = append(out, n)
	}
	return out
}

// CompareNames orders names for people: by text, the root first. The canonical
// order of RFC 4034 section 6.1, which proofs rest on, is wire.CompareNames.
func CompareNames(a, b Name) int { return cmp.Compare(a, b) }
