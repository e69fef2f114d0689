//go:build linux

package shim

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// birth asks the forking goroutine for a process.
type birth struct {
	job  *job
	done chan error
}

var errStopped = errors.New("stopped before it was started")

// bear starts a job's first process.
func (s *server) bear(j *job) error {
	b := birth{job: j, done: make(chan error, 1)}
	s.births <- b
	return <-b.done
}

// fork starts processes, one after the other, on one thread that never ends:
// PR_SET_PDEATHSIG is sent when the thread that forked is gone, not the
// process; and limits are set on this process for the child to inherit.
func (s *server) fork() {
	runtime.LockOSThread()
	for b := range s.births {
		b.done <- s.forkOne(b.job)
	}
}

func (s *server) forkOne(j *job) error {
	path, err := lookPath(j.Job)
	if err != nil {
		return err
	}
	out, err := create(j.Dir, StdoutFile)
	if err != nil {
		return err
	}
	defer out.Close()
	errs, err := create(j.Dir, StderrFile)
	if err != nil {
		return err
	}
	defer errs.Close()

	s.mu.Lock()
	defer s.mu.Unlock()
	if j.whyStopped() != "" {
		return errStopped
	}
	limit(unix.RLIMIT_DATA, j.Data)
	limit(unix.RLIMIT_FSIZE, j.FileSize)
	pid, err := syscall.ForkExec(path, j.Argv, &syscall.ProcAttr{
		Dir:   j.Cwd,
		Env:   append(j.Env, TokenVariable+"="+j.Dir),
		Files: []uintptr{s.null.Fd(), out.Fd(), errs.Fd()},
		Sys:   &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL},
	})
	if err != nil {
		return &fs.PathError{Op: "run", Path: j.Argv[0], Err: err}
	}
	limitHard(pid, unix.RLIMIT_DATA, j.Data)
	limitHard(pid, unix.RLIMIT_FSIZE, j.FileSize)
	limitHard(pid, unix.RLIMIT_NPROC, j.Processes)
	j.pid = pid
	s.mains[pid] = j
	return nil
}

func create(dir, name string) (*os.File, error) {
	return os.OpenFile(filepath.Join(dir, name), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
}

// limit sets this process's soft limit, which a child inherits from its first
// instruction on. The shim itself needs far less than any job may be given.
func limit(resource int, bytes uint64) {
	var now unix.Rlimit
	if unix.Getrlimit(resource, &now) != nil {
		return
	}
	now.Cur = now.Max
	if bytes > 0 {
		now.Cur = min(bytes, now.Max)
	}
	unix.Setrlimit(resource, &now)
}

// limitHard lowers a child's hard limit too, so that it can't raise its soft
// one. The shim can't do that to itself: nobody but root may raise it again.
func limitHard(pid, resource int, bytes uint64) {
	if bytes > 0 {
		unix.Prlimit(pid, resource, &unix.Rlimit{Cur: bytes, Max: bytes}, nil)
	}
}

// lookPath finds a job's program as a shell would, by the job's own PATH and
// directory.
func lookPath(j *Job) (string, error) {
	name := j.Argv[0]
	if strings.Contains(name, "/") {
		if !filepath.IsAbs(name) {
			name = filepath.Join(j.Cwd, name)
		}
		return name, executable(name)
	}
	err := error(&fs.PathError{Op: "find", Path: name, Err: fs.ErrNotExist})
	for _, dir := range filepath.SplitList(variable(j.Env, "PATH")) {
		if !filepath.IsAbs(dir) {
			continue
		}
		path := filepath.Join(dir, name)
		if e := executable(path); e == nil {
			return path, nil
		} else if !os.IsNotExist(e) {
			err = e
		}
	}
	return "", err
}

func executable(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.IsDir() || info.Mode()&0o111 == 0 {
		return &fs.PathError{Op: "run", Path: path, Err: fs.ErrPermission}
	}
	return nil
}

func variable(env []string, name string) string {
	for i := len(env) - 1; i >= 0; i-- {
		if value, ok := strings.CutPrefix(env[i], name+"="); ok {
			return value
		}
	}
	return ""
}
