package anchor

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/lab/strangers"
)

const digest20326 = "E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D"

// TestToolsAgree gives each line to the program whose form it is: what it takes
// we take, and what it refuses we refuse.
func TestToolsAgree(t *testing.T) {
	for _, c := range []struct {
		form   Form
		tool   string
		arg    []string
		around string // the line stands in place of LINE
		lines  []string
	}{
		{FormDnsmasq, "dnsmasq", []string{"--test", "-C"}, "LINE\n", []string{
			"trust-anchor=.,20326,8,2," + digest20326, "trust-anchor=.,IN,20326,8,2," + digest20326, "trust-anchor=IN,.,20326,8,2," + digest20326,
			" trust-anchor = . , 20326 , 8 , 2 , " + digest20326 + " # the root", "trust-anchor=.,20326,8,2," + strings.ToLower(digest20326), "trust-anchor=.,20326,8,2", "trust-anchor=.,99999,8,2," + digest20326,
		}},
		{FormBIND, "named-checkconf", nil, "LINE\n", []string{
			"Trust-Anchors { . static-ds 20326 8 2 \"" + digest20326 + "\"; };",
			"trust-anchors { . static-ds 20326 8 2 \"" + digest20326 + "\"; };", "trust-anchors{.  static-ds 20326 8 2 \"" + digest20326[:20] + "\n" + digest20326[20:] + "\";};",
			"trust-anchors { \".\" Static-DS 20326 8 2 \"" + digest20326 + "\"; // one\n# two\n/* three; */ };", "/*/ trust-anchors { */ trust-anchors { . static-ds 20326 8 2# tag\n \"" + digest20326 + "\"; };",
			"trust-anchors { . static-ds 20326 8 2 \"" + digest20326 + "\" };", "trust-anchors { . sometimes-ds 20326 8 2 \"" + digest20326 + "\"; };",
			"trust-anchors { . static-ds 20326 8 2 \"" + digest20326 + "\"; ", "trust-anchors { . static-ds 70000 8 2 \"" + digest20326 + "\"; };", "trust-anchors { . static-ds 20326 8 2; };",
			"trust-anchors { . static-ds 20326 8 2 \"" + digest20326 + "; };", "/* trust-anchors { . static-ds 20326 8 2 \"" + digest20326 + "\"; };",
		}},
		{FormUnboundConf, "unbound-checkconf", nil, "server:\n chroot: \"\"\n directory: \"/\"\n username: \"\"\n LINE\n", []string{
			"trust-anchor: \". IN DS 20326 8 2 " + digest20326 + "\"", "trust-anchor: '. 3600 IN DS 20326 8 2 " + digest20326 + "' # x", "trust-anchor: \". DS 20326 8 2 " + digest20326[:8] + " " + digest20326[8:] + "\"",
			"trust-anchor: \". IN DS 20326 8 2 " + digest20326[1:] + "\"", "trust-anchor: \". IN DS 20326 8\"",
		}},
	} {
		tool := strangers.Need(t, c.tool)
		for _, line := range c.lines {
			text := strings.Replace(c.around, "LINE", line, 1)
			name := filepath.Join(t.TempDir(), "x.conf")
			if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			out, theirs := exec.Command(tool, append(c.arg, name)...).CombinedOutput()
			f, ours := Parse(c.form, name, []byte(text))
			if (ours == nil) != (theirs == nil) {
				t.Errorf("%s:\n%s\nwe say %v, it says %v: %s", c.tool, text, ours, theirs, out)
				continue
			}
			if ours == nil && (len(f.Points) != 1 || len(f.Points[0].Keys) != 1 || f.Points[0].Keys[0].Tag != 20326 || string(f.Text()) != text) {
				t.Errorf("%s: read %s of\n%s", c.tool, said(f), text)
			}
		}
	}
}

// TestStricter: the programs start with these, and we refuse them, for no key can
// ever match: a key tag has 16 bits (RFC 4034 section 5.1.1), a SHA-256 digest
// 32 octets (RFC 4509 section 2.2).
func TestStricter(t *testing.T) {
	for text, form := range map[string]Form{
		"trust-anchor=.,20326,8,2," + digest20326[2:]:                                       FormDnsmasq,
		"trust-anchors { . static-ds 20326 8 2 \"" + digest20326[2:] + "\"; };":             FormBIND,
		"server:\n trust-anchor: \". IN DS 99999 8 2 " + digest20326 + "\"\n":               FormUnboundConf,
		"server:\n trust-anchor: \". IN DS 20326 8 2 " + digest20326 + digest20326 + "\"\n": FormUnboundConf,
	} {
		if f, err := Parse(form, "f", []byte(text)); err == nil {
			t.Errorf("%s is read: %s", text, said(f))
		}
	}
}

