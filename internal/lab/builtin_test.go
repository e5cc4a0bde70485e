package lab

import (
	"encoding/binary"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

var update = flag.Bool("update", false, "write tlds.txt anew from publicsuffix's data")

const xnet = "golang.org/x/net"

// suffixTLDs reads the top-level domains out of publicsuffix's data files, in
// the form that its table.go describes: 40 bits a node, the first numTLD nodes
// being the top-level domains; the lowest 6 bits are the length of the label,
// the next 16 its offset in the text.
func suffixTLDs(t *testing.T) (labels []string, version string) {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}} {{.Version}}", xnet).Output()
	if err != nil {
		t.Skipf("go list does not say where %s is: %v", xnet, err)
	}
	dir, version, _ := strings.Cut(strings.TrimSpace(string(out)), " ")
	read := func(name string) []byte {
		text, err := os.ReadFile(filepath.Join(dir, "publicsuffix", name))
		if err != nil {
			t.Skipf("the sources of %s are not here: %v", xnet, err)
		}
		return text
	}
	table, text, nodes := string(read("table.go")), read("data/text"), read("data/nodes")
	_, after, ok := strings.Cut(table, "const numTLD = ")
	if !ok || !strings.Contains(table, "nodesBitsTextOffset = 16\n\tnodesBitsTextLength = 6\n") {
		t.Fatal("table.go has another form than this test knows")
	}
	n := 0
	if _, err := fmt.Sscan(after, &n); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		node := uint64(nodes[5*i])<<32 | uint64(binary.BigEndian.Uint32(nodes[5*i+1:]))
		length, offset := node&63, node>>6&0xffff
		labels = append(labels, string(text[offset:offset+length]))
	}
	return labels, version
}

