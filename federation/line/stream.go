package line

import (
	"context"
	"net"
	"time"
)

// Stream is the part of the port that carries Raft: a listener, and the way to
// others. Its connections are with nodes of the federation and nobody else.
// Closing it leaves them, and the port, as they are.
type Stream struct {
	*queue
	port *Port
}

// Dial connects to the node so named, which must be the one that answers at the
// address (HOST:PORT). No timeout is one of ten seconds.
func (s *Stream) Dial(node, address string, timeout time.Duration) (net.Conn, error) {
	if s.ended() {
		return nil, net.ErrClosed
	}
	if timeout <= 0 {
		timeout = s.port.patience
	}
	ctx, cancel := context.WithTimeout(s.port.ctx, timeout)
	defer cancel()
	return s.port.dial(ctx, protocolRaft, node, address)
}
