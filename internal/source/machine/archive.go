package machine

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
)

// Bounds of an archive that is held as a tree.
const (
	maxEntries = 2_000_000
	maxKept    = 512 << 20 // octets of files that are kept, together
	// Links within an archive may point at each other.
	maxPath = 4096
)

var errNotKept = errors.New("its content was not kept: only configuration and state are")

// archive is the tree of an unpacked archive, or of several on top of each
// other. It holds the entries of all files, and the content of those that may
// be configuration or state.
type archive struct {
	nodes map[string]*node
	kept  int64
}

type node struct {
	info    fs.FileInfo
	link    string
	content []byte // nil: not kept
	names   map[string]bool
}

func newArchive() *archive {
	return &archive{nodes: map[string]*node{".": {info: folderInfo("."), names: map[string]bool{}}}}
}

// folderInfo is a folder that an archive has files of and no entry for.
type folderInfo string

func (f folderInfo) Name() string       { return path.Base(string(f)) }
func (f folderInfo) Size() int64        { return 0 }
func (f folderInfo) Mode() fs.FileMode  { return fs.ModeDir | 0o755 }
func (f folderInfo) ModTime() time.Time { return time.Time{} }
func (f folderInfo) IsDir() bool        { return true }
func (f folderInfo) Sys() any           { return nil }

// read takes in one archive, whose files replace older ones; where it is a
// layer of an image, what it marks as gone goes (OCI image specification,
// "Whiteouts"). See is shown each file's content.
func (a *archive) read(in io.Reader, see func(name string, content io.Reader) error) error {
	entries := tar.NewReader(in)
	for {
		header, err := entries.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read archive: %w", err)
		}
		name := inside(header.Name)
		if len(name) > maxPath || len(a.nodes) >= maxEntries {
			return fmt.Errorf("read archive: more than %d files, or a path longer than %d", maxEntries, maxPath)
		}
		if a.whiteout(name) {
			continue
		}
		if err := a.take(name, header, entries, see); err != nil {
			return fmt.Errorf("read archive: %s: %w", name, err)
		}
	}
}

func (a *archive) take(name string, header *tar.Header, content io.Reader, see func(string, io.Reader) error) error {
	n := &node{info: header.FileInfo()}
	switch header.Typeflag {
	case tar.TypeDir:
		n.names = map[string]bool{}
		if old := a.nodes[name]; old != nil && old.names != nil {
			n.names = old.names
		}
	case tar.TypeSymlink:
		n.link = header.Linkname
	case tar.TypeLink:
		if n = a.nodes[inside(header.Linkname)]; n == nil || n.names != nil {
			return nil // to nothing, or to a folder, which no system links
		}
	case tar.TypeReg:
		var kept bytes.Buffer
		if worth(name, header.Size) && a.kept+header.Size <= maxKept {
			content = io.TeeReader(content, &kept)
		}
		if err := see(name, content); err != nil {
			return err
		}
		if int64(kept.Len()) == header.Size {
			n.content = kept.Bytes()
			a.kept += header.Size
		}
	}
	if n.names == nil {
		a.remove(name) // what lay in it, where it was a folder
	}
	a.put(name, n)
	return nil
}

// worth says whether a file's content may be asked for.
func worth(name string, size int64) bool {
	if size > maxLarge {
		return false
	}
	if within(name, "var/lib/dpkg", "lib/apk/db") {
		return true
	}
	if size > maxConfig {
		return false
	}
	if within(name, "etc", "var/lib", "var/cache/bind", "var/named", "var/unbound", "run", "usr/share/dns", "opt", "usr/local/etc", "usr/lib/systemd", "lib/systemd", "usr/libexec", "proc") {
		return true
	}
	if path.Base(name) == "unbound-anchor" {
		return true
	}
	switch path.Ext(name) {
	case ".conf", ".lua", ".key", ".keys", ".ds", ".yaml", ".yml", ".positive", ".xml", ".p7s", ".pem":
		return true
	}
	return false
}

func (a *archive) put(name string, n *node) {
	if name == "." {
		a.nodes["."].info = n.info
		return
	}
	a.nodes[name] = n
	for child := name; child != "."; {
		folder := path.Dir(child)
		above := a.nodes[folder]
		if above == nil || above.names == nil {
			above = &node{info: folderInfo(folder), names: map[string]bool{}}
			a.nodes[folder] = above
		}
		above.names[path.Base(child)] = true
		child = folder
	}
}

// whiteout removes what a layer marks as gone.
func (a *archive) whiteout(name string) bool {
	folder, base := path.Split(name)
	gone, ok := strings.CutPrefix(base, ".wh.")
	if !ok {
		return false
	}
	folder = inside(folder)
	if gone == ".wh..opq" {
		if above := a.nodes[folder]; above != nil {
			for child := range above.names {
				a.remove(path.Join(folder, child))
			}
		}
		return true
	}
	a.remove(path.Join(folder, gone))
	return true
}

func (a *archive) remove(name string) {
	n := a.nodes[name]
	if n == nil || name == "." {
		return
	}
	for child := range n.names {
		a.remove(path.Join(name, child))
	}
	delete(a.nodes, name)
	if above := a.nodes[path.Dir(name)]; above != nil {
		delete(above.names, path.Base(name))
	}
}

func (a *archive) find(op, name string) (*node, error) {
	n := a.nodes[name]
	if n == nil {
		return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
	}
	return n, nil
}

// Lstat is fs.ReadLinkFS's.
func (a *archive) Lstat(name string) (fs.FileInfo, error) {
	n, err := a.find("lstat", name)
	if err != nil {
		return nil, err
	}
	return n.info, nil
}

// ReadLink is fs.ReadLinkFS's.
func (a *archive) ReadLink(name string) (string, error) {
	n, err := a.find("readlink", name)
	if err == nil && n.info.Mode()&fs.ModeSymlink == 0 {
		err = &fs.PathError{Op: "readlink", Path: name, Err: fs.ErrInvalid}
	}
	if err != nil {
		return "", err
	}
	return n.link, nil
}

// Open is fs.FS's; it follows no link.
func (a *archive) Open(name string) (fs.File, error) {
	n, err := a.find("open", name)
	if err != nil {
		return nil, err
	}
	if n.names == nil && n.content == nil && n.info.Size() > 0 {
		return nil, &fs.PathError{Op: "open", Path: name, Err: errNotKept}
	}
	return &openNode{node: n, in: bytes.NewReader(n.content)}, nil
}

// ReadDir is fs.ReadDirFS's.
func (a *archive) ReadDir(name string) ([]fs.DirEntry, error) {
	n, err := a.find("readdir", name)
	if err != nil {
		return nil, err
	}
	var out []fs.DirEntry
	for child := range n.names {
		if c := a.nodes[path.Join(name, child)]; c != nil {
			out = append(out, namedEntry{fs.FileInfoToDirEntry(c.info), child})
		}
	}
	slices.SortFunc(out, func(x, y fs.DirEntry) int { return strings.Compare(x.Name(), y.Name()) })
	return out, nil
}

// namedEntry is an entry by the name that its folder has it under: hard links
// share the rest.
type namedEntry struct {
	fs.DirEntry
	name string
}

func (e namedEntry) Name() string { return e.name }

type openNode struct {
	node *node
	in   *bytes.Reader
}

func (o *openNode) Stat() (fs.FileInfo, error) { return o.node.info, nil }
func (o *openNode) Read(b []byte) (int, error) { return o.in.Read(b) }
func (o *openNode) Close() error               { return nil }
