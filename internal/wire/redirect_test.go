package wire

import (
	"strings"
	"testing"

	"github.com/holdfastdns/holdfast"
)

// The rows are those of RFC 6672 section 2.2, table 1, that substitute.
func TestRedirect(t *testing.T) {
	long := strings.Repeat("a.", 126)
	for _, c := range []struct{ name, owner, target, want holdfast.Name }{
		{"a.example.com.", "example.com.", "example.net.", "a.example.net."},
		{"a.b.example.com.", "example.com.", "example.net.", "a.b.example.net."},
		{"foo.example.com.", "example.com.", "example.net.", "foo.example.net."},
		{"a.x.example.com.", "x.example.com.", "example.net.", "a.example.net."},
		{"a.example.com.", "example.com.", "y.example.net.", "a.y.example.net."},
		{"cyc.example.com.", "example.com.", "example.com.", "cyc.example.com."},
		{"shortloop.x.x.", "x.", ".", "shortloop.x."},
		{"shortloop.x.", "x.", ".", "shortloop."},
		{holdfast.Name(long + "x."), "x.", "example.net.", ""},
	} {
		if got := Redirect(c.name, c.owner, c.target); got != c.want {
			t.Errorf("%s, %s to %s: %q, want %q", c.name, c.owner, c.target, got, c.want)
		}
	}
}
