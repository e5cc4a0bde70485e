package machine

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/lab/strangers"
)

const digest20326 = "E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D"

// TestNamedSpellings writes one setting in the ways that named's lexer allows:
// comments that touch a word, a comment that begins with "/*/", other case,
// numbers for yes and no. What named-checkconf prints is what it read.
func TestNamedSpellings(t *testing.T) {
	checkconf := strangers.Need(t, "named-checkconf")
	for _, text := range []string{
		"options { dnssec-validation no# one\n; };", "options { dnssec-validation no//one\n; };", "options { dnssec-validation /*/ yes; */ no; };",
		"options { dnssec-validation /**/ yes /***/; };", "Options { DNSSEC-Validation No; };", "options { dnssec-validation FALSE; };", "options { dnssec-validation 0; };",
		"options { dnssec-validation 1; };", "options { dnssec-validation True; };", "options { dnssec-validation AUTO; };", "options{dnssec-validation no;};",
		"# } ; {\noptions { /* ; } \n */ dnssec-validation\nyes\n; };",
	} {
		main := filepath.Join(written(t, map[string]string{"n.conf": text}), "n.conf")
		out, err := exec.Command(checkconf, "-p", main).Output()
		if err != nil {
			t.Errorf("%q: named-checkconf: %v", text, err)
			continue
		}
		_, theirs, _ := strings.Cut(string(out), "dnssec-validation ")
		theirs, _, _ = strings.Cut(theirs, ";")
		conf := bindConf{tree: wholeTree(t)}
		options, _ := in(conf.file(main, 0), "options")
		validation, ok := in(options.body, "dnssec-validation")
		if ours := bindBoolean(validation.value()); !ok || ours != theirs {
			t.Errorf("%q: we read %q, named %q", text, ours, theirs)
		}
	}
}

// TestNamedRelative: named-checkconf finds an include below the directory that
// was set before it, and so do we.
func TestNamedRelative(t *testing.T) {
	checkconf := strangers.Need(t, "named-checkconf")
	folder := written(t, map[string]string{
		"main.conf": "options { directory \"FOLDER/in\"; };\ninclude \"x.conf\";\n", "in/x.conf": "acl right { none; };\n", "x.conf": "acl wrong { none; };\n",
	})
	main := filepath.Join(folder, "main.conf")
	out, err := exec.Command(checkconf, "-p", main).Output()
	if err != nil || !strings.Contains(string(out), `acl "right"`) {
		t.Fatalf("named-checkconf: %v %s", err, out)
	}
	conf := bindConf{tree: wholeTree(t)}
	if acl, _ := in(conf.file(main, 0), "acl"); acl.value() != "right" {
		t.Errorf("%q is included; %+v", acl.value(), conf.unread)
	}
}

// TestUnboundSpellings writes settings in the ways that Unbound's lexer allows.
func TestUnboundSpellings(t *testing.T) {
	checkconf := strangers.Need(t, "unbound-checkconf")
	for _, c := range []struct{ text, option string }{
		{"server:\n chroot:\"\"\n username:me\n", "username"},
		{"server: do-tcp:no chroot:\"\" username:\"\"\n", "do-tcp"},
		{"server: chroot: \"\" username: ''\n module-config:\t'validator iterator'#x\n", "module-config"},
		{"server:\n chroot: \"\"\n username: \"\"\n\n# val-permissive-mode: no\n val-permissive-mode:\n\n yes\n", "val-permissive-mode"},
		{"server: chroot: \"\" username: \"\"\r\n val-permissive-mode: yes\r\n", "val-permissive-mode"},
	} {
		main := filepath.Join(written(t, map[string]string{"u.conf": c.text}), "u.conf")
		out, err := exec.Command(checkconf, "-o", c.option, main).CombinedOutput()
		if err != nil {
			t.Errorf("%q: unbound-checkconf: %v %s", c.text, err, out)
			continue
		}
		ours, _ := wholeTree(t).readUnboundConf(main).last(c.option)
		if theirs := strings.TrimSpace(string(out)); ours.Value != theirs {
			t.Errorf("%q: we read %q, Unbound %q", c.text, ours.Value, theirs)
		}
	}
}

