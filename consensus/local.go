package consensus

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

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
}

const (
	// DefaultLinger: a history that is a moment behind bothers nobody, a busy
	// node's fsyncs fall from thousands a second to tens, and its sessions'
	// commits have the disk to themselves for most of the time.
	DefaultLinger = 20 * time.Millisecond

	// The bounds of a batch: one transaction, one fsync.
	batchRecords = 4096
	batchBytes   = 4 << 20

	// The wait before a failed batch is tried again, doubled each time.
	retryFirst = 50 * time.Millisecond
	retryMost  = 5 * time.Second
)

// Local is the log of a node by itself: it applies the node's outbox to the
// state on this disk. Its methods may be called by any goroutine.
type Local struct {
	node    string
	outbox  *Outbox
	store   StoreID
	state   *stateFile
	apply   func(StoreID, []record) (outcome, error) // the state's; tests break it
	log     *slog.Logger
	linger  time.Duration
	metrics *metrics

	hurry chan struct{} // holds one token when somebody waits

	mu       sync.Mutex
	err      error
	applied  Sequence
	index    uint64
	advanced chan struct{} // closed when applied grows or the drain ends
	cancel   context.CancelFunc
	done     chan struct{} // closed when the drain has ended; nil before Start
	ended    bool          // the drain has ended
	closed   bool
}

// OpenLocal opens or makes the state in the data directory and checks that it
// and the outbox belong together (ErrStateLost, GapError). Nothing is drained
// before Start.
func OpenLocal(options Options) (*Local, error) {
	l := &Local{
		node: options.Node, outbox: options.Outbox, log: options.Log, linger: options.Linger,
		hurry: make(chan struct{}, 1), advanced: make(chan struct{}),
	}
	if l.log == nil {
		l.log = slog.Default()
	}
	if l.linger == 0 {
		l.linger = DefaultLinger
	}
	random := options.Random
	if random == nil {
		random = rand.Reader
	}
	var err error
	if l.state, err = openState(filepath.Join(options.Dir, StateFile), random); err != nil {
		return nil, err
	}
	l.state.db.NoSync = options.NoSync
	l.apply = l.state.apply
	if err := l.join(options.Registerer); err != nil {
		return nil, errors.Join(fmt.Errorf("open the log in %s: %w", options.Dir, err), l.state.db.Close())
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
	return l.state.db.Close()
}

// Notify wakes the log after a commit. Outbox.Append sees to it.
func (l *Local) Notify() { l.outbox.Notify() }

// View reads the state as it is at this moment. The view, and what it handed
// out, end with the function.
func (l *Local) View(ctx context.Context, read func(accounting.View) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	err := l.state.db.View(func(tx *bbolt.Tx) error {
		return guardFaults(func() error { return read(boltTx{tx.Bucket(stateBucket)}) })
	})
	if errors.Is(err, bolterrors.ErrDatabaseNotOpen) {
		return ErrClosed
	}
	return err
}

// Barrier waits until all that was committed to the outbox before the call is
// applied, so that a View after it sees the caller's own writes. It ends early
// with the context, and when the log has ended (ErrClosed or what broke it). A
// log that is not started, or on a full disk, makes it wait.
func (l *Local) Barrier(ctx context.Context) error {
	target, err := l.outbox.last()
	if err != nil {
		return fmt.Errorf("read the outbox: %w", err)
	}
	for {
		applied, advanced, err := l.progress()
		switch {
		case applied >= target:
			return nil
		case err != nil:
			return err
		}
		l.Notify()
		select {
		case l.hurry <- struct{}{}:
		default:
		}
		select {
		case <-advanced:
		case <-ctx.Done():
			return errors.Join(ctx.Err(), l.Err())
		}
	}
}

// progress is where the log stands, and a channel that is closed when it moves
// on. The error is set when it never will.
func (l *Local) progress() (Sequence, <-chan struct{}, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if fatal(l.err) {
		return l.applied, l.advanced, l.err
	}
	if l.closed || l.ended {
		return l.applied, l.advanced, ErrClosed
	}
	return l.applied, l.advanced, nil
}

// announce wakes all who wait for progress. The caller holds the lock.
func (l *Local) announce() {
	close(l.advanced)
	l.advanced = make(chan struct{})
}

// Err is why the log does not get on, nil while it does. It may pass (a full
// disk) or not (a broken store).
func (l *Local) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

// Rejections are the newest records that accounting refused, newest first.
func (l *Local) Rejections(limit int) ([]Rejection, error) {
	return l.state.rejections(limit)
}
