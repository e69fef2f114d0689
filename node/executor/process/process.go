//go:build linux

package process

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"starling/api/despatch"
	"starling/node/executor"
)

// Backend runs programs. It is an executor.Backend.
type Backend struct {
	Options
	sandbox    *sandbox
	supervisor *supervisor

	end     context.CancelFunc
	sweeper sync.WaitGroup
}

// New prepares the root, tries the sandbox and begins to remove what has been
// kept long enough. Close ends that.
func New(o Options) (*Backend, error) {
	o = o.withDefaults()
	if len(o.Shim) == 0 || o.Stager == nil {
		return nil, errors.New("the process backend needs a shim and a stager")
	}
	root, err := filepath.Abs(o.Root)
	if err != nil {
		return nil, err
	}
	o.Root = root
	if err := os.MkdirAll(o.Root, 0o700); err != nil {
		return nil, fmt.Errorf("make the root of the process backend: %w", err)
	}
	sandbox, err := newSandbox(o)
	if err != nil {
		return nil, err
	}
	ctx, end := context.WithCancel(context.Background())
	b := &Backend{
		Options:    o,
		sandbox:    sandbox,
		supervisor: &supervisor{root: o.Root, argv: o.Shim},
		end:        end,
	}
	b.sweeper.Go(func() { b.sweep(ctx) })
	return b, nil
}

// Sandboxed reports whether programs run in bubblewrap.
func (b *Backend) Sandboxed() bool { return b.sandbox != nil }

// Close lets go of everything; programs that run go on under the shim. Call it
// when the executor's Run has returned.
func (b *Backend) Close() {
	b.end()
	b.sweeper.Wait()
	b.supervisor.close()
}

// Adopt implements executor.Backend: every attempt with a state that isn't
// settled. A state that can't be read was being written when everything died,
// before anything was started.
func (b *Backend) Adopt(context.Context) ([]*despatch.Despatch, error) {
	paths, err := filepath.Glob(filepath.Join(escape(b.Root), "*", stateFile))
	if err != nil {
		return nil, err
	}
	var found []*despatch.Despatch
	for _, path := range paths {
		dir := directory(filepath.Dir(path))
		s, err := dir.load()
		if err != nil {
			b.Logger.Error("a state can't be read; its attempt is given up", "file", path, "error", err)
			removeAll(string(dir))
			continue
		}
		found = append(found, &s.Despatch)
	}
	return found, nil
}

// Settle implements executor.Backend.
func (b *Backend) Settle(d *despatch.Despatch) {
	dir, err := directoryOf(b.Root, d)
	if err == nil {
		err = dir.settle()
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errBadSession) {
		b.Logger.Error("an attempt can't be marked as settled; it will be reported again", "error", err)
	}
}

// Run implements executor.Backend.
func (b *Backend) Run(ctx context.Context, d *despatch.Despatch, report executor.Reporter) (despatch.Completion, error) {
	w, err := b.open(d, report)
	if err != nil {
		return executor.Failure(executor.CodeInternal, err.Error(), true), nil
	}
	done, err := w.perform(ctx)
	if err == nil && errors.Is(context.Cause(ctx), executor.ErrRefused) {
		removeAll(string(w.dir)) // nobody will ask for it
	}
	return done, err
}

// open finds the attempt's directory, or makes it.
func (b *Backend) open(d *despatch.Despatch, report executor.Reporter) (*work, error) {
	dir, err := directoryOf(b.Root, d)
	if err != nil {
		return nil, err
	}
	w := &work{Backend: b, despatch: d, dir: dir, report: report}
	old, err := dir.load()
	if err == nil && old.Despatch.HistoryRef == d.HistoryRef && old.Despatch.Fence == d.Fence {
		w.state = old
		return w, nil
	}
	if _, err := os.Lstat(string(dir)); err == nil {
		if err := removeAll(string(dir)); err != nil { // of another life of the session
			return nil, err
		}
	}
	w.state = newState(d)
	return w, dir.create()
}

// escape makes a path literal for filepath.Glob.
func escape(path string) string {
	var out []rune
	for _, r := range path {
		switch r {
		case '*', '?', '[', '\\':
			out = append(out, '\\')
		}
		out = append(out, r)
	}
	return string(out)
}
