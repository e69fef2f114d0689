//go:build !linux

package consensustest

import "errors"

// Flushed can't tell here.
func Flushed(string) (bool, error) { return false, errors.ErrUnsupported }
