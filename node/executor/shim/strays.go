//go:build linux

package shim

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// clearance is how long killed processes may take to vanish. One that sits in
// the kernel for longer (a dead network file system) is left to the kernel.
const clearance = 2 * time.Second

// clearStrays kills what a job has left behind: children of this subreaper that
// bear the job's session or token. One that has shed both is killed as soon as
// no other job runs to which it might belong.
func (s *server) clearStrays(j *job, exit *Exit) {
	deadline := time.Now().Add(clearance)
	for pause := 100 * time.Microsecond; ; pause *= 2 {
		strays := s.straysOf(j)
		for _, pid := range strays {
			syscall.Kill(pid, syscall.SIGKILL)
			wait(pid, syscall.WNOHANG, exit)
		}
		if len(strays) == 0 || time.Now().After(deadline) {
			return
		}
		time.Sleep(pause)
	}
}

// straysOf lists a job's orphans.
func (s *server) straysOf(j *job) []int {
	var strays []int
	for _, pid := range children(os.Getpid()) {
		if owner := s.owner(pid); owner == j || owner == nil && s.alone(j) {
			strays = append(strays, pid)
		}
	}
	return strays
}

// owner is the job to which a process belongs, nil where nothing tells.
func (s *server) owner(pid int) *job {
	s.mu.Lock()
	defer s.mu.Unlock()
	if main, ok := s.mains[pid]; ok {
		return main
	}
	if j, ok := s.mains[sessionOf(pid)]; ok {
		return j
	}
	return s.jobs[tokenOf(pid)]
}

// alone reports whether no other job has a process.
func (s *server) alone(j *job) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.mains) == 1 && s.mains[j.pid] == j
}

// signal sends a signal to every process of a job below the sandbox.
func (s *server) signal(j *job, sig syscall.Signal) {
	s.mu.Lock()
	pid, alive := j.pid, s.mains[j.pid] == j
	s.mu.Unlock()
	if !alive {
		return
	}
	descend(pid, 0, func(pid, depth int) {
		if depth >= j.Depth {
			syscall.Kill(pid, sig)
		}
	})
	for _, stray := range s.straysOf(j) {
		if stray != pid {
			descend(stray, 0, func(pid, _ int) { syscall.Kill(pid, sig) })
		}
	}
}

// maxDepth bounds the walk down a tree of processes that may be forking.
const maxDepth = 64

// descend visits a process and all below it.
func descend(pid, depth int, visit func(pid, depth int)) {
	below := children(pid)
	visit(pid, depth)
	if depth == maxDepth {
		return
	}
	for _, child := range below {
		descend(child, depth+1, visit)
	}
}

// children lists the children of all of a process's threads.
func children(pid int) []int {
	var pids []int
	tasks := fmt.Sprintf("/proc/%d/task", pid)
	threads, err := os.ReadDir(tasks)
	if err != nil {
		return nil
	}
	for _, thread := range threads {
		text, err := os.ReadFile(tasks + "/" + thread.Name() + "/children")
		if err != nil {
			continue
		}
		for field := range strings.FieldsSeq(string(text)) {
			if child, err := strconv.Atoi(field); err == nil {
				pids = append(pids, child)
			}
		}
	}
	return pids
}

// sessionOf reads a process's session from /proc; zombies have theirs still.
func sessionOf(pid int) int {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	// pid (name) state ppid pgrp session …; the name may hold anything.
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) < 4 {
		return 0
	}
	session, _ := strconv.Atoi(fields[3])
	return session
}

// tokenOf reads the job's token from a process's environment.
func tokenOf(pid int) string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	if err != nil {
		return ""
	}
	for entry := range bytes.SplitSeq(text, []byte{0}) {
		if token, ok := strings.CutPrefix(string(entry), TokenVariable+"="); ok {
			return token
		}
	}
	return ""
}
