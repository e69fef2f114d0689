package work

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"starling/api/despatch"
	"starling/node/executor"
	"starling/node/executor/stage"
)

// Options says what an Area is; each zero value but those of Root and Stager
// means the default.
type Options struct {
	// Root is the directory of everything. One area has it at a time.
	Root string
	// Stager fetches data.
	Stager *stage.Stager
	// Home says that programs run in their work directory: where a session has
	// no READWRITE volume, everything in it is output.
	Home bool
	// Unbooked is how much storage, in GiB, a session may use that has booked
	// less: 1.
	Unbooked int64
	// Retention is how long outputs are kept after the end: 7 days.
	Retention time.Duration
	// Tidy, if not nil, is called whenever old attempts are removed, to remove
	// what else the backend has that belongs to none.
	Tidy   func(context.Context)
	Logger *slog.Logger // nil: slog.Default()
}

// Area holds the attempts of one executor. It implements the parts of an
// executor.Backend that find attempts again.
type Area struct {
	Options
	end     context.CancelFunc
	sweeper sync.WaitGroup
	soon    chan struct{} // holds one token when the sweeper is to look again
}

// Open makes the root, if need be, and begins to remove what has been kept long
// enough. Close ends that.
func Open(o Options) (*Area, error) {
	if o.Stager == nil {
		return nil, errors.New("work needs a stager")
	}
	o.Unbooked = cmp.Or(o.Unbooked, 1)
	o.Retention = cmp.Or(o.Retention, 7*24*time.Hour)
	o.Logger = cmp.Or(o.Logger, slog.Default())
	root, err := filepath.Abs(o.Root)
	if err != nil {
		return nil, err
	}
	o.Root = root
	if err := os.MkdirAll(o.Root, 0o700); err != nil {
		return nil, fmt.Errorf("make the directory for work: %w", err)
	}
	ctx, end := context.WithCancel(context.Background())
	a := &Area{Options: o, end: end, soon: make(chan struct{}, 1)}
	a.sweeper.Go(func() { a.sweep(ctx) })
	return a, nil
}

// Close ends the removal of old attempts.
func (a *Area) Close() {
	a.end()
	a.sweeper.Wait()
}

// Adopt implements executor.Backend: every attempt with a state that isn't
// settled. A state that can't be read was being written when everything died,
// before anything was started.
func (a *Area) Adopt(context.Context) ([]*despatch.Despatch, error) {
	paths, err := filepath.Glob(filepath.Join(escape(a.Root), "*", stateFile))
	if err != nil {
		return nil, err
	}
	var found []*despatch.Despatch
	for _, path := range paths {
		dir := Dir(filepath.Dir(path))
		s, err := dir.load()
		if err != nil {
			a.Logger.Error("a state can't be read; its attempt is given up", "file", path, "error", err)
			dir.Remove()
			continue
		}
		found = append(found, &s.Despatch)
	}
	return found, nil
}

// Settle implements executor.Backend.
func (a *Area) Settle(d *despatch.Despatch) {
	dir, err := a.directory(d)
	if err == nil {
		err = dir.settle()
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errBadSession) {
		a.Logger.Error("an attempt can't be marked as settled; it will be reported again", "error", err)
	}
}

// Attempt finds an attempt's directory, or makes it. What lies there of another
// life of the session is removed.
func (a *Area) Attempt(d *despatch.Despatch, report executor.Reporter) (*Attempt, error) {
	dir, err := a.directory(d)
	if err != nil {
		return nil, err
	}
	t := &Attempt{Area: a, Despatch: d, Dir: dir, Report: report}
	old, err := dir.load()
	if err == nil && old.Despatch.HistoryRef == d.HistoryRef && old.Despatch.Fence == d.Fence {
		t.State = old
		return t, nil
	}
	if _, lost := os.Lstat(string(dir)); lost == nil {
		if err == nil {
			a.rescue(dir, old)
		}
		if err := dir.Remove(); err != nil {
			return nil, err
		}
	}
	t.State = newState(d)
	return t, dir.create()
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