// TestTLDList holds tlds.txt to publicsuffix's own data.
func TestTLDList(t *testing.T) {
	labels, version := suffixTLDs(t)
	labels = slices.DeleteFunc(labels, func(s string) bool { return s == "onion" }) // no zone: RFC 7686
	slices.Sort(labels)
	if *update {
		head := "# Top-level domains of " + xnet + " " + version + ", package publicsuffix,\n# without onion (RFC 7686). Made by: go test -run TestTLDList -update\n"
		if err := os.WriteFile("tlds.txt", []byte(head+strings.Join(labels, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	var got []string
	for _, name := range TLDs() {
		got = append(got, strings.TrimSuffix(string(name), "."))
	}
	if !slices.Equal(got, labels) {
		t.Errorf("tlds.txt has %d names, publicsuffix %d: run go test -run TestTLDList -update", len(got), len(labels))
	}
}

func TestBuiltinPlan(t *testing.T) {
	plan := BuiltinPlan(0)
	plan.Start = start
	if n := len(plan.Zones); n < 1400 || n > 1500 {
		t.Errorf("%d zones", n)
	}
	in, err := New(plan, &stopped{start})
	if err != nil {
		t.Fatal(err)
	}
	signed, addresses := 0, map[string]int{}
	for _, z := range plan.Zones {
		if !z.Signing.Unsigned {
			signed++
		}
		if n := len(z.Servers); n < 2 || n > 4 {
			t.Errorf("%s has %d servers", z.Name, n)
		}
		for _, s := range in.Servers(z.Name) {
			addresses[s.Address.String()]++
			if a := s.Address; a.Is4() && a.As4()[0] != 198 || a.Is6() && !strings.HasPrefix(a.String(), "2001:db8:") {
				t.Errorf("%s is no address for tests", a)
			}
		}
	}
	if signed < len(plan.Zones)*85/100 || signed == len(plan.Zones) {
		t.Errorf("%d of %d are signed", signed, len(plan.Zones))
	}
	if addresses["198.18.0.53"] < 10 {
		t.Error("no address serves many zones")
	}
	if n := len(BuiltinPlan(7).Zones); n != 8 {
		t.Errorf("a plan of 7 names has %d zones, want the root too", n)
	}
	s := askUDP(t, in, in.Servers("se.")[0].Address.String(), "a.nic.se.", wire.TypeA)
	if s.err != nil || len(s.message.Answer) == 0 || !s.message.Authoritative {
		t.Errorf("a name server's own address: %+v", s)
	}
}

// rootFile is a little root zone as IANA prints one.
const rootFile = `
.	86400	IN	SOA	a.root-servers.net. nstld.verisign-grs.com. 2026073102 1800 900 604800 86400
.	518400	IN	NS	a.root-servers.net.
a.root-servers.net.	518400	IN	A	198.41.0.4
net.	172800	IN	NS	a.gtld-servers.net.
net.	172800	IN	NS	b.gtld-servers.net.
net.	86400	IN	DS	37331 13 2 2F0BEC2D6F79DFBD1D08FD21A3AF92D0E39A4B9EF1E3F4111FFF282490DA453B
net.	86400	IN	NSEC	. NS DS RRSIG NSEC
a.gtld-servers.net.	172800	IN	A	192.5.6.30
a.gtld-servers.net.	172800	IN	AAAA	2001:503:a83e::2:30
b.gtld-servers.net.	172800	IN	A	192.33.14.30
xx.	172800	IN	NS	a.gtld-servers.net.
.	86400	IN	SOA	a.root-servers.net. nstld.verisign-grs.com. 2026073102 1800 900 604800 86400
`

func TestRootPlan(t *testing.T) {
	plan, err := ReadRootPlan(strings.NewReader(rootFile), "root.zone")
	if err != nil {
		t.Fatal(err)
	}
	plan.Start = start
	in, err := New(plan, &stopped{start})
	if err != nil {
		t.Fatal(err)
	}
	if plan.Zone("net.").Signing.Unsigned || !plan.Zone("xx.").Signing.Unsigned {
		t.Error("signed are those with DS in the file")
	}
	// The root refers, with glue and a DS of the lab's own.
	s := askUDP(t, in, rootA, "www.example.net.", wire.TypeA)
	if s.err != nil || s.message.Authoritative || count(s.message.Authority, wire.TypeNS) != 2 || len(s.message.Additional) != 3 {
		t.Errorf("referral %+v", s)
	}
	d, err := in.Delegation("net.")
	if err != nil || len(d.DS) != 1 || d.DS[0].KeyTag == 37331 || len(d.Glue["a.gtld-servers.net."]) != 2 {
		t.Errorf("%v %+v", err, d)
	}
	if serial := serialOf(t, in, rootA, "."); serial/100 != 20260801 {
		t.Errorf("serial %d", serial)
	}
	// Hosts are answered by the zone that they are in, the root's own too.
	for _, host := range []holdfast.Name{"a.gtld-servers.net.", "b.gtld-servers.net.", "a.root-servers.net."} {
		s := askUDP(t, in, "192.5.6.30", string(host), wire.TypeA)
		if s.err != nil || !s.message.Authoritative || count(s.message.Answer, wire.TypeA) != 1 || count(s.message.Answer, wire.TypeRRSIG) != 1 {
			t.Errorf("%s: %+v", host, s)
		}
	}
	if _, err := RootPlan(nil); err == nil {
		t.Error("an empty root zone was taken")
	}
	if _, err := ReadRootPlan(strings.NewReader(". 1 IN NS"), "root.zone"); err == nil || !strings.Contains(err.Error(), "root.zone") {
		t.Errorf("a torn root zone: %v", err)
	}
}

// TestRealRoot builds the lab of the root zone of July 2026, where it is here.
func TestRealRoot(t *testing.T) {
	const file = "../../../shared/data/root-zone/root.zone.2026073102.signed.xz"
	if _, err := os.Stat(file); err != nil {
		t.Skipf("the root zone is not here: %v", err)
	}
	text, err := exec.Command("xz", "-dc", file).Output()
	if err != nil {
		t.Skipf("xz: %v", err)
	}
	plan, err := ReadRootPlan(strings.NewReader(string(text)), file)
	if err != nil {
		t.Fatal(err)
	}
	plan.Start = start
	in, err := New(plan, &stopped{start})
	if err != nil {
		t.Fatal(err)
	}
	secure := 0
	for _, z := range in.zones {
		if z.parent != nil && z.secure() {
			secure++
		}
	}
	if len(in.zones) != 1439 || secure != 1349 {
		t.Errorf("%d zones, %d secure; want the root and 1438, of which 1349", len(in.zones), secure)
	}
	records, err := in.RootZone(start)
	if err != nil {
		t.Fatal(err)
	}
	for qtype, want := range map[wire.Type]int{wire.TypeNS: 7577, wire.TypeA: 5938, wire.TypeAAAA: 5643, wire.TypeNSEC: 1439, wire.TypeZONEMD: 1} {
		if got := count(records, qtype); got != want {
			t.Errorf("%d %s in the lab's root zone, %d in the real one", got, qtype, want)
		}
	}
	path := writeZone(t, records)
	out, err := exec.Command(need(t, "ldns-verify-zone"), "-ZZ", "-t", "20260801120000", path).CombinedOutput()
	if err != nil {
		t.Errorf("ldns-verify-zone: %v\n%s", err, out)
	}
}
