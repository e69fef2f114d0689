//go:build linux

package shim

import (
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// The files that a shim inherits from the executor that starts it.
const (
	// LockFD is an open file with an exclusive flock. The shim never touches
	// it: as long as the lock is held, the shim lives.
	LockFD = 3
	// ListenFD is the listening socket.
	ListenFD = 4
)

// Main is the shim's process; it returns its exit status. It takes no
// arguments yet, and ignores any.
func Main([]string) int {
	server, listener, err := prepare()
	if err != nil {
		fmt.Fprintln(os.Stderr, "shim:", err)
		return 1
	}
	terminate := make(chan os.Signal, 1)
	signal.Notify(terminate, syscall.SIGTERM)
	signal.Ignore(syscall.SIGHUP, syscall.SIGINT, syscall.SIGPIPE)
	go server.accept(listener)
	select {
	case <-server.idle:
	case <-terminate:
		server.stopAll()
	}
	return 0
}

// prepare makes this process a shim.
func prepare() (*server, net.Listener, error) {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return nil, nil, fmt.Errorf("become a subreaper: %w", err)
	}
	// No job may dump core; once lowered, the hard limit stays.
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return nil, nil, fmt.Errorf("forbid core dumps: %w", err)
	}
	syscall.CloseOnExec(LockFD)
	file := os.NewFile(ListenFD, "listener")
	defer file.Close()
	listener, err := net.FileListener(file)
	if err != nil {
		return nil, nil, fmt.Errorf("take over the socket: %w", err)
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, nil, err
	}
	return newServer(null), listener, nil
}
