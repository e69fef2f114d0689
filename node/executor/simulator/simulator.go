// Package simulator is the backend that runs nothing and says so: for tests,
// training and load. It takes whatever kinds it is registered with, ignores
// images and digests, pretends to stage, waits where it is told to, and reports
// the resources that the booking and the time imply.
//
// An executable whose command is two numbers tells it how to behave:
// command: [60, 0] takes a minute and exits with 0. They may be strings of
// digits. Any other command, or none, takes no time and exits with 0.
//
// A simulation ends with its executor: nothing of it outlives the process, and
// the next one reports it abandoned, to be tried again.
package simulator

import (
	"context"
	"fmt"
	"time"

	"starling/api/despatch"
	"starling/node/executor"
)

// Quality is the id of the measure that marks a completion as simulated.
const Quality = "simulated"

// Simulator is an executor.Backend.
type Simulator struct{}

// New returns a simulator. It holds nothing: one serves any number of attempts.
func New() *Simulator { return &Simulator{} }

// Adopt implements executor.Backend: nothing survives a simulator.
func (*Simulator) Adopt(context.Context) ([]*despatch.Despatch, error) { return nil, nil }

// Settle implements executor.Backend.
func (*Simulator) Settle(*despatch.Despatch) {}

// Run implements executor.Backend.
func (*Simulator) Run(ctx context.Context, d *despatch.Despatch, report executor.Reporter) (despatch.Completion, error) {
	s := simulation{began: time.Now(), walltime: seconds(d.WalltimeSeconds), booked: d.Resources}
	for _, action := range d.Sequence {
		report.Started(action.ID)
		if failed := s.act(ctx, action); failed != nil {
			report.Failed(action.ID, failed.Failure.Message)
			return s.finish(*failed), nil
		}
		report.Completed(action.ID)
	}
	return s.finish(despatch.Completion{Outcome: despatch.Completed}), nil
}

// simulation is one attempt.
type simulation struct {
	began    time.Time
	walltime time.Duration
	booked   despatch.Capacity
	run      time.Duration
	staged   int64
	exit     *int
}

// act pretends to perform an action; it returns a completion if that fails.
func (s *simulation) act(ctx context.Context, action despatch.Action) *despatch.Completion {
	if action.Stage != nil {
		s.staged += action.Stage.Bytes
	}
	if action.Run == nil {
		return nil
	}
	order := parse(action.Run.Executable)
	began := time.Now()
	defer func() { s.run += time.Since(began) }()
	if s.walltime > 0 && order.pause > s.walltime {
		return failure(pause(ctx, s.walltime), executor.Failure(executor.CodeWalltime,
			fmt.Sprintf("the walltime of %v is over", s.walltime), false))
	}
	if stopped := pause(ctx, order.pause); stopped != nil {
		return stopped
	}
	s.exit = &order.exit
	if order.exit == 0 {
		return nil
	}
	return failure(nil, executor.Failure(order.exit, fmt.Sprintf("simulated exit status %d", order.exit), false))
}

// failure is stopped, unless that is nil.
func failure(stopped *despatch.Completion, otherwise despatch.Completion) *despatch.Completion {
	if stopped != nil {
		return stopped
	}
	return &otherwise
}

// pause waits; it returns a completion if it is stopped.
func pause(ctx context.Context, d time.Duration) *despatch.Completion {
	if d > 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	if ctx.Err() == nil {
		return nil
	}
	stopped := executor.Stopped(context.Cause(ctx))
	return &stopped
}

// finish adds what every completion of ours has.
func (s *simulation) finish(done despatch.Completion) despatch.Completion {
	usage := executor.Usage{
		Booked:      s.booked,
		Total:       time.Since(s.began),
		Run:         s.run,
		BytesStaged: s.staged,
	}
	done.Resources = usage.Resources()
	done.ExitCode = s.exit
	done.Quality = []despatch.Quality{{ID: Quality, Value: 1, Description: "nothing was run"}}
	return done
}
