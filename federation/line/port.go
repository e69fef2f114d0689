package line

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"starling/federation/certificate"
	"starling/federation/identity"
)

// Options are what a node's port is made of.
type Options struct {
	Node string // this node's name
	// Federation is the id of the federation that the node belongs to, "" while it
	// belongs to none. It is called for each connection and must not block.
	Federation func() string
	// Listen is the address to bind, HOST:PORT; port 0 takes a free one.
	Listen string
	// Advertise is the address at which other nodes reach it. Default: the one that
	// is bound. A wildcard address needs it. Port 0 is the port that is bound.
	Advertise string
	// Credentials are this node's. Nil is for nodes with --dev: there is no TLS, all
	// names are believed, and nothing but loopback is bound or called.
	Credentials *certificate.Credentials
	// Revoked says why a certificate, by its fingerprint, is good for nothing any
	// more. It is called for each connection and must not block; after it has come to
	// say so of another one, Sever is to be called. Nil: none is.
	Revoked func(fingerprint string) (why string, is bool)
	// Log is slog.Default() if nil.
	Log *slog.Logger
	// Registerer takes the metrics; nil for none.
	Registerer prometheus.Registerer
	// Dial calls other nodes, in place of a net.Dialer. Tests cut lines with it.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	patience time.Duration // tests have less
}

// patience is how long a connection may take from its first packet to the
// greeting: three round trips and a few signatures.
const patience = 10 * time.Second

// A Port is where other nodes reach this one, and from where it reaches them. Its
// methods may be called by any goroutine.
type Port struct {
	node        string
	federation  func() string
	credentials *certificate.Credentials
	revoked     func(fingerprint string) (why string, is bool)
	shunned     atomic.Pointer[shun]
	address     string // as others know it
	log         *slog.Logger
	metrics     *metrics
	quiet       *quiet
	patience    time.Duration
	dialer      func(ctx context.Context, network, address string) (net.Conn, error)

	listener net.Listener
	gate     *gate
	stream   *Stream
	web      *web

	ctx    context.Context // ends when Close has ended all connections
	cancel context.CancelFunc
	work   sync.WaitGroup // whatever Close waits for

	mu      sync.Mutex
	closed  bool
	open    map[net.Conn]string // bare connections, of all kinds, and the certificate of the other end
	met     map[string][]string // certificates that nodes have shown
	callers map[string]int      // connections that a node has made to this one
	// promised is the federation of the first whose Raft has called while this node
	// had none.
	promised string
}

// Listen binds the port and begins to greet. The context bounds the binding only;
// Close ends the port.
func Listen(ctx context.Context, options Options) (*Port, error) {
	if err := options.check(); err != nil {
		return nil, err
	}
	if options.Log == nil {
		options.Log = slog.Default()
	}
	if options.Revoked == nil {
		options.Revoked = func(string) (string, bool) { return "", false }
	}
	if options.patience == 0 {
		options.patience = patience
	}
	if options.Dial == nil {
		options.Dial = options.dialer()
	}
	config := net.ListenConfig{KeepAliveConfig: alive()}
	listener, err := config.Listen(ctx, "tcp", options.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen for other nodes on %s: %w", options.Listen, err)
	}
	p := &Port{
		node: options.Node, federation: options.Federation, credentials: options.Credentials,
		log: options.Log, quiet: newQuiet(), patience: options.patience, dialer: options.Dial, listener: listener, gate: newGate(mostWaiting, mostWaitingFromOne),
		revoked: options.Revoked, open: make(map[net.Conn]string), met: make(map[string][]string), callers: make(map[string]int),
	}
	if p.address, err = advertised(options.Advertise, listener.Addr()); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	if p.metrics, err = newMetrics(options.Registerer); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.stream = &Stream{queue: newQueue(p.address), port: p}
	p.web = newWeb(p)
	p.work.Go(p.web.serve)
	p.work.Go(p.accept)
	return p, nil
}

func (o Options) check() error {
	if err := identity.NodeName(o.Node).Validate(); err != nil {
		return err
	}
	if o.Federation == nil {
		return errors.New("listen for other nodes: nothing says which federation this node belongs to")
	}
	if o.Credentials != nil {
		if name := o.Credentials.Name(); name != o.Node {
			return fmt.Errorf("listen for other nodes: the credentials are of %s, this node is %s", name, o.Node)
		}
		return nil
	}
	if err := mustBeLoopback(o.Listen); err != nil {
		return fmt.Errorf("listen for other nodes on %s: %w", o.Listen, err)
	}
	return nil
}

// Addr is the address at which others reach this node.
func (p *Port) Addr() string { return p.address }

// Stream carries Raft. It is always the same.
func (p *Port) Stream() *Stream { return p.stream }

// Close ends all connections and whatever they were for, and waits for that. A
// second Close does nothing.
func (p *Port) Close() error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		p.work.Wait()
		return nil
	}
	p.closed = true
	open := p.open
	p.open = nil
	p.mu.Unlock()

	err := p.listener.Close()
	_ = p.stream.Close()
	for conn := range open {
		_ = conn.Close()
	}
	p.cancel() // now: a handler that is given up must not have a way to say that all is well
	p.web.close()
	p.work.Wait()
	p.metrics.unregister()
	return err
}

// begin reports whether there is still something to be begun; then the caller
// ends it with p.work.Done.
func (p *Port) begin() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	p.work.Add(1)
	return true
}

// closing reports whether Close has begun.
func (p *Port) closing() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closed
}

// keep remembers a bare connection, for Close to end it. It is false, and the
// connection closed, if the port is.
func (p *Port) keep(conn net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		_ = conn.Close()
		return false
	}
	p.open[conn] = ""
	return true
}

// drop closes a bare connection and forgets it.
func (p *Port) drop(conn net.Conn) {
	_ = conn.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.open, conn)
}
