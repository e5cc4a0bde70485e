package record

import (
	"context"
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// explain adds to an error of SQLite what it means for the operator and what
// to do. Errors that are not SQLite's pass unchanged.
func explain(err error) error {
	var fault *sqlite.Error
	if !errors.As(err, &fault) {
		return err
	}
	switch fault.Code() & 0xff {
	case sqlite3.SQLITE_FULL:
		return fmt.Errorf("the disk is full: free some space, or lower the retention and prune; nothing that was acknowledged is lost: %w", err)
	case sqlite3.SQLITE_IOERR:
		// A full disk is told as a failed write too: by quotas and limits on the size of files.
		return fmt.Errorf("the disk failed or is full: look at the system's log, free space, check the disk; nothing that was acknowledged is lost: %w", err)
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return fmt.Errorf("another process held the database for more than %d s: end it, or try again: %w", busyMilliseconds/1000, err)
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH:
		return fmt.Errorf("the database cannot be written: the file, the files -wal and -shm beside it, and its folder must be writable for the user who runs this: %w", err)
	case sqlite3.SQLITE_CANTOPEN:
		return fmt.Errorf("the database cannot be opened: look at the rights of the file and its folder: %w", err)
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return fmt.Errorf("the database is damaged: stop, keep the file, restore the last backup: %w", err)
	}
	return err
}

// failed names the act and the database in an error; nil stays nil. The
// caller's own end of patience and the sentinels pass with errors.Is.
func (r *Record) failed(act string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s: %w", act, err)
	}
	return fmt.Errorf("%s in %s: %w", act, r.path, explain(err))
}
