package docker

import (
	"context"
	"fmt"

	"starling/api/despatch"
	"starling/node/executor"
	"starling/node/executor/work"
)

// Backend runs containers. It is an executor.Backend; what it shares with others
// of its kind is its Area's.
type Backend struct {
	Options
	*work.Area
	engine  *engine
	network *network
	owner   string // user and group of the containers; "": the image's
}

// New finds the engine, sees to it that it can do what is needed, and begins to
// remove what is left of earlier lives. Close ends that. Where the engine
// doesn't answer, or can't keep containers within their limits, the error says so.
func New(ctx context.Context, o Options) (*Backend, error) {
	o = o.withDefaults()
	engine, err := connect(ctx, o.Host)
	if err != nil {
		return nil, err
	}
	b := &Backend{Options: o, engine: engine, owner: engine.owner()}
	for _, warning := range engine.warnings() {
		o.Logger.Warn(warning)
	}
	ready := make(chan struct{})
	defer close(ready) // the first tidying waits until there is an area
	b.Area, err = work.Open(work.Options{
		Root: o.Root, Stager: o.Stager, Unbooked: o.Unbooked, Retention: o.Retention, Logger: o.Logger,
		Tidy: func(ctx context.Context) {
			select {
			case <-ready:
				b.tidy(ctx)
			case <-ctx.Done():
			}
		},
	})
	if err != nil {
		engine.Close()
		return nil, err
	}
	b.Root = b.Area.Root
	if b.network, err = b.openNetwork(ctx); err != nil {
		b.Close()
		return nil, fmt.Errorf("make the containers' network: %w", err)
	}
	return b, nil
}

// Origins are the networks in which containers have their addresses: all that
// connectors may lead to.
func (b *Backend) Origins() []string {
	if b.NoConnectors {
		return nil
	}
	return b.network.subnets
}

// Close lets go of everything; containers that run go on. Call it when the
// executor's Run has returned.
func (b *Backend) Close() {
	b.Area.Close()
	b.closeNetwork()
	b.engine.Close()
}

// Run implements executor.Backend.
func (b *Backend) Run(ctx context.Context, d *despatch.Despatch, report executor.Reporter) (despatch.Completion, error) {
	attempt, err := b.Attempt(d, report)
	if err != nil {
		return executor.Failure(executor.CodeInternal, err.Error(), true), nil
	}
	j := &job{Backend: b, Attempt: attempt, name: b.nameOf(attempt), log: b.Logger.With("session", d.Session.UUID, "ref", d.HistoryRef)}
	return attempt.Perform(ctx, j.run)
}
