package systemtest

import (
	"bufio"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// gate is where the programs of a test say what they do, and wait to be let
// through. It counts from outside of whatever the node keeps, so that work
// which is done twice is seen.
type gate struct {
	t        *testing.T
	listener net.Listener
	served   sync.WaitGroup

	mu    sync.Mutex
	words map[string]int
	open  bool
	conns map[net.Conn]bool
}

func newGate(t *testing.T) *gate {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	g := &gate{t: t, listener: listener, words: map[string]int{}, conns: map[net.Conn]bool{}}
	g.served.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			g.served.Go(func() { g.serve(conn) })
		}
	})
	t.Cleanup(g.close)
	return g
}

func (g *gate) serve(conn net.Conn) {
	defer conn.Close()
	g.mu.Lock()
	g.conns[conn] = true
	g.let(conn)
	g.mu.Unlock()
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		g.mu.Lock()
		g.words[strings.TrimSpace(lines.Text())]++
		g.mu.Unlock()
	}
	g.mu.Lock()
	delete(g.conns, conn)
	g.mu.Unlock()
}

// let lets a program through, if the gate is open; g.mu is held.
func (g *gate) let(conn net.Conn) {
	if g.open {
		_, _ = conn.Write([]byte("go\n"))
	}
}

// Open lets all programs through, those to come included.
func (g *gate) Open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open = true
	for conn := range g.conns {
		g.let(conn)
	}
}

// count is how often a word was said.
func (g *gate) count(word string) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.words[word]
}

// waiting is how many programs are connected.
func (g *gate) waiting() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.conns)
}

// close ends it; whoever waits is let go.
func (g *gate) close() {
	g.listener.Close()
	g.mu.Lock()
	for conn := range g.conns {
		conn.Close()
	}
	g.mu.Unlock()
	g.served.Wait()
}

// program is a program that says "began", waits for the gate, adds a line to
// result.txt and says "ended".
func (g *gate) program() []string {
	host, port, _ := net.SplitHostPort(g.listener.Addr().String())
	return sh(`exec 3<>/dev/tcp/%s/%s; echo began >&3; read -r go <&3; echo done >> result.txt; echo ended >&3`, host, port)
}

// began waits until so many programs have begun.
func (g *gate) began(programs int) {
	g.t.Helper()
	eventually(g.t, "the program to begin", func() bool { return g.count("began") >= programs })
}
