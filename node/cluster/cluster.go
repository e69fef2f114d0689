package cluster

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/memberlist"
	"github.com/prometheus/client_golang/prometheus"

	"starling/accounting"
	"starling/consensus"
	"starling/federation/certificate"
	"starling/federation/delegation"
	"starling/federation/identity"
	"starling/federation/line"
	"starling/federation/membership"
	"starling/node/config"
)

// PeersFile is where a node remembers the others, in its data directory.
const PeersFile = "peers.json"

// Options are what a node's place in a federation is made of.
type Options struct {
	Name    identity.NodeName
	URL     string // by which clients reach the node
	Version string // of the program, for others to see
	Dir     string // the data directory
	Config  config.Federation
	Outbox  *consensus.Outbox
	// Key signs what this node says to others on behalf of its users where it has no
	// certificate, in development; an Ed25519 key, whose public part is gossiped.
	Key     crypto.Signer
	Log     *slog.Logger
	Metrics prometheus.Registerer // nil: none are kept
	// Now is the wall clock, by which nodes compare theirs; nil: time.Now.
	Now func() time.Time
	// Network, if there is one, stands between this node and the others.
	Network Network
}

// Network stands between a node and the others; tests break it. Its zero value is
// the network that there is.
type Network struct {
	// Dial calls another node's line, in place of a net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Gossip stands between memberlist and its transport.
	Gossip func(memberlist.NodeAwareTransport) memberlist.NodeAwareTransport
	// Answer stands between the other nodes and what answers their requests of the
	// API: a node that is slow, or lies.
	Answer func(http.Handler) http.Handler
	// Describe stands between how this node is and what the others hear of that.
	Describe func(Source) Source
}

// Cluster is a node's place in its federation. It is safe for concurrent use.
type Cluster struct {
	name   string
	config config.Federation
	slog   *slog.Logger
	now    func() time.Time
	// network is what tests have put between this node and the others.
	network Network
	port    *line.Port
	// credentials are nil for nodes in development that have none.
	credentials *certificate.Credentials
	log         *consensus.Raft
	record      atomic.Pointer[consensus.Raft]        // the same, for those who ask while Open is about to
	gossip      atomic.Pointer[membership.Membership] // nil while Open is about to start it
	cancel      context.CancelFunc
	stay        context.CancelFunc // ends keepPlace, when the node leaves
	place       chan struct{}      // holds one: who asks for the node's place in the log, or gives it up
	running     sync.WaitGroup
	peers       *http.Client
	signer      *delegation.Signer
	verifier    *delegation.Verifier
	public      string // key of a node without credentials, as it is gossiped
	guests      guests
	refusal     atomic.Pointer[error] // of the leader, while it lasts
	barred      atomic.Pointer[barred]
	barring     sync.Mutex
	recorded    int           // revocations that the record has; guarded by barring
	left        chan struct{} // closed by Leave
	counts      counts
	describing  describing
	// acquaintances are the nodes as their notes say.
	acquaintances atomic.Pointer[[]acquaintance]
	slows         slows
	lookNow       chan struct{} // holds a token when they are to be looked at again
	leaving       sync.Once
	// collected ends the collection of each metric.
	collected []func()
	closed    sync.Once
	ended     error // of Close
}

// Open takes a node's place in its federation. A newcomer's call lasts until it
// has been taken in and has the record; the error says why it hasn't. The caller
// starts the log (Log().Start) once all who append to the outbox are there.
func Open(ctx context.Context, o Options) (_ *Cluster, err error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	c := &Cluster{name: string(o.Name), config: o.Config, slog: o.Log, now: o.Now, network: o.Network,
		place: make(chan struct{}, 1), left: make(chan struct{}), lookNow: make(chan struct{}, 1), counts: newCounts()}
	c.describing.now = make(chan struct{}, 1)
	var background context.Context
	background, c.cancel = context.WithCancel(context.Background())
	defer func() {
		if err != nil {
			err = errors.Join(err, c.Close())
		}
	}()
	credentials, keys, err := credentialsOf(o)
	if err != nil {
		return nil, err
	}
	c.credentials = credentials
	c.barred.Store(&barred{})
	c.delegate(o)
	if c.port, err = line.Listen(ctx, line.Options{
		Node: c.name, Federation: c.Federation, Listen: o.Config.Raft, Advertise: o.Config.RaftAdvertise,
		Credentials: credentials, Revoked: c.why, Log: o.Log, Registerer: o.Metrics, Dial: o.Network.Dial,
	}); err != nil {
		return nil, err
	}
	c.peers = c.port.Client(c.find)
	if c.log, err = consensus.OpenRaft(consensus.RaftOptions{
		Options: consensus.Options{Node: c.name, Dir: o.Dir, Outbox: o.Outbox, Log: o.Log, Registerer: o.Metrics},
		Stream:  c.port.Stream(), Forward: forwarder{c.port.Client(c.find)}, Bootstrap: o.begins(),
		Timing: timingOf(o.Config), Policy: policyOf(o.Config),
		Members: c.judged, Admit: c.admit, Applied: c.look, Now: o.Now,
	}); err != nil {
		return nil, err
	}
	c.record.Store(c.log)
	// What this node was told and could not hand on yet counts here, too.
	if err := c.log.Overlaid(ctx, func(view accounting.View, _ consensus.Overlay) error { c.look(view); return nil }); err != nil {
		return nil, fmt.Errorf("read the revoked certificates: %w", err)
	}
	if err := c.register(o.Metrics); err != nil {
		return nil, err
	}
	newcomer := c.Federation() == ""
	gossip, err := c.startGossip(ctx, o, keys)
	if err != nil {
		return nil, err
	}
	c.gossip.Store(gossip)
	if newcomer && len(o.Config.Join) == 0 && len(gossip.Remembered()) == 0 {
		return nil, errors.New("this node belongs to no federation yet: --join HOST:PORT joins one, by the gossip address of one of its nodes; --bootstrap begins a new one")
	}
	c.port.Serve(c.handler())
	if newcomer {
		if err := c.enter(ctx); err != nil {
			c.takeLeave()
			return nil, err
		}
	}
	var placing context.Context
	placing, c.stay = context.WithCancel(background)
	c.running.Go(func() { c.keepPlace(placing) })
	c.slows = slows{running: &c.running, fetch: c.fetchSlow, told: c.fetched, now: time.Now, done: c.lookNow}
	c.acquaint(background)
	c.running.Go(func() { c.announce(background) })
	c.running.Go(func() { c.watch(background) })
	return c, nil
}

