package record

import (
	"bytes"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCreateRefusesWhatExists(t *testing.T) {
	folder := t.TempDir()
	for name, content := range map[string]string{"database": "", "a file": "precious"} {
		path := filepath.Join(folder, name)
		noError(t, os.WriteFile(path, []byte(content), 0o644))
		if _, err := Create(t.Context(), path); !errors.Is(err, ErrExists) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, want ErrExists and the path", name, err)
		}
		if got, _ := os.ReadFile(path); string(got) != content {
			t.Errorf("%s was touched", name)
		}
	}
	if _, err := Create(t.Context(), filepath.Join(folder, "no", "such", "folder.db")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("in a folder that is not there: %v", err)
	}
}

func TestFilesAreTheOwnersOnly(t *testing.T) {
	r := create(t)
	noError(t, r.SetFact(t.Context(), "k", []byte("v")))
	for _, suffix := range []string{"", "-wal", "-shm"} {
		info, err := os.Stat(r.path + suffix)
		noError(t, err)
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", info.Name(), info.Mode())
		}
	}
	var journal string
	var synchronous, foreignKeys, vacuum int
	for pragma, into := range map[string]any{"journal_mode": &journal, "synchronous": &synchronous, "foreign_keys": &foreignKeys, "auto_vacuum": &vacuum} {
		noError(t, r.writer.conn.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(into))
	}
	if journal != "wal" || synchronous != 2 || foreignKeys != 1 || vacuum != 2 {
		t.Errorf("journal_mode %s, synchronous %d, foreign_keys %d, auto_vacuum %d", journal, synchronous, foreignKeys, vacuum)
	}
}

func TestOpenNeverCreates(t *testing.T) {
	path := filepath.Join(t.TempDir(), "missing.db")
	if _, err := Open(t.Context(), path); !errors.Is(err, ErrMissing) || !strings.Contains(err.Error(), path) {
		t.Errorf("%v, want ErrMissing and the path", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Open made a file: %v", err)
	}
}

// A path with the characters that mean something in a URI.
func TestPathsThatLookLikeURIs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a b?mode=memory#x%20&c.db")
	r, err := Create(t.Context(), path)
	noError(t, err)
	noError(t, r.SetFact(t.Context(), "k", []byte("v")))
	noError(t, r.Close())
	r, err = Open(t.Context(), path)
	noError(t, err)
	defer r.Close()
	if v, err := r.Fact(t.Context(), "k"); err != nil || string(v) != "v" {
		t.Errorf("%q, %v", v, err)
	}
	if info, err := os.Stat(path); err != nil || info.Size() == 0 {
		t.Errorf("the file is elsewhere: %v", err)
	}
}

func TestRelativePath(t *testing.T) {
	t.Chdir(t.TempDir())
	r, err := Create(t.Context(), "record.db")
	noError(t, err)
	noError(t, r.Close())
	if _, err := os.Stat("record.db"); err != nil {
		t.Error(err)
	}
}

func TestOpenLeavesOthersFilesAlone(t *testing.T) {
	folder := t.TempDir()
	write := func(name string, content []byte) string {
		path := filepath.Join(folder, name)
		noError(t, os.WriteFile(path, content, 0o600))
		return path
	}
	foreign := filepath.Join(folder, "foreign.db")
	db, err := sql.Open("sqlite", foreign)
	noError(t, err)
	_, err = db.Exec("CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1)")
	noError(t, err)
	noError(t, db.Close())
	r := create(t)
	noError(t, r.Close())
	ours, err := os.ReadFile(r.path)
	noError(t, err)
	newer := bytes.Clone(ours)
	newer[63] = 99 // user_version, big-endian at offset 60

	for path, want := range map[string]string{
		foreign:                           "another program",
		write("text", []byte("hello")):    "not a Holdfast database",
		write("empty", nil):               "not a Holdfast database",
		write("zone", make([]byte, 4096)): "not a Holdfast database",
		write("newer.db", newer):          "newer",
		folder:                            "not a file",
	} {
		before := fingerprint(t, path)
		_, err := Open(t.Context(), path)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, want it to say %q and the path", path, err, want)
		}
		if strings.HasSuffix(path, "newer.db") && !errors.Is(err, ErrNewer) {
			t.Errorf("%v, want ErrNewer", err)
		}
		if after := fingerprint(t, path); before != after {
			t.Errorf("%s was touched", path)
		}
		if _, err := os.Stat(path + "-wal"); err == nil {
			t.Errorf("%s has got a log", path)
		}
	}
}

func fingerprint(t *testing.T, path string) string {
	content, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	info, err := os.Stat(path)
	noError(t, err)
	return fmt.Sprintf("%x %v", sha256.Sum256(content), info.ModTime())
}

// A newer program's version may be in the log only: after it was killed.
func TestNewerInTheLog(t *testing.T) {
	r := create(t)
	_, err := r.writer.conn.ExecContext(t.Context(), "PRAGMA user_version = 9")
	noError(t, err)
	if _, err := Open(t.Context(), r.path); !errors.Is(err, ErrNewer) {
		t.Errorf("%v, want ErrNewer", err)
	}
}

func TestClosedRecordAnswersErrors(t *testing.T) {
	r, w := create(t), newWorld(20, 1)
	noError(t, errors.Join(r.Close(), r.Close()))
	if err := r.Measured(t.Context(), w.core(w.zones[0], "m", "", "", morning)); !errors.Is(err, errClosed) {
		t.Errorf("Measured: %v", err)
	}
	if _, err := r.Prune(t.Context(), Retention{}, morning); !errors.Is(err, errClosed) && err == nil {
		t.Errorf("Prune: %v", err)
	}
	if _, err := r.Statuses(t.Context()); err == nil {
		t.Error("Statuses: no error")
	}
}

func TestBackup(t *testing.T) {
	r, w := create(t), newWorld(21, 2)
	m := w.full(w.zones[0], "m", "s", morning)
	noError(t, r.Measured(t.Context(), m))
	file := filepath.Join(t.TempDir(), "backup.db")
	noError(t, r.Backup(t.Context(), file))
	noError(t, r.Measured(t.Context(), w.full(w.zones[1], "later", "s", morning)))
	if err := r.Backup(t.Context(), file); !errors.Is(err, ErrExists) {
		t.Errorf("over a file: %v, want ErrExists", err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if left, _ := filepath.Glob(file + "*"); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
	copied, err := Open(t.Context(), file)
	noError(t, err)
	defer copied.Close()
	got, err := copied.Measurement(t.Context(), "m")
	noError(t, err)
	same(t, got, stored(m))
	if _, err := copied.Measurement(t.Context(), "later"); !errors.Is(err, ErrNotFound) {
		t.Errorf("what came after the backup: %v", err)
	}
	noError(t, copied.Measured(t.Context(), w.full(w.zones[1], "later", "s", morning)))
	if err := r.Backup(t.Context(), filepath.Join(file, "below", "a file")); err == nil {
		t.Error("into nowhere: no error")
	}
}
