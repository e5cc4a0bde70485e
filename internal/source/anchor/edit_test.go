package anchor

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/lab/strangers"
)

// TestConfigurations reads what people write: comments, views, other words for
// the same, files and names that are named beside the anchors.
func TestConfigurations(t *testing.T) {
	for _, c := range []struct {
		file     string
		form     Form
		want     string
		negative string
		files    string
	}{
		{"bind.keys", FormBIND, ". 20326/8 valid 0 0 initial-key; . 38696/8 valid 0 0 initial-ds", "[]", "[]"},
		{"named.conf", FormBIND, "inside. 38696/8 valid 0 0 initial-key; outside. 20326/8 valid 0 0 static-ds; outsideexample.com. 38696/8 valid 0 0 static-ds", "[]", "[]"},
		{"unbound.conf", FormUnboundConf, ". 20326/8 valid 0 0 trust-anchor", "[home.arpa.]", "[{/var/lib/unbound/root.key auto-trust-anchor-file unbound.conf:4}]"},
		{"recursor.lua", FormPowerDNS, ". 20326/8 valid 0 0 addTA", "[example.]", "[{/usr/share/dns/root.key readTrustAnchorsFromFile recursor.lua:4}]"},
		{"recursor.yml", FormPowerYAML, ". 20326/8 valid 0 0 dsrecords", "[example.]", "[{/usr/share/dns/root.key trustanchorfile recursor.yml:11}]"},
		{"kresd.conf", FormKnotConf, ". 38696/8 valid 0 0 trust_anchors.add", "[bad.example. worse.example.]", "[{root.keys trust_anchors.add_file kresd.conf:4}]"},
		{"dnsmasq.conf", FormDnsmasq, ". 20326/8 valid 0 0", "[]", "[]"},
		{"root.key", FormRecords, ". 20326/8 valid 0 0; . 38696/8 valid 0 0", "[]", "[]"},
		{"ours.positive", FormResolved, ". 38696/8 valid 0 0", "[]", "[]"},
		{"ours.negative", FormNegative, "", "[home.arpa. 168.192.in-addr.arpa.]", "[]"},
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
		if got := said(f); f.Form != c.form || got != c.want || fmt.Sprint(f.Negative) != c.negative || fmt.Sprint(f.Files) != c.files {
			t.Errorf("%s: form %s, anchors %s, negative %v, files %v", c.file, f.Form, got, f.Negative, f.Files)
		}
		if !bytes.Equal(f.Text(), text) {
			t.Errorf("%s: its text is not what was read", c.file)
		}
	}
}

// anchorsToAdd are one by key and one by digest.
func anchorsToAdd(t testing.TB) []holdfast.TrustedKey {
	t.Helper()
	text, _ := published(t)
	f, err := Parse(FormXML, "root-anchors.xml", text)
	if err != nil {
		t.Fatal(err)
	}
	keys := f.Points[0].Keys[1:]
	keys[1].Public, keys[1].Flags = nil, 0
	return keys
}

// TestEdits adds an anchor to every sample that can take one, and takes it away
// again: nothing else of the text has changed.
func TestEdits(t *testing.T) {
	files, err := filepath.Glob("testdata/forms/*")
	if err != nil {
		t.Fatal(err)
	}
	edited := 0
	for _, file := range append(files, "testdata/root-anchors-2024.xml") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		before, err := Parse("", file, text)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		key := anchorsToAdd(t)[1]
		key.Tag, key.DS.KeyTag = 1, 1
		after, err := before.Add("example.net.", key)
		if before.Form == FormXML {
			if err == nil {
				t.Errorf("%s: an anchor of another zone was added", file)
			}
			after, err = before.Add(holdfast.Root, key)
		}
		if err != nil {
			if how, _ := formOf(before.Form); how.line != nil {
				t.Errorf("%s: %v", file, err)
			}
			continue
		}
		edited++
		zone := holdfast.Name("example.net.")
		if before.Form == FormXML {
			zone = holdfast.Root
		}
		if point, ok := after.Point(zone); !ok || point.Keys[len(point.Keys)-1].Tag != 1 {
			t.Errorf("%s: the new anchor is not in it:\n%s", file, after.Text())
		}
		if !contains(lines(after.Text()), lines(text)) {
			t.Errorf("%s: adding has changed other lines:\n%s", file, after.Text())
		}
		again, err := after.Remove(zone, 1)
		if err != nil {
			t.Errorf("%s: %v", file, err)
		} else if strings.TrimRight(string(again.Text()), "\n") != strings.TrimRight(string(text), "\n") {
			t.Errorf("%s: after adding and removing it reads\n%s", file, again.Text())
		}
	}
	if edited < 12 {
		t.Errorf("only %d samples were edited", edited)
	}
}

