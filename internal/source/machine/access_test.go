package machine

import (
	"archive/tar"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/holdfastdns/holdfast"
)

// guarded is an Unbound whose state folder belongs to it, and more files.
func guarded(more map[string]string) fstest.MapFS {
	text := map[string]string{
		"etc/unbound/unbound.conf": "server:\n auto-trust-anchor-file: /var/lib/unbound/root.key\n", "var/lib/unbound/root.key": ds20326 + ds38696,
		"etc/passwd": "root:x:0:0::/:/bin/sh\nunbound:x:110:111::/:/bin/false\n", "etc/group": "unbound:x:111:\nkeys:x:120:bind,unbound\n",
	}
	for name, content := range more {
		text[name] = content
	}
	tree := files(text)
	tree["var/lib/unbound"] = &fstest.MapFile{Mode: fs.ModeDir | 0o755, Sys: &tar.Header{Uid: 110, Gid: 111}}
	return tree
}

func accessOf(t *testing.T, tree fstest.MapFS, o Options) (*holdfast.Access, holdfast.Installation) {
	t.Helper()
	i := resolverOf(t, look(t, tree, o), holdfast.Unbound)
	if len(i.Anchorings) != 1 || i.Anchorings[0].Access == nil {
		t.Fatalf("no access: %+v", i)
	}
	return i.Anchorings[0].Access, i
}

// TestAccess finds each thing that keeps a resolver from writing its state.
func TestAccess(t *testing.T) {
	const service = "lib/systemd/system/unbound.service"
	for _, c := range []struct {
		name     string
		more     map[string]string
		o        Options
		denied   string // a part of the setting's name and value; empty: nothing
		place    string
		volatile string
	}{
		{name: "nothing in the way"},
		{name: "a read-only mount", more: map[string]string{"etc/fstab": "/dev/sda1 / ext4 defaults 0 1\n/dev/sda2 /var ext4 ro,noatime 0 2\n"}, denied: "/var is mounted read-only", place: "/etc/fstab:2"},
		{name: "a sandbox", more: map[string]string{service: "[Service]\nExecStart=/usr/sbin/unbound -d\nProtectSystem=strict\n"}, denied: "ProtectSystem: strict", place: "/" + service + ":3"},
		{name: "a sandbox with a door", more: map[string]string{service: "[Service]\nProtectSystem=strict\n", "etc/systemd/system/unbound.service.d/door.conf": "[Service]\nReadWritePaths=/var/lib/unbound\n"}},
		{name: "a sandbox with its own folder", more: map[string]string{service: "[Service]\nProtectSystem=strict\nStateDirectory=unbound\n"}},
		{name: "a sandbox elsewhere", more: map[string]string{service: "[Service]\nProtectSystem=full\n"}},
		{name: "AppArmor", more: map[string]string{"etc/apparmor.d/usr.sbin.unbound": "profile unbound /usr/sbin/unbound {\n  /etc/unbound/** r,\n  /var/lib/unbound/** r,\n}\n"}, denied: "apparmor: no rule", place: "/etc/apparmor.d/usr.sbin.unbound"},
		{name: "AppArmor with a rule", more: map[string]string{"etc/apparmor.d/usr.sbin.unbound": "profile unbound /usr/sbin/unbound {\n  owner /{,etc/unbound/}var/lib/unbound/** rw,\n}\n"}},
		{name: "AppArmor that denies", more: map[string]string{"etc/apparmor.d/usr.sbin.unbound": "profile unbound /usr/sbin/unbound {\n  /var/lib/** rw,\n audit deny /var/lib/unbound/* w,\n}\n"}, denied: "audit deny", place: "/etc/apparmor.d/usr.sbin.unbound:3"},
		{name: "AppArmor that complains", more: map[string]string{"etc/apparmor.d/usr.sbin.unbound": "profile unbound /usr/sbin/unbound flags=(complain) {\n}\n"}},
		{name: "AppArmor with a local rule", more: map[string]string{"etc/apparmor.d/usr.sbin.unbound": "profile unbound /usr/sbin/unbound {\n}\n", "etc/apparmor.d/local/usr.sbin.unbound": "/var/lib/unbound/** rw,\n"}},
		{name: "an image without a volume", o: Options{Kind: holdfast.MachineImage, Image: "config.json"}, volatile: "none for /var/lib/unbound"},
		{name: "an image with one", o: Options{Kind: holdfast.MachineImage, Volumes: []string{"/var/lib"}}},
		{name: "a container", more: map[string]string{"proc/self/mountinfo": "1 0 0:1 / / rw - overlay overlay rw,lowerdir=/a\n2 1 0:2 / /etc rw - ext4 /dev/sda rw\n"}, o: Options{Live: true}, volatile: "/ is overlay"},
		{name: "a container with a volume", more: map[string]string{"proc/self/mountinfo": "1 0 0:1 / / rw - overlay overlay rw,lowerdir=/a\n2 1 0:2 / /var/lib/unbound rw shared:1 - ext4 /dev/sda rw\n"}, o: Options{Live: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			access, i := accessOf(t, guarded(c.more), c.o)
			var said, place string
			for _, d := range access.Denied {
				said, place = said+d.Name+": "+d.Value, d.Place
			}
			if (said == "") != (c.denied == "") || !strings.Contains(said, c.denied) || place != c.place {
				t.Errorf("denied %q at %s, want %q at %s", said, place, c.denied, c.place)
			}
			if (access.Volatile.Value == "") != (c.volatile == "") || !strings.Contains(access.Volatile.Value, c.volatile) {
				t.Errorf("volatile %+v, want %q", access.Volatile, c.volatile)
			}
			if a := i.Account; !a.Known || a.UID != 110 || len(a.Groups) != 2 || a.Groups[1] != 120 {
				t.Errorf("account %+v", a)
			}
			if can, known := access.Folder.WritableBy(i.Account); !can || !known {
				t.Errorf("folder %+v", access.Folder)
			}
		})
	}
}

