package node

import (
	"crypto/sha256"
	"encoding/binary"

	"starling/api/despatch"
	"starling/federation/identity"
	"starling/node/store"
)

// attempt is an attempt in progress: what must be known of it between reports.
// It is not on disk: a restarted broker gives every attempt a fresh lease.
type attempt struct {
	ref      identity.UUID
	session  identity.UUID
	executor identity.UUID
	fence    uint64
	span     store.Millis        // how long its lease is
	lease    store.Millis        // when it ends without another report
	grace    store.Millis        // before this it isn't stopped for having used up its time
	saving   store.Millis        // when it first sent a file after its work had ended; 0: it has not
	overrun  bool                // its booking is extended from moment to moment
	seen     map[uint64]struct{} // digests of the keys of updates
	files    map[uint64]struct{} // digests of what tells files apart
	staging  begun               // the data that are being staged
	stop     *despatch.Stop
	stopped  chan struct{} // closed when stop is set, or the attempt has ended
	waiting  int           // reports that are being held back
}

// newAttempt is the attempt that a session is under, with a fresh lease.
func newAttempt(s *store.Session, now, span store.Millis) *attempt {
	return &attempt{
		ref: s.Attempt.Ref, session: s.ID, executor: s.Attempt.Executor, fence: s.Attempt.Fence,
		span: span, lease: now + span,
		seen: map[uint64]struct{}{}, files: map[uint64]struct{}{}, stopped: make(chan struct{}),
	}
}

// kept is what is kept of an attempt when it has ended.
func (a *attempt) kept(e *executor) store.AttemptRef {
	return store.AttemptRef{Session: a.session, Executor: a.executor, Owner: e.Owner, BuiltIn: e.BuiltIn, Fence: a.fence}
}

// keep counts files in that are new, and returns those that are to be stored;
// what is beyond maxFiles is not kept, here alone.
func (a *attempt) keep(files []despatch.File) []despatch.File {
	kept := files[:0:0]
	for _, f := range files {
		digest := digestOf(store.FileKey(f))
		if _, known := a.files[digest]; !known && len(a.files) >= maxFiles {
			continue
		}
		a.files[digest] = struct{}{}
		kept = append(kept, f)
	}
	return kept
}

// putFiles stores files of a session.
func putFiles(tx *store.Tx, session identity.UUID, files []despatch.File) error {
	for _, f := range files {
		if err := tx.PutFile(session, f); err != nil {
			return err
		}
	}
	return nil
}

// renew gives an attempt another lease, and says until when.
func (a *attempt) renew(now store.Millis) despatch.Lease {
	a.lease = now + a.span
	return despatch.Lease{Seconds: int(a.span / 1000), Expires: wall(a.lease)}
}

// order tells the executor to stop, once.
func (a *attempt) order(stop despatch.Stop) {
	if a.stop == nil {
		a.stop = &stop
		a.letGo()
	}
}

// letGo answers the reports that are held back.
func (a *attempt) letGo() {
	select {
	case <-a.stopped:
	default:
		close(a.stopped)
	}
}

// digestOf shortens an update's key. That two keys of one attempt share a
// digest is as unlikely as one in 2⁶⁴ for each pair.
func digestOf(key string) uint64 {
	sum := sha256.Sum256([]byte(key))
	return binary.BigEndian.Uint64(sum[:8])
}
