package machine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/holdfastdns/holdfast"
)

// Bounds of a search through files.
const (
	maxFiles      = 5_000_000
	maxSearched   = 4 << 30  // octets of one file
	maxAltogether = 64 << 30 // octets of all files
	maxUnread     = 200      // that are named one by one
)

// silent are folders of a running machine in which nothing is installed: what
// is there is the kernel's, or an instant's, or was fetched and can be again.
var silent = []string{"proc", "sys", "dev", "run", "tmp", "var/tmp", "var/cache", "var/log", "lost+found"}

// others are folders of a running machine that may be larger than all the rest
// and hold nothing that it runs by itself: what people keep, what is mounted
// for a while, and container images, which are looked at one by one.
var others = []string{"home", "root", "mnt", "media", "var/lib/docker", "var/lib/containerd", "var/lib/containers"}

// idle says whether a folder of a running machine is passed over.
func idle(name string, everything bool) bool {
	base := path.Base(name)
	return slices.Contains(silent, name) || base == ".cache" || base == ".git" || !everything && slices.Contains(others, name)
}

// searcher gathers the files that carry root keys.
type searcher struct {
	needles  *Needles
	buffer   []byte
	carriers map[string]holdfast.Carrier
	files    int
	octets   int64
	unread   []holdfast.Unread
}

func newSearcher(needles *Needles) *searcher {
	return &searcher{needles: needles, buffer: make([]byte, 0, window+overlap), carriers: map[string]holdfast.Carrier{}}
}

// see searches one file.
func (s *searcher) see(name string, in io.Reader) error {
	delete(s.carriers, name)
	if s.files >= maxFiles || s.octets >= maxAltogether {
		return fmt.Errorf("more than %d files or %d octets", maxFiles, int64(maxAltogether))
	}
	c, length, err := s.needles.search(io.LimitReader(in, maxSearched), s.buffer)
	s.files++
	s.octets += length
	if len(c.Carried) > 0 {
		c.Path = "/" + name
		s.carriers[name] = c
	}
	return err
}

// pass notes a file that was not searched. Beyond a number of them only their
// number would be news, and the last says so.
func (s *searcher) pass(name string, err error) {
	switch {
	case len(s.unread) < maxUnread:
		s.unread = append(s.unread, holdfast.Unread{Path: name, Why: err.Error()})
	case len(s.unread) == maxUnread:
		s.unread = append(s.unread, holdfast.Unread{Path: "/", Why: fmt.Sprintf("more than %d files could not be read", maxUnread)})
	}
}

// LookAtFolder looks at a folder: the root folder of a machine, an image as an
// OCI layout, source code, firmware that was unpacked.
func LookAtFolder(ctx context.Context, folder string, o Options) (holdfast.Machine, error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return holdfast.Machine{}, fmt.Errorf("look at %s: %w", folder, err)
	}
	defer root.Close()
	files, ok := root.FS().(fs.ReadLinkFS)
	if !ok {
		return holdfast.Machine{}, fmt.Errorf("look at %s: links cannot be read here", folder)
	}
	if img, err := readImage(files); err == nil {
		return lookAtImage(ctx, files, img, o)
	}
	absolute, err := filepath.Abs(folder)
	o.Live = err == nil && absolute == "/"
	tree := NewTree(files)
	o.Kind = holdfast.MachineFolder
	if tree.exists("/etc") && (tree.exists("/usr") || tree.exists("/bin") || tree.exists("/var")) {
		o.Kind = holdfast.MachineRoot
	}
	s := newSearcher(o.Keys)
	if err := s.walk(ctx, files, o); err != nil {
		return holdfast.Machine{}, fmt.Errorf("look at %s: %w", folder, err)
	}
	return survey(ctx, tree, o, s)
}

// walk searches all files of a file system, each file once.
func (s *searcher) walk(ctx context.Context, files fs.FS, o Options) error {
	return fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if stopped := ctx.Err(); stopped != nil {
			return stopped
		}
		if err != nil {
			s.pass("/"+name, err)
			return nil
		}
		if entry.IsDir() && o.Live && idle(name, o.Everything) {
			return fs.SkipDir
		}
		if !entry.Type().IsRegular() {
			return nil
		}
		file, err := files.Open(name)
		if err != nil {
			s.pass("/"+name, err)
			return nil
		}
		defer file.Close()
		if err := s.see(name, file); err != nil {
			s.pass("/"+name, err)
		}
		if o.Searched != nil {
			o.Searched(s.files, s.octets)
		}
		return nil
	})
}

