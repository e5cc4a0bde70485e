package zonefile

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast/internal/wire"
)

// nsd starts NSD on a loopback port, serving one zone to whoever asks, and
// answers its address.
func nsd(t *testing.T, zone, file string) string {
	t.Helper()
	program, err := exec.LookPath("nsd")
	if err != nil {
		program, err = exec.LookPath("/usr/sbin/nsd")
	}
	if err != nil {
		if os.Getenv("HOLDFAST_PEERS") == "required" {
			t.Fatal("nsd is missing, and HOLDFAST_PEERS=required: install the Debian package nsd")
		}
		t.Skip("nsd is missing: install the Debian package nsd")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().(*net.TCPAddr)
	listener.Close()
	dir := t.TempDir()
	config := fmt.Sprintf(`server:
  ip-address: 127.0.0.1@%d
  username: ""
  zonesdir: %q
  pidfile: "%[2]s/nsd.pid"
  database: ""
  zonelistfile: "%[2]s/zone.list"
  xfrdfile: "%[2]s/xfrd.state"
  xfrdir: %[2]q
  server-count: 1
remote-control:
  control-enable: no
zone:
  name: %[3]q
  zonefile: %[4]q
  provide-xfr: 127.0.0.1 NOKEY
`, address.Port, dir, zone, file)
	path := filepath.Join(dir, "nsd.conf")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	command := exec.Command(program, "-d", "-c", path)
	command.Stderr = &said
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Signal(os.Interrupt)
		_ = command.Wait()
	})
	for range 100 {
		conn, err := net.Dial("tcp", address.String())
		if err == nil {
			conn.Close()
			return address.String()
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("nsd does not answer: %s", said.String())
	return ""
}

// TestTransferFromNSD: a transfer of many messages by another's hand brings
// what the file holds.
func TestTransferFromNSD(t *testing.T) {
	var text strings.Builder
	text.WriteString(small)
	for i := range 3000 {
		fmt.Fprintf(&text, "host%d.example. 3600 IN TXT \"%s\"\n", i, strings.Repeat("x", 100))
	}
	file := filepath.Join(t.TempDir(), "example.zone")
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	server := nsd(t, "example.", file)
	want := map[string]bool{}
	if _, err := ReadFile(file, nil, "", Limits{}, func(r wire.Record) error {
		want[r.String()] = true
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	dial := (&net.Dialer{}).DialContext
	summary, err := Transfer(context.Background(), dial, server, "example.", Limits{}, func(r wire.Record) error {
		if !want[r.String()] {
			t.Errorf("%s is not in the file", r)
		}
		delete(want, r.String())
		return nil
	})
	if err != nil || len(want) != 0 || summary.Records != 3003 || !summary.Closed {
		t.Errorf("%+v, %v, %d records did not come", summary, err, len(want))
	}
	if _, err := Transfer(context.Background(), dial, server, "test.", Limits{}, nil); err == nil || !strings.Contains(err.Error(), ErrRefused.Error()) {
		t.Errorf("a zone that it does not have: %v", err)
	}
}
