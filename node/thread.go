package node

import (
	"cmp"
	"context"

	"starling/federation/tracing"
	"starling/node/store"
)

// durable waits for a write, as a part of the request that it is for.
func durable(ctx context.Context, ticket *store.Ticket) error {
	_, span := tracing.Start(ctx, "commit")
	defer span.End()
	err := wait(ticket)
	span.FailWith(err)
	return err
}

// barrier waits until the record has all that was committed here before, as a part of
// the request that it is for.
func (b *Broker) barrier(ctx context.Context) error {
	ctx, span := tracing.Start(ctx, "wait for the record")
	defer span.End()
	err := b.options.Record.Barrier(ctx)
	span.FailWith(err)
	return err
}

// strong waits until the record has all that was committed anywhere before.
func (b *Broker) strong(ctx context.Context) error {
	ctx, span := tracing.Start(ctx, "ask the leader")
	defer span.End()
	err := b.options.Record.Strong(ctx)
	span.FailWith(err)
	return err
}

// threadOf leads on from the request that accepted a session, or else from the one that
// asked for it, where the broker does something for it by itself.
func threadOf(s *store.Session) context.Context {
	return tracing.Resume(context.Background(), cmp.Or(s.Accepted, s.Asked))
}
