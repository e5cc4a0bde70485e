package app

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/lab"
	"github.com/holdfastdns/holdfast/internal/lab/strangers"
)

// carriedBy is what a file of a Debian package is known to carry: the figures of
// people who looked with other tools (strings, grep -c on the octets).
type carriedBy struct {
	pkg, version string // where another version is installed, it may carry others
	path         string // a shell pattern
	tags         []uint16
}

var debian12 = []carriedBy{
	{"dns-root-data", "2024071801~deb12u1", "/usr/share/dns/root.key", []uint16{20326, 38696}},
	{"dns-root-data", "2024071801~deb12u1", "/usr/share/dns/root.ds", []uint16{20326, 38696}},
	{"bind9", "1:9.18.49-1~deb12u3", "/usr/sbin/named", []uint16{20326, 38696}},
	{"bind9", "1:9.18.49-1~deb12u3", "/etc/bind/bind.keys", []uint16{20326, 38696}},
	{"bind9-dnsutils", "1:9.18.49-1~deb12u3", "/usr/bin/delv", []uint16{20326, 38696}},
	{"bind9-libs", "1:9.18.49-1~deb12u3", "/usr/lib/*/libbind9-*.so", []uint16{19036, 20326}}, // the list by which named-checkconf knows the root's keys
	{"unbound-anchor", "1.17.1-2+deb12u4", "/usr/sbin/unbound-anchor", []uint16{20326}},
	{"pdns-recursor", "4.8.8-1+deb12u1", "/usr/sbin/pdns_recursor", []uint16{20326}},
	{"dnsmasq-base", "2.90-4~deb12u2", "/usr/share/dnsmasq-base/trust-anchors.conf", []uint16{20326}},
	{"systemd-resolved", "252.39-1~deb12u2", "/lib/systemd/systemd-resolved", []uint16{20326, 38696}},
}

// debianRoot is a root folder with the packages of debian12: unpacked from
// HOLDFAST_DEBS, a folder of .deb files, or else copied from what is installed.
// It answers the versions that are there.
func debianRoot(t *testing.T) (root string, versions map[string]string) {
	t.Helper()
	root, versions = t.TempDir(), map[string]string{}
	if folder := os.Getenv("HOLDFAST_DEBS"); folder != "" {
		debs, _ := filepath.Glob(filepath.Join(folder, "*.deb"))
		for _, deb := range debs {
			if out, err := exec.Command("dpkg-deb", "-x", deb, root).CombinedOutput(); err != nil {
				t.Fatalf("unpack %s: %v %s", deb, err, out)
			}
			said, err := exec.Command("dpkg-deb", "-W", "--showformat=${Package} ${Version}", deb).Output()
			if err != nil {
				t.Fatal(err)
			}
			name, version, _ := strings.Cut(string(said), " ")
			versions[name] = version
		}
		return root, versions
	}
	query := strangers.Need(t, "dpkg-query")
	for _, pkg := range []string{"dns-root-data", "bind9", "bind9-libs", "bind9-dnsutils", "unbound", "unbound-anchor", "knot-resolver", "pdns-recursor", "dnsmasq", "dnsmasq-base"} {
		version, err := exec.Command(query, "-W", "-f=${Version}", pkg).Output()
		if err != nil {
			continue
		}
		versions[pkg] = string(version)
		list, err := exec.Command(query, "-L", pkg).Output()
		if err != nil {
			t.Fatal(err)
		}
		for name := range strings.Lines(string(list)) {
			copyInto(t, root, strings.TrimSpace(name))
		}
	}
	return root, versions
}

// copyInto copies a file, or a link as a link. What we may not read is left out.
func copyInto(t *testing.T, root, name string) {
	t.Helper()
	info, err := os.Lstat(name)
	if folder, _ := os.Stat(name); folder != nil && folder.IsDir() {
		return // a folder, or a link to one, as /lib is where /usr is merged
	}
	if err != nil || within("/usr/share/doc", name) || within("/usr/share/man", name) {
		return
	}
	target := filepath.Join(root, name)
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		t.Fatal(err)
	}
	if info.Mode()&os.ModeSymlink != 0 {
		to, err := os.Readlink(name)
		if err == nil {
			err = os.Symlink(to, target)
		}
		if err != nil && !os.IsExist(err) {
			t.Fatal(err)
		}
		return
	}
	in, err := os.Open(name)
	if err != nil {
		return
	}
	defer in.Close()
	out, err := os.Create(target)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(out, in); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
}

func within(folder, name string) bool { return strings.HasPrefix(name, folder+"/") }

// auditJSON runs an audit and reads what it prints.
func auditJSON(t *testing.T, w World, o AuditOptions) (holdfast.Audit, Exit) {
	t.Helper()
	var out bytes.Buffer
	w.Stdout, o.JSON = &out, true
	exit, err := Audit(t.Context(), w, o)
	if err != nil {
		t.Fatal(err)
	}
	var audit holdfast.Audit
	if err := json.Unmarshal(out.Bytes(), &audit); err != nil {
		t.Fatal(err)
	}
	return audit, exit
}

func auditWorld() World {
	return World{Stderr: io.Discard, Clock: lab.NewClock(time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC), 1e-9)}
}

