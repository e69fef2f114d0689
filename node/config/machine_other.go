//go:build !linux

package config

import "runtime"

// Machine is what this machine can give. Only on Linux are memory and space
// asked for; elsewhere, where brokers are only tried out, they are assumed.
func Machine(string) (Capacity, error) {
	return Capacity{Cores: int64(runtime.NumCPU()), Memory: 4, Storage: 10}, nil
}

// FreeSpace is how many bytes are free where a directory is; see Machine.
func FreeSpace(string) (uint64, error) { return 10 << 30, nil }
