package work

import (
	"context"
	"errors"

	"starling/api/despatch"
	"starling/node/executor"
)

// Failure is what an action that has failed comes to; nil without an error.
func Failure(code int, retry bool, err error) *despatch.Completion {
	if err == nil {
		return nil
	}
	done := executor.Failure(code, err.Error(), retry)
	return &done
}

// Stopped is what becomes of an action when ctx is done.
func Stopped(ctx context.Context) (*despatch.Completion, error) {
	cause := context.Cause(ctx)
	if errors.Is(cause, executor.ErrDetached) {
		return nil, executor.ErrDetached
	}
	done := executor.Stopped(cause)
	return &done, nil
}
