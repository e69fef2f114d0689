package config

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"runtime"

	"golang.org/x/sys/unix"
)

// Machine is what this machine can give: its cores, three quarters of its
// memory, nine tenths of the space that is free where the data lie. The rest is
// for the system and the broker.
func Machine(data string) (Capacity, error) {
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return Capacity{}, fmt.Errorf("ask how much memory there is: %w", err)
	}
	memory := uint64(info.Totalram) * uint64(info.Unit)
	free, err := FreeSpace(data)
	if err != nil {
		return Capacity{}, err
	}
	return Capacity{
		Cores:   int64(runtime.NumCPU()),
		Memory:  max(1, int64(memory/4*3/uint64(GiB))),
		Storage: max(1, int64(free/10*9/uint64(GiB))),
	}, nil
}

// FreeSpace is how many bytes are free where a directory is, or the nearest one
// above it that exists.
func FreeSpace(dir string) (uint64, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return 0, err
	}
	var stat unix.Statfs_t
	for {
		err := unix.Statfs(dir, &stat)
		if err == nil {
			return stat.Bavail * uint64(stat.Bsize), nil
		}
		if !errors.Is(err, fs.ErrNotExist) || dir == filepath.Dir(dir) {
			return 0, fmt.Errorf("ask how much space there is in %s: %w", dir, err)
		}
		dir = filepath.Dir(dir)
	}
}
