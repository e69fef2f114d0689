//go:build linux

package shim

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/go-json-experiment/json"
)

// job is a Job that runs.
type job struct {
	*Job
	began time.Time
	pid   int // of its first process, which leads its session and group; 0 until it is born
	ended chan struct{}

	mu     sync.Mutex
	reason string // why it is being stopped; empty while it isn't
}

// start runs a job in the background. A job that runs already is left alone.
func (s *server) start(spec *Job) {
	j := &job{Job: spec, began: time.Now(), ended: make(chan struct{})}
	s.mu.Lock()
	_, known := s.jobs[spec.Dir]
	if !known && !s.closing {
		s.jobs[spec.Dir] = j
	}
	s.mu.Unlock()
	if !known {
		go s.run(j)
	}
}

// run sees a job from its birth to its exit.json.
func (s *server) run(j *job) {
	exit := &Exit{Start: j.began.UTC()}
	if err := s.bear(j); err != nil {
		exit.Error = err.Error()
		exit.Code = CodeNotExecutable
		if os.IsNotExist(err) {
			exit.Code = CodeNotFound
		}
	} else {
		s.watch(j, exit)
	}
	close(j.ended)
	exit.End = exit.Start.Add(time.Since(j.began))
	exit.Reason = j.whyStopped()
	if err := j.record(exit); err != nil {
		fmt.Fprintln(os.Stderr, "shim: exit status:", err)
	}
	s.announce(j, exit)
}

// watch waits for a job's first process and then ends all others.
func (s *server) watch(j *job, exit *Exit) {
	if j.WalltimeSeconds > 0 {
		timer := time.AfterFunc(seconds(j.WalltimeSeconds), func() { s.end(j, ReasonWalltime) })
		defer timer.Stop()
	}
	for {
		pid, status, err := waitGroup(j.pid, exit)
		if err != nil {
			fmt.Fprintln(os.Stderr, "shim: wait:", err)
			return
		}
		if pid == j.pid {
			exit.setStatus(status)
			break
		}
	}
	syscall.Kill(-j.pid, syscall.SIGKILL)
	for {
		if _, _, err := waitGroup(j.pid, exit); err != nil {
			break
		}
	}
	s.clearStrays(j, exit)
	s.mu.Lock()
	delete(s.mains, j.pid)
	s.mu.Unlock()
}

// stop ends a job on its executor's order.
func (s *server) stop(dir string) {
	s.mu.Lock()
	j := s.jobs[dir]
	s.mu.Unlock()
	if j != nil {
		go s.end(j, ReasonStopped)
	}
}

// stopAll ends every job and waits for their exit files.
func (s *server) stopAll() {
	s.mu.Lock()
	s.closing = true
	running := make([]*job, 0, len(s.jobs))
	for _, j := range s.jobs {
		running = append(running, j)
	}
	s.mu.Unlock()
	for _, j := range running {
		go s.end(j, ReasonStopped)
	}
	for _, j := range running {
		<-j.ended
	}
	for s.running() {
		time.Sleep(time.Millisecond)
	}
}

func (s *server) running() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.jobs) > 0
}

// end asks a job to terminate and kills it when its grace is over.
func (s *server) end(j *job, reason string) {
	if !j.stopping(reason) {
		return
	}
	s.mu.Lock()
	pid := j.pid
	s.mu.Unlock()
	if pid == 0 {
		return // bear sees the reason
	}
	s.signal(j, syscall.SIGTERM)
	select {
	case <-j.ended:
	case <-time.After(seconds(j.GraceSeconds)):
		s.signal(j, syscall.SIGKILL)
		syscall.Kill(-pid, syscall.SIGKILL)
	}
}

// stopping notes the reason, and reports whether it is the first.
func (j *job) stopping(reason string) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.reason != "" {
		return false
	}
	j.reason = reason
	return true
}

func (j *job) whyStopped() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.reason
}

// record writes exit.json. A shim that dies while it does leaves no JSON, and
// nobody reads the file before the shim has said so or is gone.
func (j *job) record(exit *Exit) error {
	text, err := json.Marshal(exit)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(j.Dir, ExitFile), text, 0o600)
}

// setStatus notes how the first process ended.
func (e *Exit) setStatus(status syscall.WaitStatus) {
	if status.Signaled() {
		e.Signal = int(status.Signal())
		e.Code = 128 + e.Signal
		return
	}
	e.Code = status.ExitStatus()
}

// waitGroup waits for any child of the group and adds what it used.
func waitGroup(group int, exit *Exit) (int, syscall.WaitStatus, error) {
	return wait(-group, 0, exit)
}

// wait waits for a child, as wait4 names it, and adds what it used.
func wait(which, options int, exit *Exit) (int, syscall.WaitStatus, error) {
	for {
		var status syscall.WaitStatus
		var used syscall.Rusage
		pid, err := syscall.Wait4(which, &status, options, &used)
		if err == syscall.EINTR {
			continue
		}
		if err == nil && pid > 0 && exit != nil {
			exit.add(&used)
		}
		return pid, status, err
	}
}

func (e *Exit) add(used *syscall.Rusage) {
	e.UserSeconds += time.Duration(used.Utime.Nano()).Seconds()
	e.SystemSeconds += time.Duration(used.Stime.Nano()).Seconds()
	e.MaxRSS = max(e.MaxRSS, used.Maxrss<<10) // Linux counts KiB
}

// longest is what a timer is set to at most, in seconds: a hundred years.
const longest = 100 * 365.25 * 86400

func seconds(n float64) time.Duration { return time.Duration(min(n, longest) * float64(time.Second)) }
