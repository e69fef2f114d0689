package consensustest

import (
	"os"

	"golang.org/x/sys/unix"
)

// Flushed reports whether nothing of a file waits in memory for the disk, as the
// kernel sees it.
func Flushed(path string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	var pages unix.Cachestat_t
	if err := unix.Cachestat(uint(f.Fd()), &unix.CachestatRange{}, &pages, 0); err != nil {
		return false, os.NewSyscallError("cachestat", err)
	}
	return pages.Dirty == 0 && pages.Writeback == 0, nil
}
