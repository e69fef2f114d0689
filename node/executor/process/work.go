//go:build linux

package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"starling/api/despatch"
	"starling/node/executor"
	"starling/node/executor/shim"
	"starling/node/executor/stage"
)

// work is an attempt that is being performed.
type work struct {
	*Backend
	despatch *despatch.Despatch
	dir      directory
	state    *state
	report   executor.Reporter

	mounts  []mount
	exit    *shim.Exit
	failure *despatch.Completion // the first; nil while all is well
	files   []despatch.File
}

func newState(d *despatch.Despatch) *state {
	return &state{Despatch: *d, Began: time.Now().UTC()}
}

// perform does the sequence's actions in order. After a failure only those that
// save and tidy are done, so that a failed program's output can be seen.
func (w *work) perform(ctx context.Context) (despatch.Completion, error) {
	for _, action := range w.despatch.Sequence {
		tidying := action.Kind == despatch.ActionSave || action.Kind == despatch.ActionRelease
		if w.failure != nil && !tidying {
			continue
		}
		w.report.Started(action.ID)
		failure, err := w.act(ctx, action)
		if err != nil {
			return despatch.Completion{}, err
		}
		if failure != nil {
			w.report.Failed(action.ID, failure.Failure.Message)
			w.failure = failure
			continue
		}
		w.report.Completed(action.ID)
	}
	return w.completion(), nil
}

// act performs one action. The completion says why it failed; the error is
// executor.ErrDetached or nil.
func (w *work) act(ctx context.Context, action despatch.Action) (*despatch.Completion, error) {
	switch {
	case action.Kind == despatch.ActionStageData && action.Stage != nil:
		return w.stage(ctx, action.ID, action.Stage)
	case action.Kind == despatch.ActionRun && action.Run != nil:
		return w.run(ctx, action.ID, action.Run)
	case action.Kind == despatch.ActionSave:
		w.save(action.ID)
		return nil, nil
	case action.Kind == despatch.ActionRelease:
		w.release()
		return nil, nil
	}
	return failed(executor.CodeUnsupported, false, fmt.Errorf("actions of kind %q are not performed here", action.Kind))
}

func failed(code int, retry bool, err error) (*despatch.Completion, error) {
	done := executor.Failure(code, err.Error(), retry)
	return &done, nil
}

// stopped is what becomes of an action when ctx is done.
func stopped(ctx context.Context) (*despatch.Completion, error) {
	cause := context.Cause(ctx)
	if errors.Is(cause, executor.ErrDetached) {
		return nil, executor.ErrDetached
	}
	done := executor.Stopped(cause)
	return &done, nil
}

// stage fetches a data resource, unless an earlier life has come further.
func (w *work) stage(ctx context.Context, id string, s *despatch.Stage) (*despatch.Completion, error) {
	if w.state.Run {
		return nil, nil
	}
	if s.Location == "" {
		return failed(executor.CodeUnsupported, false, fmt.Errorf("data resource %q of kind %s has no location to fetch it from", s.Name, s.Kind))
	}
	where := "."
	if s.Path != "" {
		var err error
		if where, err = relative(s.Path); err != nil {
			return failed(executor.CodeStaging, false, err)
		}
	}
	if err := w.dir.save(w.state); err != nil {
		return failed(executor.CodeInternal, true, err)
	}
	got, err := w.Stager.Fetch(ctx, stage.Request{
		URL:    s.Location,
		Dir:    filepath.Join(w.dir.work(), where),
		SHA256: s.SHA256,
		Bytes:  s.Bytes,
		Limit:  w.room(),
		Progress: func(have, total int64) {
			if total > 0 {
				w.report.Progress(id, float64(have)/float64(total), fmt.Sprintf("%d of %d bytes", have, total))
			}
		},
	})
	if ctx.Err() != nil {
		return stopped(ctx)
	}
	if err != nil {
		return failed(stagingCode(err), stage.Retryable(err), err)
	}
	if !got.Checked {
		w.report.Log(id, fmt.Sprintf("%s has no checksum to compare with; its SHA-256 is %s", filepath.Base(got.Path), got.SHA256))
	}
	name, err := filepath.Rel(w.dir.work(), got.Path)
	if err != nil {
		return failed(executor.CodeInternal, false, err)
	}
	w.state.Staged = append(w.state.Staged, name)
	w.state.BytesStaged += got.Bytes
	return nil, nil
}

