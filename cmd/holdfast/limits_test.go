//go:build unix

package main

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/holdfastdns/holdfast/internal/app"
	"github.com/holdfastdns/holdfast/internal/record"
)

// limitsWorld is a served lab, a configuration and a record with one sweep.
func limitsWorld(t *testing.T, disk string) (folder string) {
	t.Helper()
	folder = t.TempDir()
	internet := labOf(t, killLab, 1)
	serveLab(t, internet, filepath.Join(folder, "world.json"))
	writeFile(t, filepath.Join(folder, "contacts.csv"), "tld,tech_email\n")
	writeFile(t, filepath.Join(folder, "holdfast.toml"), `
database = "`+filepath.Join(folder, disk, "holdfast.db")+`"
roster.sources = ["axfr:198.41.0.4:53"]
contacts.sources = ["csv"]
contacts.file = "`+filepath.Join(folder, "contacts.csv")+`"
web.listen = "off"
ask.rate = -1
scan = { core = "1s", full = "1s", fast = "1s" }
`)
	return folder
}

// fullDisk runs in a mount namespace of its own. The disk is filled under a
// watch that runs; then room is made.
const fullDisk = `
mount -t tmpfs -o size=4m tmpfs "$DIR/disk" || exit 77
"$BIN" init --config "$DIR/holdfast.toml" >"$DIR/log" || exit 90
"$BIN" watch --config "$DIR/holdfast.toml" 2>"$DIR/first" & watch=$!
for i in 1 2 3 4 5 6 7 8 9 10; do
	sleep 0.5
	"$BIN" record stats --config "$DIR/holdfast.toml" | grep -q '^measurements  *0' || break
done
"$BIN" record stats --config "$DIR/holdfast.toml" | sed -n 's/^measurements *\([0-9]*\),.*/\1/p' >"$DIR/before"
dd if=/dev/zero of="$DIR/disk/fill" bs=4k 2>/dev/null
wait $watch; echo $? >"$DIR/exit-full"
"$BIN" watch --once --config "$DIR/holdfast.toml" 2>"$DIR/second"; echo $? >"$DIR/exit-again"
rm "$DIR/disk/fill"
"$BIN" watch --once --config "$DIR/holdfast.toml" 2>"$DIR/third"; echo $? >"$DIR/exit-room"
"$BIN" record backup "$DIR/kept.db" --config "$DIR/holdfast.toml" >>"$DIR/log" || exit 91
`

// A full disk ends the watch with a word that says so; nothing acknowledged is
// lost, and with room it goes on.
func TestFullDiskUnderTheWatch(t *testing.T) {
	folder := limitsWorld(t, "disk")
	if err := os.Mkdir(filepath.Join(folder, "disk"), 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("unshare", "-Urm", "sh", "-c", fullDisk)
	cmd.Env = append(os.Environ(), "DIR="+folder, "BIN="+os.Args[0], killWorld+"="+filepath.Join(folder, "world.json"))
	out, err := cmd.CombinedOutput()
	read := func(name string) string {
		text, _ := os.ReadFile(filepath.Join(folder, name)) // what is not there is empty, and wrong
		return strings.TrimSpace(string(text))
	}
	if code := cmd.ProcessState.ExitCode(); err != nil && (code < 0 || code == 1 || code == 77) {
		t.Skipf("no disk of one's own can be mounted here: %v: %s", err, out)
	} else if err != nil {
		t.Fatalf("%v: %s%s", err, out, read("log"))
	}
	for _, run := range []struct{ exit, log string }{{"exit-full", "first"}, {"exit-again", "second"}} {
		if read(run.exit) != "4" || !strings.Contains(read(run.log), "full") {
			t.Errorf("on a full disk: exit %s: %s", read(run.exit), read(run.log))
		}
	}
	if read("exit-room") != "0" {
		t.Errorf("with room again: exit %s: %s", read("exit-room"), read("third"))
	}
	r, err := record.Open(t.Context(), filepath.Join(folder, "kept.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	stats, err := r.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	kept := map[string]int{}
	stillThere(t, r, kept)
	if before := read("before"); before == "" || before == "0" || stats.Measurements != len(kept) {
		t.Errorf("%s measurements before, %d of %d readable after", before, len(kept), stats.Measurements)
	}
}

// A second watch on the same database, and one whose port is taken, say so.
func TestOneWatchOneDatabaseOnePort(t *testing.T) {
	folder := limitsWorld(t, ".")
	config := filepath.Join(folder, "holdfast.toml")
	start := func(args ...string) (int, string) {
		cmd := exec.Command(os.Args[0], append(args, "--config", config)...)
		cmd.Env = append(os.Environ(), killWorld+"="+filepath.Join(folder, "world.json"))
		var log strings.Builder
		cmd.Stderr = &log
		_ = cmd.Run() // the exit code says it
		return cmd.ProcessState.ExitCode(), log.String()
	}
	if exit, log := start("init"); exit != 0 {
		t.Fatalf("init: exit %d: %s", exit, log)
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, config, strings.Replace(string(text), `"off"`, `"`+taken.Addr().String()+`"`, 1))
	exit, log := start("watch")
	if exit != int(app.Unworked) || !strings.Contains(log, "address already in use") || !strings.Contains(log, "set web.listen") {
		t.Errorf("port taken: exit %d: %s", exit, log)
	}
	writeFile(t, config, string(text))
	lock := filepath.Join(folder, "holdfast.db.lock")
	if err := os.Remove(lock); err != nil {
		t.Fatal(err)
	}
	first := exec.Command(os.Args[0], "watch", "--config", config)
	first.Env = append(os.Environ(), killWorld+"="+filepath.Join(folder, "world.json"))
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	until(t, "the first watch has the database", func() bool {
		_, err := os.Stat(lock)
		return err == nil
	})
	exit, log = start("watch", "--once")
	if exit != int(app.Unworked) || !strings.Contains(log, "another watch works on it") {
		t.Errorf("second watch: exit %d: %s", exit, log)
	}
	if err := first.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := first.Wait(); err != nil {
		t.Errorf("the first watch, interrupted: %v", err)
	}
	if exit, log := start("watch", "--once"); exit != 0 {
		t.Errorf("after the first has gone: exit %d: %s", exit, log)
	}
}
