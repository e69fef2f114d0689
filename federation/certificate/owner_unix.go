//go:build unix

package certificate

import (
	"io/fs"
	"os"
	"syscall"
)

// lent reports whether a file is root's, who lets this process read it through its
// group, and nobody else: so Kubernetes mounts secrets, and so PostgreSQL takes them.
func lent(info fs.FileInfo) bool { return os.Geteuid() != 0 && lentBy(info) }

func lentBy(info fs.FileInfo) bool {
	of, ok := info.Sys().(*syscall.Stat_t)
	return ok && of.Uid == 0 && info.Mode().Perm()&0o037 == 0
}
