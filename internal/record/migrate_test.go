package record

import (
	"database/sql"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pressly/goose/v3"
)

// older makes a database as the program of an older schema left it, with a row
// that must survive, and answers its path.
func older(t *testing.T, version int64) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "record.db")
	noError(t, os.WriteFile(path, nil, 0o600))
	db, err := sql.Open("sqlite", dsn(path, "synchronous(full)"))
	noError(t, err)
	defer db.Close()
	_, err = db.ExecContext(t.Context(), "PRAGMA auto_vacuum = incremental; PRAGMA journal_mode = wal")
	noError(t, err)
	_, err = provider(t, db).UpTo(t.Context(), version)
	noError(t, err)
	_, err = db.ExecContext(t.Context(), fmt.Sprintf("PRAGMA application_id = %d; INSERT INTO zone (key, name) VALUES (7, 'example.')", applicationID))
	noError(t, err)
	noError(t, checkpoint(t.Context(), db))
	return path
}

func provider(t *testing.T, db *sql.DB) *goose.Provider {
	t.Helper()
	folder, err := fs.Sub(migrations, "migrations")
	noError(t, err)
	p, err := goose.NewProvider(goose.DialectSQLite3, db, folder, goose.WithDisableGlobalRegistry(true))
	noError(t, err)
	return p
}

// migrated opens a database and holds that it is whole, of this program's
// schema, and has its row.
func migrated(t *testing.T, path, when string) {
	t.Helper()
	r, err := Open(t.Context(), path)
	if err != nil {
		t.Errorf("%s: %v", when, err)
		return
	}
	defer r.Close()
	intact(t, r)
	var version, number int64
	noError(t, r.writer.conn.QueryRowContext(t.Context(), "PRAGMA user_version").Scan(&version))
	noError(t, r.writer.conn.QueryRowContext(t.Context(), "SELECT key FROM zone WHERE name = 'example.'").Scan(&number))
	if version != schemaVersion || number != 7 {
		t.Errorf("%s: version %d, the row has %d", when, version, number)
	}
	for _, table := range []string{"signal", "signal_file", "testbed_zone", "testbed_step", "testbed_subscription", "testbed_result", "testbed_sighting"} {
		if _, err := r.writer.conn.ExecContext(t.Context(), "SELECT 1 FROM "+table); err != nil {
			t.Errorf("%s: %v", when, err)
		}
	}
}

// TestMigrationKilled stops the migration from each older schema wherever a
// power cut may: the write-ahead log is there up to some octet, and the rest is
// not. Opening goes on from there.
func TestMigrationKilled(t *testing.T) {
	for from := int64(1); from < schemaVersion; from++ {
		path := older(t, from)
		before, err := os.ReadFile(path)
		noError(t, err)
		db, err := sql.Open("sqlite", dsn(path, "synchronous(full)", "wal_autocheckpoint(0)"))
		noError(t, err)
		db.SetMaxOpenConns(1)
		_, err = provider(t, db).Up(t.Context())
		noError(t, err)
		log, err := os.ReadFile(path + "-wal") // while it is open: closing empties it
		noError(t, err)
		noError(t, db.Close())
		if len(log) < 4096 {
			t.Fatalf("from %d: a log of %d octets shows nothing", from, len(log))
		}
		const cuts = 12
		for cut := range cuts + 1 {
			copied := filepath.Join(t.TempDir(), "record.db")
			noError(t, os.WriteFile(copied, before, 0o600))
			noError(t, os.WriteFile(copied+"-wal", log[:len(log)*cut/cuts], 0o600))
			migrated(t, copied, fmt.Sprintf("from version %d, the log cut at %d of %d", from, len(log)*cut/cuts, len(log)))
		}
	}
}

// TestMigrationFails: one that cannot be done is said with both versions, and
// leaves the database as it was, so that it can be done when its cause is gone.
func TestMigrationFails(t *testing.T) {
	path := older(t, 2)
	change := func(statement string) {
		t.Helper()
		db, err := sql.Open("sqlite", dsn(path))
		noError(t, err)
		defer db.Close()
		_, err = db.ExecContext(t.Context(), statement)
		noError(t, err)
	}
	change("CREATE TABLE testbed_result (x)") // the third migration can be done, the fourth cannot
	for range 2 {
		_, err := Open(t.Context(), path)
		if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("to %d", schemaVersion)) || !strings.Contains(err.Error(), path) {
			t.Fatalf("%v", err)
		}
	}
	db, err := sql.Open("sqlite", dsn(path))
	noError(t, err)
	var version, left int64
	noError(t, db.QueryRowContext(t.Context(), "PRAGMA user_version").Scan(&version))
	noError(t, db.QueryRowContext(t.Context(), "SELECT count(*) FROM sqlite_schema WHERE name = 'testbed_zone'").Scan(&left))
	noError(t, db.Close())
	if version != 3 || left != 0 {
		t.Errorf("version %d, and %d tables of a migration that failed", version, left)
	}
	change("DROP TABLE testbed_result")
	migrated(t, path, "with the cause gone")
}
