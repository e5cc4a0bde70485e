// Package strangers runs other people's validators over a lab, for tests: lab
// and judges share one DNS library, and only a stranger catches a mistake that
// they have in common. It knows programs and sockets, not the lab: whoever
// calls hands in what is to be served.
package strangers

import (
	"bytes"
	"context"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast/internal/lab/resolvers"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// Need finds another people's program, or skips the test saying why. Where
// peers are required (CI), a missing one is a failure.
func Need(t testing.TB, program string) string {
	t.Helper()
	path, err := resolvers.Find(program)
	if err != nil {
		Lack(t, "%v here; ./test installs it where it may", err)
	}
	return path
}

// Lack skips the test, or fails it where peers are required.
func Lack(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("HOLDFAST_PEERS") == "required" {
		t.Fatalf(format+"; HOLDFAST_PEERS=required", args...)
	}
	t.Skipf(format, args...)
}

// namespace names, in the environment, the test that runs inside one.
const namespace = "HOLDFAST_NAMESPACE"

// InNamespace runs the test once more inside a network namespace in which all
// addresses are local, those given of an interface, and answers true there:
// outside, the test is done.
func InNamespace(t *testing.T, limit time.Duration, addresses ...netip.Addr) bool {
	t.Helper()
	if os.Getenv(namespace) == t.Name() {
		if err := resolvers.Furnish(addresses...); err != nil {
			t.Fatal(err)
		}
		return true
	}
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	var out bytes.Buffer
	cmd := resolvers.Inside(ctx, os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env, cmd.Stdout, cmd.Stderr = append(os.Environ(), namespace+"="+t.Name()), &out, &out
	if err := cmd.Start(); err != nil {
		Lack(t, "a namespace of one's own cannot be had here (%v)", err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("inside the namespace: %v\n%s", err, out.Bytes())
	}
	if testing.Verbose() {
		t.Logf("%s", out.Bytes())
	}
	return false
}

// Serve runs a server until the test ends, and returns once it is ready.
func Serve(t testing.TB, serve func(ctx context.Context, ready func()) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done, ready := make(chan error, 1), make(chan struct{})
	go func() { done <- serve(ctx, func() { close(ready) }) }()
	select {
	case <-ready:
	case err := <-done:
		cancel()
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// Daemon starts a program; it is killed at the end of the test, and what it
// said is shown where the test failed.
func Daemon(t testing.TB, program string, args ...string) {
	t.Helper()
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(Need(t, program), args...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed: the error is known
		if text, err := os.ReadFile(log.Name()); err == nil && t.Failed() {
			t.Logf("%s said:\n%s", program, tail(text, 8000))
		}
		_ = log.Close()
	})
}

func tail(text []byte, most int) []byte { return text[max(0, len(text)-most):] }

// World is what a validator has to know of the Internet that it is put into.
type World struct {
	Hints   string        // named.root form
	Anchors []wire.Record // DNSKEY and DS of the root
}

// anchor is the world's trust anchor of a type, in presentation format.
func (w World) anchor(t testing.TB, kind wire.Type) wire.Record {
	t.Helper()
	for _, r := range w.Anchors {
		if r.Type == kind {
			return r
		}
	}
	t.Fatalf("no trust anchor of type %s", kind)
	return wire.Record{}
}

func write(t testing.TB, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// Unbound runs NLnet Labs' resolver over the world.
func Unbound(t testing.TB, w World) Resolver {
	t.Helper()
	return w.run(t, resolvers.PlainUnbound(), "unbound", netip.MustParseAddrPort("127.0.0.9:5300"))
}

// Kresd runs CZ.NIC's Knot Resolver over the world.
func Kresd(t testing.TB, w World) Resolver {
	t.Helper()
	return w.run(t, resolvers.PlainKnot(), "kresd", netip.MustParseAddrPort("127.0.0.10:5301"))
}

// run starts a resolver that trusts the world's first DS record, until the test ends.
func (w World) run(t testing.TB, software resolvers.Software, program string, at netip.AddrPort) Resolver {
	t.Helper()
	Need(t, program)
	dir := t.TempDir()
	d, err := resolvers.New(software, resolvers.Setting{
		Folder: dir, At: at, Hints: write(t, dir, "hints", w.Hints), Anchors: []wire.Record{w.anchor(t, wire.TypeDS)}, Usual: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Kill(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("%s said:\n%s", program, d.Log(8000))
		}
	})
	if err := d.Start(); err != nil {
		t.Fatal(err)
	}
	r := Resolver{Name: program, At: at}
	r.await(t)
	return r
}

// Version is the first line that a program says of its version.
func Version(t testing.TB, program string, args ...string) string {
	t.Helper()
	out, err := exec.Command(Need(t, program), args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v", program, err)
	}
	line, _, _ := strings.Cut(string(out), "\n")
	return strings.TrimSpace(line)
}
