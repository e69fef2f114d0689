package consensus

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"starling/accounting"
)

// StateFile is the name of the log's file in the data directory.
const StateFile = "state.db"

// Options are what a log is made of.
type Options struct {
	// Node is this node's name, for Status.
	Node string
	// Dir is the data directory; state.db is made there.
	Dir string
	// Outbox is the node's own. Open the log before the first Append.
	Outbox *Outbox

	// Log is where the log logs; slog.Default() if nil.
	Log *slog.Logger
	// Registerer takes the metrics; nil for none.
	Registerer prometheus.Registerer
	// Random mints the state's id; crypto/rand by default.
	Random io.Reader
	// Linger is how long a woken log waits for more records to share its fsync
	// with. A Barrier cuts it short. DefaultLinger if 0, none if below.
	Linger time.Duration
	// NoSync leaves out fsync: for tests and measurements, never for records
	// that matter.
	NoSync bool
	// Write stands before every write of the log's files: it calls what it is
	// given, or fails as a disk does. It is for tests, and may be nil.
	Write func(file string, write func() error) error
}

// defaults fills in what was left out.
func (o Options) defaults() Options {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Linger == 0 {
		o.Linger = DefaultLinger
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	if o.Write == nil {
		o.Write = func(_ string, write func() error) error { return write() }
	}
	return o
}

const (
	// DefaultLinger: a history that is a moment behind bothers nobody, a busy
	// node's fsyncs fall from thousands a second to tens, and its sessions'
	// commits have the disk to themselves for most of the time.
	DefaultLinger = 20 * time.Millisecond

	// The bounds of a batch: one transaction, one fsync. Pages of a large state are
	// written once a batch, so that a backlog goes the quicker the larger it is.
	batchRecords = 8192
	batchBytes   = 8 << 20

	// The wait before a failed batch is tried again, doubled each time.
	retryFirst = 50 * time.Millisecond
	retryMost  = 5 * time.Second
)

// Local is the log of a node by itself: it applies the node's outbox to the
// state on this disk. Its methods may be called by any goroutine.
type Local struct {
	progress
	node    string
	store   StoreID
	state   *stateFile
	apply   func(StoreID, []record) (outcome, error) // the state's; tests break it
	log     *slog.Logger
	linger  time.Duration
	metrics *metrics

	cancel context.CancelFunc
	done   chan struct{} // closed when the drain has ended; nil before Start
}

// OpenLocal opens or makes the state in the data directory and checks that it
// and the outbox belong together (ErrStateLost, GapError). Nothing is drained
// before Start.
func OpenLocal(options Options) (*Local, error) {
	options = options.defaults()
	l := &Local{progress: newProgress(options.Outbox), node: options.Node, log: options.Log, linger: options.Linger}
	var err error
	if l.state, err = openState(options); err != nil {
		return nil, err
	}
	l.apply = l.state.apply
	if err := l.join(options.Registerer); err != nil {
		return nil, errors.Join(fmt.Errorf("open the log in %s: %w", options.Dir, err), l.state.close())
	}
	return l, nil
}

func (l *Local) join(registerer prometheus.Registerer) (err error) {
	if err := l.outbox.join(l.state, l.log); err != nil {
		return err
	}
	if l.store, err = l.outbox.Store(); err != nil {
		return err
	}
	if l.applied, l.index, err = l.state.position(l.store); err != nil {
		return err
	}
	l.metrics, err = newMetrics(registerer, l.outbox)
	return err
}

// Start begins to drain the outbox, until Close or the end of the context. A
// second Start does nothing.
func (l *Local) Start(ctx context.Context) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.done != nil || l.closed {
		return
	}
	ctx, l.cancel = context.WithCancel(ctx)
	l.done = make(chan struct{})
	go l.drain(ctx)
}

// Close ends the drain, waits for it, and closes the state. What is in the
// outbox stays there. A second Close does nothing.
func (l *Local) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true
	cancel, done := l.cancel, l.done
	l.mu.Unlock()
	if cancel != nil {
		cancel()
		<-done
	}
	l.mu.Lock()
	l.announce() // for those who wait for a log that never started
	l.mu.Unlock()
	l.metrics.unregister()
	return l.state.close()
}

// View reads the state as it is at this moment. The view, and what it handed
// out, end with the function.
func (l *Local) View(ctx context.Context, read func(accounting.View) error) error {
	return l.state.read(ctx, read)
}

// Strong waits until a View has all that was committed before the call: for a
// node by itself that is what its own outbox had.
func (l *Local) Strong(ctx context.Context) error { return l.Barrier(ctx) }

// Rejections are the newest records that accounting refused, newest first.
func (l *Local) Rejections(limit int) ([]Rejection, error) {
	return l.state.rejections(limit)
}
