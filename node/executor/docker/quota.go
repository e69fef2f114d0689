package docker

import (
	"strconv"
	"strings"
	"sync/atomic"
)

// quota knows whether the engine can limit a container's own file system. Only
// some of its storage drivers can, on some file systems; it says so when it is
// asked to.
type quota struct{ impossible atomic.Bool }

// option is the option that limits a container; nil where it can't be.
func (q *quota) option(bytes int64) map[string]string {
	if q.impossible.Load() {
		return nil
	}
	return map[string]string{"size": strconv.FormatInt(bytes, 10)}
}

// refused reports whether an error is the engine's answer to the option, which
// isn't asked for again then.
func (q *quota) refused(option map[string]string, err error) bool {
	if option == nil || err == nil || !strings.Contains(err.Error(), "storage-opt") {
		return false
	}
	q.impossible.Store(true)
	return true
}