// TestNames: BIND's names for algorithms are those of IANA's registry "DNS
// Security Algorithm Numbers", digest types those of "Delegation Signer (DS)
// Resource Record (RR) Type Digest Algorithms".
func TestNames(t *testing.T) {
	for text, want := range map[string]uint8{
		"RSAMD5": 1, "DSA": 3, "RSASHA1": 5, "DSA-NSEC3-SHA1": 6, "RSASHA1-NSEC3-SHA1": 7, "RSASHA256": 8, "RSASHA512": 10, "ECC-GOST": 12, "ECDSAP256SHA256": 13, "ECDSAP384SHA384": 14, "ED25519": 15, "ED448": 16,
		"rsasha256": 8, "255": 255,
	} {
		if got, err := algorithmNumber(text); err != nil || got != want {
			t.Errorf("algorithm %s: %d, %v, want %d", text, got, err, want)
		}
	}
	for text, want := range map[string]uint8{"SHA-1": 1, "SHA-256": 2, "SHA-384": 4, "sha256": 2, "2": 2} {
		if got, err := digestNumber(text); err != nil || got != want {
			t.Errorf("digest %s: %d, %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "-1", "256", "RSA", "8x"} {
		if n, err := algorithmNumber(text); err == nil {
			t.Errorf("algorithm %q is %d", text, n)
		}
		if n, err := digestNumber(text); err == nil {
			t.Errorf("digest %q is %d", text, n)
		}
	}
}

// TestJournalDamaged cuts a journal of BIND's anywhere, and changes each of its
// octets: there is an answer or an error that names the file, and a journal
// that breaks off within what its head counts is an error.
func TestJournalDamaged(t *testing.T) {
	whole, err := os.ReadFile("testdata/forms/bind-revoked.jnl")
	if err != nil {
		t.Fatal(err)
	}
	if f, err := Parse(FormJournal, "j.jnl", whole); err != nil || !strings.Contains(said(f), "revoked") {
		t.Fatalf("%v", err)
	}
	refused := 0
	for n := range len(whole) {
		_, err := Parse(FormJournal, "j.jnl", whole[:n])
		if err != nil {
			refused++
			if !strings.Contains(err.Error(), "j.jnl") {
				t.Fatalf("cut at %d: %v names no file", n, err)
			}
		}
	}
	if refused < len(whole)-64 {
		t.Errorf("of %d cuts %d are refused", len(whole), refused)
	}
	for n := range len(whole) {
		changed := []byte(string(whole))
		changed[n] ^= 0xff
		if _, err := Parse(FormJournal, "j.jnl", changed); err != nil && !strings.Contains(err.Error(), "j.jnl") {
			t.Fatalf("octet %d: %v", n, err)
		}
	}
}

// TestDamagedStates: state files that a full disk or a hand has damaged are an
// error that names their line, and are not written.
func TestDamagedStates(t *testing.T) {
	const key = "AwEAAaz/tAm8yTn4Mfeh5eyI96WSVexTBAvkMgJzkKTOiW1vkIbzxeF3+/4RgWOq7HrxRixHlFlExOLAJr5emLvN7SWXgnLh4+B5xQlNVz8Og8kvArMtNROxVQuCaSnIDdD5LKyWbRd2n9WGe2R8PzgCmr3EgVLrjyBxWezF0jLHwVN8efS3rCj/EWgvIWgb9tarpVUDK/b58Da+sqqls3eNbuv7pr+eoZG+SrDK6nWeL3c6H5Apxz7LjVc1uTIdsIXxuOLYA4/ilBmSVIzuDWfdRUfhHdY6+cn8HFRm+2hM8AnXGXws9555KrUB5qihylGa8subX2Nn6UwNR1AkUTV74bU="
	for name, c := range map[string]struct {
		form Form
		text string
		line string
	}{
		"unbound, a time without a zone": {FormUnbound, ";;last_queried: 12 ;;x\n. 1 IN DNSKEY 257 3 8 " + key + "\n", "f:1"},
		"unbound, no such state":         {FormUnbound, "; autotrust trust anchor file\n. 1 IN DNSKEY 257 3 8 " + key + " ;;state=9 [  VALID  ] ;;count=0 ;;lastchange=0\n", "f:2"},
		"unbound, a time below zero":     {FormUnbound, ". 1 IN DNSKEY 257 3 8 " + key + " ;;state=2 [  VALID  ] ;;count=0 ;;lastchange=-5\n", "f:1"},
		"unbound, half a key":            {FormUnbound, ". 1 IN DNSKEY 257 3 8 " + key[:101] + "\n", "f:1"},
		"unbound, a bad name":            {FormUnbound, ";;id: a..b 1\n. 1 IN DNSKEY 257 3 8 " + key + "\n", "f:1"},
		"bind, too few fields":           {FormBINDState, "$ORIGIN .\n$TTL 0\n@ IN SOA . . ( 1 0 0 0 0 )\n KEYDATA 20261121103318 20261121103318 19700101000000 257 3\n", "f:4"},
		"bind, no such time":             {FormBINDState, "$ORIGIN .\n@ IN SOA . . ( 1 0 0 0 0 )\n KEYDATA 20261321103318 20261121103318 19700101000000 257 3 8 " + key + "\n", "f:3"},
		"bind, no base 64":               {FormBINDState, "$ORIGIN .\n@ IN SOA . . ( 1 0 0 0 0 )\n KEYDATA 20261121103318 20261121103318 19700101000000 257 3 8 !!!\n", "f:3"},
		"bind, a parenthesis":            {FormBINDState, "$ORIGIN .\n@ IN SOA . . ( 1 0 0 0 0\n KEYDATA 20261121103318\n", "f:2"},
		"bind, a directive":              {FormBINDState, "$INCLUDE /etc/passwd\n", "f:1"},
		"bind, no owner":                 {FormBINDState, " IN KEYDATA 20261121103318 20261121103318 19700101000000 257 3 8 " + key + "\n", "f:1"},
		"knot, no such time":             {FormKnot, ". 1 IN DNSKEY 257 3 8 " + key + " ; Valid: ; KeyTag:20326\n;. 1 IN DNSKEY 257 3 8 " + key[:90] + " ; AddPend:1 ; KeyTag:1\n", "f:"},
		"status, no point before a key":  {FormStatus, "view: _default\n\n  keyid: 20326\n\talgorithm: RSASHA256\n", "f:3"},
		"status, no tag":                 {FormStatus, "view: _default\nname: .\nkeyid: x\n", "f:3"},
	} {
		f, err := Parse(c.form, "f", []byte(c.text))
		if err == nil {
			t.Errorf("%s: read as %s", name, said(f))
		} else if !strings.Contains(err.Error(), c.line) {
			t.Errorf("%s: %v does not name %s", name, err, c.line)
		}
	}
}

// TestXMLBroken: what RFC 9718 section 2.1 asks of root-anchors.xml.
func TestXMLBroken(t *testing.T) {
	digest := func(change string) string {
		return "<KeyDigest id=\"K\" validFrom=\"2017-02-02T00:00:00+00:00\"><KeyTag>20326</KeyTag><Algorithm>8</Algorithm><DigestType>2</DigestType><Digest>" + digest20326 + "</Digest>" + change + "</KeyDigest>"
	}
	around := func(zone, inner string) string {
		return "<?xml version=\"1.0\"?><TrustAnchor id=\"x\" source=\"http://data.iana.org/\">" + zone + inner + "</TrustAnchor>"
	}
	if f, err := Parse(FormXML, "f", []byte(around("<Zone>.</Zone><!-- one --><Other><Zone>x</Zone></Other>", digest("")))); err != nil || len(f.Points) != 1 || f.Points[0].Zone != holdfast.Root {
		t.Fatalf("as it should be: %v", err)
	}
	for name, text := range map[string]string{
		"no zone":             around("", digest("")),
		"a broken zone":       around("<Zone>a..b</Zone>", digest("")),
		"no tag":              around("<Zone>.</Zone>", strings.Replace(digest(""), "20326", "x", 1)),
		"a tag too large":     around("<Zone>.</Zone>", strings.Replace(digest(""), "20326", "65536", 1)),
		"no digest":           around("<Zone>.</Zone>", strings.Replace(digest(""), digest20326, "", 1)),
		"half a digest":       around("<Zone>.</Zone>", strings.Replace(digest(""), digest20326, digest20326[:62], 1)),
		"a key without flags": around("<Zone>.</Zone>", digest("<PublicKey>AwEAAQ==</PublicKey>")),
		"flags without a key": around("<Zone>.</Zone>", digest("<Flags>257</Flags>")),
		"another key":         around("<Zone>.</Zone>", digest("<PublicKey>AwEAAQ==</PublicKey><Flags>257</Flags>")),
		"no such time":        around("<Zone>.</Zone>", strings.Replace(digest(""), "2017-02-02", "2017-02-30", 1)),
		"no such until":       around("<Zone>.</Zone>", strings.Replace(digest(""), " validFrom", " validUntil=\"soon\" validFrom", 1)),
		"cut off":             around("<Zone>.</Zone>", digest(""))[:200],
		"another document":    "<html></html>",
	} {
		if f, err := Parse(FormXML, "f", []byte(text)); err == nil {
			t.Errorf("%s: read as %s", name, said(f))
		}
	}
}

// TestWritable: the forms that can be written are told, and every other says
// that it cannot be.
func TestWritable(t *testing.T) {
	can := map[Form]bool{}
	for _, form := range Writable() {
		can[form] = true
	}
	for _, form := range Forms() {
		if form.About() == "" {
			t.Errorf("%s: nothing is said of it", form)
		}
		if _, err := New(form, "f"); (err == nil) != can[form] || err != nil && !errors.Is(err, errFixed) {
			t.Errorf("%s: writable %v: %v", form, can[form], err)
		}
	}
	if !can[FormUnbound] || !can[FormBIND] || can[FormJournal] || can[FormStatus] {
		t.Errorf("writable: %v", can)
	}
}
