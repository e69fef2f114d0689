//go:build linux

package process

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"starling/api/despatch"
	"starling/node/executor"
	"starling/node/executor/shim"
	"starling/node/executor/work"
)

// outcome judges how the program ended; nil if well.
func (j *job) outcome(ctx context.Context) *despatch.Completion {
	if j.exit == nil {
		return work.Failure(executor.CodeLost, true, errors.New("the program vanished with whoever watched it; nobody knows how it ended"))
	}
	switch j.exit.Reason {
	case shim.ReasonStopped:
		if j.full != nil {
			return work.Failure(executor.CodeSpace, false, j.full)
		}
		cause := context.Cause(ctx)
		if cause == nil {
			cause = errors.New("the machine's administrator has stopped the program")
		}
		done := executor.Stopped(cause)
		return &done
	case shim.ReasonWalltime:
		return work.Failure(executor.CodeWalltime, false, fmt.Errorf("the walltime of %v s is over", j.Despatch.WalltimeSeconds))
	}
	if j.exit.Error != "" {
		return work.Failure(j.exit.Code, false, fmt.Errorf("the program can't be started: %s", j.exit.Error))
	}
	if j.exit.Code == 0 {
		return nil
	}
	return j.misfortune()
}

// misfortune explains an exit status or a signal.
func (j *job) misfortune() *despatch.Completion {
	line := j.LastLine()
	if j.sandbox != nil && j.exit.Code == 1 && strings.HasPrefix(line, "bwrap: execvp ") {
		code := shim.CodeNotFound
		if strings.HasSuffix(line, "Permission denied") {
			code = shim.CodeNotExecutable
		}
		j.exit.Code = code
		return work.Failure(code, false, fmt.Errorf("the program can't be started: %s", strings.TrimPrefix(line, "bwrap: execvp ")))
	}
	if strings.Contains(line, "No space left on device") {
		return work.Failure(executor.CodeSpace, true, errors.New(line))
	}
	// A sandbox passes a signal on as a shell does.
	if signal := syscall.Signal(j.exit.Code - 128); signal > 0 && signal <= 31 && (j.exit.Signal > 0 || j.sandbox != nil) {
		if signal == syscall.SIGXFSZ {
			return work.Failure(executor.CodeSpace, false, fmt.Errorf("a file would have become larger than the %d GiB of storage that the session may use; book more", j.Storage()>>30))
		}
		return work.Failure(j.exit.Code, false, fmt.Errorf("ended by %s (%v)", unix.SignalName(signal), signal))
	}
	if line == "" {
		line = fmt.Sprintf("exit status %d", j.exit.Code)
	}
	return work.Failure(j.exit.Code, false, errors.New(line))
}

// ended notes how the program ended, for the completion.
func (j *job) ended() {
	exit := j.exit
	if exit == nil {
		return
	}
	cpu := time.Duration((exit.UserSeconds + exit.SystemSeconds) * float64(time.Second))
	j.Ended = &work.Ended{Start: exit.Start, End: exit.End, CPU: &cpu, MaxRSS: exit.MaxRSS}
	if exit.Reason == "" {
		code := exit.Code
		j.Ended.ExitCode = &code
	}
}
