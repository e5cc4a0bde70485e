package record

import (
	"context"
	"database/sql"
	"embed"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"

	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // the driver "sqlite"
)

const (
	// schemaVersion is the newest migration, and PRAGMA user_version after it.
	schemaVersion = 4
	// applicationID marks a SQLite file as ours: "HFrd" at offset 68 of the
	// file, where file(1) looks too.
	applicationID = 0x48467264
	// busyMilliseconds is how long a statement waits for another process
	// (a backup, a command at the shell) before it gives up.
	busyMilliseconds = 10_000
)

//go:embed migrations/*.sql
var migrations embed.FS

// Record is the database, open. Its methods may be called by many goroutines
// at once. Several processes may have the same database open, but only one of
// them should record measurements.
type Record struct {
	path   string
	reads  *sql.DB // a pool that cannot write
	writer *writer
	known  known
	packs  packCache
}

// Create makes a new database at path, readable by its owner only, and opens
// it. It answers ErrExists where something is there already, whatever it is.
func Create(ctx context.Context, path string) (*Record, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("create database %s: %w", path, ErrExists)
	}
	if err != nil {
		return nil, fmt.Errorf("create database: %w", err)
	}
	if err := file.Close(); err != nil {
		return nil, fmt.Errorf("create database: %w", err)
	}
	r, err := openFile(ctx, path, true)
	if err == nil {
		err = syncFolder(path)
	}
	if err != nil {
		if r != nil {
			r.Close()
		}
		// The file is ours, and nothing was promised to be in it.
		for _, suffix := range []string{"", "-wal", "-shm"} {
			os.Remove(path + suffix)
		}
		return nil, fmt.Errorf("create database %s: %w", path, explain(err))
	}
	return r, nil
}

// Open opens a database that Create made, and brings an older one to this
// program's schema. It never creates one: ErrMissing says that there is none.
// ErrNewer says that a newer program wrote it; that one, and a file that is no
// database of ours, is left untouched.
func Open(ctx context.Context, path string) (*Record, error) {
	if err := inspect(path); err != nil {
		return nil, fmt.Errorf("open database %s: %w", path, err)
	}
	r, err := openFile(ctx, path, false)
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", path, explain(err))
	}
	return r, nil
}

// inspect reads the header of the file (https://sqlite.org/fileformat.html,
// section 1.3) without SQLite, which would write to what it opens.
func inspect(path string) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return ErrMissing
	}
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return errors.New("it is not a file")
	}
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	header := make([]byte, 100)
	if _, err := io.ReadFull(file, header); err != nil || string(header[:16]) != "SQLite format 3\x00" {
		return errors.New("it is not a Holdfast database (nor any of SQLite's); it was left untouched: name the right file, or move it away and create a database")
	}
	if binary.BigEndian.Uint32(header[68:]) != applicationID {
		return errors.New("it is a SQLite database of another program, or one of ours whose making was interrupted; it was left untouched: name the right file, or move it away and create a database")
	}
	return tooNew(int64(binary.BigEndian.Uint32(header[60:])))
}

func tooNew(version int64) error {
	if version <= schemaVersion {
		return nil
	}
	return fmt.Errorf("%w: its schema is version %d and this program knows up to %d; run the newer program, or restore a backup from before the upgrade", ErrNewer, version, schemaVersion)
}

// openFile opens a file that is known to be ours, or empty where fresh.
func openFile(ctx context.Context, path string, fresh bool) (_ *Record, err error) {
	if err := migrate(ctx, path, fresh); err != nil {
		return nil, err
	}
	// Writes are durable when COMMIT returns: synchronous=FULL syncs the log
	// at each commit; NORMAL would leave the last commits to the power supply.
	db, err := sql.Open("sqlite", dsn(path, "synchronous(full)", "journal_size_limit(67108864)", "cache_size(-16384)"))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	reads, err := sql.Open("sqlite", dsn(path, "query_only(1)", "cache_size(-8192)"))
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	reads.SetMaxOpenConns(2 + runtime.GOMAXPROCS(0))
	reads.SetMaxIdleConns(2 + runtime.GOMAXPROCS(0))
	r := &Record{path: path, reads: reads}
	if r.writer, err = newWriter(ctx, db, &r.known); err != nil {
		return nil, errors.Join(err, reads.Close(), db.Close())
	}
	return r, nil
}

// dsn is the address of the database for the driver. mode=rw: SQLite must
// never create the file, nor recreate one that was moved away under us.
func dsn(path string, pragmas ...string) string {
	values := url.Values{"mode": {"rw"}, "_txlock": {"immediate"}}
	values.Add("_pragma", fmt.Sprintf("busy_timeout(%d)", busyMilliseconds))
	values.Add("_pragma", "foreign_keys(1)")
	for _, pragma := range pragmas {
		values.Add("_pragma", pragma)
	}
	return (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: values.Encode()}).String()
}

// migrate brings the file to schemaVersion on a connection of its own. If we
// were to crash in it, the next Open would go on: each migration is one
// transaction, and a file without our application id is refused.
func migrate(ctx context.Context, path string, fresh bool) error {
	db, err := sql.Open("sqlite", dsn(path, "synchronous(full)"))
	if err != nil {
		return err
	}
	defer db.Close()
	var version int64
	if err := db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	if err := tooNew(version); err != nil {
		return err
	}
	if version == schemaVersion {
		return nil
	}
	if fresh {
		// auto_vacuum only takes effect before the first table is made, and
		// the id goes in last but one: what has it, is a whole database.
		if _, err := db.ExecContext(ctx, "PRAGMA auto_vacuum = incremental; PRAGMA journal_mode = wal"); err != nil {
			return err
		}
	}
	folder, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, folder, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate from version %d to %d: %w", version, schemaVersion, err)
	}
	if _, err := db.ExecContext(ctx, fmt.Sprintf("PRAGMA application_id = %d", applicationID)); err != nil {
		return err
	}
	// The header must be in the file itself, where inspect reads it.
	return checkpoint(ctx, db)
}

// checkpoint moves the write-ahead log into the database and empties it.
func checkpoint(ctx context.Context, db interface {
	QueryRowContext(context.Context, string, ...any) *sql.Row
}) error {
	var busy, log, moved int
	return db.QueryRowContext(ctx, "PRAGMA wal_checkpoint(truncate)").Scan(&busy, &log, &moved)
}

// syncFolder makes the file's entry in its folder durable.
func syncFolder(path string) error {
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// Close ends what is under way and closes the database; what is called after
// it fails. It may be called again.
func (r *Record) Close() error {
	if err := errors.Join(r.reads.Close(), r.writer.close()); err != nil {
		return fmt.Errorf("close database %s: %w", r.path, explain(err))
	}
	return nil
}
