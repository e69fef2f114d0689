package consensus

import (
	"net"
	"time"
)

// A Stream is how the nodes' logs reach each other. Whoever makes it sees to it
// that the other side is the node that it says it is.
type Stream interface {
	net.Listener
	// Dial connects to the log of a node. The address is the one under which that
	// node joined; it may have another by now.
	Dial(node, address string, timeout time.Duration) (net.Conn, error)
}
