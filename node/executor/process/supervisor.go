//go:build linux

package process

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/go-json-experiment/json"
	"golang.org/x/sys/unix"

	"starling/node/executor/shim"
	"starling/node/executor/work"
)

// Names within the root.
const (
	lockFile   = "shim.lock"
	socketFile = "shim.sock"
	logFile    = "shim.log"
)

// connectPatience is how long a shim may take to come up, or to go away.
const connectPatience = 10 * time.Second

// supervisor is this side of the shim: it starts one when there is work and
// none lives, and hands out the exits that the shim reports.
type supervisor struct {
	root string
	argv []string

	mu      sync.Mutex
	link    *link
	closed  bool
	readers sync.WaitGroup
}

// link is a connection to a living shim.
type link struct {
	conn    net.Conn
	lines   *bufio.Scanner
	child   *exec.Cmd // if this process started it
	waiting map[string]chan *shim.Exit
}

var errClosed = errors.New("the backend is closed")

// start has the shim run a job. The channel gets its exit, or nil if the shim
// died before it could tell.
func (s *supervisor) start(job *shim.Job) (<-chan *shim.Exit, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.connect(true); err != nil {
		return nil, err
	}
	exit := make(chan *shim.Exit, 1)
	s.link.waiting[job.Dir] = exit
	if err := s.link.send(shim.Request{Start: job}); err != nil {
		delete(s.link.waiting, job.Dir)
		return nil, fmt.Errorf("tell the shim: %w", err)
	}
	return exit, nil
}

// find returns the exit of a job that was started in an earlier life, which the
// channel has at once if it has ended; nil in the channel if it is lost.
func (s *supervisor) find(dir work.Dir) (<-chan *shim.Exit, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.connect(false); err != nil {
		return nil, err
	}
	if s.link != nil {
		if exit, runs := s.link.waiting[string(dir)]; runs {
			return exit, nil
		}
	}
	exit := make(chan *shim.Exit, 1)
	exit <- exitOf(dir)
	return exit, nil
}

// exitOf reads how a program ended; nil while it hasn't.
func exitOf(dir work.Dir) *shim.Exit {
	exit := &shim.Exit{}
	if dir.Read(shim.ExitFile, exit) != nil {
		return nil
	}
	return exit
}

// stop asks the shim to end a job.
func (s *supervisor) stop(dir work.Dir) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.link != nil {
		s.link.send(shim.Request{Stop: string(dir)})
	}
}

// close leaves the shim alone. One that has nothing to do ends, and is waited
// for if this process started it.
func (s *supervisor) close() {
	s.mu.Lock()
	s.closed = true
	l := s.link
	if l != nil {
		l.conn.Close()
	}
	s.mu.Unlock()
	s.readers.Wait()
	if l == nil || l.child == nil || len(l.waiting) > 0 {
		return
	}
	for deadline := time.Now().Add(connectPatience); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		var status syscall.WaitStatus
		if pid, err := syscall.Wait4(l.child.Process.Pid, &status, syscall.WNOHANG, nil); pid != 0 || err != nil {
			return
		}
	}
}

// connect makes sure of a link; without one and without a living shim, it
// starts one if it may. Callers hold mu.
func (s *supervisor) connect(mayStart bool) error {
	if s.closed {
		return errClosed
	}
	if s.link != nil {
		return nil
	}
	var err error
	for deadline := time.Now().Add(connectPatience); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		var lock *os.File
		if lock, err = s.lock(); err != nil {
			return err
		}
		switch {
		case lock == nil:
			err = s.dial(nil)
		case mayStart:
			err = s.spawn(lock)
		default:
			err = nil
		}
		lock.Close() // a nil file says so and does nothing
		if err == nil {
			return nil
		}
	}
	return fmt.Errorf("reach the shim: %w", err)
}

