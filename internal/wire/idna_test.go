package wire

import (
	"os"
	"strings"
	"testing"
)

func TestCheckLabel(t *testing.T) {
	for label, good := range map[string]bool{
		"com": true, "museum": true, "a": true, "3com": true, "x-y": true, "a--b": true,
		"xn--p1ai":       true, // рф
		"XN--P1AI":       true,
		"xn--fiqs8s":     true, // 中国
		"xn--mgbaam7a8h": true, // امارات
		"xn--bcher-kva":  true, // bücher
		"xn--strae-oqa":  true, // straße, PVALID by RFC 5892 section 2.6
		"":               false,
		"-a":             false,
		"a-":             false,
		"a_b":            false,
		`a\@b`:           false,
		"ab--cd":         false, // a reserved LDH label (RFC 5890 section 2.3.1)
		"xn--":           false,
		"xn--a":          false,
		"xn--abc-":       false,
		"xn--a-ecp.ru":   false,
		"xn--n3h":        false, // U+2603 SNOWMAN: a symbol, DISALLOWED by RFC 5892
		"xn--a-yoc":      false, // a + U+0301: not in normalization form C (RFC 5891 section 4.1)
		"xn--99999999":   false, // no Punycode (RFC 3492): it overflows
	} {
		if fault := CheckLabel(label); good != (fault == "") {
			t.Errorf("%q: %q", label, fault)
		}
	}
	if CheckLabel(strings.Repeat("a", 64)) == "" {
		t.Error("64 octets are accepted")
	}
}

// TestTopLevelLabels: what IANA has delegated is a legal name.
func TestTopLevelLabels(t *testing.T) {
	list, err := os.ReadFile("../lab/tlds.txt")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(list)) {
		if label := strings.TrimSpace(line); label != "" && label[0] != '#' {
			n++
			if fault := CheckLabel(label); fault != "" {
				t.Errorf("%s %s", label, fault)
			}
		}
	}
	if n < 1400 {
		t.Errorf("%d labels", n)
	}
}

func FuzzCheckLabel(f *testing.F) {
	for _, label := range []string{"xn--p1ai", "xn--", "a", "xn--0000h", "xn--\xff"} {
		f.Add(label)
	}
	f.Fuzz(func(t *testing.T, label string) {
		if CheckLabel(label) == "" && len(label) > 63 {
			t.Errorf("%q", label)
		}
	})
}