// TestDnsmasqSpellings: dnsmasq's own test takes a class behind the domain, and
// not before it; space around a comma is nothing to it.
func TestDnsmasqSpellings(t *testing.T) {
	dnsmasq := strangers.Need(t, "dnsmasq")
	for _, line := range []string{
		".,20326,8,2," + digest20326, ".,IN,20326,8,2," + digest20326, "IN,.,20326,8,2," + digest20326, " . , 20326 , 8 , 2," + digest20326, ".,20326,8,2",
	} {
		text := "dnssec # on\ntrust-anchor=" + line + "\n"
		main := filepath.Join(written(t, map[string]string{"d.conf": text}), "d.conf")
		out, err := exec.Command(dnsmasq, "--test", "-C", main).CombinedOutput()
		m := look(t, files(map[string]string{"etc/dnsmasq.conf": text}), Options{})
		i := resolverOf(t, m, holdfast.Dnsmasq)
		if got := fmt.Sprint(tagsIn(i)) == "[20326]"; got != (err == nil) {
			t.Errorf("%s: we trust %v; dnsmasq: %v %s", line, tagsIn(i), err, out)
		}
	}
}

// TestIncludes: what is included is read where the program would read it; what
// includes itself, is not there or cannot be read is said, and ends.
func TestIncludes(t *testing.T) {
	self := map[string]string{
		"etc/unbound/unbound.conf": "server: module-config: \"iterator\"\ninclude: /etc/unbound/unbound.conf\n", "etc/bind/named.conf": "options { dnssec-validation no; };\ninclude \"/etc/bind/named.conf\";\n",
		"etc/dnsmasq.conf": "dnssec\nconf-file=\"/etc/dnsmasq.conf\"\nconf-dir=/etc/d,.off\n", "etc/d/a.conf": "proxy-dnssec\n", "etc/d/b.off": "dnssec-no-timecheck\n", "etc/d/.c": "dnssec-no-timecheck\n", "etc/d/#d#": "dnssec-no-timecheck\n",
		"etc/knot-resolver/kresd.conf": "dofile('kresd.conf')\ntrust_anchors.remove('.')\n",
	}
	m := look(t, files(self), Options{})
	for _, s := range []holdfast.Software{holdfast.Unbound, holdfast.BIND, holdfast.Knot} {
		if i := resolverOf(t, m, s); i.Validates != holdfast.ValidationOff {
			t.Errorf("%s includes itself: validates %s", s, i.Validates)
		}
	}
	i := resolverOf(t, m, holdfast.Dnsmasq)
	if _, late := i.Find("dnssec-no-timecheck"); late || i.Validates != holdfast.ValidationOn {
		t.Errorf("dnsmasq: %+v", i)
	}
	if proxy, ok := i.Find("proxy-dnssec"); !ok || proxy.Place != "/etc/d/a.conf:1" {
		t.Errorf("proxy-dnssec: %+v", proxy)
	}
	deep := 0
	for _, u := range m.Unread {
		if strings.Contains(u.Why, "deep") {
			deep++
		}
	}
	if deep < 2 {
		t.Errorf("that Unbound's and BIND's files include themselves is not said: %+v", m.Unread)
	}
	gone := look(t, files(map[string]string{
		"etc/unbound/unbound.conf": "include: /none\nserver:\n include: \"/etc/none/*.conf\"\n", "etc/bind/named.conf": "include \"none.conf\";\n", "etc/powerdns/recursor.conf": "include-dir=/etc/powerdns/d\nlua-config-file=/l\n", "l": "dofile('/none.lua')\n",
		"etc/powerdns/d/x.conf": "dnssec=off\n",
	}), Options{})
	said := fmt.Sprint(gone.Unread)
	for _, want := range []string{"included at /etc/unbound/unbound.conf:1, and not there", "/etc/bind/none.conf", "/none.lua run at /l:1"} {
		if !strings.Contains(strings.NewReplacer("{", "", "}", "").Replace(said), want) {
			t.Errorf("%q is not in %s", want, said)
		}
	}
	if strings.Contains(said, "*.conf") {
		t.Errorf("a pattern may match nothing: %s", said)
	}
	if p := resolverOf(t, gone, holdfast.PowerDNS); p.Validates != holdfast.ValidationOff {
		t.Errorf("an included dnssec=off: %s by %+v", p.Validates, p.Reason)
	}
}