func lines(text []byte) []string { return strings.Split(strings.TrimRight(string(text), "\n"), "\n") }

// contains says whether the parts come in all, in order.
func contains(all, parts []string) bool {
	for _, line := range all {
		if len(parts) > 0 && line == parts[0] {
			parts = parts[1:]
		}
	}
	return len(parts) == 0
}

// TestRemove takes away an anchor with its lines and its comments, and one that
// shares its line with others alone.
func TestRemove(t *testing.T) {
	text, err := os.ReadFile("testdata/forms/bind-revoked.bind")
	if err != nil {
		t.Fatal(err)
	}
	f, err := Parse("", "managed-keys.bind", text)
	if err != nil {
		t.Fatal(err)
	}
	f, err = f.Remove(holdfast.Root, 51577)
	if err != nil || said(f) != ". 26005/8 valid 1795257214 0" || bytes.Contains(f.Text(), []byte("removal pending")) {
		t.Errorf("%v: %s\n%s", err, said(f), f.Text())
	}
	one := "trust-anchors { a.example static-ds 1 8 2 \"E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\"; b.example static-ds 1 8 2 \"683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16\"; };\n"
	f, err = Parse("", "named.conf", []byte(one))
	if err != nil {
		t.Fatal(err)
	}
	if f, err = f.Remove("a.example.", 1); err != nil || string(f.Text()) != strings.Replace(one, `a.example static-ds 1 8 2 "E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D";`, "", 1) {
		t.Errorf("%v: %s", err, f.Text())
	}
	if _, err := f.Remove("c.example.", 1); err == nil {
		t.Error("an anchor that is not there was removed")
	}
}

