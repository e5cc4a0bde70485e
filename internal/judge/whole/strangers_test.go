package whole

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// need finds a stranger's tool, or skips and says which package has it.
func need(t *testing.T, tool, debian string) string {
	t.Helper()
	path, err := exec.LookPath(tool)
	if err == nil {
		return path
	}
	if os.Getenv("HOLDFAST_PEERS") == "required" {
		t.Fatalf("%s is missing, and HOLDFAST_PEERS=required: install the Debian package %s", tool, debian)
	}
	t.Skipf("%s is missing: install the Debian package %s", tool, debian)
	return ""
}

// run runs a tool in dir and answers its output and whether it was content.
func run(t *testing.T, dir, tool string, args ...string) (string, bool) {
	t.Helper()
	command := exec.Command(tool, args...)
	command.Dir = dir
	out, err := command.CombinedOutput()
	return string(out), err == nil
}

func mustRun(t *testing.T, dir, tool string, args ...string) string {
	t.Helper()
	out, ok := run(t, dir, tool, args...)
	if !ok {
		t.Fatalf("%s %s: %s", tool, strings.Join(args, " "), out)
	}
	return out
}

// bindSigned signs testZone with BIND's tools.
func bindSigned(t *testing.T, args ...string) string {
	t.Helper()
	keygen, sign := need(t, "dnssec-keygen", "bind9-utils"), need(t, "dnssec-signzone", "bind9-utils")
	dir := t.TempDir()
	mustRun(t, dir, keygen, "-q", "-a", "ECDSAP256SHA256", "-f", "KSK", "example.")
	mustRun(t, dir, keygen, "-q", "-a", "ECDSAP256SHA256", "example.")
	writeZone(t, dir, "*.key")
	mustRun(t, dir, sign, append(args, "-o", "example.", "-O", "full", "-f", "signed", "plain")...)
	return readText(t, dir, "signed")
}

// ldnsSigned signs testZone with ldns's tools, and gives it a digest.
func ldnsSigned(t *testing.T, args ...string) string {
	t.Helper()
	keygen, sign := need(t, "ldns-keygen", "ldnsutils"), need(t, "ldns-signzone", "ldnsutils")
	dir := t.TempDir()
	ksk := strings.TrimSpace(mustRun(t, dir, keygen, "-k", "-a", "ECDSAP256SHA256", "example."))
	zsk := strings.TrimSpace(mustRun(t, dir, keygen, "-a", "ECDSAP256SHA256", "example."))
	writeZone(t, dir, "*.key")
	mustRun(t, dir, sign, append(args, "-z", "simple:sha384", "-f", "signed", "plain", ksk, zsk)...)
	return readText(t, dir, "signed")
}

