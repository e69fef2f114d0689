package consensus

import (
	"context"
	"errors"
	"time"

	"github.com/hashicorp/raft"

	"starling/accounting"
)

// Who finds that something is wrong.
const (
	fromState = iota // the state can't be written
	fromLog          // the log's file can't
	fromDrain        // the leader doesn't take the outbox
	sources
)

// note remembers what is wrong, or that it no longer is. That nobody takes the
// outbox is no fault of this node, which goes on (promise 6): Status tells it, Err
// does not. What does not pass ends this node's part: it is neither served nor
// passed on.
func (r *Raft) note(source int, err error) {
	r.mu.Lock()
	before := errors.Join(r.troubles[:]...)
	r.troubles[source] = err
	changed := (before == nil) != (errors.Join(r.troubles[:]...) == nil)
	serious := r.troubles
	if !fatal(serious[fromDrain]) {
		serious[fromDrain] = nil
	}
	r.err = errors.Join(serious[:]...)
	if fatal(r.err) {
		r.announce()
	}
	r.mu.Unlock()
	defer r.fail(err)
	switch {
	case fatal(err) && source != fromDrain:
		r.halted.Do(func() {
			r.log.Error("log stopped: its store is broken", "error", err)
			r.call(func() { _ = r.transport.Close() })
		})
	case changed && err != nil:
		r.log.Warn("log does not get on; trying again", "error", err)
	case changed:
		r.log.Info("log gets on again")
	}
}

// call runs something that waits for raft, unless the log is closing.
func (r *Raft) call(do func()) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return false
	}
	r.calls.Go(do)
	return true
}

// Close ends the drain, hands the leadership on if this node has it, and leaves
// the log. What is in the outbox stays there. A second Close does nothing.
func (r *Raft) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), r.timing.Request)
	defer cancel()
	return r.stop(func() {
		if r.Err() == nil {
			_ = r.Resign(ctx) // else the others find out by themselves
		}
	})
}

// stop ends everything in the order in which one needs the other. Raft comes
// after all who wait for it, since it does not answer them once it has ended;
// and after the transport, without which it answers them.
func (r *Raft) stop(farewell func()) error {
	r.mu.Lock()
	cancel, done := r.drain.cancel, r.drain.done
	closed := r.closed
	r.mu.Unlock()
	if closed {
		return nil
	}
	if cancel != nil {
		cancel()
		<-done
	}
	farewell()
	r.mu.Lock()
	closed, r.closed = r.closed, true
	r.announce()
	r.mu.Unlock()
	if closed {
		return nil
	}
	r.quit()
	err := r.transport.Close()
	r.calls.Wait()
	err = errors.Join(err, r.raft.Shutdown().Error())
	r.metrics.unregister()
	return errors.Join(err, r.disk.Close(), r.state.close())
}

// View reads the state as it is here at this moment. The view, and what it handed
// out, end with the function. A state that is broken is not shown.
func (r *Raft) View(ctx context.Context, read func(accounting.View) error) error {
	if err := r.Err(); fatal(err) && !isGap(err) {
		return err
	}
	return r.state.read(ctx, read)
}

func isGap(err error) bool {
	var gap *GapError
	return errors.As(err, &gap)
}

// Rejections are the newest records that accounting refused, newest first.
func (r *Raft) Rejections(limit int) ([]Rejection, error) { return r.state.rejections(limit) }

// Status reports where the log stands.
func (r *Raft) Status() Status {
	s := r.outboxStatus()
	_, leader := r.raft.LeaderWithID()
	s.Node, s.Leader, s.Term = r.node, NodeOf(string(leader)), r.raft.CurrentTerm()
	s.Role, s.Commit = r.role(), max(r.raft.CommitIndex(), s.Applied)
	_ = guard(func() (err error) { // what is wrong with the file is noticed elsewhere
		if s.First, err = r.disk.FirstIndex(); err != nil {
			return err
		}
		s.Record, err = r.state.recordSum()
		return err
	})
	r.look()
	s.AgeSeconds = r.fresh.age(time.Now()).Seconds()
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.troubles[fromDrain]; err != nil && s.Error == "" {
		s.Error = err.Error()
	}
	return s
}

func (r *Raft) role() string {
	switch r.raft.State() {
	case raft.Leader:
		return "leader"
	case raft.Candidate:
		return "candidate"
	}
	if !r.Self().Voter {
		return "replica"
	}
	return "follower"
}