// TestNotUnderstood: a file that is not understood is an error that names file
// and line, whatever the form.
func TestNotUnderstood(t *testing.T) {
	const key = "AwEAAa96jeuknZlaeSrvyAJj6ZHv28hhOKkx"
	for name, c := range map[string]struct {
		form       Form
		text, want string
	}{
		"none":            {"", "hello\n", "f: it is in none of the forms"},
		"no such form":    {"windows", "", `form "windows"`},
		"record":          {FormRecords, "\n. IN DNSKEY 257 3 8 !!!\n", "f:2: "},
		"parenthesis":     {FormRecords, ". IN DNSKEY ( 257 3 8 " + key + "\n", "f:1: a parenthesis"},
		"class":           {FormRecords, ". CH DS 1 8 2 00\n", "f:1: "},
		"state":           {FormUnbound, unboundHead + "\n. 60 IN DNSKEY 257 3 8 " + key + " ;;state=9 [ ODD ]\n", "f:2: state"},
		"time":            {FormUnbound, unboundHead + "\n;;id: . 1\n;;last_success: 99999999999999 ;;\n", "f:3: last_success"},
		"half a line":     {FormUnbound, unboundHead + "\n;;id: . 1\n. 60 IN DNSKEY 257 3\n", "f:3: "},
		"keydata":         {FormBINDState, "$ORIGIN .\n@ IN SOA . . 1 0 0 0 0\n\tKEYDATA 20261121 0 0 257 3 8 " + key + "\n", "f:3: KEYDATA"},
		"journal":         {FormJournal, ";BIND LOG V9.2\n", "f: the header of the journal breaks off"},
		"journal's end":   {FormJournal, ";BIND LOG V9.2\n" + strings.Repeat("\x01", 60), "f: the journal ends"},
		"other type":      {FormBINDState, "@ IN SOA . . 1 0 0 0 0\n KEYDATA2 1\n", "f:2: KEYDATA2"},
		"status":          {FormStatus, "view: a\n    name: .\n    keyid: 1\n\ttrust unknown\n", "f:4: "},
		"secroots":        {FormSecroots, "secure roots as of x:\n\n Start view a\n   Secure roots:\n\n./RSASHA256/x ; managed\n", "f:6: "},
		"knot tag":        {FormKnot, ". 60 DNSKEY 257 3 8 " + key + " ; Valid: ; KeyTag:1\n", "f:1: KeyTag 1"},
		"knot contradict": {FormKnot, ". 60 DNSKEY 257 3 8 " + key + " ; AddPend:1 ; KeyTag:1\n", "f:1: state AddPend"},
		"brace":           {FormBIND, "options { }; }\n", "f:1: a brace is closed"},
		"open":            {FormBIND, "trust-anchors { . static-ds 1 8 9 \"00\";\n", "f:2: trust-anchors is not closed"},
		"no semicolon":    {FormBIND, "trust-anchors {\n . static-ds 1 8 2 \"00\" };\n", "f:2: "},
		"kind":            {FormBIND, "trust-anchors {\n . sometimes-ds 1 8 2 \"00\"; };\n", "f:2: "},
		"digest length":   {FormDnsmasq, "\ntrust-anchor=.,1,8,2,00\n", "f:2: a digest of type 2 has 32 octets"},
		"dnsmasq words":   {FormDnsmasq, "trust-anchor=.,1\n", "f:1: "},
		"lua string":      {FormPowerDNS, "x = 1\naddTA('.', '1 8 2\n", "f:2: "},
		"lua words":       {FormPowerDNS, "addTA('.')\n", "f:1: "},
		"kresd":           {FormKnotConf, "trust_anchors.add('nonsense')\n", "f:1: "},
		"yaml":            {FormPowerYAML, "dnssec: [\n", "f: "},
		"yaml words":      {FormPowerYAML, "dnssec:\n  trustanchors:\n  - name: .\n    dsrecords: [one]\n", "f:4: "},
		"xml half":        {FormXML, "<TrustAnchor><Zone>.</Zone>", "f:1: "},
		"xml order":       {FormXML, "<TrustAnchor><KeyDigest validFrom=\"2017-02-02T00:00:00Z\"></KeyDigest></TrustAnchor>", "f:1: "},
	} {
		_, err := Parse(c.form, "f", []byte(c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an error of %q", name, err, c.want)
		}
	}
	if _, err := Parse("", "f", make([]byte, maxFile+1)); err == nil {
		t.Error("a huge file is read")
	}
}

// TestXML reads both forms of the file in one, with comments, in lower case, and
// refuses one that contradicts itself (RFC 9718 section 2).
func TestXML(t *testing.T) {
	text, _ := published(t)
	lower := bytes.Replace(text, []byte("E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D"), []byte("\n e06d44b80b8f1d39a95c0b0d7c65d08458e880409bbc683457104237c7f8ec8d <!-- lower -->"), 1)
	f, err := Parse("", "root-anchors.xml", lower)
	if err != nil {
		t.Fatal(err)
	}
	if got := said(f); got != ". 19036/8 valid 0 0 Kjqmt7v; . 20326/8 valid 0 0 Klajeyz; . 38696/8 valid 0 0 Kmyv6jo" {
		t.Errorf("anchors %s", got)
	}
	if keys := f.Points[0].Keys; keys[0].Public != nil || len(keys[1].Public) != 260 || keys[1].Flags != 257 || keys[0].Until.Year() != 2019 || keys[2].Place != "root-anchors.xml:19" {
		t.Errorf("keys %+v", keys)
	}
	for name, c := range map[string]struct{ old, changed, want string }{
		"tag":    {"<KeyTag>20326</KeyTag>", "<KeyTag>20327</KeyTag>", "KeyTag is 20327, but that of PublicKey is 20326"},
		"digest": {"E06D44", "E06D45", "Digest is not that of PublicKey"},
		"flags":  {"<Flags>257</Flags>", "", "stand together"},
		"short":  {"49AAC11D", "", "a digest of type 2"},
		"type":   {"<DigestType>2</DigestType>", "<DigestType>257</DigestType>", "DigestType"},
		"zone":   {"<Zone>.</Zone>", "", "before Zone"},
	} {
		_, err := Parse(FormXML, "f", bytes.Replace(text, []byte(c.old), []byte(c.changed), 1))
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "f:") {
			t.Errorf("%s: %v, want an error of %q", name, err, c.want)
		}
	}
}

