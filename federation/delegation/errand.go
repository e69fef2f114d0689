package delegation

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"starling/federation/identity"
)

const (
	// Header is the field of a request that holds an assertion.
	Header = "Starling-Assertion"

	// lifetime is how long an assertion is good for: to be sent, and to wait for a
	// connection.
	lifetime = 30 * time.Second
	// skew is how far the clocks of two nodes may differ, as for tokens.
	skew = 30 * time.Second

	// maxAssertion bounds an assertion, in bytes. What a token of 8 KiB says fits.
	maxAssertion = 16 << 10
	// mostHops is how many nodes a request may come through.
	mostHops = 4
)

// An Errand is a request of one node to another on somebody's behalf.
type Errand struct {
	Subject identity.Subject
	// Via are the nodes that the request has come through to the one that signs,
	// the first one first.
	Via    []identity.NodeName
	Method string
	// Target is the path and query as they are sent (RFC 9112 section 3.2.1).
	Target string
}

// ErrLoop says that a request can't go on to a node, since it has come through
// it, or through too many.
var ErrLoop = errors.New("the request goes in circles")

// onward checks that a request that came through some nodes to one may go on to
// another, and returns all that it will have come through.
func onward(via []identity.NodeName, through, to identity.NodeName) ([]identity.NodeName, error) {
	all := append(slices.Clone(via), through)
	if len(all) > mostHops {
		return nil, fmt.Errorf("%w: it has come through %d nodes, and may through %d", ErrLoop, len(all), mostHops)
	}
	if slices.Contains(all, to) {
		return nil, fmt.Errorf("%w: it has come through %s already", ErrLoop, to)
	}
	return all, nil
}
