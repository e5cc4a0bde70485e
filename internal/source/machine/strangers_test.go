package machine

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/holdfastdns/holdfast/internal/lab/strangers"
)

// written puts files into a folder and answers it.
func written(t *testing.T, text map[string]string) string {
	t.Helper()
	folder := t.TempDir()
	for name, content := range text {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(strings.ReplaceAll(content, "FOLDER", folder)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// wholeTree is the machine's own tree: configurations that name each other by
// absolute paths are read where they are.
func wholeTree(t *testing.T) *Tree {
	t.Helper()
	root, err := os.OpenRoot("/")
	if err != nil {
		t.Skipf("the root folder cannot be opened here: %v", err)
	}
	t.Cleanup(func() { root.Close() })
	files, ok := root.FS().(fs.ReadLinkFS)
	if !ok {
		t.Skip("links cannot be read here")
	}
	return NewTree(files)
}

// TestUnboundCheckconf holds our reading of unbound.conf to Unbound's own.
func TestUnboundCheckconf(t *testing.T) {
	checkconf := strangers.Need(t, "unbound-checkconf")
	folder := written(t, map[string]string{
		"unbound.conf": "# main\nserver: do-tcp: no edns-buffer-size: 1400\n\tmodule-config:\"iterator\" # after a comment\n  val-permissive-mode: yes\n" +
			"  auto-trust-anchor-file: 'FOLDER/one # no comment.key'\n\tinclude: \"FOLDER/more/*.conf\"\nforward-zone:\n  name: \".\"\n  forward-addr: 192.0.2.1\n",
		"more/a.conf": "  domain-insecure: \"example\"\n  do-tcp: yes\n  edns-buffer-size: 1232\n",
		"more/b.conf": "  trust-anchor: \". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\"\n  username: \"\"\n  chroot: \"\"\n",
	})
	main := filepath.Join(folder, "unbound.conf")
	conf := wholeTree(t).readUnboundConf(main)
	if len(conf.unread) > 0 || len(conf.files) != 3 {
		t.Fatalf("read %v, not %+v", conf.files, conf.unread)
	}
	for _, option := range []string{"do-tcp", "edns-buffer-size", "module-config", "val-permissive-mode", "auto-trust-anchor-file", "trust-anchor", "domain-insecure"} {
		out, err := exec.Command(checkconf, "-o", option, main).CombinedOutput()
		if err != nil {
			t.Fatalf("unbound-checkconf -o %s: %v %s", option, err, out)
		}
		var ours []string
		if said := strings.Split(strings.TrimSpace(string(out)), "\n"); len(conf.of(option)) > 1 && len(said) == 1 {
			last, _ := conf.last(option) // of one that is set again the last counts
			ours = []string{last.Value}
		} else {
			for _, s := range conf.of(option) {
				ours = append(ours, s.Value)
			}
		}
		if got, want := fmt.Sprint(ours), fmt.Sprint(strings.Split(strings.TrimSpace(string(out)), "\n")); got != want {
			t.Errorf("%s: we read %s, Unbound %s", option, got, want)
		}
	}
}

// TestNamedCheckconf holds our reading of named.conf to BIND's own: it is shown
// what named-checkconf makes of a file, and must read the same of both.
func TestNamedCheckconf(t *testing.T) {
	checkconf := strangers.Need(t, "named-checkconf")
	folder := written(t, map[string]string{
		"named.conf":   "// main\n# one\n/* two { */ include \"FOLDER/options.conf\";\ntrust-anchors { \".\" static-ds 20326 8 2 \"E06D44B80B8F1D39A95C0B0D7C65D08458E88040 9BBC683457104237C7F8EC8D\"; example. static-ds 1 8 2 \"E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\"; };\n",
		"options.conf": "options{directory \"FOLDER\";dnssec-validation yes;forwarders{192.0.2.1;192.0.2.2 port 5353;};validate-except{\"example\";};};",
	})
	main := filepath.Join(folder, "named.conf")
	out, err := exec.Command(checkconf, "-p", main).Output()
	if err != nil {
		t.Fatalf("named-checkconf: %v %s", err, out)
	}
	_, printed, _ := strings.Cut(string(out), "options {") // warnings stand before it
	if err := os.WriteFile(filepath.Join(folder, "printed.conf"), []byte("options {"+printed), 0o644); err != nil {
		t.Fatal(err)
	}
	read := func(name string) string {
		conf := &bindConf{tree: wholeTree(t)}
		all := conf.file(name, 0)
		if len(conf.unread) > 0 {
			t.Fatalf("%s: %+v", name, conf.unread)
		}
		options, _ := in(all, "options")
		validation, _ := in(options.body, "dnssec-validation")
		forwarders, _ := in(options.body, "forwarders")
		said := validation.value()
		for _, f := range forwarders.body {
			said += " " + f.name()
		}
		view := bindView{surveyor: &surveyor{}}
		for _, block := range all {
			initial, fixed := view.block(block)
			for _, k := range append(initial, fixed...) {
				said += fmt.Sprintf(" %d/%x", k.Tag, k.DS.Digest)
			}
		}
		return said
	}
	ours, theirs := read(main), read(filepath.Join(folder, "printed.conf"))
	const want = "yes 192.0.2.1 192.0.2.2 20326/e06d44b80b8f1d39a95c0b0d7c65d08458e880409bbc683457104237c7f8ec8d"
	if ours != theirs || ours != want {
		t.Errorf("we read %q, of BIND's own print %q, want %q", ours, theirs, want)
	}
}
