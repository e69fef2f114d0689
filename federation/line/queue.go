package line

import (
	"context"
	"net"
	"sync"
)

// queue is a listener whose connections come from the greeting.
type queue struct {
	address string
	conns   chan net.Conn
	closed  chan struct{}
	close   func()
}

func newQueue(address string) *queue {
	closed := make(chan struct{})
	return &queue{address: address, conns: make(chan net.Conn), closed: closed, close: sync.OnceFunc(func() { close(closed) })}
}

// Accept is described at net.Listener.
func (q *queue) Accept() (net.Conn, error) {
	select {
	case <-q.closed:
		return nil, net.ErrClosed
	default:
	}
	select {
	case conn := <-q.conns:
		return conn, nil
	case <-q.closed:
		return nil, net.ErrClosed
	}
}

// hand gives a connection to whoever accepts next.
func (q *queue) hand(ctx context.Context, conn net.Conn) error {
	select {
	case q.conns <- conn:
		return nil
	case <-q.closed:
		return net.ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close ends the accepting, not the connections.
func (q *queue) Close() error {
	q.close()
	return nil
}

// Addr is the address at which other nodes reach this one.
func (q *queue) Addr() net.Addr { return fixed(q.address) }

func (q *queue) ended() bool {
	select {
	case <-q.closed:
		return true
	default:
		return false
	}
}
