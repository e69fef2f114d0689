package consensus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
	"go.etcd.io/bbolt"

	"starling/accounting"
)

// A Forwarder carries requests from node to node, over what its maker trusts to
// tell who the other side is.
type Forwarder interface {
	// Forward hands a request to a node's Raft.Answer and returns what that says.
	// An error means that nobody knows whether it got there.
	Forward(ctx context.Context, node string, request []byte) ([]byte, error)
}

// RaftOptions are what a node's part of the replicated log is made of.
type RaftOptions struct {
	Options

	// Stream is how the nodes' logs reach each other. The log closes it.
	Stream raft.StreamLayer
	// Forward takes this node's records to the leader.
	Forward Forwarder
	// Bootstrap begins a new federation with this node alone, and what its state
	// holds already. It is ignored where there is a log. A node that doesn't
	// bootstrap waits until the leader adds it (AddVoter, AddReplica).
	Bootstrap bool
	// Timing is LAN() if zero.
	Timing Timing
	// CommandVersion is the newest version of commands that all members have
	// announced; a record of a later one waits. accounting.Version if nil.
	CommandVersion func() int

	wrap func(disk) disk // tests break it
}

// Raft is a node's part of the log that all nodes share. Its methods may be
// called by any goroutine.
type Raft struct {
	progress
	node      string
	id        string
	log       *slog.Logger
	linger    time.Duration
	timing    Timing
	version   func() int
	forwarder Forwarder

	state     *stateFile
	disk      disk
	transport *raft.NetworkTransport
	raft      *raft.Raft
	metrics   *metrics
	lives     []life

	proposals chan *proposal
	slots     chan struct{} // one token for each entry under way
	readers   chan *strongRead
	asks      chan *strongRead
	changed   chan struct{} // holds one token when the leader changed
	opened    atomic.Uint64 // the newest term in which this leader has committed

	closing context.Context // ends when Close begins
	quit    context.CancelFunc
	calls   sync.WaitGroup // whatever waits for raft, which must not end before
	drain   struct {
		cancel context.CancelFunc
		done   chan struct{} // closed when it has ended; nil before Start
	}
	halted   sync.Once
	troubles [sources]error // what is wrong now, by who found it
	fresh    time.Time      // when this copy was last known to be all there was
}

// OpenRaft opens or makes this node's copy of the record and takes part in the
// log at once; its own outbox is drained after Start. The files must belong
// together, and be whole (ErrCorrupt, ErrStateLost).
func OpenRaft(options RaftOptions) (_ *Raft, err error) {
	options.Options = options.defaults()
	if options.Timing == (Timing{}) {
		options.Timing = LAN()
	}
	if options.CommandVersion == nil {
		options.CommandVersion = func() int { return accounting.Version }
	}
	r := &Raft{
		progress: newProgress(options.Outbox), node: options.Node, log: options.Log, linger: options.Linger,
		timing: options.Timing, version: options.CommandVersion, forwarder: options.Forward,
		proposals: make(chan *proposal, waitingProposals), slots: make(chan struct{}, options.Timing.InFlight),
		readers: make(chan *strongRead, waitingReads), asks: make(chan *strongRead, waitingReads),
		changed: make(chan struct{}, 1),
	}
	r.closing, r.quit = context.WithCancel(context.Background())
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("open the log in %s: %w", options.Dir, err), r.abandon())
		}
	}()
	if r.state, err = openState(filepath.Join(options.Dir, StateFile), options.Random, options.NoSync); err != nil {
		return nil, err
	}
	if r.disk, err = openLogStore(options.Dir, options.NoSync); err != nil {
		return nil, err
	}
	if err = r.belong(options); err != nil {
		return nil, err
	}
	if r.metrics, err = newMetrics(options.Registerer, options.Outbox); err != nil {
		return nil, err
	}
	return r, r.join(options)
}

// abandon closes what an OpenRaft that went wrong had opened.
func (r *Raft) abandon() (err error) {
	r.quit()
	if r.metrics != nil {
		r.metrics.unregister()
	}
	if r.disk != nil {
		err = r.disk.Close()
	}
	if r.state != nil {
		err = errors.Join(err, r.state.close())
	}
	return err
}

