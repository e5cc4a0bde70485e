package profile

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/holdfastdns/holdfast"
)

func TestBuiltInProfilesReadWell(t *testing.T) {
	for _, name := range Names() {
		p, err := Named(name)
		if err != nil {
			t.Fatal(err)
		}
		if p.Name != name || p.Title == "" || p.Source == "" {
			t.Errorf("%s is headed %q, %q, %q", name, p.Name, p.Title, p.Source)
		}
		for _, e := range p.Entries {
			if e.Reason == "" {
				t.Errorf("%s: %s has no reason", name, e.Code)
			}
		}
		var again bytes.Buffer
		if err := p.Write(&again); err != nil {
			t.Fatal(err)
		}
		read, err := Read(&again, "again")
		if err != nil || read.Name != p.Name || !slices.Equal(read.Entries, p.Entries) {
			t.Errorf("%s does not survive being written: %+v, %v", name, read, err)
		}
	}
	if _, err := Named("loud"); err == nil || !strings.Contains(err.Error(), "quiet") {
		t.Errorf("an unknown name: %v", err)
	}
}

func TestWeigh(t *testing.T) {
	p, err := Read(strings.NewReader(`code,rule,severity,reason
ZON,at-most,info,the group
ZON-03,at-least,warning,the check wins over its group
NEG-06,off,,
CST-01,exactly,notice,
SELF,off,,never
`), "test")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		code      string
		was, want holdfast.Severity
		said      bool
	}{
		{"ZON-01", holdfast.SeverityWarning, holdfast.SeverityInfo, true},
		{"ZON-03", holdfast.SeverityNotice, holdfast.SeverityWarning, true},
		{"ZON-03", holdfast.SeverityError, holdfast.SeverityError, true},
		{"NEG-06", holdfast.SeverityNotice, holdfast.SeverityNotice, false},
		{"CST-01", holdfast.SeverityError, holdfast.SeverityNotice, true},
		{"SIG-01", holdfast.SeverityCritical, holdfast.SeverityCritical, true},
		{"SELF-00", holdfast.SeverityError, holdfast.SeverityError, true},
	} {
		f, said := p.Weigh(holdfast.Finding{Code: c.code, Severity: c.was})
		if said != c.said || said && f.Severity != c.want {
			t.Errorf("%s at %s: %s, said %v; want %s, %v", c.code, c.was, f.Severity, said, c.want, c.said)
		}
	}
}

func TestMistakesNameTheirPlace(t *testing.T) {
	const head = "code,rule,severity,reason\n"
	for text, want := range map[string]string{
		"code,severity\n":                        "the first line must be",
		head + "A-01,at-most,loud,x\n":           "line 2",
		head + "A-01,off,error,x\n":              "line 2",
		head + "A-01,perhaps,error,x\n":          "at-least",
		head + "A-01,off,,x\nA-01,off,,x\n":      "line 3: A-01 is there twice",
		head + "A-01,off\n":                      "wrong number of fields",
		head + ",off,,x\n":                       "empty",
		head + strings.Repeat("# long\n", 1<<18): "larger than",
	} {
		if _, err := Read(strings.NewReader(text), "file.csv"); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "file.csv") {
			t.Errorf("%.40q: %v; want %q", text, err, want)
		}
	}
}

// The levels of Zonemaster's own profile are those of engine 4.6.2.
func TestImportFromZonemaster(t *testing.T) {
	p, unknown, err := Import(strings.NewReader(`{
		"net": {"ipv4": true},
		"test_levels": {
			"DNSSEC": {"REMAINING_SHORT": "ERROR", "DURATION_LONG": "DEBUG", "REMAINING_LONG": "INFO", "RRSIG_EXPIRED": "ERROR", "DS02_NEWS": "WARNING", "KEY_DETAILS": "DEBUG"},
			"ZONE": {"REFRESH_MINIMUM_VALUE_LOWER": "INFO", "EXPIRE_MINIMUM_VALUE_LOWER": "NOTICE"}
		},
		"test_cases": ["dnssec01", "dnssec02", "dnssec04", "dnssec08", "dnssec09", "zone02", "zone05"]
	}`), "profile.json")
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(unknown, []string{"DS02_NEWS"}) {
		t.Errorf("unknown: %v", unknown)
	}
	for code, want := range map[string]Entry{
		"SIG-02": {"SIG-02", AtLeast, holdfast.SeverityError, "REMAINING_SHORT"},
		"SIG-06": {"SIG-06", AtMost, holdfast.SeverityInfo, "DURATION_LONG"},
		"ZON-01": {"ZON-01", AtMost, holdfast.SeverityInfo, "REFRESH_MINIMUM_VALUE_LOWER"},
		// Another message of the check keeps its warning.
		"ZON-03": {"ZON-03", AtMost, holdfast.SeverityWarning, "EXPIRE_LOWER_THAN_REFRESH"},
		"NSB-01": {"NSB-01", Off, 0, "its test cases are left out"},
	} {
		if e, ok := p.entry(code); !ok || e != want {
			t.Errorf("%s: %+v; want %+v", code, e, want)
		}
	}
	if e, ok := p.entry("SIG-01"); ok {
		t.Errorf("SIG-01 is as Zonemaster has it, yet: %+v", e)
	}
	for _, bad := range []string{"", "{}", "[]", `{"test_levels":{"ZONE":{"MULTIPLE_SOA":"LOUD"}}}`} {
		if _, _, err := Import(strings.NewReader(bad), "bad.json"); err == nil || !strings.Contains(err.Error(), "bad.json") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("# Profile: x\ncode,rule,severity,reason\nA-01,off,,x\n"))
	f.Add([]byte("code,rule,severity,reason\n\"A"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := Read(bytes.NewReader(data), "fuzz")
		if err == nil {
			p.Weigh(holdfast.Finding{Code: "A-01"})
		}
	})
}

func FuzzImport(f *testing.F) {
	f.Add([]byte(`{"test_levels":{"ZONE":{"MULTIPLE_SOA":"INFO"}},"test_cases":["zone10"]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if p, _, err := Import(bytes.NewReader(data), "fuzz"); err == nil {
			var b bytes.Buffer
			if err := p.Write(&b); err != nil {
				t.Fatal(err)
			}
			if _, err := Read(&b, "again"); err != nil {
				t.Errorf("what was imported cannot be read: %v\n%s", err, b.Bytes())
			}
		}
	})
}
