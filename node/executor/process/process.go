//go:build linux

package process

import (
	"context"
	"errors"

	"starling/api/despatch"
	"starling/node/executor"
	"starling/node/executor/work"
)

// Backend runs programs. It is an executor.Backend; what it shares with others
// of its kind is its Area's.
type Backend struct {
	Options
	*work.Area
	sandbox    *sandbox
	supervisor *supervisor
}

// New prepares the root, tries the sandbox and begins to remove what has been
// kept long enough. Close ends that.
func New(o Options) (*Backend, error) {
	o = o.withDefaults()
	if len(o.Shim) == 0 {
		return nil, errors.New("the process backend needs a shim")
	}
	sandbox, err := newSandbox(o)
	if err != nil {
		return nil, err
	}
	area, err := work.Open(work.Options{
		Root: o.Root, Stager: o.Stager, Home: true, Unbooked: o.Unbooked, Retention: o.Retention, Logger: o.Logger,
	})
	if err != nil {
		return nil, err
	}
	o.Root = area.Root
	return &Backend{
		Options:    o,
		Area:       area,
		sandbox:    sandbox,
		supervisor: &supervisor{root: area.Root, argv: o.Shim},
	}, nil
}

// Sandboxed reports whether programs run in bubblewrap.
func (b *Backend) Sandboxed() bool { return b.sandbox != nil }

// Close lets go of everything; programs that run go on under the shim. Call it
// when the executor's Run has returned.
func (b *Backend) Close() {
	b.Area.Close()
	b.supervisor.close()
}

// Run implements executor.Backend.
func (b *Backend) Run(ctx context.Context, d *despatch.Despatch, report executor.Reporter) (despatch.Completion, error) {
	attempt, err := b.Attempt(d, report)
	if err != nil {
		return executor.Failure(executor.CodeInternal, err.Error(), true), nil
	}
	j := &job{Backend: b, Attempt: attempt}
	return attempt.Perform(ctx, j.run)
}
