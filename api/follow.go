package api

import (
	"context"
	"io"
	"net/http"
	"time"

	"starling/federation/identity"
)

// followOutput answers ?follow=true: what a session has written, then what it
// writes, until it has ended.
func (v *visit) followOutput(id identity.UUID, role string) error {
	streams := v.server.streams
	if err := streams.enter(v.caller.User); err != nil {
		return err
	}
	defer streams.leave(v.caller.User)
	ctx, done := streams.until(v.Request().Context())
	defer done()

	f := follower{visit: v, id: id, role: role}
	// The first look may still be answered with a problem.
	ended, err := f.look(ctx)
	if err != nil {
		return err
	}
	poll := time.NewTicker(v.server.Limits.Poll)
	defer poll.Stop()
	for !ended {
		select {
		case <-poll.C:
		case <-ctx.Done():
			return nil
		}
		if ended, err = f.look(ctx); err != nil {
			return f.breakOff(ctx, err)
		}
	}
	return nil
}

// follower copies an output as it grows.
type follower struct {
	*visit
	id     identity.UUID
	role   string
	offset int64
}

// look copies what is new and reports whether there will be no more. Whether
// the session is over is asked first: what it wrote until then is copied. A
// session that was cancelled may still be writing its last words.
func (f *follower) look(ctx context.Context) (ended bool, err error) {
	session, err := f.server.Broker.Session(ctx, f.caller, f.id)
	if err != nil {
		return false, err
	}
	content, file, err := f.server.Broker.OpenOutput(ctx, f.caller, f.id, f.role)
	if err != nil {
		return false, err
	}
	defer content.Close()
	size, err := content.Seek(0, io.SeekEnd)
	if err != nil {
		return false, err
	}
	if size < f.offset { // another attempt has begun to write anew
		f.offset = 0
	}
	if _, err := content.Seek(f.offset, io.SeekStart); err != nil {
		return false, err
	}
	if !f.Response().Committed {
		f.begin()
	}
	// Not beyond the size that was seen, or a fast writer would keep us here.
	copied, err := io.CopyN(&patientWriter{visit: f.visit}, content, size-f.offset)
	f.offset += copied
	if err != nil {
		return false, err
	}
	if copied > 0 {
		_ = f.control().Flush()
	}
	return over(session.Phase) && !file.Open, nil
}

func (f *follower) begin() {
	h := f.header()
	h.Set("Content-Type", plainText)
	h.Set("Content-Security-Policy", sandbox)
	_ = f.control().SetWriteDeadline(time.Time{}) // each write sets its own
	f.Response().WriteHeader(http.StatusOK)
	_ = f.control().Flush()
}

// breakOff cuts the connection, so that the client does not take what it has
// for the whole; if the client went away or the node stops, quietly.
func (f *follower) breakOff(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		f.server.log.WarnContext(f.Request().Context(), "an output that is followed can't be read on", "request", f.id, "error", err)
	}
	panic(http.ErrAbortHandler)
}
