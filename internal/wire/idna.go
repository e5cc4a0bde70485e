package wire

import (
	"strings"
	"unicode"

	"golang.org/x/net/idna"
)

// CheckLabel says what keeps a label from standing in the name of a host or
// zone, empty where nothing does: it must be made of letters, digits and inner
// hyphens (RFC 952, RFC 1123 section 2.1), and where it has hyphens in its
// third and fourth place it must be an A-label (RFC 5890 sections 2.3.1 and
// 2.3.2.1), one that stands for a U-label which IDNA2008 allows and which
// leads back to it (RFC 5891 section 5.4).
func CheckLabel(label string) string {
	switch {
	case label == "":
		return "is empty"
	case len(label) > 63:
		return "is longer than 63 octets"
	case label[0] == '-' || label[len(label)-1] == '-':
		return "begins or ends with a hyphen"
	}
	label = strings.ToLower(label)
	for _, c := range []byte(label) {
		if c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'z') {
			return "has characters other than letters, digits and hyphens"
		}
	}
	if len(label) < 4 || label[2:4] != "--" {
		return ""
	}
	if !strings.HasPrefix(label, "xn--") {
		return "has hyphens in its third and fourth place, which are kept for A-labels"
	}
	uLabel, err := idna.Registration.ToUnicode(label)
	if err != nil || uLabel == label || strings.ContainsFunc(uLabel, disallowed) {
		return "begins with xn-- and is no A-label of IDNA2008"
	}
	if again, err := idna.Registration.ToASCII(uLabel); err != nil || again != label {
		return "begins with xn-- and does not lead back to itself through its U-label"
	}
	return ""
}

// disallowed are the code points that RFC 5892 section 3 keeps out of U-labels
// and the library lets pass, since it goes by UTS 46: whatever is neither
// letter, mark nor digit (section 2.1), but for the exceptions of section 2.6
// and the joiners, whose context the library looks at.
func disallowed(r rune) bool {
	switch r {
	case '-', 0x200C, 0x200D, // hyphen, and the joiners of section 2.8
		0x00B7, 0x0375, 0x05F3, 0x05F4, 0x30FB, // CONTEXTO
		0x06FD, 0x06FE, 0x0F0B, 0x3007: // PVALID
		return false
	case 0x0640, 0x07FA, 0x302E, 0x302F, 0x3031, 0x3032, 0x3033, 0x3034, 0x3035, 0x303B: // DISALLOWED
		return true
	}
	return !unicode.In(r, unicode.Ll, unicode.Lo, unicode.Lm, unicode.Mn, unicode.Mc, unicode.Nd)
}
