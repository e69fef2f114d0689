package systemtest

import (
	"io"
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// passage is where others find a node's port, as long as it is open: what stands
// between sites, and is cut now and then. Calls that the node makes itself don't
// go through it.
type passage struct {
	listener net.Listener
	to       string
	running  sync.WaitGroup

	mu    sync.Mutex
	shut  bool
	conns map[net.Conn]bool
}

func newPassage(t *testing.T, to string) *passage {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &passage{listener: listener, to: to, conns: map[net.Conn]bool{}}
	p.running.Go(p.serve)
	t.Cleanup(func() {
		_ = listener.Close()
		p.cut()
		p.running.Wait()
	})
	return p
}

// cut ends all connections, and lets no other through until open.
func (p *passage) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shut = true
	for conn := range p.conns {
		_ = conn.Close()
	}
}

func (p *passage) open() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shut = false
}

// hold has a connection ended by cut; false while nothing gets through.
func (p *passage) hold(conn net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.shut {
		p.conns[conn] = true
	}
	return !p.shut
}

func (p *passage) letGo(conn net.Conn) {
	_ = conn.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, conn)
}

func (p *passage) serve() {
	for {
		caller, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.running.Go(func() { p.carry(caller) })
	}
}

// carry carries a connection's bytes until one end closes it.
func (p *passage) carry(caller net.Conn) {
	defer p.letGo(caller)
	node, err := net.Dial("tcp", p.to)
	if err != nil {
		return
	}
	defer p.letGo(node)
	if !p.hold(caller) || !p.hold(node) {
		return
	}
	var back sync.WaitGroup
	back.Go(func() {
		_, _ = io.Copy(caller, node)
		_ = caller.Close()
	})
	_, _ = io.Copy(node, caller)
	_ = node.Close()
	back.Wait()
}
