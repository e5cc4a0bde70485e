package anchor

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/holdfastdns/holdfast"
)

// said is a file's anchors in a line each, for comparison: zone, tag, state,
// since when and until when in epoch seconds, the file's own word.
func said(f *File) string {
	var out []string
	for _, p := range f.Points {
		if len(p.Keys) == 0 {
			out = append(out, fmt.Sprintf("%s%s none", p.View, p.Zone))
		}
		for _, k := range p.Keys {
			since, hold := k.Since.Unix(), k.Hold.Unix()
			if k.Since.IsZero() {
				since = 0
			}
			if k.Hold.IsZero() {
				hold = 0
			}
			out = append(out, strings.TrimSpace(fmt.Sprintf("%s%s %d/%d %s %d %d %s", p.View, p.Zone, k.Tag, k.Algorithm, k.State, since, hold, k.Word)))
		}
	}
	return strings.Join(out, "; ")
}

// TestStates reads what Unbound 1.17.1, BIND 9.18.49 and Knot Resolver 5.6.0
// wrote in a lab whose root rolled its key: the tags are those that
// dnssec-keygen named, the states those of the programs' own words.
func TestStates(t *testing.T) {
	for _, c := range []struct {
		file string
		form Form
		want string
	}{
		{"unbound-pending.key", FormUnbound, ". 26005/8 add-pend 1795257203 0 ADDPEND; . 51577/8 valid 1795257198 0 VALID"},
		{"unbound-revoked.key", FormUnbound, ". 26005/8 valid 1795257214 0 VALID; . 51577/8 revoked 1795257226 0 REVOKED"},
		{"unbound-gone.key", FormUnbound, ". 521/8 revoked 1795257358 0 REVOKED"},
		{"bind-first.bind", FormBINDState, ". none"},
		{"bind-pending.bind", FormBINDState, ". 51577/8 valid 1795257198 0; . 26005/8 add-pend 0 1795257214"},
		{"bind-revoked.bind", FormBINDState, ". 51577/8 revoked 0 1795257237; . 26005/8 valid 1795257214 0"},
		{"bind-removed.bind", FormBINDState, ". 26005/8 valid 1795257214 0"},
		{"bind-first.jnl", FormJournal, ". none"},
		{"bind-pending.jnl", FormJournal, ". 51577/8 valid 1795257198 0; . 26005/8 add-pend 0 1795257214"},
		{"bind-revoked.jnl", FormJournal, ". 51577/8 revoked 0 1795257237; . 26005/8 valid 1795257214 0"},
		{"bind-removed.jnl", FormJournal, ". 26005/8 valid 1795257214 0"},
		{"status-first.txt", FormStatus, "_default. none"},
		{"status-pending.txt", FormStatus, "_default. 51577/8 valid 1795257198 0 trusted since; _default. 26005/8 add-pend 0 1795257214 trust pending"},
		{"status-revoked.txt", FormStatus, "_default. 51577/8 revoked 0 1795257237 trust revoked; _default. 26005/8 valid 1795257214 0 trusted since"},
		{"status-removed.txt", FormStatus, "_default. 26005/8 valid 1795257214 0 trusted since"},
		{"secroots-first.txt", FormSecroots, "_default. 1033/8 valid 0 0 initializing managed"},
		{"secroots-pending.txt", FormSecroots, "_default. 51577/8 valid 0 0 managed"},
		{"secroots-revoked.txt", FormSecroots, "_default. 26005/8 valid 0 0 managed"},
		{"secroots-none.txt", FormSecroots, ""},
		{"views.mkeys", FormBINDState, ". none; sub.example.org. none"},
		{"status-views.txt", FormStatus, "in side. none; in sidesub.example.org. none; outside. none"},
		{"secroots-views.txt", FormSecroots, "in side. 20326/8 valid 0 0 initializing managed; in side. 38696/8 valid 0 0 initializing managed; " +
			"in sideexample.com. 38696/8 valid 0 0 static; in sidesub.example.org. 38696/13 valid 0 0 initializing managed; " +
			"outside. 20326/8 valid 0 0 initializing managed; outside. 38696/8 valid 0 0 initializing managed; outsidestatic.example. 14575/13 valid 0 0 static"},
		{"knot-pending.keys", FormKnot, ". 51577/8 valid 0 0 Valid; . 26005/8 add-pend 0 1795257214 AddPend"},
		{"knot-revoked.keys", FormKnot, ". 51577/8 revoked 0 1795257238 Revoked; . 26005/8 valid 0 0 Valid"},
		{"knot-removed.keys", FormKnot, ". 51577/8 removed 0 0 Removed; . 26005/8 valid 0 0 Valid"},
	} {
		text, err := os.ReadFile(filepath.Join("testdata", "forms", c.file))
		if err != nil {
			t.Fatal(err)
		}
		f, err := Parse("", c.file, text)
		if err != nil {
			t.Errorf("%s: %v", c.file, err)
			continue
		}
		if got := said(f); f.Form != c.form || got != c.want {
			t.Errorf("%s: form %s, anchors %s\nwant %s", c.file, f.Form, got, c.want)
		}
		if !bytes.Equal(f.Text(), text) {
			t.Errorf("%s: its text is not what was read", c.file)
		}
	}
}

// TestPointTimes: when the keys were asked for, from Unbound's own lines.
func TestPointTimes(t *testing.T) {
	text, err := os.ReadFile("testdata/forms/unbound-pending.key")
	if err != nil {
		t.Fatal(err)
	}
	f, err := Parse("", "root.key", text)
	if err != nil {
		t.Fatal(err)
	}
	p, ok := f.Point(holdfast.Root)
	if !ok || p.Asked.Unix() != 1795257207 || p.Succeeded.Unix() != 1795257207 || p.Next.Unix() != 1795257208 {
		t.Errorf("trust point %+v", p)
	}
	if p.Keys[0].Place != "root.key:9" {
		t.Errorf("place %s, want root.key:9", p.Keys[0].Place)
	}
}

// TestReadAnyForm: check --trust-anchor takes any form, and of it the keys that
// are trusted: none that is pending, revoked or removed.
func TestReadAnyForm(t *testing.T) {
	for file, want := range map[string][]uint16{
		"knot-pending.keys":   {51577},
		"unbound-revoked.key": {26005},
		"bind-pending.bind":   {51577},
		"bind.keys":           {20326, 38696},
		"dnsmasq.conf":        {20326},
		"recursor.lua":        {20326},
	} {
		text, err := os.ReadFile(filepath.Join("testdata", "forms", file))
		if err != nil {
			t.Fatal(err)
		}
		anchors, err := Read(bytes.NewReader(text), file, Taken)
		if err != nil {
			t.Errorf("%s: %v", file, err)
		} else if got := tags(t, anchors); !equal(got, want) {
			t.Errorf("%s: tags %v, want %v", file, got, want)
		}
	}
	text, err := os.ReadFile("testdata/forms/unbound-gone.key")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Read(bytes.NewReader(text), "root.key", Taken); err == nil {
		t.Error("a file whose keys are all revoked is taken for trust")
	}
}
