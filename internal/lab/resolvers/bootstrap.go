package resolvers

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"time"
)

// Bootstrap is where the file of trust anchors is fetched: over HTTPS, from paths
// as IANA has them.
type Bootstrap struct {
	At netip.AddrPort
	CA string // file of the authority that is pinned, PEM
}

// The paths of the file and of its signature, below the server's name.
const (
	AnchorsPath   = "root-anchors/root-anchors.xml"
	SignaturePath = "root-anchors/root-anchors.p7s"
)

func (b Bootstrap) url() string { return fmt.Sprintf("https://%s/%s", b.At, AnchorsPath) }

// ErrNoBootstrap says that a resolver has no helper that fetches trust anchors.
var ErrNoBootstrap = errors.New("it has no helper that fetches trust anchors")

// Bootstrap has the resolver's own helper fetch the file of trust anchors, and
// starts the resolver with what came of it. It gives the exit code of the helper
// and what it said; an error says that the helper could not be run.
func (d *Daemon) Bootstrap(ctx context.Context) (exit int, said string, err error) {
	if d.Software.bootstrap == nil {
		return 0, "", ErrNoBootstrap
	}
	if err := d.Stop(); err != nil {
		return 0, "", err
	}
	if err := d.Forget(); err != nil {
		return 0, "", err
	}
	return d.Software.bootstrap(ctx, d)
}

// bootstrapUnbound runs unbound-anchor as Debian does before it starts Unbound, but
// that -F has it fetch the file though the state says that it succeeded a minute ago:
// it waits for thirty days otherwise.
func bootstrapUnbound(ctx context.Context, d *Daemon) (int, string, error) {
	program, err := Find("unbound-anchor")
	if err != nil {
		return 0, "", errors.Join(err, d.Start())
	}
	from := d.Setting.Bootstrap
	said, failed := say(ctx, d.Setting.Env, program, "-v", "-F", "-a", d.Setting.path("run/root.key"), "-c", from.CA,
		"-u", from.At.Addr().String(), "-P", fmt.Sprint(from.At.Port()), "-x", AnchorsPath, "-s", SignaturePath, "-r", d.Setting.Hints)
	exit, err := exitOf(failed)
	return exit, said, errors.Join(err, d.Start())
}

// exitOf is the exit code of a program that ran; an error where it did not.
func exitOf(err error) (int, error) {
	var exited *exec.ExitError
	if errors.As(err, &exited) {
		return exited.ExitCode(), nil
	}
	return 0, err
}

// bootstrapKnot: kresd fetches the file itself when it starts without one. Whether
// that worked shows in its log, and in its end.
func bootstrapKnot(ctx context.Context, d *Daemon) (int, string, error) {
	if err := d.remove(d.setup.state); err != nil {
		return 0, "", err
	}
	before := len(d.Log(1 << 30))
	if err := d.Start(); err != nil {
		return 0, "", err
	}
	exit := 0
	for end := time.Now().Add(asking); time.Now().Before(end) && ctx.Err() == nil; time.Sleep(50 * time.Millisecond) {
		if !d.Running() {
			exit = max(d.cmd.ProcessState.ExitCode(), 1)
			break
		}
		if _, err := os.Stat(d.Setting.path("run/root.keys")); err == nil {
			break
		}
	}
	said := d.Log(1 << 30)
	said = said[min(before, len(said)):]
	return exit, said[:min(len(said), maxSaid)], nil
}