// TestAuditDebian audits a Debian 12 with its resolvers, and finds in its files
// what other tools find, no more and no less.
func TestAuditDebian(t *testing.T) {
	root, versions := debianRoot(t)
	audit, _ := auditJSON(t, auditWorld(), AuditOptions{Target: root})
	known := 0
	for _, want := range debian12 {
		if versions[want.pkg] != want.version {
			t.Logf("%s %q is not %s: what it carries is not known", want.pkg, versions[want.pkg], want.version)
			continue
		}
		known++
		var found []uint16
		for _, c := range audit.Carriers {
			if ok, _ := filepath.Match(want.path, c.Path); ok {
				for _, k := range c.Carried {
					found = append(found, k.Tag)
				}
			}
		}
		slices.Sort(found)
		if found = slices.Compact(found); !slices.Equal(found, want.tags) {
			t.Errorf("%s carries %v, want %v", want.path, found, want.tags)
		}
	}
	if known == 0 {
		t.Skip("none of the packages is here in a version of which it is known what it carries")
	}
	auditedResolvers(t, audit, versions)
}

// auditedResolvers holds the audit of Debian's own configurations to what they do.
func auditedResolvers(t *testing.T, audit holdfast.Audit, versions map[string]string) {
	t.Helper()
	upkeep := map[holdfast.Software]struct {
		pkg string
		how holdfast.Upkeep
	}{
		holdfast.Unbound: {"unbound", holdfast.UpkeepFollow}, holdfast.BIND: {"bind9", holdfast.UpkeepFollow}, holdfast.Knot: {"knot-resolver", holdfast.UpkeepPackage},
		holdfast.PowerDNS: {"pdns-recursor", holdfast.UpkeepPackage}, holdfast.Dnsmasq: {"dnsmasq", holdfast.UpkeepPackage}, holdfast.Resolved: {"systemd-resolved", holdfast.UpkeepBuiltIn},
	}
	seen := map[holdfast.Software]bool{}
	for _, p := range audit.Resolvers {
		seen[p.Software] = true
		if want := upkeep[p.Software]; p.Upkeep != want.how {
			t.Errorf("%s is kept up %s, want %s", p.Name(), p.Upkeep, want.how)
		}
		var tags []uint16
		for _, k := range p.Trusts {
			tags = append(tags, k.Tag)
		}
		if !slices.Equal(tags, []uint16{20326, 38696}) && versions["dns-root-data"] == "2024071801~deb12u1" {
			t.Errorf("%s trusts %v", p.Name(), tags)
		}
		if f, fails := p.Fails(); fails {
			t.Errorf("%s fails: %+v", p.Name(), f)
		}
	}
	for software, want := range upkeep {
		if versions[want.pkg] != "" && !seen[software] {
			t.Errorf("%s is there and was not found", software)
		}
	}
	codes := map[string]bool{}
	for _, f := range audit.Findings {
		codes[f.Code+" "+filepath.Base(f.Evidence[0])] = true
	}
	for pkg, want := range map[string][]string{
		"unbound-anchor": {"AUD-H1 unbound-anchor", "AUD-H2 unbound-anchor"}, "knot-resolver": {"AUD-H4 trust_anchors.lua:90"},
		"pdns-recursor": {"AUD-I1 pdns_recursor"}, "dnsmasq-base": {"AUD-I1 trust-anchors.conf:6"},
	} {
		i := slices.IndexFunc(debian12, func(c carriedBy) bool { return c.pkg == pkg })
		if versions[pkg] == "" || i >= 0 && versions[pkg] != debian12[i].version {
			continue
		}
		for _, code := range want {
			if !codes[code] {
				t.Errorf("%s is not among %v", code, codes)
			}
		}
	}
}

// TestAuditAgain: evidence that was saved is judged as it was when it was taken,
// and differently at another instant.
func TestAuditAgain(t *testing.T) {
	root := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("etc/unbound/unbound.conf", "server:\n trust-anchor: \". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\"\n")
	saved := filepath.Join(t.TempDir(), "machine.json")
	first, exit := auditJSON(t, auditWorld(), AuditOptions{Target: root, Save: saved})
	if exit != Broken || first.Resolvers[0].Fates[0].Standing != holdfast.Bogus {
		t.Errorf("exit %d, %+v", exit, first.Resolvers)
	}
	again, exit := auditJSON(t, auditWorld(), AuditOptions{From: saved})
	if a, b := asJSON(t, first), asJSON(t, again); a != b || exit != Broken {
		t.Errorf("judged again (exit %d): %s\n%s", exit, a, b)
	}
	early, exit := auditJSON(t, auditWorld(), AuditOptions{From: saved, At: "2026-08-01"})
	if exit == Healthy || early.Resolvers[0].Fates[0].Standing != holdfast.Secure {
		t.Errorf("in August: exit %d, %+v", exit, early.Resolvers[0].Fates)
	}
	if _, err := Audit(t.Context(), auditWorld(), AuditOptions{From: filepath.Join(root, "etc/unbound/unbound.conf")}); err == nil {
		t.Error("a configuration was taken for evidence")
	}
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
