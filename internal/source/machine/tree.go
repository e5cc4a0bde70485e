package machine

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/holdfastdns/holdfast"
)

// Bounds of what is read of a machine, all of which strangers wrote.
const (
	maxConfig  = 4 << 20  // octets of one configuration or state file
	maxLarge   = 64 << 20 // octets of a package database
	maxLinks   = 40       // symbolic links on the way to a file, as Linux has it
	maxMatches = 1000     // files that an include with a pattern names
)

var errLinks = errors.New("too many symbolic links")

// Tree is a machine's files: below a folder, in a package, in the layers of an
// image. Paths in it are absolute and have slashes; a symbolic link means a
// place in the tree, as it would for a process whose root the tree is.
type Tree struct {
	files fs.ReadLinkFS
}

// NewTree is a tree over files. The file system must answer Lstat and ReadLink
// of itself and follow no link out of itself.
func NewTree(files fs.ReadLinkFS) *Tree { return &Tree{files} }

// inside is a path as fs has it: relative to the tree's root.
func inside(name string) string {
	name = strings.TrimPrefix(path.Clean("/"+name), "/")
	if name == "" {
		return "."
	}
	return name
}

// resolve follows the symbolic links of a path. The last component need not
// exist; then the answer is where it would be.
func (t *Tree) resolve(name string) (string, error) {
	done, rest := "", strings.Split(inside(name), "/")
	for links := 0; len(rest) > 0; {
		part := rest[0]
		rest = rest[1:]
		switch part {
		case "", ".":
			continue
		case "..":
			done = parent(done)
			continue
		}
		next := path.Join(done, part)
		info, err := t.files.Lstat(next)
		if err != nil || info.Mode()&fs.ModeSymlink == 0 {
			if err != nil && len(rest) > 0 {
				return "", fmt.Errorf("resolve %s: %w", name, err)
			}
			done = next
			continue
		}
		if links++; links > maxLinks {
			return "", fmt.Errorf("resolve %s: %w", name, errLinks)
		}
		target, err := t.files.ReadLink(next)
		if err != nil {
			return "", fmt.Errorf("resolve %s: %w", name, err)
		}
		if path.IsAbs(target) {
			done = ""
		}
		rest = append(strings.Split(target, "/"), rest...)
	}
	return inside(done), nil
}

func parent(name string) string {
	if i := strings.LastIndexByte(name, '/'); i >= 0 {
		return name[:i]
	}
	return ""
}

// read reads a whole file of at most maxConfig octets.
func (t *Tree) read(name string) ([]byte, error) { return t.readUpTo(name, maxConfig) }

// readLarge reads a file that a machine itself writes, of at most maxLarge.
func (t *Tree) readLarge(name string) ([]byte, error) { return t.readUpTo(name, maxLarge) }

func (t *Tree) readUpTo(name string, most int64) ([]byte, error) {
	at, err := t.resolve(name)
	if err != nil {
		return nil, err
	}
	// What is no file would have us wait: a pipe, a device.
	info, err := t.files.Lstat(at)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("read %s: it is no regular file", name)
	}
	file, err := t.files.Open(at)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, most+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if int64(len(text)) > most {
		return nil, fmt.Errorf("read %s: it has more than %d octets", name, most)
	}
	return text, nil
}

// stat describes what a path leads to.
func (t *Tree) stat(name string) holdfast.Entry {
	entry := holdfast.Entry{Path: path.Clean("/" + name)}
	at, err := t.resolve(name)
	if err != nil {
		return entry
	}
	info, err := t.files.Lstat(at)
	if err != nil {
		return entry
	}
	entry.Exists, entry.Mode, entry.Modified = true, info.Mode(), info.ModTime().UTC()
	entry.UID, entry.GID, entry.Owned = owner(info)
	return entry
}

func (t *Tree) exists(name string) bool { return t.stat(name).Exists }

// glob lists the paths that match a shell pattern, sorted; a path without a
// pattern is answered where it exists.
func (t *Tree) glob(pattern string) []string {
	parts := strings.Split(inside(pattern), "/")
	found := []string{""}
	for _, part := range parts {
		var next []string
		for _, folder := range found {
			if !strings.ContainsAny(part, "*?[") {
				if name := folder + "/" + part; t.exists(name) {
					next = append(next, name)
				}
				continue
			}
			for _, name := range t.list(folder) {
				if ok, err := path.Match(part, name); ok && err == nil && (name[0] != '.' || part[0] == '.') {
					next = append(next, folder+"/"+name)
				}
			}
		}
		if found = next; len(found) > maxMatches {
			found = found[:maxMatches]
		}
	}
	slices.Sort(found)
	return found
}

// list names what is in a folder, sorted; nothing where it cannot be read.
func (t *Tree) list(folder string) []string {
	at, err := t.resolve(folder)
	if err != nil {
		return nil
	}
	entries, err := fs.ReadDir(t.files, at)
	if err != nil {
		return nil
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	slices.Sort(names)
	return names
}

// first is the first of some paths that exists.
func (t *Tree) first(names ...string) (string, bool) {
	for _, name := range names {
		if t.exists(name) {
			return name, true
		}
	}
	return "", false
}
