package executor

import (
	"context"
	"errors"

	"starling/api/despatch"
)

// Backend does the work of attempts.
type Backend interface {
	// Adopt lists the attempts that are known from an earlier life of this
	// executor: still under way, or ended and not settled. Run is called for
	// each, and takes up the work where it stands.
	Adopt(ctx context.Context) ([]*despatch.Despatch, error)

	// Run performs an attempt and returns how it ended: outcome, failure,
	// resources, files, exit code. Fence, key and ids are the runtime's. It
	// returns within a second or so once ctx is done, whose cause says why: a
	// *StopError, ErrRefused, or ErrDetached. In answer to the latter a
	// backend whose work can go on without it leaves it running and returns
	// ErrDetached; all others end the work and return a completion. Any other
	// error means that the attempt failed and may be tried again.
	Run(ctx context.Context, d *despatch.Despatch, report Reporter) (despatch.Completion, error)

	// Settle says that the node has the completion, or doesn't want it:
	// what the backend kept to find the attempt again can go.
	Settle(d *despatch.Despatch)
}

// ErrDetached is the cause when the executor itself is ending.
var ErrDetached = errors.New("the executor is ending")

// ErrRefused is the cause when the node refuses the attempt's reports: it has
// been taken for lost and somebody else has it now, or nobody knows it.
var ErrRefused = errors.New("the node refuses this attempt")

// StopError is the cause when the node orders a stop.
type StopError struct{ despatch.Stop }

// Error implements error.
func (s *StopError) Error() string {
	if s.Message == "" {
		return s.Reason
	}
	return s.Reason + ": " + s.Message
}

// Codes of failures that are not a program's exit status, which ends at 255.
const (
	CodeCancelled   = 601 // stopped on the node's order
	CodeWalltime    = 602 // the walltime was over
	CodeStaging     = 603 // data could not be staged
	CodeSpace       = 604 // out of disk, or over the booked storage
	CodeLost        = 605 // the work vanished: the machine or the executor died
	CodeUnsupported = 606 // an action or an executable that this executor doesn't know
	CodeInternal    = 607 // the executor itself failed
)

// Stopped is the completion of an attempt that was stopped, by the cause of its
// context.
func Stopped(cause error) despatch.Completion {
	var stop *StopError
	if errors.As(cause, &stop) && stop.Reason == despatch.StopWalltime {
		return Failure(CodeWalltime, stop.Error(), false)
	}
	if errors.As(cause, &stop) {
		done := Failure(CodeCancelled, stop.Error(), false)
		done.Outcome = despatch.Abandoned
		return done
	}
	done := Failure(CodeLost, cause.Error(), true)
	done.Outcome = despatch.Abandoned
	return done
}

// Failure is a completion with outcome FAILED.
func Failure(code int, message string, retry bool) despatch.Completion {
	return despatch.Completion{
		Outcome: despatch.Failed,
		Failure: &despatch.Failure{Code: code, Message: message, Retry: retry},
	}
}
