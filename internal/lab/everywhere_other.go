//go:build !linux

package lab

import (
	"errors"
	"fmt"
	"runtime"
)

func (s *serving) everywhere() error {
	return fmt.Errorf("answer on every address on %s: %w", runtime.GOOS, errors.ErrUnsupported)
}
