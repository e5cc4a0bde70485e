package record

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// Backup writes a copy of the database, as it stands at one instant, to a new
// file, while others go on writing. It is compact, whole and a database by
// itself: Open opens it. A file that exists is never written over (ErrExists).
// If we were to crash in it, file is not there, and file.partial may be thrown
// away.
func (r *Record) Backup(ctx context.Context, file string) error {
	return r.failed("back up to "+file, r.backup(ctx, file))
}

func (r *Record) backup(ctx context.Context, file string) error {
	if _, err := os.Lstat(file); err == nil {
		return ErrExists
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	partial := file + ".partial"
	made, err := os.OpenFile(partial, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there already: another backup is under way, or was interrupted; then remove it", partial)
	}
	if err != nil {
		return err
	}
	defer os.Remove(partial)
	defer made.Close()
	if err := r.vacuumInto(ctx, partial); err != nil {
		return err
	}
	if err := made.Sync(); err != nil {
		return err
	}
	// Unlike a rename, a link does not replace what somebody made meanwhile.
	err = os.Link(partial, file)
	if errors.Is(err, fs.ErrExist) {
		return ErrExists
	}
	if err != nil { // a file system without links
		err = os.Rename(partial, file)
	}
	return errors.Join(err, syncFolder(file))
}

func (r *Record) vacuumInto(ctx context.Context, file string) error {
	// On a connection of its own: the readers' cannot write, not even elsewhere,
	// and the writer's is to stay free.
	db, err := sql.Open("sqlite", dsn(r.path))
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, "VACUUM INTO ?", file)
	return errors.Join(err, db.Close())
}