// TestUnusual are settings that decide, and stand seldom.
func TestUnusual(t *testing.T) {
	ds := strings.TrimSpace(ds20326)
	for name, c := range map[string]struct {
		software  holdfast.Software
		files     map[string]string
		validates holdfast.Validation
		tags      string
		upkeep    holdfast.Upkeep
	}{
		"bind, the root excepted": {holdfast.BIND, map[string]string{"etc/bind/named.conf": "options { validate-except { example; \".\"; }; };", "etc/bind/bind.keys": bindKeys}, holdfast.ValidationOff, "[20326 38696]", holdfast.UpkeepFollow},
		"bind, keys elsewhere":    {holdfast.BIND, map[string]string{"etc/bind/named.conf": "options { bindkeys-file \"/k\"; };", "k": bindKeys}, holdfast.ValidationOn, "[20326 38696]", holdfast.UpkeepFollow},
		"bind, in capitals":       {holdfast.BIND, map[string]string{"etc/bind/named.conf": "OPTIONS { DNSSEC-VALIDATION YES; }; TRUST-ANCHORS { . STATIC-DS 20326 8 2 \"" + digest20326 + "\"; };"}, holdfast.ValidationOn, "[20326]", holdfast.UpkeepStatic},
		"bind, managed-keys":      {holdfast.BIND, map[string]string{"etc/bind/named.conf": "options { dnssec-validation yes; }; " + strings.NewReplacer("trusted-keys", "managed-keys", "\".\" 257", "\".\" initial-key 257").Replace(bindTrusted)}, holdfast.ValidationOn, "[20326]", holdfast.UpkeepFollow},
		"knot, add":               {holdfast.Knot, map[string]string{"etc/knot-resolver/kresd.conf": "trust_anchors.remove('.')\ntrust_anchors.add('" + ds + "')\n"}, holdfast.ValidationOn, "[20326]", holdfast.UpkeepStatic},
		"knot, the root insecure": {holdfast.Knot, map[string]string{"etc/knot-resolver/kresd.conf": "trust_anchors.set_insecure({'example', '.'})\n"}, holdfast.ValidationOff, "[]", ""},
		"knot, frozen":            {holdfast.Knot, map[string]string{"etc/knot-resolver/kresd.conf": "trust_anchors.add_file('/r')\nmodules.unload('ta_update')\n", "r": ds20326}, holdfast.ValidationOn, "[20326]", holdfast.UpkeepStatic},
		"knot, in a comment":      {holdfast.Knot, map[string]string{"etc/knot-resolver/kresd.conf": "--[[ trust_anchors.remove('.')\n]]\ntrust_anchors.add_file('/r') -- trust_anchors.remove('.')\n", "r": ds20326}, holdfast.ValidationOn, "[20326]", holdfast.UpkeepFollow},
		"knot 6, inline":          {holdfast.Knot, map[string]string{"etc/knot-resolver/config.yaml": "dnssec:\n  trust-anchors:\n    - '" + ds + "'\n"}, holdfast.ValidationOn, "[20326]", holdfast.UpkeepStatic},
		"knot 6, the root not":    {holdfast.Knot, map[string]string{"etc/knot-resolver/config.yaml": "dnssec:\n  negative-trust-anchors: ['.']\n"}, holdfast.ValidationOff, "[]", ""},
		"knot 6, no YAML":         {holdfast.Knot, map[string]string{"etc/knot-resolver/config.yaml": "dnssec: [\n"}, holdfast.ValidationUnknown, "[]", ""},
		"pdns, YAML with a file":  {holdfast.PowerDNS, map[string]string{"etc/powerdns/recursor.yml": "dnssec:\n  validation: validate\n  trustanchorfile: /r\nrecursor:\n  forward_zones:\n  - zone: .\n    forwarders: [192.0.2.1]\n", "r": ds20326}, holdfast.ValidationOn, "[20326]", holdfast.UpkeepStatic},
		"pdns, YAML with a script": {holdfast.PowerDNS, map[string]string{"etc/powerdns/recursor.yml": "recursor:\n  lua_config_file: /l\ndnssec:\n  validation: off\n",
			"l": "addTA('.', \"20326 8 2 " + digest20326 + "\")\n"}, holdfast.ValidationOff, "[20326]", holdfast.UpkeepStatic},
		"resolved, the root not": {holdfast.Resolved, map[string]string{"lib/systemd/systemd-resolved": "\x7fELF " + digest20326, "etc/systemd/resolved.conf": "[Resolve]\nDNSSEC=yes\n", "etc/dnssec-trust-anchors.d/x.negative": "; mine\nexample\n.\n"}, holdfast.ValidationOff, "[20326]", holdfast.UpkeepBuiltIn},
	} {
		i := resolverOf(t, look(t, files(c.files), Options{}), c.software)
		if i.Validates != c.validates || fmt.Sprint(tagsIn(i)) != c.tags || c.upkeep != "" && (len(i.Anchorings) == 0 || i.Anchorings[0].Upkeep != c.upkeep) {
			t.Errorf("%s: validates %s (%+v), trusts %v; want %s %s %s; %+v", name, i.Validates, i.Reason, tagsIn(i), c.validates, c.tags, c.upkeep, i.Anchorings)
		}
	}
}