func writeZone(t *testing.T, dir, keys string) {
	t.Helper()
	text := "$ORIGIN example.\n$TTL 3600\n" + strings.ReplaceAll(testZone, "ns.other.\n", "ns.other.test.\n")
	files, err := filepath.Glob(filepath.Join(dir, keys))
	if err != nil || len(files) == 0 {
		t.Fatalf("no keys: %v", err)
	}
	for _, file := range files {
		key, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text += string(key)
	}
	if err := os.WriteFile(filepath.Join(dir, "plain"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func readText(t *testing.T, dir, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// breakage edits the lines of a signed zone.
type breakage struct {
	name string
	edit func(lines []string) []string
	// only says for which zones it makes sense: a part of the zone's title.
	only string
	// excuse says why a tool is known to judge otherwise, by zone and tool.
	excuse map[string]string
}

// dropLines drops the lines that match, or fails where none does.
func dropLines(pattern string) func([]string) []string {
	return editLines(pattern, func(string) string { return "" })
}

// add adds a line.
func add(line string) func([]string) []string {
	return func(lines []string) []string { return append(slices.Clone(lines), line) }
}

func editLines(pattern string, edit func(string) string) func([]string) []string {
	match := regexp.MustCompile(pattern)
	return func(lines []string) []string {
		var out []string
		hit := false
		for _, line := range lines {
			if match.MatchString(line) {
				hit = true
				if line = edit(line); line == "" {
					continue
				}
			}
			out = append(out, line)
		}
		if !hit {
			return nil
		}
		return out
	}
}

// damage changes one character in the last field but keeps the line well
// formed: base64 stays base64, hexadecimal stays hexadecimal.
func damage(line string) string {
	at := strings.LastIndexAny(strings.TrimRight(line, "= \t"), " \t") + 3
	c := byte('A')
	if line[at] == 'A' {
		c = 'B'
	}
	return line[:at] + string(c) + line[at+1:]
}

const knotStray = "Knot 3.2 lets an NSEC3 record pass whose name is gone"

var breakages = []breakage{
	{name: "nothing", edit: func(lines []string) []string { return lines }},
	{name: "an address changed", edit: editLines(`^ns1\.example\.\s.*\sA\s`, func(line string) string { return strings.Replace(line, "192.0.2.1", "192.0.2.99", 1) })},
	{name: "a signature damaged", edit: editLines(`\sRRSIG\s+TXT\s+13\s`, damage)},
	{name: "the DNSKEY signatures damaged", edit: editLines(`\sRRSIG\s+DNSKEY\s+13\s`, damage)},
	{name: "a signature missing", edit: dropLines(`^example\.\s.*\sRRSIG\s+NS\s`)},
	{name: "the SOA's signature missing", edit: dropLines(`\sRRSIG\s+SOA\s`)},
	{name: "a DS changed", edit: editLines(`\sDS\s+1\s`, damage)},
	{name: "a DS's signature missing", edit: dropLines(`\sRRSIG\s+DS\s`)},
	{name: "a name added", edit: func(lines []string) []string {
		return append(lines, "new.example. 60 IN A 192.0.2.7")
	}},
	{name: "a delegation added", edit: func(lines []string) []string {
		return append(lines, "late.example. 3600 IN NS ns1.example.")
	}, excuse: map[string]string{"BIND, NSEC3/dnssec-verify": "BIND asks for no NSEC3 of a delegation without DS, opt-out or not; RFC 5155 section 7.1 does"}},
	{name: "a name removed", edit: dropLines(`^alias\.example\.\s.*\s(CNAME|RRSIG\s+CNAME)\s`), excuse: map[string]string{
		"BIND, NSEC3/kzonecheck": knotStray, "BIND, NSEC3 opt-out/kzonecheck": knotStray, "ldns, NSEC3 opt-out/kzonecheck": knotStray,
	}},
	{name: "an NSEC removed", only: "NSEC,", edit: dropLines(`^open\.example\.\s.*\s(NSEC|RRSIG\s+NSEC)\s`)},
	{name: "an NSEC's signature missing", only: "NSEC,", edit: dropLines(`^open\.example\.\s.*\sRRSIG\s+NSEC\s`)},
	{name: "the NSEC3 signatures damaged", only: "NSEC3", edit: editLines(`\sRRSIG\s+NSEC3\s+13\s`, damage)},
	{name: "the NSEC3PARAM changed", only: "NSEC3", edit: editLines(`\sNSEC3PARAM\s+1 0`, func(line string) string { return regexp.MustCompile(`\S+\s*$`).ReplaceAllString(line, "CD") })},
	{name: "an empty non-terminal's NSEC3 removed", only: "NSEC3", edit: dropLines(`\sNSEC3\s+1 [01] \d+ \S+\s+\S+\s*$`)},
	{name: "glue removed", edit: dropLines(`^ns1\.open\.example\.\s.*\sA\s`)},
	{name: "glue left behind", edit: add("old.open.example. 3600 IN A 192.0.2.44")},
	{name: "a text below a delegation", edit: add(`text.open.example. 3600 IN TXT "nobody sees this"`)},
	{name: "a name below the DNAME", edit: add("x.renamed.example. 60 IN A 192.0.2.44")},
	{name: "the digest damaged", only: "ldns", edit: editLines(`\sZONEMD\s+\d+ 1 1`, damage)},
}

// overlooked are the findings that a tool does not look for: BIND 9.18 and Knot
// 3.2 no digests, BIND's and ldns's verifiers neither glue nor what a DNAME hides.
var overlooked = map[string][]string{
	"dnssec-verify":    {digestWrong.code, glueMissing.code, renamedAndOwn.code},
	"ldns-verify-zone": {glueMissing.code, renamedAndOwn.code},
	"kzonecheck":       {digestWrong.code},
}

// TestStrangersAgree: what BIND's, ldns's and Knot's verifiers call good or
// bad we call so too, over zones signed by BIND and ldns and broken by hand.
func TestStrangersAgree(t *testing.T) {
	zones := map[string]string{}
	sign := func(title string, by func(*testing.T, ...string) string, args ...string) {
		zones[title] = by(t, args...)
	}
	sign("BIND, NSEC,", bindSigned)
	sign("BIND, NSEC3", bindSigned, "-3", "-")
	sign("BIND, NSEC3 opt-out", bindSigned, "-3", "aabb", "-A")
	sign("ldns, NSEC,", ldnsSigned)
	sign("ldns, NSEC3 opt-out", ldnsSigned, "-n", "-p")
	verifiers := map[string]func(dir string) (string, bool){
		"dnssec-verify":    func(dir string) (string, bool) { return run(t, dir, "dnssec-verify", "-o", "example.", "zone") },
		"ldns-verify-zone": func(dir string) (string, bool) { return run(t, dir, "ldns-verify-zone", "zone") },
		"kzonecheck": func(dir string) (string, bool) {
			return run(t, dir, "kzonecheck", "-d", "on", "-o", "example.", "zone")
		},
	}
	need(t, "dnssec-verify", "bind9-utils")
	need(t, "ldns-verify-zone", "ldnsutils")
	need(t, "kzonecheck", "knot-dnssecutils")
	for title, text := range zones {
		for _, b := range breakages {
			if !strings.Contains(title, b.only) {
				continue
			}
			t.Run(fmt.Sprintf("%s %s", title, b.name), func(t *testing.T) {
				lines := b.edit(strings.Split(strings.TrimSpace(text), "\n"))
				if lines == nil {
					t.Fatal("the edit found no line to edit")
				}
				dir := t.TempDir()
				broken := strings.Join(lines, "\n") + "\n"
				if err := os.WriteFile(filepath.Join(dir, "zone"), []byte(broken), 0o600); err != nil {
					t.Fatal(err)
				}
				r, err := Verify(parse(t, "example.", broken), Options{At: time.Now(), Workers: 2})
				if err != nil {
					t.Fatal(err)
				}
				if b.name == "nothing" && (!r.Good() || len(r.Findings) > 0) {
					t.Errorf("we find fault with a good zone: %v", r.Findings)
				}
				for tool, verify := range verifiers {
					ours := r
					ours.Findings = slices.DeleteFunc(slices.Clone(r.Findings), func(f holdfast.Finding) bool { return slices.Contains(overlooked[tool], f.Code) })
					out, good := verify(dir)
					if why := b.excuse[title+"/"+tool]; (good == ours.Good()) == (why != "") {
						t.Errorf("we say %v, %s says %v (excuse: %q):\n%v\n%s", ours.Good(), tool, good, why, r.Findings, out)
					}
				}
			})
		}
	}
}

// TestExpiredZoneOfAStranger: signatures of the past, by BIND.
func TestExpiredZoneOfAStranger(t *testing.T) {
	text := bindSigned(t, "-s", "20260101000000", "-e", "20260201000000", "-P")
	records := parse(t, "example.", text)
	for at, want := range map[string]string{"2026-01-15T00:00:00Z": "", "2026-02-01T00:00:01Z": "SIG-01", "2025-12-31T23:59:59Z": "SIG-05"} {
		r, err := Verify(records, Options{At: instant(t, at)})
		if err != nil || codes(r, 0) != want {
			t.Errorf("at %s: %q, %v", at, codes(r, 0), err)
		}
	}
}

// TestArpa: a real zone as dig printed it; its anchor was in the root of its
// day, which we do not have.
func TestArpa(t *testing.T) {
	records := realZone(t, "arpa.zone.2024101100.axfr.xz")
	r, err := Verify(records, Options{At: instant(t, "2024-10-12T00:00:00Z"), Workers: 2})
	if err != nil || !r.Good() || r.Zone != "arpa." || r.Verified != r.Signatures || r.Digest != DigestAbsent {
		t.Errorf("%s, %d of %d, digest %s, %v, %v", r.Zone, r.Verified, r.Signatures, r.Digest, r.Findings, err)
	}
}

// TestRealRootBroken: one octet of the real root zone changed, in a signed
// record and in glue: the signature tells the one, only the digest the other.
func TestRealRootBroken(t *testing.T) {
	records := realZone(t, "root.zone.2026073102.signed.xz")
	for _, c := range []struct {
		typ  wire.Type
		want string
	}{{wire.TypeDS, "INT-02 SIG-07"}, {wire.TypeAAAA, "INT-02"}} {
		z := append([]wire.Record(nil), records...)
		for i := range z {
			if z[i].Type == c.typ {
				z[i].Data = bytes.Clone(z[i].Data)
				z[i].Data[len(z[i].Data)-1] ^= 1
				break
			}
		}
		r, err := Verify(z, Options{At: instant(t, "2026-08-01T12:00:00Z"), Anchors: anchors(t, anchor20326), Workers: 2})
		if err != nil || codes(r, 0) != c.want || r.Good() {
			t.Errorf("%s: %q, %v", c.typ, codes(r, 0), err)
		}
	}
}
