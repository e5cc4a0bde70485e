package app

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// peer finds a real program, or skips the test saying why. Where peers are
// required (CI), a missing one is a failure.
func peer(t *testing.T, program string) string {
	t.Helper()
	for _, folder := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/sbin", "/sbin") {
		path := filepath.Join(folder, program)
		if info, err := os.Stat(path); err == nil && info.Mode()&0o111 != 0 {
			return path
		}
	}
	if os.Getenv("HOLDFAST_PEERS") == "required" {
		t.Fatalf("%s is not here, and HOLDFAST_PEERS=required", program)
	}
	t.Skipf("%s is not here; ./test installs it where it may", program)
	return ""
}

// tool runs a peer's program to its end.
func tool(t *testing.T, dir, program string, args ...string) string {
	t.Helper()
	cmd := exec.Command(peer(t, program), args...)
	cmd.Dir = dir
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s%s", program, strings.Join(args, " "), err, out.String(), complaint.String())
	}
	return out.String()
}

// daemon starts a peer's server; it is killed at the end of the test.
func daemon(t *testing.T, program string, args ...string) {
	t.Helper()
	var log bytes.Buffer
	cmd := exec.Command(peer(t, program), args...)
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if t.Failed() {
			t.Logf("%s said:\n%s", program, log.String())
		}
	})
}

// freePort is one that UDP and TCP have free on an address of loopback.
func freePort(t *testing.T, address string) uint16 {
	t.Helper()
	for range 20 {
		packet, err := net.ListenPacket("udp", net.JoinHostPort(address, "0"))
		if err != nil {
			t.Fatal(err)
		}
		port := packet.LocalAddr().(*net.UDPAddr).Port
		stream, err := net.Listen("tcp", net.JoinHostPort(address, fmt.Sprint(port)))
		packet.Close()
		if err == nil {
			stream.Close()
			return uint16(port)
		}
	}
	t.Fatalf("no port is free on %s", address)
	return 0
}

// awaitServer waits until something answers on TCP.
func awaitServer(t *testing.T, at netip.AddrPort) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for {
		conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", at.String())
		if err == nil {
			conn.Close()
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("nothing answers on %s: %v", at, err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// signer makes signed zone files with other people's tools.
type signer struct {
	name string
	// sign signs the zone in file and gives the signed file's path and the DS
	// records of its keys.
	sign func(t *testing.T, dir, zone, file string, how signing) (signed, ds string)
}

// signing says how: algorithm by mnemonic, denial, and the window around now.
type signing struct {
	algorithm    string
	nsec3        bool
	begin, until time.Duration // from now
}

func (s signing) stamp(d time.Duration) string {
	return time.Now().Add(d).UTC().Format("20060102150405")
}

// bind signs with dnssec-keygen and dnssec-signzone.
var bind = signer{"bind", func(t *testing.T, dir, zone, file string, how signing) (string, string) {
	keys := filepath.Join(dir, "keys-"+strings.Trim(zone, ".")+"-bind")
	if err := os.MkdirAll(keys, 0o755); err != nil {
		t.Fatal(err)
	}
	bits := []string{}
	if strings.HasPrefix(how.algorithm, "RSA") {
		bits = []string{"-b", "2048"}
	}
	ksk := strings.TrimSpace(tool(t, keys, "dnssec-keygen", append(bits, "-q", "-a", how.algorithm, "-f", "KSK", zone)...))
	tool(t, keys, "dnssec-keygen", append(bits, "-q", "-a", how.algorithm, zone)...)
	signed := file + ".bind"
	// -P: zones that are broken on purpose are not verified by their signer.
	args := []string{"-q", "-P", "-S", "-K", keys, "-o", zone, "-s", how.stamp(how.begin), "-e", how.stamp(how.until), "-f", signed}
	if how.nsec3 {
		args = append(args, "-3", "-", "-H", "0")
	}
	tool(t, dir, "dnssec-signzone", append(args, file)...)
	return signed, tool(t, keys, "dnssec-dsfromkey", "-2", ksk+".key")
}}

// ldns signs with ldns-keygen and ldns-signzone.
var ldns = signer{"ldns", func(t *testing.T, dir, zone, file string, how signing) (string, string) {
	keys := filepath.Join(dir, "keys-"+strings.Trim(zone, ".")+"-ldns")
	if err := os.MkdirAll(keys, 0o755); err != nil {
		t.Fatal(err)
	}
	bits := []string{}
	if strings.HasPrefix(how.algorithm, "RSA") {
		bits = []string{"-b", "2048"}
	}
	ksk := strings.TrimSpace(tool(t, keys, "ldns-keygen", append(bits, "-a", how.algorithm, "-k", zone)...))
	zsk := strings.TrimSpace(tool(t, keys, "ldns-keygen", append(bits, "-a", how.algorithm, zone)...))
	signed := file + ".ldns"
	args := []string{"-o", zone, "-i", how.stamp(how.begin), "-e", how.stamp(how.until), "-f", signed}
	if how.nsec3 {
		args = append(args, "-n", "-t", "0")
	}
	tool(t, dir, "ldns-signzone", append(args, file, filepath.Join(keys, ksk), filepath.Join(keys, zsk))...)
	return signed, tool(t, keys, "ldns-key2ds", "-n", "-2", ksk+".key")
}}

// serveNSD serves zone files by NSD on an address of loopback.
func serveNSD(t *testing.T, address string, zones map[string]string) netip.AddrPort {
	t.Helper()
	dir, port := t.TempDir(), freePort(t, address)
	var config strings.Builder
	fmt.Fprintf(&config, "server:\n  ip-address: %s@%d\n  username: \"\"\n  chroot: \"\"\n  database: \"\"\n  zonesdir: \"/\"\n  pidfile: \"%s/nsd.pid\"\n  xfrdfile: \"%s/xfrd.state\"\n  zonelistfile: \"%s/zone.list\"\n  xfrdir: \"%s\"\n  server-count: 1\nremote-control:\n  control-enable: no\n", address, port, dir, dir, dir, dir)
	for zone, file := range zones {
		fmt.Fprintf(&config, "zone:\n  name: \"%s\"\n  zonefile: \"%s\"\n", zone, file)
	}
	daemon(t, "nsd", "-d", "-c", write(t, filepath.Join(dir, "nsd.conf"), config.String()))
	at := netip.AddrPortFrom(netip.MustParseAddr(address), port)
	awaitServer(t, at)
	return at
}

// serveKnot serves zone files by Knot DNS on an address of loopback.
func serveKnot(t *testing.T, address string, zones map[string]string) netip.AddrPort {
	t.Helper()
	dir, port := t.TempDir(), freePort(t, address)
	var config strings.Builder
	fmt.Fprintf(&config, "server:\n  listen: %s@%d\n  rundir: %s\n  background-workers: 1\n  udp-workers: 1\n  tcp-workers: 1\ndatabase:\n  storage: %s/db\nzone:\n", address, port, dir, dir)
	for zone, file := range zones {
		fmt.Fprintf(&config, "  - domain: \"%s\"\n    file: \"%s\"\n    zonefile-sync: -1\n    journal-content: none\n", zone, file)
	}
	daemon(t, "knotd", "-c", write(t, filepath.Join(dir, "knot.conf"), config.String()))
	at := netip.AddrPortFrom(netip.MustParseAddr(address), port)
	awaitServer(t, at)
	return at
}
