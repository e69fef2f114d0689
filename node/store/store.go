// Package store keeps a node's sessions on disk: what was asked, what was
// offered, what was accepted and how far it has come. It is one bbolt file.
//
// The broker decides in memory, under its lock, and submits what it decided as
// a Write, still under the lock, so that writes reach the disk in the order of
// the decisions. It waits for the Ticket without the lock. One goroutine takes
// whatever waits and commits it as one transaction: a flush is shared by all
// that asked for it (group commit), and nothing is answered before it is
// durable.
//
// A commit that fails (a full disk) fails every write that was decided after
// it, since those were decided on its strength: the store stays shut, refusing
// writes with ErrUnavailable, until the broker has read its state anew and
// calls Resume. Reads go on all the time, and show only what was committed.
package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"go.etcd.io/bbolt"
)

// ErrUnavailable says that the store takes no writes: the disk failed, or the
// store is closed.
var ErrUnavailable = errors.New("the session store can't be written")

// maxBatch bounds the writes of one transaction, and so the time it takes.
const maxBatch = 1024

// Options says where the store is and how it behaves.
type Options struct {
	// Path of the file; its directory exists.
	Path string
	// Commit commits a transaction; nil uses bbolt's. Tests make it fail.
	Commit func(*bbolt.Tx) error
	// Now is the wall clock; nil: the machine's.
	Now func() time.Time
	// Committed is told of every commit: how many writes it held, how long it
	// took, and its error. It must be quick.
	Committed func(writes int, took time.Duration, err error)
}

// Store is a node's durable sessions. It is safe for concurrent use.
type Store struct {
	db      *bbolt.DB
	options Options
	done    chan struct{}

	mu     sync.Mutex
	wake   sync.Cond
	queue  []*Ticket
	failed error // why writes are refused
	closed bool
}

// Write puts what was decided into a transaction. It must not decide anything
// and fails only when the disk does.
type Write func(*Tx) error

// Ticket is a submitted write.
type Ticket struct {
	write Write
	after func()
	done  chan struct{}
	err   error
}

// Open opens the store, creating it if it isn't there.
func Open(options Options) (*Store, error) {
	if options.Commit == nil {
		options.Commit = (*bbolt.Tx).Commit
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.Committed == nil {
		options.Committed = func(int, time.Duration, error) {}
	}
	if err := os.MkdirAll(filepath.Dir(options.Path), 0o700); err != nil {
		return nil, fmt.Errorf("open the session store: %w", err)
	}
	db, err := open(options.Path)
	if err != nil {
		return nil, fmt.Errorf("open the session store: %w", err)
	}
	if err := db.Update(createBuckets); err != nil {
		return nil, errors.Join(fmt.Errorf("prepare the session store %s: %w", options.Path, err), db.Close())
	}
	s := &Store{db: db, options: options, done: make(chan struct{})}
	s.wake.L = &s.mu
	go s.run()
	return s, nil
}

// DB is the database beneath, for what rides in the same transactions.
func (s *Store) DB() *bbolt.DB { return s.db }

// Submit queues a write. After, if not nil, is called once the write is
// durable, in the order of the writes, before Wait returns; it must not block.
// It is not called when the write fails.
func (s *Store) Submit(write Write, after func()) *Ticket {
	t := &Ticket{write: write, after: after, done: make(chan struct{})}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.refusal(); err != nil {
		t.err = err
		close(t.done)
		return t
	}
	s.queue = append(s.queue, t)
	s.wake.Signal()
	return t
}

// Wait returns once the write is durable, or with the reason why it isn't.
func (t *Ticket) Wait() error {
	<-t.done
	return t.err
}

// View reads what was committed.
func (s *Store) View(read func(*Tx) error) error {
	return s.db.View(func(tx *bbolt.Tx) error { return read(&Tx{tx}) })
}

// Failed returns why the store takes no writes, nil while it does.
func (s *Store) Failed() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refusal()
}

// Probe tries whether the disk takes writes again, with a write of its own.
func (s *Store) Probe() error {
	tx, err := s.db.Begin(true)
	if err != nil {
		return err
	}
	if err := (&Tx{tx}).touch(); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return s.options.Commit(tx)
}

// Resume takes writes again, after a failure. The caller has read its state
// from the store since the failure, and has submitted nothing meanwhile.
func (s *Store) Resume() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failed = nil
}

// Fail stops taking writes, as after a failed commit.
func (s *Store) Fail(err error) {
	err = fmt.Errorf("%w: %w", ErrUnavailable, err)
	settle(s.fail(err), err)
}

// Close commits what waits and closes the file. It is idempotent.
func (s *Store) Close() error {
	s.mu.Lock()
	s.closed = true
	s.wake.Signal()
	s.mu.Unlock()
	<-s.done
	// So that the next start need not read the whole file to find out which pages
	// are free. Where that can't be written it does.
	s.db.NoFreelistSync = false
	_ = s.db.Update(func(tx *bbolt.Tx) error { return (&Tx{tx}).alive(s.options.Now().UnixMilli()) })
	return s.db.Close()
}

// refusal is why no write is taken; s.mu is held.
func (s *Store) refusal() error {
	if s.failed != nil {
		return s.failed
	}
	if s.closed {
		return fmt.Errorf("%w: the node is stopping", ErrUnavailable)
	}
	return nil
}

// run commits batches until the store is closed and the queue is empty.
func (s *Store) run() {
	defer close(s.done)
	for batch := s.next(); batch != nil; batch = s.next() {
		start := time.Now()
		err := s.commit(batch)
		s.options.Committed(len(batch), time.Since(start), err)
		if err != nil {
			err = fmt.Errorf("%w: %w", ErrUnavailable, err)
			batch = append(batch, s.fail(err)...)
		}
		// Not what the store says by now: it may be open again, or closing.
		settle(batch, err)
	}
}

// next waits for writes and takes as many as fit into one batch.
func (s *Store) next() []*Ticket {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.queue) == 0 {
		if s.closed {
			return nil
		}
		s.wake.Wait()
	}
	n := min(len(s.queue), maxBatch)
	batch := s.queue[:n:n]
	s.queue = s.queue[n:]
	return batch
}

// commit writes a batch as one transaction.
func (s *Store) commit(batch []*Ticket) error {
	tx, err := s.db.Begin(true)
	if err != nil {
		return err
	}
	for _, t := range batch {
		if err := t.write(&Tx{tx}); err != nil {
			return errors.Join(err, tx.Rollback())
		}
	}
	// It shares a page that each commit writes anyhow.
	if err := (&Tx{tx}).alive(s.options.Now().UnixMilli()); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	if err := s.options.Commit(tx); err != nil {
		// After a failed commit bbolt has rolled back already.
		return err
	}
	return nil
}

// fail shuts the store and returns the writes that were waiting.
func (s *Store) fail(err error) []*Ticket {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failed = err
	waiting := s.queue
	s.queue = nil
	return waiting
}

// settle answers the tickets of a batch in order.
func settle(batch []*Ticket, err error) {
	for _, t := range batch {
		t.err = err
		if err == nil && t.after != nil {
			t.after()
		}
		close(t.done)
	}
}