// LookAtFile looks at an image, a package, a program, or at any file by its
// octets.
func LookAtFile(ctx context.Context, name string, o Options) (holdfast.Machine, error) {
	file, err := os.Open(name)
	if err != nil {
		return holdfast.Machine{}, fmt.Errorf("look at %s: %w", name, err)
	}
	defer file.Close()
	head := make([]byte, 512)
	n, err := file.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return holdfast.Machine{}, fmt.Errorf("look at %s: %w", name, err)
	}
	head = head[:n]
	switch {
	case bytes.HasPrefix(head, []byte(arMagic)):
		return lookAtDeb(ctx, file, o)
	case isTar(head):
		return lookAtTar(ctx, file, o)
	case packed(head):
		return lookAtPacked(ctx, file, o)
	}
	o.Kind = holdfast.MachineFile
	s := newSearcher(o.Keys)
	base := filepath.Base(name)
	if err := s.see(base, file); err != nil {
		return holdfast.Machine{}, fmt.Errorf("look at %s: %w", name, err)
	}
	if bytes.HasPrefix(head, []byte("hsqs")) || bytes.HasPrefix(head, []byte("sqsh")) {
		s.pass(name, errors.New("it is a packed file system (squashfs): unpack it and look at the folder"))
	}
	empty := newArchive()
	return survey(ctx, NewTree(empty), o, s)
}

// isTar knows POSIX tar and GNU tar by the word in their first header.
func isTar(head []byte) bool { return len(head) >= 262 && string(head[257:262]) == "ustar" }

func packed(head []byte) bool {
	return bytes.HasPrefix(head, []byte{0x1f, 0x8b}) || bytes.HasPrefix(head, zstdMagic) || bytes.HasPrefix(head, []byte{0xfd, '7', 'z', 'X', 'Z', 0})
}

func lookAtDeb(ctx context.Context, file io.Reader, o Options) (holdfast.Machine, error) {
	o.Kind = holdfast.MachinePackage
	tree, s := newArchive(), newSearcher(o.Keys)
	d, err := readDeb(file, tree, s.see)
	if err != nil {
		return holdfast.Machine{}, fmt.Errorf("look at %s: %w", o.Path, err)
	}
	o.Package, o.Version = d.name, d.version
	return survey(ctx, NewTree(tree), o, s)
}

func lookAtTar(ctx context.Context, file *os.File, o Options) (holdfast.Machine, error) {
	files, err := indexTar(file)
	if err != nil {
		return holdfast.Machine{}, fmt.Errorf("look at %s: %w", o.Path, err)
	}
	img, err := readImage(files)
	if err == nil {
		return lookAtImage(ctx, files, img, o)
	}
	if !errors.Is(err, errNoImage) {
		return holdfast.Machine{}, fmt.Errorf("look at %s: %w", o.Path, err)
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return holdfast.Machine{}, fmt.Errorf("look at %s: %w", o.Path, err)
	}
	return lookAtArchive(ctx, file, o)
}

// lookAtArchive takes a tar for the root folder of a machine, as `docker
// export` writes it.
func lookAtArchive(ctx context.Context, in io.Reader, o Options) (holdfast.Machine, error) {
	o.Kind = holdfast.MachineRoot
	tree, s := newArchive(), newSearcher(o.Keys)
	if err := tree.read(in, s.see); err != nil {
		return holdfast.Machine{}, fmt.Errorf("look at %s: %w", o.Path, err)
	}
	return survey(ctx, NewTree(tree), o, s)
}

func lookAtPacked(ctx context.Context, in io.Reader, o Options) (holdfast.Machine, error) {
	plain, err := unpack(in)
	if err != nil {
		return holdfast.Machine{}, fmt.Errorf("look at %s: %w", o.Path, err)
	}
	if closer, ok := plain.(io.Closer); ok {
		defer closer.Close()
	}
	head := make([]byte, 512)
	n, err := io.ReadFull(plain, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return holdfast.Machine{}, fmt.Errorf("look at %s: %w", o.Path, err)
	}
	all := io.MultiReader(bytes.NewReader(head[:n]), plain)
	if isTar(head[:n]) {
		m, err := lookAtArchive(ctx, all, o)
		if err == nil && len(m.Resolvers) == 0 {
			m.Unread = append(m.Unread, holdfast.Unread{Path: o.Path, Why: "if it is a packed container image, unpack it first: its layers were not looked into"})
		}
		return m, err
	}
	o.Kind = holdfast.MachineFile
	s := newSearcher(o.Keys)
	if err := s.see(filepath.Base(o.Path), all); err != nil {
		return holdfast.Machine{}, fmt.Errorf("look at %s: %w", o.Path, err)
	}
	return survey(ctx, NewTree(newArchive()), o, s)
}

// lookAtImage lays the layers of an image on top of each other.
func lookAtImage(ctx context.Context, files blobs, img image, o Options) (holdfast.Machine, error) {
	o.Kind, o.Volumes, o.Image = holdfast.MachineImage, img.volumes, img.config
	tree, s := newArchive(), newSearcher(o.Keys)
	for _, layer := range img.layers {
		if err := ctx.Err(); err != nil {
			return holdfast.Machine{}, err
		}
		file, err := files.Open(layer)
		if err != nil {
			return holdfast.Machine{}, fmt.Errorf("look at %s: layer: %w", o.Path, err)
		}
		err = readPacked(file, tree, s.see)
		file.Close()
		if err != nil {
			return holdfast.Machine{}, fmt.Errorf("look at %s: layer %s: %w", o.Path, layer, err)
		}
	}
	// What a later layer removed is not in the image.
	maps.DeleteFunc(s.carriers, func(name string, _ holdfast.Carrier) bool { return tree.nodes[name] == nil })
	return survey(ctx, NewTree(tree), o, s)
}
