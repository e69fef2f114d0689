package consensustest

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

// ErrLost is what breaks a connection, or a request, that the network loses.
var ErrLost = errors.New("lost on the way")

// An Answer is how a node answers requests of others: the log's Answer.
type Answer = func(ctx context.Context, from string, request []byte) []byte

// Network connects the nodes of a test, which have names. Between any two, in
// each direction, nothing may get through; everything may be late, and
// connections may break. Its methods may be called by any goroutine.
type Network struct {
	listen func() (net.Listener, error)
	dial   func(address string, timeout time.Duration) (net.Conn, error)

	mu       sync.Mutex
	real     map[string]string // name -> the address where it listens
	answers  map[string]Answer
	blocked  map[[2]string]bool
	weather  Weather
	rng      *rand.Rand
	changed  chan struct{} // closed when a direction is cut or mended
	waitMost time.Duration
}

// Weather is what happens to all that is sent.
type Weather struct {
	// Delay is how late everything is, and Jitter how much more at most.
	Delay, Jitter time.Duration
	// Loss is the part of what is sent that breaks its connection: a lost packet
	// that nobody repeats in time.
	Loss float64
}

// NewNetwork is a network in memory whose losses and delays a seed makes.
func NewNetwork(seed uint64) *Network {
	m := &memory{listeners: map[string]*memoryListener{}}
	return newNetwork(seed, m.listen, m.dial)
}

// NewLoopback is the same over TCP on this machine, for measurements.
func NewLoopback(seed uint64) *Network {
	return newNetwork(seed,
		func() (net.Listener, error) { return net.Listen("tcp", "127.0.0.1:0") },
		func(address string, timeout time.Duration) (net.Conn, error) {
			return net.DialTimeout("tcp", address, timeout)
		})
}

func newNetwork(seed uint64, listen func() (net.Listener, error), dial func(string, time.Duration) (net.Conn, error)) *Network {
	return &Network{
		listen: listen, dial: dial, real: map[string]string{}, answers: map[string]Answer{}, blocked: map[[2]string]bool{},
		rng: rand.New(rand.NewPCG(seed, 1)), changed: make(chan struct{}), waitMost: 200 * time.Millisecond,
	}
}

// Block lets nothing through from one node to another.
func (n *Network) Block(from, to string) { n.set(true, [2]string{from, to}) }

// Cut cuts nodes off from all others, but not from each other.
func (n *Network) Cut(names ...string) { n.set(true, n.ways(names)...) }

// Join undoes Cut for the same nodes.
func (n *Network) Join(names ...string) { n.set(false, n.ways(names)...) }

// ways are all directions between some nodes and the others.
func (n *Network) ways(names []string) (ways [][2]string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	within := map[string]bool{}
	for _, name := range names {
		within[name] = true
	}
	for other := range n.real {
		if within[other] {
			continue
		}
		for _, name := range names {
			ways = append(ways, [2]string{name, other}, [2]string{other, name})
		}
	}
	return ways
}

func (n *Network) set(blocked bool, ways ...[2]string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, way := range ways {
		n.blocked[way] = blocked
	}
	close(n.changed)
	n.changed = make(chan struct{})
}

// Set changes the weather.
func (n *Network) Set(w Weather) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.weather = w
}

// Mend ends all faults.
func (n *Network) Mend() {
	n.Set(Weather{})
	n.mu.Lock()
	clear(n.blocked)
	n.mu.Unlock()
	n.set(false)
}

// Pass takes the time that something needs from one node to another, and waits as
// long as nothing gets through: until the context ends. It is what every write
// and every request goes through; a test may send other things by it.
func (n *Network) Pass(ctx context.Context, from, to string) error {
	n.mu.Lock()
	late, lost := n.weather.Delay, n.weather.Loss > 0 && n.rng.Float64() < n.weather.Loss
	if n.weather.Jitter > 0 {
		late += time.Duration(n.rng.Int64N(int64(n.weather.Jitter)))
	}
	n.mu.Unlock()
	if lost {
		return ErrLost
	}
	if late > 0 {
		timer := time.NewTimer(late)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	for {
		n.mu.Lock()
		blocked, changed := n.blocked[[2]string{from, to}], n.changed
		n.mu.Unlock()
		if !blocked {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
