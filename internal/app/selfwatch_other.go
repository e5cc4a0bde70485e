//go:build !linux

package app

import "errors"

// kernelClock and diskFree are asked of Linux alone; elsewhere nothing is known.
func kernelClock() (Kept, bool) { return Kept{}, false }

func diskFree(string) (int64, error) { return 0, errors.ErrUnsupported }
