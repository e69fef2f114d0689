package consensustest

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"
	"time"
)

// memory is a machine's ports, without the machine.
type memory struct {
	mu        sync.Mutex
	next      int
	listeners map[string]*memoryListener
}

type memoryListener struct {
	of     *memory
	at     address
	called chan net.Conn
	once   sync.Once
	closed chan struct{}
}

func (m *memory) listen() (net.Listener, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.next++
	l := &memoryListener{of: m, at: address(strconv.Itoa(m.next)), called: make(chan net.Conn), closed: make(chan struct{})}
	m.listeners[string(l.at)] = l
	return l, nil
}

// dial waits until the other side has accepted, as a full backlog would.
func (m *memory) dial(at string, timeout time.Duration) (net.Conn, error) {
	m.mu.Lock()
	l := m.listeners[at]
	m.mu.Unlock()
	if l == nil {
		return nil, fmt.Errorf("nobody listens at %q", at)
	}
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	here, there := net.Pipe()
	select {
	case l.called <- there:
		return here, nil
	case <-l.closed:
		return nil, fmt.Errorf("nobody listens at %q any more", at)
	case <-timer.C:
		return nil, os.ErrDeadlineExceeded
	}
}

// Accept is described at net.Listener.
func (l *memoryListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.called:
		return conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close is described at net.Listener.
func (l *memoryListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	l.of.mu.Lock()
	defer l.of.mu.Unlock()
	delete(l.of.listeners, string(l.at))
	return nil
}

// Addr is described at net.Listener.
func (l *memoryListener) Addr() net.Addr { return l.at }
