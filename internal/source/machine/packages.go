package machine

import (
	"bufio"
	"bytes"
	"path"
	"strings"
)

// packages are those of dpkg or apk: whose a file is.
type packages struct {
	of       map[string]string // by path
	versions map[string]string
}

// Bounds of a package database; Debian's largest installations have half of it.
const (
	maxPackages = 50_000
	maxOwned    = 3_000_000
)

func (p packages) owner(file string) string {
	if name := p.of[file]; name != "" {
		return name
	}
	// Of a machine with merged /usr some lists still say /sbin.
	if rest, ok := strings.CutPrefix(file, "/usr"); ok {
		return p.of[rest]
	}
	return p.of["/usr"+file]
}

func (p packages) version(name string) string { return p.versions[name] }

// packages reads whose the files of resolvers and of root keys are.
func (t *Tree) packages() packages {
	p := packages{of: map[string]string{}, versions: map[string]string{}}
	if text, err := t.readLarge("/var/lib/dpkg/status"); err == nil {
		p.status(text)
		for _, name := range t.list("/var/lib/dpkg/info") {
			if base, ok := strings.CutSuffix(name, ".list"); ok && len(p.of) < maxOwned {
				base, _, _ = strings.Cut(base, ":")
				p.owned(t, base, "/var/lib/dpkg/info/"+name)
			}
		}
	}
	if text, err := t.readLarge("/lib/apk/db/installed"); err == nil {
		p.apk(text)
	}
	return p
}

// status reads dpkg's status: paragraphs with Package and Version.
func (p packages) status(text []byte) {
	name := ""
	for line := range lines(text) {
		if value, ok := strings.CutPrefix(line, "Package: "); ok {
			name = value
		}
		if value, ok := strings.CutPrefix(line, "Version: "); ok && len(p.versions) < maxPackages {
			p.versions[name] = value
		}
	}
}

func (p packages) owned(t *Tree, name, list string) {
	text, err := t.readLarge(list)
	if err != nil {
		return
	}
	for line := range lines(text) {
		p.of[path.Clean(line)] = name
	}
}

// apk reads Alpine's database: P: the package, V: its version, F: a folder,
// R: a file in it.
func (p packages) apk(text []byte) {
	name, folder := "", ""
	for line := range lines(text) {
		key, value, ok := strings.Cut(line, ":")
		if !ok || len(p.of) >= maxOwned {
			continue
		}
		switch key {
		case "P":
			name = value
		case "V":
			p.versions[name] = value
		case "F":
			folder = value
		case "R":
			p.of[path.Join("/", folder, value)] = name
		}
	}
}

func lines(text []byte) func(func(string) bool) {
	return func(yield func(string) bool) {
		in := bufio.NewScanner(bytes.NewReader(text))
		in.Buffer(nil, 1<<20)
		for in.Scan() {
			if !yield(in.Text()) {
				return
			}
		}
	}
}
