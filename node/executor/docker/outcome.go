package docker

import (
	"errors"
	"fmt"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"

	"starling/api/despatch"
	"starling/node/executor"
	"starling/node/executor/work"
)

// endedFile is where an ending is noted before its container is removed.
const endedFile = "ended.json"

// ending is how a container ended.
type ending struct {
	Ended   *work.Ended          `json:"ended,omitempty"`
	Failure *despatch.Completion `json:"failure,omitempty"` // nil: well
}

// vanished is the ending of a container that somebody else has removed.
func vanished() *ending {
	return &ending{Failure: work.Failure(executor.CodeLost, true, errors.New("the container is gone; nobody knows how it ended"))}
}

// reasons are why a container was ended from outside; all nil or zero: it ended
// by itself.
type reasons struct {
	stopped  error // the cause of the work's context
	full     error // it takes too much storage
	walltime time.Duration
}

// outcome judges how a container ended.
func (j *job) outcome(s *container.State, why reasons) *ending {
	end := &ending{Ended: &work.Ended{Start: instant(s.StartedAt), End: instant(s.FinishedAt)}}
	if end.Ended.End.Before(end.Ended.Start) { // the engine notes a quick end before the start
		end.Ended.Start = end.Ended.End
	}
	switch {
	case why.full != nil:
		end.Failure = work.Failure(executor.CodeSpace, false, why.full)
	case why.stopped != nil:
		done := executor.Stopped(why.stopped)
		end.Failure = &done
	case why.walltime > 0:
		end.Failure = work.Failure(executor.CodeWalltime, false, fmt.Errorf("the walltime of %v is over", why.walltime))
	default:
		code := s.ExitCode
		end.Ended.ExitCode = &code
		end.Failure = j.misfortune(s)
	}
	return end
}

// misfortune explains an exit status.
func (j *job) misfortune(s *container.State) *despatch.Completion {
	switch {
	case s.ExitCode == 0:
		return nil
	case s.OOMKilled:
		return work.Failure(s.ExitCode, false, fmt.Errorf("out of memory: the kernel ended a program that used more than the %d GiB that are booked; book more", max(1, j.Despatch.Resources.Memory)))
	case s.Error != "":
		return work.Failure(s.ExitCode, false, errors.New(s.Error))
	}
	line := j.LastLine()
	if line == "" {
		line = fmt.Sprintf("exit status %d", s.ExitCode)
	}
	return work.Failure(s.ExitCode, false, errors.New(line))
}

// instant reads a time of the engine's; now where there is none.
func instant(text string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil || t.Year() < 2000 {
		return time.Now().UTC()
	}
	return t.UTC()
}

// failureOf explains what the engine would not do. What it takes for nonsense it
// would take for nonsense again.
func failureOf(what string, err error) *despatch.Completion {
	if errdefs.IsInvalidArgument(err) {
		return work.Failure(executor.CodeUnsupported, false, fmt.Errorf("%s: %w", what, err))
	}
	return work.Failure(executor.CodeInternal, true, fmt.Errorf("%s: %w", what, err))
}

// conflict reports whether a name is taken.
func conflict(err error) bool { return errdefs.IsConflict(err) }
