package machine

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/holdfastdns/holdfast"
)

// arOf is an ar archive, as deb(5) describes it.
func arOf(parts ...string) []byte {
	out := []byte(arMagic)
	for i := 0; i+1 < len(parts); i += 2 {
		out = fmt.Appendf(out, "%-16s%-12d%-6d%-6d%-8o%-10d`\n%s", parts[i], 0, 0, 0, 0o100644, len(parts[i+1]), parts[i+1])
		if len(parts[i+1])%2 == 1 {
			out = append(out, '\n')
		}
	}
	return out
}

// TestPackageDamaged: a package that is cut off anywhere, or whose members are
// not what they are named, is an error or an empty answer, and never a panic.
func TestPackageDamaged(t *testing.T) {
	control := string(gzipped(t, tarOf(t, "./control", "Package: unbound\nVersion: 1.2-3\nDescription: x\n continued: y\n")))
	data := string(zstded(t, tarOf(t, "./usr/", "", "./usr/share/dns/root.key", ds20326, "./usr/long", strings.Repeat("x", 3000))))
	whole := arOf("debian-binary", "2.0\n", "control.tar.gz", control, "data.tar.zst", data)
	none := func(string, io.Reader) error { return nil }
	tree := newArchive()
	if said, err := readDeb(bytes.NewReader(whole), tree, none); err != nil || said != (deb{"unbound", "1.2-3"}) || !NewTree(tree).exists("/usr/share/dns/root.key") {
		t.Fatalf("%v: %+v", err, said)
	}
	ends := map[int]bool{} // where a member ends, a shorter package ends as well
	for _, parts := range [][]string{{}, {"debian-binary", "2.0\n"}, {"debian-binary", "2.0\n", "control.tar.gz", control}} {
		ends[len(arOf(parts...))] = true
	}
	for n := range len(whole) {
		_, err := readDeb(bytes.NewReader(whole[:n]), newArchive(), none)
		if padding := n == len(whole)-1 && len(data)%2 == 1 || ends[n+1] && len(control)%2 == 1 && n > 100; !ends[n] && !padding && err == nil {
			t.Fatalf("cut at %d of %d: no error", n, len(whole))
		}
	}
	for name, text := range map[string][]byte{
		"another file":      []byte("PK\x03\x04 and so on"),
		"a broken header":   append(bytes.Clone(whole[:len(arMagic)+58]), "xx2.0\n"...),
		"a negative length": []byte(arMagic + fmt.Sprintf("%-48s%-10d`\n", "data.tar", -1)),
		"no length":         []byte(arMagic + fmt.Sprintf("%-48s%-10s`\n", "data.tar", "x")),
		"not what it says":  arOf("debian-binary", "2.0\n", "data.tar.xz", "this is no tar"),
		"broken zstd":       arOf("data.tar.zst", string(zstdMagic)+"\xff\xff\xff\xff"),
		"broken gzip":       arOf("control.tar.gz", "\x1f\x8b\x08\x00"),
	} {
		if _, err := readDeb(bytes.NewReader(text), newArchive(), none); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// entries writes a tar from headers; a regular file's content is its name.
func entries(t *testing.T, headers ...tar.Header) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, h := range headers {
		h.Mode = 0o644
		if h.Typeflag == tar.TypeReg {
			h.Size = int64(len(h.Name))
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg {
			if _, err := io.WriteString(w, h.Name); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestArchiveOddities: hard links, names that climb out, a file where a folder
// was, and what is no file at all.
func TestArchiveOddities(t *testing.T) {
	a := newArchive()
	see := func(_ string, in io.Reader) error { _, err := io.Copy(io.Discard, in); return err }
	for _, layer := range [][]byte{
		entries(t, tar.Header{Name: "./", Typeflag: tar.TypeDir}, tar.Header{Name: "etc/one", Typeflag: tar.TypeReg}, tar.Header{Name: "etc/two", Typeflag: tar.TypeLink, Linkname: "./etc/one"},
			tar.Header{Name: "../../etc/out", Typeflag: tar.TypeReg}, tar.Header{Name: "/etc/absolute", Typeflag: tar.TypeReg}, tar.Header{Name: "etc/pipe", Typeflag: tar.TypeFifo},
			tar.Header{Name: "etc/lost", Typeflag: tar.TypeLink, Linkname: "etc/none"}, tar.Header{Name: "etc/d/deep/x", Typeflag: tar.TypeReg}, tar.Header{Name: "etc/e/x", Typeflag: tar.TypeReg},
			tar.Header{Name: "usr/bin/large", Typeflag: tar.TypeReg}, tar.Header{Name: "etc/self", Typeflag: tar.TypeLink, Linkname: "etc"}),
		entries(t, tar.Header{Name: "etc/d", Typeflag: tar.TypeReg}, tar.Header{Name: "etc/.wh.e", Typeflag: tar.TypeReg}, tar.Header{Name: "none/.wh.x", Typeflag: tar.TypeReg}, tar.Header{Name: "none/.wh..wh..opq", Typeflag: tar.TypeReg}),
	} {
		if err := a.read(bytes.NewReader(layer), see); err != nil {
			t.Fatal(err)
		}
	}
	tree := NewTree(a)
	for name, want := range map[string]string{"/etc/one": "etc/one", "/etc/two": "etc/one", "/etc/out": "../../etc/out", "/etc/absolute": "/etc/absolute", "/etc/d": "etc/d"} {
		if text, err := tree.read(name); err != nil || string(text) != want {
			t.Errorf("%s: %q, %v, want %q", name, text, err, want)
		}
	}
	for _, name := range []string{"/etc/pipe", "/etc/lost", "/etc/d/deep/x", "/etc/e/x", "/etc/e", "/usr/bin/large", "/etc", "/none"} {
		if text, err := tree.read(name); err == nil {
			t.Errorf("%s is read: %q", name, text)
		}
	}
	if entry := tree.stat("/etc/d/deep/x"); entry.Exists {
		t.Error("what lay in a folder is there, and the folder is a file now")
	}
	if names := tree.list("/etc/self"); len(names) > 20 {
		t.Errorf("a link to its own folder: %v", names)
	}
	if _, err := a.ReadLink("etc/one"); err == nil {
		t.Error("a file is read as a link")
	}
}

// TestPackageLists: dpkg's list of files, also of packages for one architecture,
// and Alpine's, say who owns a file and in which version.
func TestPackageLists(t *testing.T) {
	for name, c := range map[string]map[string]string{
		"dpkg": {"var/lib/dpkg/status": "Package: unbound\nStatus: install ok installed\nVersion: 1.22.0-2\nDescription: x\n\nPackage: other\nVersion: 9\n", "var/lib/dpkg/info/unbound:amd64.list": "/.\n/usr/sbin/unbound\n", "var/lib/dpkg/info/other.list": "/usr/bin/other\n"},
		"apk":  {"lib/apk/db/installed": "P:other\nV:9\nF:usr/bin\nR:other\n\nP:unbound\nV:1.22.0-2\nF:usr/sbin\nR:unbound\n"},
	} {
		c["usr/sbin/unbound"], c["etc/unbound/unbound.conf"] = "\x7fELF", "server: module-config: iterator\n"
		if i := resolverOf(t, look(t, files(c), Options{}), holdfast.Unbound); i.Package != "unbound" || i.Version != "1.22.0-2" {
			t.Errorf("%s: %q %q", name, i.Package, i.Version)
		}
	}
}

// TestImagesDamaged: documents of an image that say nothing, or point nowhere
// or at themselves.
func TestImagesDamaged(t *testing.T) {
	for name, parts := range map[string][]string{
		"no layers":           {"manifest.json", `[{"Config":"c.json","Layers":[]}]`, "c.json", "{}"},
		"no config":           {"manifest.json", `[{"Config":"c.json","Layers":["l"]}]`, "l", ""},
		"a layer is missing":  {"manifest.json", `[{"Config":"c.json","Layers":["l"]}]`, "c.json", "{}"},
		"an index of itself":  {"index.json", `{"manifests":[{"digest":"sha256:aa"}]}`, "blobs/sha256/aa", `{"manifests":[{"digest":"sha256:aa"}]}`},
		"a digest that is no": {"index.json", `{"manifests":[{"digest":"../../etc/passwd"}]}`},
		"no JSON":             {"index.json", "{"},
		"too many layers":     {"manifest.json", `[{"Config":"c.json","Layers":[` + strings.Repeat(`"l",`, maxLayers) + `"l"]}]`, "c.json", "{}"},
	} {
		blobs, err := indexTar(bytes.NewReader(tarOf(t, parts...)))
		if err != nil {
			t.Fatal(err)
		}
		image, err := readImage(blobs)
		if err == nil {
			_, err = blobs.Open(image.layers[0])
		}
		if err == nil {
			t.Errorf("%s: %+v", name, image)
		}
	}
	// Layers that are alike may be one file and links to it.
	linked := tarOf(t, "a/layer.tar", "text", "b/layer.tar", "-> ../a/layer.tar")
	blobs, err := indexTar(bytes.NewReader(linked))
	if err != nil {
		t.Fatal(err)
	}
	file, err := blobs.Open("b/layer.tar")
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(file); string(text) != "text" || err != nil {
		t.Errorf("%q, %v", text, err)
	}
	for _, n := range []int{0, 2, 3} { // within a header, or the end's
		if _, err := indexTar(bytes.NewReader(linked[:n*512+100])); err == nil {
			t.Errorf("cut at %d: no error", n*512+100)
		}
	}
}

// FuzzArchive takes any layer over any other: the tree's answers agree.
func FuzzArchive(f *testing.F) {
	f.Add(tarOf(f, "etc/", "", "etc/a", "x", "etc/b", "-> a"), tarOf(f, "etc/.wh.a", "", "etc", "y"))
	f.Add(tarOf(f, ".wh..wh..opq", "", "a/.wh..", ""), tarOf(f, "a/.wh...", "", "-", "-> -"))
	f.Fuzz(func(t *testing.T, lower, upper []byte) {
		a := newArchive()
		for _, layer := range [][]byte{lower, upper} {
			_ = a.read(bytes.NewReader(layer), func(_ string, in io.Reader) error {
				_, err := io.Copy(io.Discard, io.LimitReader(in, 1<<20)) // a sparse file can be of any length
				return err
			})
		}
		for name := range a.nodes {
			entries, err := a.ReadDir(name)
			if err != nil {
				t.Fatalf("%q cannot be listed: %v", name, err)
			}
			for _, e := range entries {
				if strings.Contains(e.Name(), "/") {
					t.Errorf("%q holds %q", name, e.Name())
				}
			}
		}
		_, _ = NewTree(a).read("/etc/b")
		_, _ = readDeb(bytes.NewReader(lower), newArchive(), func(string, io.Reader) error { return nil })
		if blobs, err := indexTar(bytes.NewReader(upper)); err == nil {
			_, _ = readImage(blobs)
		}
	})
}
