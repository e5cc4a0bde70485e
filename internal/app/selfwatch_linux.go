package app

import (
	"syscall"
	"time"
)

// kernelClock asks the kernel what it knows of its clock (adjtimex(2), RFC
// 5905); false where it does not say, as under some sandboxes.
func kernelClock() (Kept, bool) {
	const unsynchronised = 0x40 // STA_UNSYNC
	var t syscall.Timex         // Modes 0: nothing is changed
	if _, err := syscall.Adjtimex(&t); err != nil {
		return Kept{}, false
	}
	return Kept{Synchronised: t.Status&unsynchronised == 0, MaxError: time.Duration(t.Maxerror) * time.Microsecond}, true
}

// diskFree is how many octets a process without privileges may still write
// where the folder is.
func diskFree(folder string) (int64, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(folder, &s); err != nil {
		return 0, err
	}
	return int64(min(s.Bavail, 1<<40)) * s.Bsize, nil
}
