// Package docs carries the pages of the checks inside the program, so that the
// page can show them without the network.
package docs

import (
	"embed"
	"io/fs"
)

//go:embed checks/*.md
var files embed.FS

// Checks are the pages of docs/checks: CODE.md each, and README.md.
func Checks() fs.FS {
	checks, err := fs.Sub(files, "checks")
	if err != nil {
		panic(err) // the folder is part of the build
	}
	return checks
}