// belong settles that the log and the state are of one server, and that the
// state lacks nothing that the log no longer has.
func (r *Raft) belong(options RaftOptions) error {
	var err error
	if r.id, err = serverID(r.disk, options.Node, options.Random); err != nil {
		return err
	}
	var at position
	var stored *marker
	var server string
	err = r.state.view(func(tx *bbolt.Tx) (err error) {
		at, server = raftPosition(tx), owner(tx)
		stored, err = readMarker(tx)
		return err
	})
	if err != nil {
		return err
	}
	after := uint64(0)
	if stored != nil {
		after = stored.Index
	}
	first, last, err := verify(r.disk, after)
	if err != nil {
		return err
	}
	const remedy = "remove both, keep the session store, and let the node join again"
	switch {
	case server != "" && server != r.id:
		return fmt.Errorf("%w: %s follows server %s, but %s is of %s; %s", ErrStateLost, StateFile, server, LogFile, r.id, remedy)
	case server == "" && last > 0:
		return fmt.Errorf("%w: %s is new, but %s has %d entries; %s", ErrStateLost, StateFile, LogFile, last, remedy)
	case first > at.index+1:
		return fmt.Errorf("%w: %s has %d entries, but %s begins at %d; %s", ErrStateLost, StateFile, at.index, LogFile, first, remedy)
	case at.index > max(last, after):
		return fmt.Errorf("%w: %s has %d entries, but %s ends at %d; %s", ErrStateLost, StateFile, at.index, LogFile, last, remedy)
	case server == "":
		return r.found(options)
	}
	return nil
}

// found binds a new log to the state, and begins a federation if asked to.
func (r *Raft) found(options RaftOptions) error {
	if !options.Bootstrap {
		return r.state.update(func(tx *bbolt.Tx) error { return own(tx, r.id) })
	}
	// The state as it is becomes entry 1, so that those who join are sent it.
	const term, index = 1, 1
	if err := r.disk.SetUint64(termKey, term); err != nil {
		return err
	}
	self := raft.Server{Suffrage: raft.Voter, ID: raft.ServerID(r.id), Address: raft.ServerAddress(options.Stream.Addr().String())}
	r.log.Info("a new federation begins", "server", r.id)
	return r.state.update(func(tx *bbolt.Tx) error {
		return errors.Join(own(tx, r.id), putMarker(tx, marker{
			Index: index, Term: term, Configuration: raft.Configuration{Servers: []raft.Server{self}}, ConfigurationIndex: index,
		}))
	})
}

// join begins a life of the outbox and takes part in the log.
func (r *Raft) join(options RaftOptions) error {
	var err error
	if r.lives, err = r.outbox.begin(); err != nil {
		return err
	}
	if err := r.state.view(r.where); err != nil {
		return err
	}
	snapshots, err := newSnapshots(r.state)
	if err != nil {
		return err
	}
	logger := raftLogger(r.log)
	store := r.disk
	if options.wrap != nil {
		store = options.wrap(store)
	}
	guarded := &logStore{disk: store, closing: r.closing, settle: func(err error) { r.note(fromLog, err) }}
	cached, err := raft.NewLogCache(cachedEntries, guarded)
	if err != nil {
		return err
	}
	r.transport = raft.NewNetworkTransportWithConfig(&raft.NetworkTransportConfig{
		Stream: newLine(options.Stream), Logger: logger, MaxPool: 3, Timeout: r.timing.RPC, MaxRPCsInFlight: max(2, r.timing.InFlight),
	})
	machine := &machine{
		state: r.state, snapshots: snapshots, log: r.log, metrics: r.metrics, closing: r.closing, now: time.Now,
		settle: func(err error) { r.note(fromState, err) }, own: r.ownApplied, advance: r.advance,
	}
	err = guard(func() (err error) {
		r.raft, err = raft.NewRaft(r.config(logger), machine, cached, guarded, snapshots, r.transport)
		return err
	})
	if err != nil {
		return errors.Join(err, r.transport.Close())
	}
	r.calls.Go(r.lead)
	r.calls.Go(r.verify)
	r.calls.Go(r.ask)
	r.watch()
	return nil
}

// cachedEntries are kept in memory for followers that are nearly up to date: at
// most 16 MiB.
const cachedEntries = 128

func (r *Raft) config(logger hclog.Logger) *raft.Config {
	c := raft.DefaultConfig()
	c.Logger = logger
	c.LocalID = raft.ServerID(r.id)
	c.HeartbeatTimeout, c.ElectionTimeout = r.timing.Heartbeat, r.timing.Election
	c.LeaderLeaseTimeout, c.CommitTimeout = r.timing.Lease, r.timing.Commit
	c.MaxAppendEntries = 16 // of up to 128 KiB each
	c.TrailingLogs, c.SnapshotThreshold, c.SnapshotInterval = r.timing.Trailing, r.timing.Compact, r.timing.CompactEvery
	c.NoSnapshotRestoreOnStart = true // the state is where it was
	c.NoLegacyTelemetry = true
	c.ShutdownOnRemove = false // it might be added again; Close is up to the node
	return c
}
