//go:build linux

package process

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"starling/api/despatch"
	"starling/node/executor"
	"starling/node/executor/shim"
)

// outcome judges how the program ended; nil if well.
func (w *work) outcome(ctx context.Context) *despatch.Completion {
	if w.exit == nil {
		return failure(executor.CodeLost, true, errors.New("the program vanished with whoever watched it; nobody knows how it ended"))
	}
	switch w.exit.Reason {
	case shim.ReasonStopped:
		cause := context.Cause(ctx)
		if cause == nil {
			cause = errors.New("the machine's administrator has stopped the program")
		}
		done := executor.Stopped(cause)
		return &done
	case shim.ReasonWalltime:
		return failure(executor.CodeWalltime, false, fmt.Errorf("the walltime of %v s is over", w.despatch.WalltimeSeconds))
	}
	if w.exit.Error != "" {
		return failure(w.exit.Code, false, fmt.Errorf("the program can't be started: %s", w.exit.Error))
	}
	if w.exit.Code == 0 {
		return nil
	}
	return w.misfortune()
}

// misfortune explains an exit status or a signal.
func (w *work) misfortune() *despatch.Completion {
	line := w.lastLine()
	if w.sandbox != nil && w.exit.Code == 1 && strings.HasPrefix(line, "bwrap: execvp ") {
		code := shim.CodeNotFound
		if strings.HasSuffix(line, "Permission denied") {
			code = shim.CodeNotExecutable
		}
		w.exit.Code = code
		return failure(code, false, fmt.Errorf("the program can't be started: %s", strings.TrimPrefix(line, "bwrap: execvp ")))
	}
	if strings.Contains(line, "No space left on device") {
		return failure(executor.CodeSpace, true, errors.New(line))
	}
	// A sandbox passes a signal on as a shell does.
	if signal := syscall.Signal(w.exit.Code - 128); signal > 0 && signal <= 31 && (w.exit.Signal > 0 || w.sandbox != nil) {
		if signal == syscall.SIGXFSZ {
			return failure(executor.CodeSpace, false, fmt.Errorf("a file would have become larger than the %d GiB of storage that the session may use; book more", w.storage()>>30))
		}
		return failure(w.exit.Code, false, fmt.Errorf("ended by %s (%v)", unix.SignalName(signal), signal))
	}
	if line == "" {
		line = fmt.Sprintf("exit status %d", w.exit.Code)
	}
	return failure(w.exit.Code, false, errors.New(line))
}

// maxLine bounds the line of stderr that becomes a failure's message.
const maxLine = 1000

// lastLine is the last line of stderr that isn't empty.
func (w *work) lastLine() string {
	in, err := os.Open(w.dir.join(shim.StderrFile))
	if err != nil {
		return ""
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return ""
	}
	tail := make([]byte, min(info.Size(), 4*maxLine))
	n, _ := in.ReadAt(tail, info.Size()-int64(len(tail)))
	tail = bytes.TrimSpace(tail[:n])
	line := tail[bytes.LastIndexByte(tail, '\n')+1:]
	return strings.ToValidUTF8(string(line[:min(len(line), maxLine)]), "\uFFFD")
}

// completion is the attempt's, the same however often it is made.
func (w *work) completion() despatch.Completion {
	done := despatch.Completion{Outcome: despatch.Completed}
	if w.failure != nil {
		done = *w.failure
	}
	usage := executor.Usage{
		Booked:      w.despatch.Resources,
		BytesStaged: w.state.BytesStaged,
	}
	done.Time = time.Now().UTC()
	if exit := w.exit; exit != nil {
		cpu := time.Duration((exit.UserSeconds + exit.SystemSeconds) * float64(time.Second))
		usage.CPU, usage.MaxRSS = &cpu, exit.MaxRSS
		usage.Run = exit.End.Sub(exit.Start)
		done.Time = exit.End
		if exit.Reason == "" {
			code := exit.Code
			done.ExitCode = &code
		}
	}
	usage.Total = done.Time.Sub(w.state.Began)
	done.Resources, done.Quality = usage.Resources(), usage.Quality()
	done.Files = append(w.finalStreams(), w.files...)
	return done
}

// stagingCode is the code of data that couldn't be staged.
func stagingCode(err error) int {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return executor.CodeSpace
	}
	return executor.CodeStaging
}
