package work

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"syscall"

	"starling/api/despatch"
	"starling/node/executor"
	"starling/node/executor/stage"
)

// stage fetches a data resource, unless an earlier life has come further.
func (a *Attempt) stage(ctx context.Context, id string, s *despatch.Stage) (*despatch.Completion, error) {
	if a.State.Run {
		return nil, nil
	}
	if s.Location == "" {
		return Failure(executor.CodeUnsupported, false, fmt.Errorf("data resource %q of kind %s has no location to fetch it from", s.Name, s.Kind)), nil
	}
	bearer, unusable := bearerOf(s.Authorization)
	if unusable != nil {
		return unusable, nil
	}
	where := "."
	if s.Path != "" {
		var err error
		if where, err = relative(s.Path); err != nil {
			return Failure(executor.CodeStaging, false, err), nil
		}
	}
	if err := a.Keep(); err != nil {
		return Failure(executor.CodeInternal, true, err), nil
	}
	got, err := a.Stager.Fetch(ctx, stage.Request{
		URL:    s.Location,
		Dir:    filepath.Join(a.Dir.Work(), where),
		SHA256: s.SHA256,
		Bytes:  s.Bytes,
		Limit:  a.room(),
		Bearer: bearer,
		Progress: func(have, total int64) {
			if total > 0 {
				a.Report.Progress(id, float64(have)/float64(total), fmt.Sprintf("%d of %d bytes", have, total))
			}
		},
	})
	if ctx.Err() != nil {
		return Stopped(ctx)
	}
	if err != nil {
		return Failure(stagingCode(err), stage.Retryable(err) || errors.Is(err, stage.ErrExpired), err), nil
	}
	if !got.Checked {
		a.Report.Log(id, fmt.Sprintf("%s has no checksum to compare with; its SHA-256 is %s", filepath.Base(got.Path), got.SHA256))
	}
	name, err := filepath.Rel(a.Dir.Work(), got.Path)
	if err != nil {
		return Failure(executor.CodeInternal, false, err), nil
	}
	a.State.Staged = append(a.State.Staged, name)
	a.State.BytesStaged += got.Bytes
	return nil, nil
}

// bearerOf is the token that an action has for its data's server, or why it can't
// be used.
func bearerOf(a *despatch.Authorization) (stage.Bearer, *despatch.Completion) {
	switch {
	case a == nil:
		return stage.Bearer{}, nil
	case a.Scheme != despatch.SchemeBearer:
		return stage.Bearer{}, Failure(executor.CodeUnsupported, false, fmt.Errorf("data that want an authorization of scheme %q can't be fetched here", a.Scheme))
	case a.Token.IsZero():
		return stage.Bearer{}, Failure(executor.CodeStaging, true, errors.New("the token for the data is not here: it is kept in memory only, and the executor was restarted; or the node didn't send it, since the executor doesn't use the node's https URL"))
	}
	return stage.Bearer{Token: a.Token.Secret, Expires: a.Expires}, nil
}

// stagingCode is the code of data that couldn't be staged.
func stagingCode(err error) int {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return executor.CodeSpace
	}
	return executor.CodeStaging
}
