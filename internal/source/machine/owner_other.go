//go:build !unix

package machine

import (
	"archive/tar"
	"io/fs"
)

// owner is the user and group of a file; known is false where the file system
// does not say.
func owner(info fs.FileInfo) (uid, gid int, known bool) {
	if sys, ok := info.Sys().(*tar.Header); ok {
		return sys.Uid, sys.Gid, true
	}
	return 0, 0, false
}
