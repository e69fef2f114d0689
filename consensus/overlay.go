package consensus

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"

	"starling/accounting"
)

// An Overlay says what is read where a node's own outbox lies over its copy of
// the state.
type Overlay struct {
	// Index is the log's last entry that the copy has.
	Index uint64
	// Pending is how many records of this node are read that the copy lacks.
	Pending int
	// Omitted is how many wait beyond those, and are not read: there are too many.
	Omitted int
}

// The bounds of an overlay.
const (
	// overlayBytes is how much memory its rows may take, about: those of the
	// sessions of a day and more that a busy site spends cut off.
	overlayBytes = 128 << 20
	// overlayTime is how long a reader may have to wait for the overlay. Where more
	// is waiting than can be applied by then, the next reader goes on with it.
	overlayTime = 250 * time.Millisecond
	// overlaySure is how many records are applied whatever the time: what a node
	// that is not cut off has waiting is always read.
	overlaySure = 1024
	// overlayStep is how many records are applied between looks at the two.
	overlayStep = 128
)

// overlaid is the outbox applied to one state of the record, up to a record. It
// is never changed.
type overlaid struct {
	db      *bbolt.DB // the state's file, which another may replace
	records uint64    // that the state had taken, of all stores: it names the state
	last    Sequence  // of the outbox, that is applied
	layer   layer
}

// overlays keep the newest one for all who read, so that what waits is applied
// once, not once a reader, while the state stays as it is.
type overlays struct {
	bytes int
	sure  Sequence
	time  time.Duration

	newest atomic.Pointer[overlaid] // nil: nothing is kept
	rounds atomic.Uint64            // how often one was begun
	mu     sync.Mutex               // held by who makes the next
}

// drop gives the memory back.
func (o *overlays) drop() { o.newest.Store(nil) }

// Overlaid reads the state as it is at this moment with all on top of it that was
// committed to the node's own outbox before the call, as if the log had taken it
// already. What the log is going to refuse is left out, as far as that can be
// told here: others may come before. The view, and what it handed out, end with
// the function, which must not use the node's session store.
func (l *Local) Overlaid(ctx context.Context, read func(accounting.View, Overlay) error) error {
	own := func(tx *bbolt.Tx) Sequence { return sequenceOf(tx.Bucket(appliedBucket).Get([]byte(l.store))) }
	return l.overlaid(ctx, l.state, own, recordsIn, read)
}

// Overlaid is as that of Local. A state that is broken is not shown.
func (r *Raft) Overlaid(ctx context.Context, read func(accounting.View, Overlay) error) error {
	if err := r.Err(); fatal(err) && !isGap(err) {
		return err
	}
	index := func(tx *bbolt.Tx) uint64 { return raftPosition(tx).index }
	return r.overlaid(ctx, r.state, r.ownApplied, index, read)
}

// recordsIn is how many records a state has taken.
func recordsIn(tx *bbolt.Tx) uint64 { return uint64(sequenceOf(tx.Bucket(metaBucket).Get(indexKey))) }

func (p *progress) overlaid(
	ctx context.Context, state *stateFile, own func(*bbolt.Tx) Sequence, index func(*bbolt.Tx) uint64,
	read func(accounting.View, Overlay) error,
) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	target, err := p.outbox.last()
	if err != nil {
		return fmt.Errorf("read the outbox: %w", err)
	}
	show := func(tx *bbolt.Tx, o *overlaid) error {
		applied := own(tx)
		info := Overlay{Index: index(tx)}
		view := accounting.View(boltTx{tx.Bucket(stateBucket)})
		if o != nil {
			info.Pending = int(o.last - applied)
			view = layered{view, o.layer}
		}
		if reached := applied + Sequence(info.Pending); target > reached {
			info.Omitted = int(target - reached)
		}
		return guardFaults(func() error { return read(view, info) })
	}
	round := p.overlays.rounds.Load()
	shown := false
	err = state.view(func(tx *bbolt.Tx) error {
		o := p.overlays.newest.Load()
		if shown = own(tx) >= target || o.of(tx) && o.last >= target; !shown {
			return nil
		}
		return show(tx, o.ifOf(tx))
	})
	if shown || err != nil {
		return err
	}
	return p.overlays.extend(p.outbox, state, own, target, round, show)
}

// of reports whether it lies over the state of a transaction.
func (o *overlaid) of(tx *bbolt.Tx) bool {
	return o != nil && o.db == tx.DB() && o.records == recordsIn(tx)
}

func (o *overlaid) ifOf(tx *bbolt.Tx) *overlaid {
	if o.of(tx) {
		return o
	}
	return nil
}

// extend makes an overlay that reaches a record, or as far as the bounds allow,
// and shows it.
func (o *overlays) extend(
	outbox *Outbox, state *stateFile, own func(*bbolt.Tx) Sequence, target Sequence, round uint64,
	show func(*bbolt.Tx, *overlaid) error,
) error {
	o.mu.Lock()
	held := true
	release := func() {
		if held {
			o.mu.Unlock()
		}
		held = false
	}
	defer release()
	// What the state has is trimmed from the outbox, so that this comes first: it
	// then has all that the state lacks.
	waiting, err := outbox.db.Begin(false)
	if err != nil {
		return fmt.Errorf("read the outbox: %w", err)
	}
	defer func() { _ = waiting.Rollback() }()
	return state.view(func(tx *bbolt.Tx) error {
		next := o.newest.Load()
		if !next.of(tx) {
			next = &overlaid{db: tx.DB(), records: recordsIn(tx), last: own(tx)}
		}
		// Who has waited while others did what there was time for is not to wait for
		// as much again, and for long where the state moved on meanwhile.
		patience := round + 1
		if next.last == own(tx) {
			patience += 3
		}
		if next.last < target && (target-next.last <= o.sure || o.rounds.Load() <= patience) {
			o.rounds.Add(1)
			if err := guardFaults(func() (err error) {
				next, err = next.with(tx, waiting, o)
				return err
			}); err != nil {
				return err
			}
			o.newest.Store(next)
		}
		_ = waiting.Rollback()
		release()
		return show(tx, next)
	})
}

// with applies what follows in the outbox, within the bounds.
func (o *overlaid) with(state, waiting *bbolt.Tx, bounds *overlays) (*overlaid, error) {
	next := *o
	until := time.Now().Add(bounds.time)
	under := boltTx{state.Bucket(stateBucket)}
	cursor := waiting.Bucket(outboxBucket).Cursor()
	k, v := cursor.Seek((next.last + 1).bytes())
	for k != nil && next.layer.size() < bounds.bytes && (next.last-o.last < bounds.sure || time.Now().Before(until)) {
		gathered := &writtenTier{View: layered{under, next.layer}}
		batch := accounting.NewBatch(gathered)
		for range overlayStep {
			command, whole := commandIn(v)
			if k == nil || sequenceOf(k) != next.last+1 || !whole {
				k = nil // the drain is going to say so
				break
			}
			if _, err := batch.ApplyEncoded(command); err != nil && !accounting.Refused(err) {
				return nil, fmt.Errorf("overlay record %d of the outbox: %w", next.last+1, err)
			}
			next.last++
			k, v = cursor.Next()
		}
		if err := batch.Flush(); err != nil {
			return nil, errors.Join(fmt.Errorf("overlay the outbox up to record %d", next.last), err)
		}
		if len(gathered.tier.rows) > 0 {
			next.layer = next.layer.with(gathered.tier)
		}
	}
	return &next, nil
}