// storage is how many bytes the session may use.
func (w *work) storage() int64 { return max(w.despatch.Resources.Storage, w.Unbooked) << 30 }

// room is how many of them are left for data.
func (w *work) room() int64 { return max(1, w.storage()-w.state.BytesStaged) }

// run runs the program, or finds it again.
func (w *work) run(ctx context.Context, id string, r *despatch.Run) (*despatch.Completion, error) {
	var err error
	if w.mounts, err = mounts(r); err != nil {
		return failed(executor.CodeUnsupported, false, err)
	}
	exit, failure := w.launch(ctx, r)
	if failure != nil {
		return failure, nil
	}
	announce := time.NewTimer(announceAfter)
	defer announce.Stop()
	var patience <-chan time.Time
	for done := ctx.Done(); ; {
		select {
		case w.exit = <-exit:
			return w.outcome(ctx), nil
		case <-announce.C:
			for _, f := range w.streams() {
				w.report.File(id, f)
			}
		case <-done:
			if errors.Is(context.Cause(ctx), executor.ErrDetached) {
				return nil, executor.ErrDetached
			}
			w.supervisor.stop(w.dir)
			done, patience = nil, time.After(w.Grace+stuck)
		case <-patience:
			w.Logger.Error("a program can't be killed; it is left to the kernel", "directory", w.dir)
			return stopped(ctx)
		}
	}
}

// stuck is how much longer than its grace a program may take to end. One that
// sits in the kernel (a dead network file system) may never.
const stuck = 5 * time.Second

// announceAfter is how old a run is when its stdout and stderr are announced;
// a shorter one's are in its completion.
const announceAfter = 100 * time.Millisecond

// launch has the shim start the program, or finds one that was started before.
// That it is about to be started is on disk before it is.
func (w *work) launch(ctx context.Context, r *despatch.Run) (<-chan *shim.Exit, *despatch.Completion) {
	if w.state.Run {
		exit, err := w.supervisor.find(w.dir)
		return exit, failure(executor.CodeInternal, true, err)
	}
	if ctx.Err() != nil {
		done := executor.Stopped(context.Cause(ctx))
		return nil, &done
	}
	executable, err := parse(r.Executable)
	if err != nil {
		return nil, failure(executor.CodeUnsupported, false, err)
	}
	if err := makeMounts(w.dir.work(), w.mounts); err != nil {
		return nil, failure(executor.CodeInternal, true, err)
	}
	w.state.Run = true
	if err := w.dir.save(w.state); err != nil {
		return nil, failure(executor.CodeInternal, true, err)
	}
	exit, err := w.supervisor.start(w.job(executable))
	return exit, failure(executor.CodeInternal, true, err)
}

func failure(code int, retry bool, err error) *despatch.Completion {
	if err == nil {
		return nil
	}
	done := executor.Failure(code, err.Error(), retry)
	return &done
}

// job is what the shim is told.
func (w *work) job(e *Executable) *shim.Job {
	booked := w.despatch.Resources
	job := &shim.Job{
		Dir:             string(w.dir),
		Cwd:             w.dir.work(),
		Data:            uint64(max(0, booked.Memory)) << 30,
		FileSize:        uint64(w.storage()),
		Processes:       w.Processes,
		WalltimeSeconds: w.despatch.WalltimeSeconds,
		GraceSeconds:    w.Grace.Seconds(),
	}
	if w.sandbox == nil {
		job.Argv = e.argv()
		job.Env = environment(w.despatch, e, w.dir.work(), w.dir.tmp())
		return job
	}
	job.Argv, job.Env = w.sandbox.wrap(w.dir, w.mounts, environment(w.despatch, e, home, "/tmp"), e.argv())
	job.Depth = 2
	return job
}

// release removes everything but the outputs. Empty directories stay until the
// attempt is swept: on ext4, files that were just deleted make it slow to create
// others.
func (w *work) release() {
	empty(w.dir.tmp())
	for _, name := range w.state.Staged {
		if !w.inWritable(name) {
			os.Remove(filepath.Join(w.dir.work(), name))
		}
	}
	for _, m := range w.mounts {
		if !m.writable && !w.holdsWritable(m) {
			removeAll(filepath.Join(w.dir.work(), m.path))
		}
	}
	if w.hasWritable() {
		w.removeScratch()
	}
}
