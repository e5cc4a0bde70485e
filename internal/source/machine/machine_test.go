package machine

import (
	"archive/tar"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge/rootkey"
)

var now = time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)

const (
	ds20326 = ". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\n"
	ds38696 = ". IN DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16\n"
)

// files is a tree by hand. A path that ends in a slash is a folder, a text that
// begins with "-> " a link; "path@uid:mode" sets an owner.
func files(text map[string]string) fstest.MapFS {
	out := fstest.MapFS{}
	for name, content := range text {
		file := &fstest.MapFile{Data: []byte(content), Mode: 0o644, ModTime: now.Add(-time.Hour), Sys: &tar.Header{}}
		if path, folder := strings.CutSuffix(name, "/"); folder {
			file.Mode, file.Data = fs.ModeDir|0o755, nil
			name = path
		}
		if target, link := strings.CutPrefix(content, "-> "); link {
			file.Mode, file.Data = fs.ModeSymlink|0o777, []byte(target)
		}
		out[name] = file
	}
	return out
}

// look surveys a tree by hand, its files searched for keys too.
func look(t testing.TB, tree fstest.MapFS, o Options) holdfast.Machine {
	t.Helper()
	o.Now, o.Keys = now, needles()
	if o.Kind == "" {
		o.Kind = holdfast.MachineRoot
	}
	s := newSearcher(o.Keys)
	if err := s.walk(t.Context(), tree, Options{}); err != nil {
		t.Fatal(err)
	}
	m, err := survey(t.Context(), NewTree(tree), o, s)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func resolverOf(t testing.TB, m holdfast.Machine, software holdfast.Software) holdfast.Installation {
	t.Helper()
	for _, i := range m.Resolvers {
		if i.Software == software {
			return i
		}
	}
	t.Fatalf("no %s among %d resolvers", software, len(m.Resolvers))
	return holdfast.Installation{}
}

func tagsIn(i holdfast.Installation) []uint16 {
	var out []uint16
	for _, way := range i.Anchorings {
		keys := way.Point.Keys
		if len(keys) == 0 {
			keys = way.Seeds
		}
		for _, k := range keys {
			if k.State.Trusted() {
				out = append(out, k.Tag)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// setup is one configuration, and what is to be read from it.
type setup struct {
	name      string
	software  holdfast.Software
	files     map[string]string
	validates holdfast.Validation
	upkeep    holdfast.Upkeep
	tags      []uint16
	place     string // of the first anchoring's statement
	settings  map[string]string
}

func setups() []setup {
	both, old := []uint16{20326, 38696}, []uint16{20326}
	return []setup{
		{"unbound, included", holdfast.Unbound, map[string]string{
			"etc/unbound/unbound.conf":          "include-toplevel: \"/etc/unbound/unbound.conf.d/*.conf\"\n",
			"etc/unbound/unbound.conf.d/a.conf": "server:\n    # a comment: trust-anchor: no\n    auto-trust-anchor-file: \"/var/lib/unbound/root.key\"\nforward-zone:\n  name: \".\"\n  forward-addr: 192.0.2.53@853#dns.example\n",
			"var/lib/unbound/root.key":          ds20326 + ds38696,
		}, holdfast.ValidationOn, holdfast.UpkeepFollow, both, "/etc/unbound/unbound.conf.d/a.conf:3", map[string]string{"forwarder": "192.0.2.53@853#dns.example"}},
		{"unbound, static and relative", holdfast.Unbound, map[string]string{
			"usr/local/etc/unbound/unbound.conf": "server: directory: \"/usr/local/etc/unbound\"\n trust-anchor-file: root.key\n do-tcp: no\n",
			"usr/local/etc/unbound/root.key":     ds20326,
		}, holdfast.ValidationOn, holdfast.UpkeepStatic, old, "/usr/local/etc/unbound/unbound.conf:2", map[string]string{"do-tcp": "no"}},
		{"unbound, inline", holdfast.Unbound, map[string]string{
			"etc/unbound/unbound.conf": "server:\n trust-anchor: \"" + strings.TrimSpace(ds38696) + "\"\n",
		}, holdfast.ValidationOn, holdfast.UpkeepStatic, []uint16{38696}, "/etc/unbound/unbound.conf:2", nil},
		{"unbound, BIND's form", holdfast.Unbound, map[string]string{
			"etc/unbound/unbound.conf": "server:\n trusted-keys-file: /etc/unbound/keys\n", "etc/unbound/keys": bindTrusted,
		}, holdfast.ValidationOn, holdfast.UpkeepStatic, old, "/etc/unbound/unbound.conf:2", nil},
		{"unbound, no validator", holdfast.Unbound, map[string]string{
			"etc/unbound/unbound.conf": "server:\n module-config: \"iterator\"\n auto-trust-anchor-file: /r\n", "r": ds20326,
		}, holdfast.ValidationOff, holdfast.UpkeepFollow, old, "/etc/unbound/unbound.conf:3", nil},
		{"unbound, permissive", holdfast.Unbound, map[string]string{
			"etc/unbound/unbound.conf": "server:\n val-permissive-mode: yes\n auto-trust-anchor-file: /r\n", "r": ds20326,
		}, holdfast.ValidationOff, holdfast.UpkeepFollow, old, "/etc/unbound/unbound.conf:3", nil},
		{"unbound, the root insecure", holdfast.Unbound, map[string]string{
			"etc/unbound/unbound.conf": "server:\n domain-insecure: \".\"\n auto-trust-anchor-file: /r\n", "r": ds20326,
		}, holdfast.ValidationOff, holdfast.UpkeepFollow, old, "/etc/unbound/unbound.conf:3", nil},
		{"unbound, in a chroot", holdfast.Unbound, map[string]string{
			"etc/unbound/unbound.conf": "server:\n chroot: \"/jail\"\n auto-trust-anchor-file: /keys/root.key\n", "jail/keys/root.key": ds38696,
		}, holdfast.ValidationOn, holdfast.UpkeepFollow, []uint16{38696}, "/etc/unbound/unbound.conf:3", nil},
		{"unbound, outside of its chroot", holdfast.Unbound, map[string]string{
			"etc/unbound/unbound.conf": "server:\n chroot: \"/jail\"\n auto-trust-anchor-file: /keys/root.key\n", "keys/root.key": ds38696,
		}, holdfast.ValidationOn, holdfast.UpkeepFollow, nil, "/etc/unbound/unbound.conf:3", map[string]string{"outside-chroot": "/keys/root.key"}},
		{"bind, auto by default", holdfast.BIND, map[string]string{
			"etc/bind/named.conf": "options { directory \"/var/cache/bind\"; };\n", "etc/bind/bind.keys": bindKeys, "usr/sbin/named": "\x7fELF",
		}, holdfast.ValidationOn, holdfast.UpkeepFollow, both, "/etc/bind/named.conf: its default", nil},
		{"bind, static", holdfast.BIND, map[string]string{
			"etc/bind/named.conf":         "include \"/etc/bind/named.conf.options\";\n",
			"etc/bind/named.conf.options": "/* two\nlines */ options { dnssec-validation yes; // here\n forwarders { 192.0.2.1; 192.0.2.2; }; };\ntrust-anchors {\n \".\" static-ds 20326 8 2 \"E06D44B80B8F1D39A95C0B0D7C65D084 58E880409BBC683457104237C7F8EC8D\";\n};\n",
		}, holdfast.ValidationOn, holdfast.UpkeepStatic, old, "/etc/bind/named.conf.options:4", map[string]string{"forwarder": "192.0.2.2"}},
		{"bind, no anchors", holdfast.BIND, map[string]string{
			"etc/bind/named.conf": "options { dnssec-validation yes; };\n",
		}, holdfast.ValidationOff, "", nil, "", nil},
		{"bind, off", holdfast.BIND, map[string]string{"etc/named.conf": "options { dnssec-validation no; };"}, holdfast.ValidationOff, "", nil, "", nil},
		{"bind, state before seeds", holdfast.BIND, map[string]string{
			"etc/bind/named.conf": "options { dnssec-validation auto; managed-keys-directory \"/var/lib/bind\"; };\n",
			"etc/bind/bind.keys":  bindKeys, "var/lib/bind/managed-keys.bind": sample("bind-pending.bind"),
			"var/lib/bind/managed-keys.bind.jnl": "x",
		}, holdfast.ValidationOn, holdfast.UpkeepFollow, []uint16{51577}, "/etc/bind/named.conf:1", nil},
		{"knot, by default", holdfast.Knot, map[string]string{
			"usr/sbin/kresd": "\x7fELF", "etc/knot-resolver/kresd.conf": "-- nothing\nnet.listen('127.0.0.1')\n",
			"usr/lib/x86_64-linux-gnu/knot-resolver/sandbox.lua": "trust_anchors.add_file('/usr/share/dns/root.key', true)\n", "usr/share/dns/root.key": ds20326 + ds38696,
		}, holdfast.ValidationOn, holdfast.UpkeepPackage, both, "/usr/lib/x86_64-linux-gnu/knot-resolver/sandbox.lua:1", nil},
		{"knot, managed", holdfast.Knot, map[string]string{
			"etc/knot-resolver/kresd.conf":    "trust_anchors.remove('.')\ntrust_anchors.add_file('root.keys')\npolicy.add(policy.all(policy.FORWARD({'192.0.2.9'})))\n",
			"var/lib/knot-resolver/root.keys": ds20326,
		}, holdfast.ValidationOn, holdfast.UpkeepFollow, old, "/etc/knot-resolver/kresd.conf:2", map[string]string{"forwarder": "192.0.2.9"}},
		{"knot, off", holdfast.Knot, map[string]string{
			"etc/knot-resolver/kresd.conf": "trust_anchors.remove('.') -- off\n",
		}, holdfast.ValidationOff, "", nil, "", nil},
		{"knot 6", holdfast.Knot, map[string]string{
			"etc/knot-resolver/config.yaml": "rundir: /run/knot-resolver\ndnssec:\n  trust-anchors-files:\n    - file: /var/lib/knot-resolver/root.keys\n", "var/lib/knot-resolver/root.keys": ds38696,
		}, holdfast.ValidationOn, holdfast.UpkeepFollow, []uint16{38696}, "/etc/knot-resolver/config.yaml:4", nil},
		{"knot 6, off", holdfast.Knot, map[string]string{"etc/knot-resolver/config.yaml": "dnssec: false\n"}, holdfast.ValidationOff, "", nil, "", nil},
		{"pdns, Debian's", holdfast.PowerDNS, map[string]string{
			"etc/powerdns/recursor.conf": "dnssec=validate\nlua-config-file=/etc/powerdns/recursor.lua\n", "etc/powerdns/recursor.lua": "-- the keys\ndofile(\"/usr/share/pdns-recursor/lua-config/rootkeys.lua\")\n",
			"usr/share/pdns-recursor/lua-config/rootkeys.lua": "readTrustAnchorsFromFile(\"/usr/share/dns/root.key\")\n", "usr/share/dns/root.key": ds20326 + ds38696,
			"usr/sbin/pdns_recursor": "\x7fELF e06d44b80b8f1d39a95c0b0d7c65d08458e880409bbc683457104237c7f8ec8d",
		}, holdfast.ValidationOn, holdfast.UpkeepPackage, both, "/usr/share/pdns-recursor/lua-config/rootkeys.lua:1", nil},
		{"pdns, a site's own script", holdfast.PowerDNS, map[string]string{
			"etc/powerdns/recursor.conf": "lua-config-file=/etc/powerdns/site.lua\nforward-zones-recurse=.=192.0.2.7\n", "etc/powerdns/site.lua": "-- no keys\n",
			"usr/sbin/pdns_recursor": "\x7fELF e06d44b80b8f1d39a95c0b0d7c65d08458e880409bbc683457104237c7f8ec8d",
		}, holdfast.ValidationAsked, holdfast.UpkeepBuiltIn, old, "/usr/sbin/pdns_recursor", map[string]string{"forwarder": "192.0.2.7"}},
		{"pdns, addTA", holdfast.PowerDNS, map[string]string{
			"etc/powerdns/recursor.conf": "dnssec=process-no-validate\nlua-config-file=/l\n", "l": "clearTA()\naddTA('.', \"38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16\")\n",
		}, holdfast.ValidationOff, holdfast.UpkeepStatic, []uint16{38696}, "/l:2", nil},
		{"pdns, YAML", holdfast.PowerDNS, map[string]string{
			"etc/powerdns/recursor.yml": "dnssec:\n  validation: validate\n  trustanchors:\n  - name: .\n    dsrecords:\n    - 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\n",
		}, holdfast.ValidationOn, holdfast.UpkeepStatic, old, "/etc/powerdns/recursor.yml:6", nil},
		{"dnsmasq, as its example says", holdfast.Dnsmasq, map[string]string{
			"etc/dnsmasq.conf":                          "conf-file=/usr/share/dnsmasq-base/trust-anchors.conf # the keys\ndnssec\nserver=192.0.2.3\n",
			"usr/share/dnsmasq-base/trust-anchors.conf": "trust-anchor=.,20326,8,2,E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\n",
		}, holdfast.ValidationOn, holdfast.UpkeepStatic, old, "/usr/share/dnsmasq-base/trust-anchors.conf:1", map[string]string{"forwarder": "192.0.2.3"}},
		{"dnsmasq, Debian's script", holdfast.Dnsmasq, map[string]string{
			"etc/dnsmasq.conf": "# nothing\n", "etc/default/dnsmasq": "CONFIG_DIR=/etc/dnsmasq.d,.dpkg-dist,.dpkg-old\n", "etc/dnsmasq.d/on": "dnssec\n", "etc/dnsmasq.d/gone.dpkg-old": "dnssec-no-timecheck\n",
			"usr/share/dnsmasq/init-system-common": "ROOT_DS=\"/usr/share/dns/root.ds\"\n", "usr/share/dns/root.ds": ds20326 + ds38696,
		}, holdfast.ValidationOn, holdfast.UpkeepPackage, both, "/usr/share/dns/root.ds:1", map[string]string{"dnssec-no-timecheck": ""}},
		{"dnsmasq, OpenWrt", holdfast.Dnsmasq, map[string]string{
			"etc/config/dhcp": "config dnsmasq\n\toption dnssec '1'\n", "usr/sbin/dnsmasq": "\x7fELF",
			"usr/share/dnsmasq/trust-anchors.conf": "trust-anchor=.,19036,8,2,49AAC11D7B6F6446702E54A1607371607A1A41855200FD2CE1CDDE32F24E8FB5\n",
		}, holdfast.ValidationOn, holdfast.UpkeepStatic, []uint16{19036}, "/usr/share/dnsmasq/trust-anchors.conf:1", nil},
		{"NetworkManager's dnsmasq", holdfast.Dnsmasq, map[string]string{
			"etc/NetworkManager/NetworkManager.conf": "[main]\ndns=dnsmasq\n", "etc/NetworkManager/dnsmasq.d/dnssec.conf": "dnssec\ntrust-anchor=.,20326,8,2,E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\n",
		}, holdfast.ValidationOn, holdfast.UpkeepStatic, old, "/etc/NetworkManager/dnsmasq.d/dnssec.conf:2", nil},
		{"resolved, built in", holdfast.Resolved, map[string]string{
			"usr/lib/systemd/systemd-resolved": "\x7fELF e06d44b80b8f1d39a95c0b0d7c65d08458e880409bbc683457104237c7f8ec8d", "etc/systemd/resolved.conf": "[Resolve]\n#DNSSEC=no\n",
			"etc/systemd/resolved.conf.d/on.conf": "[Resolve]\nDNSSEC=yes\nDNS=192.0.2.4\n",
		}, holdfast.ValidationOn, holdfast.UpkeepBuiltIn, old, "/usr/lib/systemd/systemd-resolved", map[string]string{"forwarder": "192.0.2.4"}},
		{"resolved, positive", holdfast.Resolved, map[string]string{
			"lib/systemd/systemd-resolved": "\x7fELF", "etc/systemd/resolved.conf": "#DNSSEC=allow-downgrade\n", "etc/dnssec-trust-anchors.d/root.positive": ds38696,
		}, holdfast.ValidationOn, holdfast.UpkeepStatic, []uint16{38696}, "/etc/dnssec-trust-anchors.d/root.positive", nil},
	}
}

const (
	bindKeys    = "trust-anchors {\n . initial-ds 20326 8 2 \"E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\";\n . initial-ds 38696 8 2 \"683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16\";\n};\n"
	bindTrusted = `trusted-keys { "." 257 3 8 AwEAAaz/tAm8yTn4Mfeh5eyI96WSVexTBAvkMgJzkKTOiW1vkIbzxeF3+/4RgWOq7HrxRixHlFlExOLAJr5emLvN7SWXgnLh4+B5xQlNVz8Og8kvArMtNROxVQuCaSnIDdD5LKyWbRd2n9WGe2R8PzgCmr3EgVLrjyBxWezF0jLHwVN8efS3rCj/EWgvIWgb9tarpVUDK/b58Da+sqqls3eNbuv7pr+eoZG+SrDK6nWeL3c6H5Apxz7LjVc1uTIdsIXxuOLYA4/ilBmSVIzuDWfdRUfhHdY6+cn8HFRm+2hM8AnXGXws9555KrUB5qihylGa8subX2Nn6UwNR1AkUTV74bU= ; };`
)

// sample is a state file that a real resolver wrote.
func sample(name string) string {
	text, err := os.ReadFile("../anchor/testdata/forms/" + name)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// TestSetups reads configurations of all resolvers.
func TestSetups(t *testing.T) {
	for _, c := range setups() {
		t.Run(c.name, func(t *testing.T) {
			m := look(t, files(c.files), Options{})
			i := resolverOf(t, m, c.software)
			if i.Validates != c.validates {
				t.Errorf("validates %s by %+v, want %s", i.Validates, i.Reason, c.validates)
			}
			if got := tagsIn(i); !slices.Equal(got, c.tags) {
				t.Errorf("trusts %v, want %v; %+v %+v", got, c.tags, i.Anchorings, m.Unread)
			}
			if len(i.Anchorings) > 0 && (i.Anchorings[0].Upkeep != c.upkeep || i.Anchorings[0].Statement.Place != c.place) {
				t.Errorf("kept up %s by %+v, want %s at %s", i.Anchorings[0].Upkeep, i.Anchorings[0].Statement, c.upkeep, c.place)
			}
			for name, want := range c.settings {
				if got, _ := i.Find(name); got.Value != want {
					t.Errorf("%s is %q, want %q", name, got.Value, want)
				}
			}
			for _, u := range m.Unread {
				t.Errorf("not read: %+v", u)
			}
		})
	}
}

// TestViews: each view of BIND is a resolver of its own.
func TestViews(t *testing.T) {
	m := look(t, files(map[string]string{
		"etc/bind/named.conf": "options { dnssec-validation auto; };\nview inner { dnssec-validation no; };\nview \"outer\" { };\n", "etc/bind/bind.keys": bindKeys,
	}), Options{})
	if len(m.Resolvers) != 2 || m.Resolvers[0].Validates != holdfast.ValidationOff || m.Resolvers[1].Validates != holdfast.ValidationOn || m.Resolvers[1].Anchorings[0].File != "/outer.mkeys" {
		t.Errorf("views: %+v", m.Resolvers)
	}
}

// TestStateStates: what a state file says of its keys is kept.
func TestStateStates(t *testing.T) {
	m := look(t, files(map[string]string{
		"etc/unbound/unbound.conf": "server:\n auto-trust-anchor-file: /var/lib/unbound/root.key\n", "var/lib/unbound/root.key": sample("unbound-pending.key"),
	}), Options{})
	point := resolverOf(t, m, holdfast.Unbound).Anchorings[0].Point
	if len(point.Keys) != 2 || point.Keys[0].State != holdfast.KeyAddPend || point.Succeeded.IsZero() {
		t.Errorf("%+v", point)
	}
}

// needles are made once: it takes milliseconds, and tests look often.
var needles = sync.OnceValue(func() *Needles { return NewNeedles(rootkey.Calendar()) })