// lock takes the shim's lock; nil if a shim lives and has it.
func (s *supervisor) lock() (*os.File, error) {
	lock, err := os.OpenFile(filepath.Join(s.root, lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err == nil {
		return lock, nil
	}
	lock.Close()
	if err == unix.EWOULDBLOCK {
		return nil, nil
	}
	return nil, fmt.Errorf("lock %s: %w", lockFile, err)
}

// spawn starts a shim with the lock and a listening socket and connects to it.
func (s *supervisor) spawn(lock *os.File) error {
	listener, err := s.listen()
	if err != nil {
		return err
	}
	defer listener.Close()
	log, err := os.OpenFile(filepath.Join(s.root, logFile), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	child := exec.Command(s.argv[0], s.argv[1:]...)
	child.Env = []string{"PATH=" + systemPath}
	child.Dir = "/"
	child.Stderr = log
	child.ExtraFiles = []*os.File{lock, listener} // shim.LockFD, shim.ListenFD
	child.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := child.Start(); err != nil {
		return fmt.Errorf("start the shim: %w", err)
	}
	if err := s.dial(child); err != nil {
		child.Process.Kill()
		child.Wait()
		said, _ := os.ReadFile(log.Name())
		return fmt.Errorf("%w: %s", err, said)
	}
	return nil
}

// socket names the socket by way of a descriptor of its directory: the path
// itself may be longer than the 107 bytes that a socket's name can have.
func (s *supervisor) socket(use func(path string) error) error {
	dir, err := os.Open(s.root)
	if err != nil {
		return err
	}
	defer dir.Close()
	return use(fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), socketFile))
}

func (s *supervisor) listen() (file *os.File, err error) {
	os.Remove(filepath.Join(s.root, socketFile))
	err = s.socket(func(path string) error {
		listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
		if err != nil {
			return err
		}
		listener.SetUnlinkOnClose(false)
		defer listener.Close()
		file, err = listener.File()
		return err
	})
	return file, err
}

// dial connects and hears what runs.
func (s *supervisor) dial(child *exec.Cmd) error {
	l := &link{child: child, waiting: map[string]chan *shim.Exit{}}
	err := s.socket(func(path string) (err error) {
		l.conn, err = net.Dial("unix", path)
		return err
	})
	if err != nil {
		return err
	}
	l.lines = bufio.NewScanner(l.conn)
	l.lines.Buffer(make([]byte, 4096), 4<<20)
	l.conn.SetReadDeadline(time.Now().Add(connectPatience))
	hello, err := l.next()
	if err != nil {
		l.conn.Close()
		return err
	}
	l.conn.SetReadDeadline(time.Time{})
	for _, dir := range hello.Running {
		l.waiting[dir] = make(chan *shim.Exit, 1)
	}
	s.link = l
	s.readers.Go(func() { s.read(l) })
	return nil
}

// read hands out exits until the connection ends. Those that are waited for
// then have their files, or are lost.
func (s *supervisor) read(l *link) {
	for {
		event, err := l.next()
		s.mu.Lock()
		if err != nil {
			defer s.mu.Unlock()
			s.broken(l)
			return
		}
		if exit, ok := l.waiting[event.Dir]; ok {
			delete(l.waiting, event.Dir)
			exit <- event.Exit
		}
		s.mu.Unlock()
	}
}

// broken deals with a connection that has ended. Callers hold mu.
func (s *supervisor) broken(l *link) {
	if s.closed {
		return
	}
	l.conn.Close()
	s.link = nil
	if l.child != nil {
		l.child.Process.Kill() // it has broken its word; its jobs die with it
		l.child.Wait()
	}
	for dir, exit := range l.waiting {
		exit <- exitOf(work.Dir(dir))
	}
}

func (l *link) next() (shim.Event, error) {
	if !l.lines.Scan() {
		return shim.Event{}, errors.Join(errors.New("the shim is gone"), l.lines.Err())
	}
	var event shim.Event
	return event, json.Unmarshal(l.lines.Bytes(), &event)
}

func (l *link) send(r shim.Request) error {
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	_, err = l.conn.Write(append(line, '\n'))
	return err
}