// credentialsOf reads what the configuration names; nothing is needed in
// development, where it need not name any.
func credentialsOf(o Options) (credentials *certificate.Credentials, keys [][]byte, err error) {
	f := o.Config
	if f.Certificate != "" {
		if credentials, err = certificate.Load(certificate.Files{CA: f.CA, Certificate: f.Certificate, Key: f.Key}, string(o.Name), o.Now); err != nil {
			return nil, nil, err
		}
	}
	if f.GossipKeys != "" {
		if keys, err = certificate.GossipKeys(f.GossipKeys); err != nil {
			return nil, nil, err
		}
	}
	return credentials, keys, nil
}

// begins reports whether the node begins a federation, if its log is new. One that
// has lost its log but remembers others goes back to them.
func (o Options) begins() bool {
	return o.Config.Bootstrap && membership.Belongs(filepath.Join(o.Dir, PeersFile)) == ""
}

// Log is this node's part of the replicated log.
func (c *Cluster) Log() *consensus.Raft { return c.log }

// Trouble is what keeps this node out of its federation; nil: nothing that anybody
// said. A node that nobody answers works on by itself, without fault.
func (c *Cluster) Trouble() error {
	if disgrace := c.disgrace(); disgrace != nil {
		return disgrace
	}
	if refusal := c.refusal.Load(); refusal != nil {
		return *refusal
	}
	return c.gossip.Load().Err()
}

// Left is closed when the node has left its federation, and is to stop.
func (c *Cluster) Left() <-chan struct{} { return c.left }

// Federation is the federation's id; "" while a newcomer doesn't know it.
func (c *Cluster) Federation() string {
	if log := c.record.Load(); log != nil {
		if id := log.Federation(); id != "" {
			return id
		}
	}
	if gossip := c.gossip.Load(); gossip != nil {
		return gossip.Federation()
	}
	return ""
}

// Close leaves the others, who notice by themselves, after the leadership was
// handed on. The outbox keeps what waits. A second Close does nothing.
func (c *Cluster) Close() error {
	c.closed.Do(func() {
		c.cancel()
		c.running.Wait()
		for _, end := range c.collected {
			end()
		}
		var errs []error
		if c.log != nil {
			errs = append(errs, c.log.Close())
		}
		if gossip := c.gossip.Load(); gossip != nil {
			errs = append(errs, gossip.Close())
		}
		if c.port != nil {
			errs = append(errs, c.port.Close())
		}
		c.ended = errors.Join(errs...)
	})
	return c.ended
}

// timingOf is how long the nodes wait for each other. Lease and election keep
// their proportion to the heartbeat.
func timingOf(f config.Federation) consensus.Timing {
	timing := consensus.WAN()
	if f.Network == "lan" {
		timing = consensus.LAN()
	}
	if f.Heartbeat > 0 {
		timing.Election = f.Heartbeat
		timing.Lease = time.Duration(float64(timing.Lease) / float64(timing.Heartbeat) * float64(f.Heartbeat))
		timing.Heartbeat = f.Heartbeat
	}
	return timing
}

func policyOf(f config.Federation) consensus.Policy {
	policy := consensus.Policy{Voters: f.Voters, ReplaceAfter: f.ReplaceAfter}
	if f.Network == "lan" {
		policy.Stable = 2 * time.Second // who is near is soon seen to fail again
	}
	return policy
}

// startGossip finds the others. A newcomer waits for them for a while: they may be
// starting, too.
func (c *Cluster) startGossip(ctx context.Context, o Options, keys [][]byte) (*membership.Membership, error) {
	self := c.log.Self()
	return membership.Start(ctx, membership.Options{
		Self: membership.Self{
			Name: c.name, Federation: c.log.Federation(), Server: self.ID, Raft: self.Address,
			URL: o.URL, CommandVersion: accounting.Version, Version: o.Version,
		},
		Listen: o.Config.Gossip, Advertise: o.Config.GossipAdvertise, Join: o.Config.Join, Keys: keys,
		Profile: profileOf(o.Config), File: filepath.Join(o.Dir, PeersFile), Log: o.Log, Registerer: o.Metrics, Now: o.Now, Wrap: o.Network.Gossip,
	})
}

func profileOf(f config.Federation) membership.Profile {
	if f.Network == "lan" {
		return membership.LAN()
	}
	return membership.WAN()
}