// TestUnitOptions: what the unit starts decides the configuration that counts,
// with its variables filled in.
func TestUnitOptions(t *testing.T) {
	m := look(t, files(map[string]string{
		"lib/systemd/system/named.service":   "[Service]\nEnvironmentFile=-/etc/default/named\nExecStart=/usr/sbin/named -f $OPTIONS\n",
		"etc/default/named":                  "# options\nOPTIONS=\"-u keeper -c /etc/bind/other.conf -t /jail\"\n",
		"etc/passwd":                         "keeper:x:7:7::/:/bin/false\n",
		"jail/etc/bind/other.conf":           "options { dnssec-validation auto; directory \"/state\"; };\ninclude \"/etc/bind/more.conf\";\n",
		"jail/etc/bind/more.conf":            bindKeys,
		"jail/state/managed-keys.bind":       sample("bind-first.bind"),
		"etc/bind/named.conf":                "options { dnssec-validation no; };\n",
		"usr/share/doc/bind9/examples/a.txt": "nothing",
	}), Options{})
	i := resolverOf(t, m, holdfast.BIND)
	if i.Validates != holdfast.ValidationOn || len(i.Configs) != 2 || i.Configs[0] != "/jail/etc/bind/other.conf" || i.Account.User != "keeper" {
		t.Errorf("%+v %+v", i, m.Unread)
	}
	if way := i.Anchorings[0]; way.File != "/jail/state/managed-keys.bind" || len(way.Seeds) != 2 || way.Trouble != "" || way.Absent {
		t.Errorf("%+v", way)
	}
}

// TestHostile: nothing that a machine's files say makes us go round in circles
// or leave the tree.
func TestHostile(t *testing.T) {
	m := look(t, files(map[string]string{
		"etc/unbound/unbound.conf": "include: /etc/unbound/unbound.conf\ninclude: \"/etc/loop\"\nserver:\n auto-trust-anchor-file: /etc/up/../../../../etc/passwd\n",
		"etc/loop":                 "-> /etc/pool", "etc/pool": "-> loop", "etc/up": "-> ../../..", "etc/passwd": "root:x:0:0::/:/bin/sh\n",
	}), Options{})
	i := resolverOf(t, m, holdfast.Unbound)
	if len(m.Unread) == 0 || len(i.Configs) > maxIncludes || i.Anchorings[0].Trouble == "" {
		t.Errorf("%d unread, %d files, %+v", len(m.Unread), len(i.Configs), i.Anchorings)
	}
}
