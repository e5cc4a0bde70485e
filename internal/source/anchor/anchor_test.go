package anchor

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast/internal/wire"
)

func tags(t *testing.T, anchors []wire.Record) []uint16 {
	t.Helper()
	var out []uint16
	for _, a := range anchors {
		if a.Type == wire.TypeDNSKEY {
			key, err := a.DNSKEY()
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, key.KeyTag())
			continue
		}
		ds, err := a.DS()
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, ds.KeyTag)
	}
	return out
}

func equal(a, b []uint16) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func TestEmbedded(t *testing.T) {
	if got := tags(t, Embedded()); !equal(got, []uint16{20326, 38696}) {
		t.Errorf("anchors %v", got)
	}
	hints := EmbeddedHints()
	if len(hints) != 26 {
		t.Errorf("%d root server addresses, want 13 letters x 2 families", len(hints))
	}
}

// TestIANAFiles reads the published files, where they are to hand.
func TestIANAFiles(t *testing.T) {
	const folder = "../../../../shared/data/trust-anchors/"
	for _, c := range []struct {
		file string
		at   string
		want []uint16
	}{
		{"root-anchors.xml", "2018-08-02T12:00:00Z", []uint16{19036, 20326}},
		{"root-anchors.xml", "2019-02-01T12:00:00Z", []uint16{20326}},
		{"root-anchors.xml", "2026-08-01T12:00:00Z", []uint16{20326, 38696}},
		{"root.key", "2026-08-01T12:00:00Z", []uint16{20326, 38696}},
		{"root.ds", "2026-08-01T12:00:00Z", []uint16{20326, 38696}},
	} {
		f, err := os.Open(folder + c.file)
		if err != nil {
			t.Skipf("no published anchors here: %v", err)
		}
		at, _ := time.Parse(time.RFC3339, c.at)
		anchors, err := Read(f, c.file, at)
		f.Close()
		if err != nil {
			t.Errorf("%s at %s: %v", c.file, c.at, err)
		} else if got := tags(t, anchors); !equal(got, c.want) {
			t.Errorf("%s at %s: tags %v, want %v", c.file, c.at, got, c.want)
		}
	}
}

func TestBadAnchors(t *testing.T) {
	at := time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct{ text, want string }{
		"empty":       {"", "no DS or DNSKEY"},
		"address":     {". IN A 192.0.2.1", "not a trust anchor"},
		"broken line": {". IN DS 20326 eight 2 E06D", ":1: "},
		"broken XML":  {"<TrustAnchor><Zone>.</Zone>", "EOF"},
		"bad digest":  {`<TrustAnchor><Zone>.</Zone><KeyDigest validFrom="2017-02-02T00:00:00+00:00"><KeyTag>1</KeyTag><Digest>XY</Digest></KeyDigest></TrustAnchor>`, "Digest"},
		"no date":     {`<TrustAnchor><Zone>.</Zone><KeyDigest><KeyTag>1</KeyTag></KeyDigest></TrustAnchor>`, "validFrom"},
	} {
		_, err := Read(strings.NewReader(c.text), "anchors.txt", at)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "anchors.txt") {
			t.Errorf("%s: error %v, want one that names the file and %q", name, err, c.want)
		}
	}
}

func TestBadHints(t *testing.T) {
	for name, text := range map[string]string{
		"empty":    "",
		"stranger": ". 1 IN NS a.root-servers.net.\nb.example. 1 IN A 192.0.2.1\n",
	} {
		if _, err := ReadHints(strings.NewReader(text), "hints"); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(string(embeddedAnchors))
	f.Add(`<TrustAnchor><Zone>.</Zone><KeyDigest validFrom="2017-02-02T00:00:00+00:00"><KeyTag>1</KeyTag></KeyDigest></TrustAnchor>`)
	f.Fuzz(func(t *testing.T, text string) {
		anchors, err := Read(strings.NewReader(text), "f", Taken)
		if err == nil && len(anchors) == 0 {
			t.Error("neither anchors nor an error")
		}
	})
}
