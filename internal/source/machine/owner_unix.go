//go:build unix

package machine

import (
	"archive/tar"
	"io/fs"
	"syscall"
)

// owner is the user and group of a file; known is false where the file system
// does not say.
func owner(info fs.FileInfo) (uid, gid int, known bool) {
	switch sys := info.Sys().(type) {
	case *syscall.Stat_t:
		return int(sys.Uid), int(sys.Gid), true
	case *tar.Header:
		return sys.Uid, sys.Gid, true
	}
	return 0, 0, false
}
