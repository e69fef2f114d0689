package inject

import (
	"fmt"
	"os"
	"syscall"
)

// owner is whose a file is.
type owner struct{ uid, gid int }

func ownerOf(path string) (owner, error) {
	info, err := os.Stat(path)
	if err != nil {
		return owner{}, err
	}
	at, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return owner{}, fmt.Errorf("%s: this system tells no owner", path)
	}
	return owner{int(at.Uid), int(at.Gid)}, nil
}