// TestUnreadable: what a machine's files are in place of files harms nothing: a
// ring of links, a folder, too many octets, an absent end.
func TestUnreadable(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"a folder":  {map[string]string{"etc/unbound/unbound.conf": "server: auto-trust-anchor-file: /a\n", "a/": ""}, "no regular file"},
		"too large": {map[string]string{"etc/unbound/unbound.conf": "server: auto-trust-anchor-file: /a\n", "a": strings.Repeat(";\n", maxConfig)}, "more than"},
	} {
		way := resolverOf(t, look(t, files(c.files), Options{}), holdfast.Unbound).Anchorings[0]
		if !strings.Contains(way.Trouble, c.want) || len(way.Point.Keys) > 0 {
			t.Errorf("%s: %q, want %q", name, way.Trouble, c.want)
		}
	}
	for name, c := range map[string]map[string]string{
		"a ring":      {"a": "-> b", "b": "-> /a"},
		"a dead link": {"a": "-> /none/b"},
	} {
		c["etc/unbound/unbound.conf"] = "server: auto-trust-anchor-file: /a\n"
		if way := resolverOf(t, look(t, files(c), Options{}), holdfast.Unbound).Anchorings[0]; !way.Absent || len(way.Point.Keys) > 0 {
			t.Errorf("%s: %+v", name, way)
		}
	}
	ring := NewTree(files(map[string]string{"a": "-> b", "b": "-> /a"}))
	if _, err := ring.read("/a"); !errors.Is(err, errLinks) {
		t.Errorf("a ring: %v", err)
	}
	up := NewTree(files(map[string]string{"etc/in/x": "-> ../../../etc/./y", "etc/y": "reached"}))
	if text, err := up.read("/etc/in/x"); err != nil || string(text) != "reached" {
		t.Errorf("a link beyond the root: %q, %v", text, err)
	}
}

// TestFilesThatAreNotForUs: with rights taken away the rest is looked at, and
// what could not be read is named.
func TestFilesThatAreNotForUs(t *testing.T) {
	folder := written(t, map[string]string{"etc/unbound/unbound.conf": "server: auto-trust-anchor-file: /k\n", "k": ds20326, "usr/x": digest20326})
	if err := os.Symlink("loop", filepath.Join(folder, "loop")); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(folder, "usr/x"), 0); err != nil {
		t.Fatal(err)
	}
	m, err := LookAtFolder(t.Context(), folder, Options{Path: folder, Now: now, Keys: needles()})
	if err != nil || m.Kind != holdfast.MachineRoot || fmt.Sprint(tagsIn(resolverOf(t, m, holdfast.Unbound))) != "[20326]" {
		t.Fatalf("%v: %+v", err, m)
	}
	if os.Geteuid() != 0 && !strings.Contains(fmt.Sprint(m.Unread), "/usr/x") {
		t.Errorf("what could not be read is not named: %+v", m.Unread)
	}
}
