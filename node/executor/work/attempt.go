package work

import (
	"context"
	"errors"
	"fmt"

	"starling/api/despatch"
	"starling/node/executor"
)

// Attempt is an attempt that is being performed.
type Attempt struct {
	*Area
	Despatch *despatch.Despatch
	Dir      Dir
	State    *State
	Report   executor.Reporter
	Mounts   []Mount // of the run; the outer before the inner
	// Ended is how the program ended, well or not; nil where none has run.
	Ended *Ended

	failure *despatch.Completion // the first; nil while all is well
	files   []despatch.File
}

// Run runs an attempt's program, or finds again one that an earlier life has
// started: see Attempt.Perform. It reports that the action has started when the
// program is about to, and leaves in Ended how it ended. The completion says why
// it failed, nil that it did not; the error is executor.ErrDetached or nil.
type Run func(ctx context.Context, id string, r *despatch.Run) (*despatch.Completion, error)

// Perform does the sequence's actions in order. After a failure only those that
// save and tidy are done, so that a failed program's output can be seen. The
// error is executor.ErrDetached or nil. The directory of an attempt that nobody
// will ask for is removed.
func (a *Attempt) Perform(ctx context.Context, run Run) (despatch.Completion, error) {
	a.failure = a.prepare()
	for _, action := range a.Despatch.Sequence {
		tidying := action.Kind == despatch.ActionSave || action.Kind == despatch.ActionRelease
		if a.failure != nil && !tidying {
			continue
		}
		if action.Kind != despatch.ActionRun {
			a.Report.Started(action.ID)
		}
		before := a.State.BytesStaged
		failure, err := a.act(ctx, action, run)
		if err != nil {
			return despatch.Completion{}, err
		}
		if failure != nil {
			a.Report.Failed(action.ID, failure.Failure.Message)
			if a.failure == nil {
				a.failure = failure
			}
			continue
		}
		if action.Kind == despatch.ActionStageData {
			a.Report.Staged(action.ID, a.State.BytesStaged-before)
			continue
		}
		a.Report.Completed(action.ID)
	}
	done := a.completion()
	if errors.Is(context.Cause(ctx), executor.ErrRefused) {
		a.Dir.Remove()
	}
	return done, nil
}

// prepare finds out what is mounted where, and takes what earlier sessions have
// left.
func (a *Attempt) prepare() *despatch.Completion {
	for _, action := range a.Despatch.Sequence {
		if action.Run == nil {
			continue
		}
		all, err := mounts(action.Run)
		if err != nil {
			return Failure(executor.CodeUnsupported, false, err)
		}
		a.Mounts = all
	}
	return a.takeStorage()
}

// act performs one action.
func (a *Attempt) act(ctx context.Context, action despatch.Action, run Run) (*despatch.Completion, error) {
	switch {
	case action.Kind == despatch.ActionStageData && action.Stage != nil:
		return a.stage(ctx, action.ID, action.Stage)
	case action.Kind == despatch.ActionRun && action.Run != nil:
		failure, err := run(ctx, action.ID, action.Run)
		if err == nil && (failure == nil || failure.Outcome == despatch.Failed) {
			// It may have ended before it was looked at, or for want of room.
			if over := a.overrun(ctx); over != nil {
				failure = Failure(executor.CodeSpace, false, over)
			}
		}
		return failure, err
	case action.Kind == despatch.ActionSave:
		a.save(action.ID)
		return nil, nil
	case action.Kind == despatch.ActionRelease:
		return a.release(), nil
	}
	return Failure(executor.CodeUnsupported, false, fmt.Errorf("actions of kind %q are not performed here", action.Kind)), nil
}

// Keep notes that there is an attempt, so that the executor's next life takes it
// up where it stands.
func (a *Attempt) Keep() error { return a.Dir.save(a.State) }

// Begin makes the volumes and notes, before it is done, that the program is
// about to be started.
func (a *Attempt) Begin() error {
	if err := makeMounts(a.Dir.Work(), a.Mounts); err != nil {
		return err
	}
	a.State.Run = true
	return a.Keep()
}

// Storage is how many bytes the session may use.
func (a *Attempt) Storage() int64 { return max(a.Despatch.Resources.Storage, a.Unbooked) << 30 }

// room is how many of them are left for data.
func (a *Attempt) room() int64 { return max(1, a.Storage()-a.State.BytesStaged) }

// release removes everything but the outputs. Empty directories stay until the
// attempt is swept: on ext4, files that were just deleted make it slow to create
// others.
func (a *Attempt) release() *despatch.Completion {
	if err := a.keepStorage(); err != nil {
		return Failure(executor.CodeInternal, false, fmt.Errorf("storage can't be kept: %w", err))
	}
	empty(a.Dir.Tmp())
	a.removeInputs()
	if a.hasWritable() || !a.Home {
		a.removeScratch(".")
	}
	return nil
}
