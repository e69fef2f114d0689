//go:build linux

package process

import (
	"context"
	"errors"
	"time"

	"starling/api/despatch"
	"starling/node/executor"
	"starling/node/executor/shim"
	"starling/node/executor/work"
)

// job is an attempt that is being performed.
type job struct {
	*Backend
	*work.Attempt
	exit *shim.Exit
	full error // why it was stopped, if it takes too much storage
}

// run runs the program, or finds it again.
func (j *job) run(ctx context.Context, id string, r *despatch.Run) (*despatch.Completion, error) {
	j.Report.Started(id)
	exit, failure := j.launch(ctx, r)
	if failure != nil {
		return failure, nil
	}
	announce := time.NewTimer(announceAfter)
	defer announce.Stop()
	full, endWatch := j.Watch(ctx, nil)
	defer endWatch()
	var patience <-chan time.Time
	for done := ctx.Done(); ; {
		select {
		case j.exit = <-exit:
			failure := j.outcome(ctx)
			j.ended()
			return failure, nil
		case <-announce.C:
			j.Announce(id)
		case j.full = <-full:
			j.supervisor.stop(j.Dir)
		case <-done:
			if errors.Is(context.Cause(ctx), executor.ErrDetached) {
				return nil, executor.ErrDetached
			}
			j.supervisor.stop(j.Dir)
			done, patience = nil, time.After(j.Grace+stuck)
		case <-patience:
			j.Logger.Error("a program can't be killed; it is left to the kernel", "directory", j.Dir)
			return work.Stopped(ctx)
		}
	}
}

// fileSlack is how much larger than all of its storage a program's file may
// become, in bytes, before it is stopped: so much that it is seen to be too large.
const fileSlack = 1 << 20

// stuck is how much longer than its grace a program may take to end. One that
// sits in the kernel (a dead network file system) may never.
const stuck = 5 * time.Second

// announceAfter is how old a run is when its stdout and stderr are announced;
// a shorter one's are in its completion.
const announceAfter = 100 * time.Millisecond

// launch has the shim start the program, or finds one that was started before.
// That it is about to be started is on disk before it is.
func (j *job) launch(ctx context.Context, r *despatch.Run) (<-chan *shim.Exit, *despatch.Completion) {
	if j.State.Run {
		exit, err := j.supervisor.find(j.Dir)
		return exit, work.Failure(executor.CodeInternal, true, err)
	}
	if ctx.Err() != nil {
		done := executor.Stopped(context.Cause(ctx))
		return nil, &done
	}
	executable, err := parse(r.Executable)
	if err != nil {
		return nil, work.Failure(executor.CodeUnsupported, false, err)
	}
	if err := j.Begin(); err != nil {
		return nil, work.Failure(executor.CodeInternal, true, err)
	}
	exit, err := j.supervisor.start(j.order(executable))
	return exit, work.Failure(executor.CodeInternal, true, err)
}

// order is what the shim is told.
func (j *job) order(e *Executable) *shim.Job {
	booked := j.Despatch.Resources
	order := &shim.Job{
		Dir:             string(j.Dir),
		Cwd:             j.Dir.Work(),
		Data:            uint64(max(0, booked.Memory)) << 30,
		FileSize:        uint64(j.Storage()) + fileSlack,
		Processes:       j.Processes,
		WalltimeSeconds: j.Despatch.WalltimeSeconds,
		GraceSeconds:    j.Grace.Seconds(),
	}
	if j.sandbox == nil {
		order.Argv = work.Strings(e.Command)
		order.Env = environment(j.Despatch, e, j.Dir.Work(), j.Dir.Tmp())
		return order
	}
	order.Argv, order.Env = j.sandbox.wrap(j.Dir, j.Mounts, environment(j.Despatch, e, home, "/tmp"), work.Strings(e.Command))
	order.Depth = 2
	return order
}
