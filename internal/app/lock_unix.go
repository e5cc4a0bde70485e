//go:build unix

package app

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// lockRecord keeps a second watch off a database: each would take what the
// other has under way for the remains of a crash, and mails would go out twice.
// The kernel ends the lock with the process, however that ends. It is not on
// the database itself, whose locks are SQLite's.
func lockRecord(database string) (release func() error, err error) {
	file, err := os.OpenFile(database+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock database: %w", err)
	}
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return file.Close, nil
	}
	_ = file.Close() // nothing was written
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, advise(fmt.Errorf("database %s: another watch works on it", database), "Stop that one first; `holdfast check`, `notices`, `record` and `rejudge` run beside it.")
	}
	return nil, fmt.Errorf("lock database %s: %w", database, err)
}