// TestToolsRead has the programs themselves check what we write for them.
func TestToolsRead(t *testing.T) {
	dir := t.TempDir()
	write := func(form Form, name, before string) string {
		f, err := New(form, name)
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range anchorsToAdd(t) {
			if f, err = f.Add(holdfast.Root, key); err != nil {
				t.Fatal(err)
			}
		}
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, append([]byte(before), f.Text()...), 0o644); err != nil {
			t.Fatal(err)
		}
		return file
	}
	records := write(FormRecords, "root.key", "")
	included := filepath.Join(dir, "include.conf")
	if err := os.WriteFile(included, []byte("server:\n username: \"\"\n chroot: \"\"\n trust-anchor-file: \""+records+"\"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range [][]string{
		{"named-checkconf", write(FormBIND, "named.conf", "")},
		{"dnsmasq", "--test", "-C", write(FormDnsmasq, "dnsmasq.conf", "dnssec\n")},
		{"unbound-checkconf", write(FormUnboundConf, "unbound.conf", "server:\n username: \"\"\n chroot: \"\"\n")},
		{"unbound-checkconf", included},
	} {
		t.Run(c[0], func(t *testing.T) {
			if out, err := exec.Command(strangers.Need(t, c[0]), c[1:]...).CombinedOutput(); err != nil {
				t.Errorf("%v: %v\n%s", c, err, out)
			}
		})
	}
}

// TestLarge: a large file of any form takes no time to speak of, whatever it is
// full of.
func TestLarge(t *testing.T) {
	const digest = "E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D"
	for form, piece := range map[Form]string{
		FormRecords:     "a%d.example. IN DS 1 8 2 " + digest + "\n",
		FormUnbound:     ";;id: . 1\n;;last_success: 1\n. IN DS %d 8 2 " + digest + " ;;state=2\n",
		FormKnot:        "; . 60 DS %d 8 2 " + digest + " ; AddPend:1 ; KeyTag:%[1]d\n",
		FormBIND:        "trust-anchors{ . static-ds %d 8 2 \"" + digest + "\"; };",
		FormBINDState:   "@ KEYDATA 20260801120000 20260801120000 19700101000000 257 3 8 AwEAAbJV%d4 ; x\n ; y\n",
		FormDnsmasq:     "trust-anchor=.,%d,8,2," + digest + "\n",
		FormPowerDNS:    "addTA('.', '%d 8 2 " + digest + "') ",
		FormUnboundConf: "trust-anchor: '. DS %d 8 2 " + digest + "'\n",
		FormSecroots:    "./8/%d ; managed\n",
		FormStatus:      "name: .\nkeyid: %d\nalgorithm: 8\n",
	} {
		var b strings.Builder
		for i := 0; b.Len() < maxFile/4; i++ {
			fmt.Fprintf(&b, strings.ReplaceAll(piece, "%d4", fmt.Sprintf("%04d", i%10000)), i%60000)
		}
		text, _, _ := strings.Cut(b.String(), "%!")
		began := time.Now()
		f, err := Parse(form, "large", []byte(text))
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("%s: %v", form, took)
		}
		if err == nil && (len(f.Points) == 0 || len(f.Points[0].Keys) == 0) || err != nil && form != FormBINDState {
			t.Errorf("%s: %v", form, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/forms/*")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range append(files, "testdata/root-anchors-2024.xml") {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint8(0), file, text)
	}
	for i := range Forms() {
		f.Add(uint8(i+1), "f", []byte(". IN DS 1 8 1 0000000000000000000000000000000000000000\n"))
	}
	key := anchorsToAdd(f)[1]
	f.Fuzz(func(t *testing.T, as uint8, name string, text []byte) {
		form := Form("")
		if all := Forms(); as > 0 {
			form = all[int(as-1)%len(all)]
		}
		read, err := Parse(form, name, text)
		if err != nil {
			return
		}
		if !bytes.Equal(read.Text(), text) {
			t.Error("the text is not what was read")
		}
		if more, err := read.Add(holdfast.Root, key); err == nil && !bytes.HasPrefix(more.Text(), text[:read.insert]) {
			t.Error("adding changed what stands before")
		}
		for _, point := range read.Points {
			for _, k := range point.Keys {
				if less, err := read.Remove(point.Zone, k.Tag); err == nil && len(less.Text()) > len(text) {
					t.Error("removing made it longer")
				}
			}
		}
	})
}
