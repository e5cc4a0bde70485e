package rollover

import (
	"strings"
	"testing"
)

func TestAgentName(t *testing.T) {
	for data, want := range map[string]string{
		"\x05agent\x07example\x00": "agent.example.",
		"\x03a.b\x00":              `a\046b.`,
		"\x02\x00\xff\x00":         `\000\255.`,
		"":                         "",
		"\x00":                     "", // the root: no agent
		"\x05agent":                "", // no end
		"\x05agent\x00more":        "", // something behind it
		"\x09agent\x00":            "", // cut
		"\xc0\x0c":                 "", // compressed
		strings.Repeat("\x3f"+strings.Repeat("a", 63), 4) + "\x00": "", // longer than a name can be
	} {
		if got := agentName([]byte(data)); got != want {
			t.Errorf("%q: %q, want %q", data, got, want)
		}
	}
}

// FuzzAgentName: whatever a server sends ends in a name that can be shown, or
// none.
func FuzzAgentName(f *testing.F) {
	f.Add([]byte("\x05agent\x07example\x00"))
	f.Add([]byte("\x00"))
	f.Add([]byte("\xc0\x0c"))
	f.Fuzz(func(t *testing.T, data []byte) {
		name := agentName(data)
		if name == "" {
			return
		}
		if !strings.HasSuffix(name, ".") || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' }) {
			t.Errorf("%q", name)
		}
	})
}
