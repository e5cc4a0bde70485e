package machine

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/holdfastdns/holdfast"
)

// mount is one line of /proc/self/mountinfo or of fstab.
type mount struct {
	point    string
	kind     string
	readOnly bool
	place    string
}

// mounts are those of the running machine, or those that its fstab orders.
func (t *Tree) mounts(live bool) []mount {
	if live {
		if text, err := t.read("/proc/self/mountinfo"); err == nil {
			return readMountinfo("/proc/self/mountinfo", string(text))
		}
	}
	text, err := t.read("/etc/fstab")
	if err != nil {
		return nil
	}
	return readFstab("/etc/fstab", string(text))
}

// readMountinfo reads proc(5)'s mountinfo: the mount point is the fifth field,
// its options the sixth; behind a lone "-" stand type, device and the options
// of the file system.
func readMountinfo(file, text string) []mount {
	var out []mount
	number := 0
	for line := range strings.Lines(text) {
		number++
		before, after, ok := strings.Cut(line, " - ")
		fields, rest := strings.Fields(before), strings.Fields(after)
		if !ok || len(fields) < 6 || len(rest) < 3 {
			continue
		}
		out = append(out, mount{
			point: unescapeMount(fields[4]), kind: rest[0], place: fmt.Sprintf("%s:%d", file, number),
			readOnly: hasOption(fields[5], "ro") || hasOption(rest[2], "ro"),
		})
	}
	return out
}

func readFstab(file, text string) []mount {
	var out []mount
	number := 0
	for line := range strings.Lines(text) {
		number++
		fields := strings.Fields(line)
		if len(fields) < 4 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		out = append(out, mount{unescapeMount(fields[1]), fields[2], hasOption(fields[3], "ro"), fmt.Sprintf("%s:%d", file, number)})
	}
	return out
}

func hasOption(options, want string) bool { return slices.Contains(strings.Split(options, ","), want) }

func unescapeMount(name string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(name)
}

// mountOf is the mount that a path lies on: the longest mount point above it,
// and of several on one point the last.
func mountOf(mounts []mount, name string) (mount, bool) {
	best, found := mount{}, false
	for _, m := range mounts {
		if within(name, m.point) && len(path.Clean(m.point)) >= len(best.point) {
			best, found = m, true
		}
	}
	return best, found
}

// passing are file systems whose content is gone with the container or at the
// next boot.
var passing = []string{"overlay", "aufs", "tmpfs", "ramfs"}

// mounted says what the mount under a folder means for writing there.
func mounted(mounts []mount, folder string) (denied []holdfast.Setting, volatile holdfast.Setting) {
	m, ok := mountOf(mounts, folder)
	if !ok {
		return nil, holdfast.Setting{}
	}
	if m.readOnly {
		denied = []holdfast.Setting{{Name: "mount", Value: m.point + " is mounted read-only", Place: m.place}}
	}
	if slices.Contains(passing, m.kind) {
		volatile = holdfast.Setting{Name: "mount", Value: m.point + " is " + m.kind, Place: m.place}
	}
	return denied, volatile
}
