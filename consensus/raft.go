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
	Stream Stream
	// Forward takes this node's requests to others, its records to the leader.
	Forward Forwarder
	// Bootstrap begins a new federation with this node alone, and what its state
	// holds already. It is ignored where there is a log. A node that doesn't
	// bootstrap waits until the leader lets it in (Join), and then hands over what
	// it has recorded by itself.
	Bootstrap bool
	// Admit is asked at the leader before a node is let in, beside what the log
	// checks itself; its error is told to that node. nil turns nobody away.
	Admit func(Candidate) error
	// Applied is shown the state before the node takes part in the log, and then
	// whenever entries were applied to it or another was taken over, before anybody
	// hears of that. It must be quick, and is called by one at a time. nil: nobody
	// looks.
	Applied func(accounting.View)
	// Members are the nodes as this one knows them beside the log, by which it places
	// votes while it leads. nil: nothing is known; all are taken to be there, and
	// votes stay where they are.
	Members func() []Member
	// Policy is how votes are placed; what is zero is DefaultPolicy's.
	Policy Policy
	// Timing is LAN() if zero.
	Timing Timing
	// Now tells nodes that are to let this one in what its clock says; time.Now if
	// nil.
	Now func() time.Time
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
	version   func() int // of the newest commands that the log may hold
	now       func() time.Time
	forwarder Forwarder
	admits    func(Candidate) error
	members   func() []Member
	policy    Policy
	leads     chan struct{} // holds one token when this node began to lead
	changing  chan struct{} // holds one token while the members are changed

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
	asked     sync.Map      // voters, each with a channel that holds one: the question to it that is under way
	changed   chan struct{} // holds one token when the leader changed
	opened    atomic.Uint64 // the newest term in which this leader has committed
	turns     turnstile
	entering  atomic.Int64 // entries whose answers are waited for here

	closing context.Context // ends when Close begins
	quit    context.CancelFunc
	calls   sync.WaitGroup // whatever waits for raft, which must not end before
	drain   struct {
		cancel context.CancelFunc
		done   chan struct{} // closed when it has ended; nil before Start
	}
	halted   sync.Once
	troubles [sources]error // what is wrong now, by who found it
	fresh    freshness
}

// OpenRaft opens or makes this node's copy of the record and takes part in the
// log at once; its own outbox is drained after Start. The files must belong
// together, and be whole (ErrCorrupt, ErrStateLost).
func OpenRaft(options RaftOptions) (_ *Raft, err error) {
	options.Options = options.defaults()
	if options.Timing == (Timing{}) {
		options.Timing = LAN()
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	r := &Raft{
		progress: newProgress(options.Outbox), node: options.Node, log: options.Log, linger: options.Linger,
		timing: options.Timing, forwarder: options.Forward, now: options.Now,
		admits: options.Admit, members: options.Members, policy: options.Policy.defaults(), leads: make(chan struct{}, 1), changing: make(chan struct{}, 1),
		proposals: make(chan *proposal, waitingProposals), slots: make(chan struct{}, options.Timing.InFlight),
		readers: make(chan *strongRead, waitingReads), asks: make(chan *strongRead, waitingReads),
		changed: make(chan struct{}, 1), turns: newTurnstile(options.Timing.Heartbeat),
	}
	r.version = r.commandVersion
	r.closing, r.quit = context.WithCancel(context.Background())
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("open the log in %s: %w", options.Dir, err), r.abandon())
		}
	}()
	if err = verifyState(filepath.Join(options.Dir, StateFile), options.Log); err != nil {
		return nil, err
	}
	if !options.Bootstrap {
		if err = setAside(options.Options); err != nil {
			return nil, err
		}
	}
	if r.state, err = openVerified(options.Options); err != nil {
		return nil, err
	}
	r.fresh.at = r.state.written
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

// join begins a life of the outbox and takes part in the log.
func (r *Raft) join(options RaftOptions) error {
	// A disk without room is told of here; raft, which has to store its term as it
	// starts, would wait for it with nobody to be asked why.
	err := options.Write(LogFile, func() error { return r.disk.Set(openedKey, []byte("1")) })
	if err != nil {
		return fmt.Errorf("write %s: %w", LogFile, err)
	}
	if r.lives, err = r.outbox.begin(); err != nil {
		return err
	}
	if err := r.state.view(r.where); err != nil {
		return err
	}
	show := func() error { return nil }
	if options.Applied != nil {
		show = func() error {
			return r.state.view(func(tx *bbolt.Tx) error {
				return guardFaults(func() error { options.Applied(boltTx{tx.Bucket(stateBucket)}); return nil })
			})
		}
	}
	if err := show(); err != nil {
		return err
	}
	snapshots, err := newSnapshots(r.closing, r.state)
	if err != nil {
		return err
	}
	logger := raftLogger(r.log)
	guarded := &logStore{disk: r.disk, write: options.Write, closing: r.closing, settle: func(err error) { r.note(fromLog, err) }}
	cached, err := raft.NewLogCache(cachedEntries, guarded)
	if err != nil {
		return err
	}
	line := newLine(options.Stream, r.id, func() string { return r.state.whose().lineage() }, r.locate, r.log)
	r.transport = raft.NewNetworkTransportWithConfig(&raft.NetworkTransportConfig{
		Stream: line, Logger: logger, MaxPool: 3, Timeout: r.timing.RPC, MaxRPCsInFlight: max(2, r.timing.InFlight),
	})
	machine := &machine{
		state: r.state, snapshots: snapshots, log: r.log, metrics: r.metrics, closing: r.closing, now: time.Now,
		settle: func(err error) { r.note(fromState, err) }, own: r.ownApplied, advance: r.advance,
		awaited: r.awaited, linger: r.linger, hurry: r.impatient, later: postponed{added: make(chan struct{}, 1)},
		applying: make(chan struct{}, 1), restored: guarded.probe,
		show: func() {
			if err := show(); err != nil && r.closing.Err() == nil {
				r.log.Error("what was applied can't be read", "error", err)
			}
		},
	}
	err = guard(func() (err error) {
		r.raft, err = raft.NewRaft(r.config(logger), machine, cached, guarded, snapshots, r.transport)
		return err
	})
	if err != nil {
		return errors.Join(err, r.transport.Close())
	}
	r.calls.Go(machine.catchUp)
	r.calls.Go(r.lead)
	r.calls.Go(r.verify)
	r.calls.Go(r.ask)
	r.calls.Go(r.keepAge)
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
