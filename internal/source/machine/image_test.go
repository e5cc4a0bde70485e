package machine

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/holdfastdns/holdfast"
)

// tarOf is a tar of files, in the order given: name, content, name, content.
func tarOf(t testing.TB, parts ...string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for i := 0; i+1 < len(parts); i += 2 {
		h := &tar.Header{Name: parts[i], Mode: 0o644, Size: int64(len(parts[i+1])), Uid: 110, Gid: 110, ModTime: now}
		if strings.HasSuffix(h.Name, "/") {
			h.Typeflag, h.Size, h.Mode = tar.TypeDir, 0, 0o755
		}
		if target, link := strings.CutPrefix(parts[i+1], "-> "); link {
			h.Typeflag, h.Linkname, h.Size = tar.TypeSymlink, target, 0
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if h.Size > 0 {
			if _, err := w.Write([]byte(parts[i+1])); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func gzipped(t testing.TB, text []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func zstded(t testing.TB, text []byte) []byte {
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	return w.EncodeAll(text, nil)
}

// layers are those of an image: the second takes the place of the state file,
// removes a file that carries a key, and empties a folder.
func layers(t testing.TB) (lower, upper []byte) {
	return tarOf(t,
			"etc/", "", "etc/unbound/unbound.conf", "server:\n auto-trust-anchor-file: /var/lib/unbound/root.key\n", "var/lib/unbound/", "", "var/lib/unbound/root.key", ds20326,
			"opt/old.bin", ds20326, "opt/folder/a", ds20326, "etc/passwd", "unbound:x:110:110::/:/bin/false\n", "etc/mtab", "-> /proc/mounts"),
		tarOf(t, "var/lib/unbound/root.key", ds20326+ds38696, "opt/.wh.old.bin", "", "opt/folder/.wh..wh..opq", "", "opt/folder/b", "nothing")
}

func lookAtBytes(t testing.TB, name string, content []byte) (holdfast.Machine, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return LookAtFile(t.Context(), path, Options{Path: name, Now: now, Keys: needles()})
}

func wantImage(t *testing.T, m holdfast.Machine, err error, volatile bool) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	i := resolverOf(t, m, holdfast.Unbound)
	if got := tagsIn(i); !slices.Equal(got, []uint16{20326, 38696}) || m.Kind != holdfast.MachineImage {
		t.Errorf("%s trusts %v", m.Kind, got)
	}
	if v := i.Anchorings[0].Access.Volatile; (v.Name != "") != volatile {
		t.Errorf("volatile %+v", v)
	}
	if can, known := i.Anchorings[0].Access.Folder.WritableBy(i.Account); !can || !known {
		t.Errorf("folder %+v of %+v", i.Anchorings[0].Access.Folder, i.Account)
	}
	for _, c := range m.Carriers {
		if c.Path != "/var/lib/unbound/root.key" {
			t.Errorf("what was removed still carries a key: %+v", c)
		}
	}
}

// TestDockerImage lays the layers of `docker save` on each other.
func TestDockerImage(t *testing.T) {
	lower, upper := layers(t)
	const manifest = `[{"Config":"c.json","RepoTags":["x"],"Layers":["1/layer.tar","2/layer.tar"]}]`
	m, err := lookAtBytes(t, "image.tar", tarOf(t, "1/layer.tar", string(lower), "2/layer.tar", string(upper), "c.json", `{"config":{}}`, "manifest.json", manifest))
	wantImage(t, m, err, true)
	m, err = lookAtBytes(t, "image.tar", tarOf(t, "manifest.json", manifest, "2/layer.tar", string(upper), "1/layer.tar", string(lower), "c.json", `{"config":{"Volumes":{"/var/lib/unbound":{}}}}`))
	wantImage(t, m, err, false)
}

// TestOCIImage reads an OCI layout, packed and as a folder, its layers packed.
func TestOCIImage(t *testing.T) {
	lower, upper := layers(t)
	parts := []string{
		"oci-layout", `{"imageLayoutVersion":"1.0.0"}`,
		"index.json", `{"manifests":[{"digest":"sha256:aa"}]}`,
		"blobs/sha256/aa", `{"manifests":[{"digest":"sha256:bb"}]}`,
		"blobs/sha256/bb", `{"config":{"digest":"sha256:cc"},"layers":[{"digest":"sha256:dd"},{"digest":"sha256:ee"}]}`,
		"blobs/sha256/cc", `{"config":{}}`,
		"blobs/sha256/dd", string(gzipped(t, lower)),
		"blobs/sha256/ee", string(zstded(t, upper)),
	}
	m, err := lookAtBytes(t, "oci.tar", tarOf(t, parts...))
	wantImage(t, m, err, true)
	folder := t.TempDir()
	for i := 0; i < len(parts); i += 2 {
		name := filepath.Join(folder, parts[i])
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(parts[i+1]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	m, err = LookAtFolder(t.Context(), folder, Options{Path: folder, Now: now, Keys: needles()})
	wantImage(t, m, err, true)
}

// TestExport reads a packed root folder, as `docker export | gzip` gives one.
func TestExport(t *testing.T) {
	lower, _ := layers(t)
	m, err := lookAtBytes(t, "root.tar.gz", gzipped(t, lower))
	if err != nil || m.Kind != holdfast.MachineRoot || len(m.Resolvers) != 1 || len(m.Carriers) != 3 {
		t.Errorf("%+v %v", m, err)
	}
}

// debOf is a Debian package (deb(5)).
func debOf(t testing.TB, control string, data []byte, dataName string) []byte {
	var out bytes.Buffer
	out.WriteString(arMagic)
	for _, member := range []struct {
		name    string
		content []byte
	}{{"debian-binary", []byte("2.0\n")}, {"control.tar.gz", gzipped(t, tarOf(t, "./control", control))}, {dataName, data}} {
		fmt.Fprintf(&out, "%-16s%-12d%-6d%-6d%-8s%-10d`\n", member.name, 0, 0, 0, "100644", len(member.content))
		out.Write(member.content)
		if len(member.content)%2 == 1 {
			out.WriteByte('\n')
		}
	}
	return out.Bytes()
}

// TestPackage reads Debian packages, packed in each way.
func TestPackage(t *testing.T) {
	content := tarOf(t, "./usr/sbin/pdns_recursor", "\x7fELF "+strings.ToLower(ds20326), "./etc/powerdns/recursor.conf", "dnssec=validate\n")
	for name, data := range map[string][]byte{"data.tar": content, "data.tar.gz": gzipped(t, content), "data.tar.zst": zstded(t, content)} {
		m, err := lookAtBytes(t, "p.deb", debOf(t, "Package: pdns-recursor\nVersion: 4.8.8-1\n", data, name))
		if err != nil || m.Kind != holdfast.MachinePackage || len(m.Resolvers) != 1 {
			t.Errorf("%s: %+v %v", name, m, err)
			continue
		}
		if i := m.Resolvers[0]; !slices.Equal(tagsIn(i), []uint16{20326}) || i.Package != "pdns-recursor" || i.Version != "4.8.8-1" || !m.Carriers[0].Program {
			t.Errorf("%s: %+v", name, i)
		}
	}
}

// TestBadImages: what is broken is an error that says so, or an empty machine;
// never a panic, and never a long wait.
func TestBadImages(t *testing.T) {
	lower, _ := layers(t)
	for name, c := range map[string]struct {
		content []byte
		want    string
	}{
		"a tar cut short":          {lower[:700], "archive"},
		"a manifest without layer": {tarOf(t, "manifest.json", `[{"Config":"c.json","Layers":["x/layer.tar"]}]`, "c.json", "{}"), "layer"},
		"a manifest without end":   {tarOf(t, "manifest.json", `[{"Config":`, "index.json", "{"), ""},
		"a layer that is no tar":   {tarOf(t, "manifest.json", `[{"Config":"c.json","Layers":["l"]}]`, "c.json", "{}", "l", strings.Repeat("x", 2000)), "layer"},
		"a digest with a path":     {tarOf(t, "index.json", `{"manifests":[{"digest":"sha256:../../etc/passwd"}]}`), "none"},
		"a package cut short":      {debOf(t, "Package: x\n", lower, "data.tar")[:900], "archive"},
		"a package with a lie":     {[]byte(arMagic + strings.Repeat("9", 58) + "`\n"), "package"},
		"packed nonsense":          {append([]byte{0x1f, 0x8b}, bytes.Repeat([]byte{7}, 100)...), "look at"},
	} {
		_, err := lookAtBytes(t, "x", c.content)
		if c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
	}
}

func FuzzImage(f *testing.F) {
	lower, upper := layers(f)
	f.Add(lower)
	f.Add(upper)
	f.Add(debOf(f, "Package: x\nVersion: 1\n", gzipped(f, lower), "data.tar.gz"))
	f.Add(tarOf(f, "1/layer.tar", string(lower), "c.json", `{"config":{}}`, "manifest.json", `[{"Config":"c.json","Layers":["1/layer.tar"]}]`))
	f.Add(tarOf(f, "index.json", `{"manifests":[{"digest":"sha256:aa"}]}`, "blobs/sha256/aa", `{"layers":[{"digest":"sha256:aa"}],"config":{"digest":"sha256:aa"}}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		if m, err := lookAtBytes(t, "x", content); err == nil && m.Kind == "" {
			t.Error("neither a machine nor an error")
		}
	})
}
