package wire

import (
	"strings"

	"github.com/holdfastdns/holdfast"
)

// Redirect is name with owner, its end, replaced by target, as a DNAME does
// (RFC 6672 section 2.2); empty where that is too long for a name. name must
// lie below owner.
func Redirect(name, owner, target holdfast.Name) holdfast.Name {
	front := string(name)
	if owner != holdfast.Root {
		front = strings.TrimSuffix(front, string(owner))
	}
	out := holdfast.Name(front)
	if target != holdfast.Root {
		out += target
	}
	if packed, err := PackName(out); err != nil || len(packed) > 255 {
		return ""
	}
	return out
}
