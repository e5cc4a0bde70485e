//go:build !linux

package resolvers

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os/exec"
	"runtime"
	"syscall"
)

// Inside is a command that cannot run in a namespace here: it will say so itself,
// when it comes to Furnish.
func Inside(ctx context.Context, program string, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, program, args...)
}

func attributes() *syscall.SysProcAttr { return nil }

// Furnish needs a network namespace, which is Linux's alone.
func Furnish(...netip.Addr) error { return unsupported("furnish a network namespace") }

// SmallDisk needs a mount namespace.
func SmallDisk(string, int) error { return unsupported("mount a small disk") }

// ReadOnly needs a mount namespace.
func ReadOnly(string, bool) error { return unsupported("make a disk read-only") }

func unsupported(what string) error {
	return fmt.Errorf("%s on %s: %w", what, runtime.GOOS, errors.ErrUnsupported)
}
