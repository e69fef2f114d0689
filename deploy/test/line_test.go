package systemtest

import (
	"io"
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// line is a line to an address that can be cut.
type line struct {
	listener net.Listener
	to       string
	served   sync.WaitGroup

	mu     sync.Mutex
	isCut  bool
	tried  int // connections since it was cut
	joined map[net.Conn]bool
}

func newLine(t *testing.T, to string) *line {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	l := &line{listener: listener, to: to, joined: map[net.Conn]bool{}}
	l.served.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			l.served.Go(func() { l.serve(conn) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		l.cut()
		l.served.Wait()
	})
	return l
}

func (l *line) address() string { return l.listener.Addr().String() }

// serve carries one connection, both ways.
func (l *line) serve(near net.Conn) {
	defer near.Close()
	far, err := net.Dial("tcp", l.to)
	if err != nil {
		return
	}
	defer far.Close()
	if !l.join(near, far) {
		return
	}
	var back sync.WaitGroup
	back.Go(func() {
		_, _ = io.Copy(near, far)
		near.Close()
	})
	_, _ = io.Copy(far, near)
	far.Close()
	back.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.joined, near)
	delete(l.joined, far)
}

func (l *line) join(ends ...net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.isCut {
		l.tried++
		return false
	}
	for _, end := range ends {
		l.joined[end] = true
	}
	return true
}

// cut breaks what is connected, and refuses what comes.
func (l *line) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.isCut, l.tried = true, 0
	for end := range l.joined {
		end.Close()
	}
}

func (l *line) mend() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.isCut = false
}

// refused is how often somebody has tried since the line was cut.
func (l *line) refused() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.tried
}
