package resolvers

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"
)

// FaketimeLibrary finds libfaketime's library for programs with threads.
func FaketimeLibrary() (string, error) {
	for _, pattern := range []string{"/usr/lib/*/faketime/libfaketimeMT.so.1", "/usr/lib/faketime/libfaketimeMT.so.1", "/usr/lib64/faketime/libfaketimeMT.so.1"} {
		if found, _ := filepath.Glob(pattern); len(found) > 0 { // the patterns are well formed
			return found[0], nil
		}
	}
	return "", fmt.Errorf("libfaketime: %w (Debian's package libfaketime has it)", ErrMissing)
}

// FaketimeFile are the variables of a program whose clock is ahead by what a file
// says each time.
func FaketimeFile(library, file string) []string {
	return []string{preload(library), "FAKETIME_TIMESTAMP_FILE=" + file, "FAKETIME_NO_CACHE=1"}
}

// FaketimeBy are those of one whose clock is ahead by so much from its start.
func FaketimeBy(library string, by time.Duration) []string {
	return []string{preload(library), "FAKETIME=" + strings.TrimSpace(FaketimeOffset(by))}
}

// preload puts the C and C++ libraries before jemalloc, with which BIND and Knot
// Resolver are linked: jemalloc asks for the time while it gets ready, libfaketime
// for memory while it does, and neither comes to an end.
func preload(library string) string { return "LD_PRELOAD=" + library + ":libc.so.6:libstdc++.so.6" }

// FaketimeOffset is how libfaketime reads an offset, in whole seconds.
func FaketimeOffset(by time.Duration) string { return fmt.Sprintf("%+d\n", by/time.Second) }
