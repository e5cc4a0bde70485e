package machine

import (
	"testing"

	"github.com/holdfastdns/holdfast"
)

// FuzzSetups puts any text in the place of each configuration: whatever it is,
// we come to an end, and nothing is trusted of which the place is not known.
func FuzzSetups(f *testing.F) {
	mains := map[holdfast.Software]string{
		holdfast.Unbound: "etc/unbound/unbound.conf", holdfast.BIND: "etc/bind/named.conf", holdfast.Knot: "etc/knot-resolver/kresd.conf",
		holdfast.PowerDNS: "etc/powerdns/recursor.conf", holdfast.Dnsmasq: "etc/dnsmasq.conf", holdfast.Resolved: "etc/systemd/resolved.conf",
	}
	for _, c := range setups() {
		for _, text := range c.files {
			f.Add(text)
		}
	}
	f.Add("include: \"*\"\ninclude-toplevel: /etc/*/*")
	f.Add("{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{")
	f.Add("include \"/etc/bind/named.conf\"; include \"*\";")
	f.Add("dofile('/etc/knot-resolver/kresd.conf') --[[ ]] ((((")
	f.Add("conf-file=/etc/dnsmasq.conf\nconf-dir=/etc,*.conf")
	f.Fuzz(func(t *testing.T, text string) {
		all := map[string]string{
			"usr/lib/systemd/systemd-resolved": "\x7fELF", "etc/knot-resolver/config.yaml.off": text, "etc/passwd": text, "etc/group": text, "etc/fstab": text,
			"etc/apparmor.d/usr.sbin.unbound": text, "lib/systemd/system/unbound.service": text, "etc/default/unbound": text, "var/lib/dpkg/status": text, "lib/apk/db/installed": text,
			"etc/config/dhcp": text, "var/lib/unbound/root.key": text,
		}
		for _, main := range mains {
			all[main] = text
		}
		m := look(t, files(all), Options{})
		for _, i := range m.Resolvers {
			for _, way := range i.Anchorings {
				if way.Statement.Place == "" {
					t.Errorf("%s: an anchoring without a place: %+v", i.Software, way)
				}
			}
		}
	})
}

// FuzzReaders are the smaller forms, by themselves.
func FuzzReaders(f *testing.F) {
	f.Add("36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue")
	f.Add("profile x {\n owner /{,etc/}x/** rw,\n deny \"/a b/*\" w,\n}")
	f.Add("[Service]\nExecStart=/x \\\n -c $A\nReadWritePaths=-/a +/b")
	f.Add("trust_anchors.add_file('x', true) a.b = 'c' --[[ x\n]] y(\"z\")")
	f.Fuzz(func(_ *testing.T, text string) {
		mounted(append(readMountinfo("m", text), readFstab("f", text)...), "/var/lib/unbound")
		if rules, ok := readProfile(text); ok && len(rules) > 0 {
			rules[0].glob.MatchString("/var/lib/unbound/x")
		}
		u := unit{environment: map[string]string{}}
		u.read("u", text)
		u.denies("/var/lib/unbound")
		u.option("-c", "--conf-file")
		for _, line := range luaLines(text) {
			luaCalls(line)
		}
	})
}
