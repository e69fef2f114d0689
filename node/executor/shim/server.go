//go:build linux

package shim

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
)

// maxRequest bounds a request's line: the largest is a job with its whole
// environment.
const maxRequest = 4 << 20

// sendPatience is how long an executor that doesn't listen may hold up the
// jobs' end.
const sendPatience = 5 * time.Second

// server holds the running jobs and the connection that hears of their end.
type server struct {
	null   *os.File
	births chan birth
	idle   chan struct{} // closed when nothing runs and nobody is connected

	mu      sync.Mutex
	jobs    map[string]*job // by directory
	mains   map[int]*job    // by the pid of their first process
	conn    net.Conn        // nil while nobody is connected
	closing bool
}

func newServer(null *os.File) *server {
	s := &server{
		null:   null,
		births: make(chan birth),
		idle:   make(chan struct{}),
		jobs:   map[string]*job{},
		mains:  map[int]*job{},
	}
	go s.fork()
	return s
}

// accept serves one connection after the other until the process ends. An
// executor's next life is heard only when everything that its last one has said
// is understood, so that it learns of every job.
func (s *server) accept(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			fmt.Fprintln(os.Stderr, "shim: accept:", err)
			return
		}
		s.serve(conn)
	}
}

// serve reads one executor's requests.
func (s *server) serve(conn net.Conn) {
	defer s.leave(conn)
	if !s.join(conn) {
		return // ending: whoever it is will start another shim
	}
	lines := bufio.NewScanner(conn)
	lines.Buffer(make([]byte, 4096), maxRequest)
	for lines.Scan() {
		var r Request
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			fmt.Fprintln(os.Stderr, "shim: request:", err)
			return
		}
		if r.Start != nil {
			s.start(r.Start)
		}
		if r.Stop != "" {
			s.stop(r.Stop)
		}
	}
}

// join tells a new connection what runs. What ends from now on it will hear.
func (s *server) join(conn net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return false
	}
	running := make([]string, 0, len(s.jobs))
	for dir := range s.jobs {
		running = append(running, dir)
	}
	s.conn = conn
	send(conn, Event{Running: running})
	return true
}

func (s *server) leave(conn net.Conn) {
	conn.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conn = nil
	s.checkIdle()
}

// announce tells of a job's end and forgets it.
func (s *server) announce(j *job, exit *Exit) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.jobs, j.Dir)
	if s.conn != nil {
		send(s.conn, Event{Dir: j.Dir, Exit: exit})
	}
	s.checkIdle()
}

// checkIdle ends the shim when it is of no more use. Callers hold mu.
func (s *server) checkIdle() {
	if s.closing || s.conn != nil || len(s.jobs) > 0 {
		return
	}
	s.closing = true
	close(s.idle)
}

// send writes an event. A connection that fails is noticed by its reader; the
// files hold what it missed.
func send(conn net.Conn, e Event) {
	line, err := json.Marshal(e)
	if err != nil {
		fmt.Fprintln(os.Stderr, "shim: event:", err)
		return
	}
	conn.SetWriteDeadline(time.Now().Add(sendPatience))
	conn.Write(append(line, '\n'))
}
