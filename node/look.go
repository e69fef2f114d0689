package node

import (
	"context"
	"fmt"
	"time"

	"starling/accounting"
	"starling/consensus"
	"starling/federation/identity"
)

// A Look says how the record is to be read; the call fills in what it read. Who reads
// a list page by page uses one for all.
type Look struct {
	// Strong asks for all that any node was told before the call, and nothing that
	// may yet be refused: a linearizable read, which needs a majority of the nodes.
	// Otherwise the answer is this node's own copy, with what the node has decided
	// itself on top, and is given whatever the others do.
	Strong bool

	Copy

	again bool // it was used before: what comes now is another page of the same
}

// A Copy is what an answer from the record was read from.
type Copy struct {
	Applied uint64        // the log's last entry that it has
	Age     time.Duration // for how long it may have been behind the others
	Pending int           // records of this node that were read and are not in the log
	Omitted int           // such that were not even read: there are too many
}

// aMoment is how long a reader waits for the record to have what this node has
// decided. What it doesn't have by then is read from the outbox.
const aMoment = 50 * time.Millisecond

// look reads the record.
func (b *Broker) look(ctx context.Context, how *Look, read func(accounting.View) error) error {
	if how == nil {
		how = new(Look)
	}
	record := b.options.Record
	if how.Strong {
		return b.lookStrongly(ctx, how, read)
	}
	status := record.Status()
	if !how.again {
		if err := b.catchUpFor(ctx, aMoment, status); err != nil {
			return err
		}
	}
	how.again = true
	how.Age = seconds(status.AgeSeconds)
	return refusedByRecord(record.Overlaid(ctx, func(view accounting.View, o consensus.Overlay) error {
		how.Applied, how.Pending, how.Omitted = o.Index, o.Pending, o.Omitted
		return read(view)
	}))
}

// lookStrongly reads what is in the log, once that has all that was said before
// the call, here or elsewhere.
func (b *Broker) lookStrongly(ctx context.Context, how *Look, read func(accounting.View) error) error {
	record := b.options.Record
	patience, cancel := context.WithTimeout(ctx, recordPatience)
	defer cancel()
	err := b.barrier(patience)
	if err == nil {
		err = b.strong(patience)
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return &Problem{Code: CodeUnavailable, RetryAfter: 5 * time.Second, Detail: fmt.Sprintf(
			"a strong read needs this node and a majority of the others, which can't be had now (%v); "+
				"without consistency=strong you are answered from this node's own copy", err)}
	}
	how.Copy = Copy{Applied: record.Status().Applied}
	return refusedByRecord(record.View(ctx, read))
}

// onRecord reads what is in the log, for decisions about money: what only this node
// knows of may yet be refused. Where the record can't keep up (nobody leads, say;
// Ready and GET /federation/log tell), it is read as it is.
func (b *Broker) onRecord(ctx context.Context, read func(accounting.View) error) error {
	const while = 2 * time.Second
	if err := b.catchUpFor(ctx, while, b.options.Record.Status()); err != nil {
		return err
	}
	return refusedByRecord(b.options.Record.View(ctx, read))
}

// catchUpFor waits for the record to have what was committed before the call, but
// only so long, and not at all for a log that nobody leads. The error is the
// context's.
func (b *Broker) catchUpFor(ctx context.Context, d time.Duration, status consensus.Status) error {
	if status.Leader == "" || status.Outbox.Depth == 0 {
		return ctx.Err()
	}
	patience, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	_ = b.barrier(patience)
	return ctx.Err()
}

// entryOnRecord reads what is in the log of one attempt.
func (b *Broker) entryOnRecord(ctx context.Context, ref identity.UUID) (entry accounting.HistoryEntry, err error) {
	err = b.onRecord(ctx, func(view accounting.View) (err error) {
		entry, err = accounting.History(view, accounting.Everyone(), accounting.Ref(ref.String()))
		return err
	})
	return entry, err
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
