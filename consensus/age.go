package consensus

import (
	"os"
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// freshness is when a node's copy of the record was last known to be all there
// was. Its methods may be called by any goroutine.
type freshness struct {
	mu     sync.Mutex
	at     time.Time
	commit uint64    // the last committed entry …
	heard  time.Time // … as of this time; zero: nothing was heard yet
}

// note takes up which entry was the last committed one when the leader was last
// heard, and how many this copy has. A copy that is always a little behind was
// whole, too: when it has what was committed a moment ago, as of then.
func (f *freshness) note(applied, commit uint64, heard time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if heard.IsZero() {
		return
	}
	if applied >= f.commit {
		if f.heard.After(f.at) {
			f.at = f.heard
		}
		f.commit, f.heard = commit, heard
	}
	if applied >= commit && heard.After(f.at) {
		f.at = heard
	}
}

// age is for how long the copy may have been behind.
func (f *freshness) age(now time.Time) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return max(0, now.Sub(f.at))
}

// writtenAt is when a file was last written to: now, if there is none. A node that
// has heard of nobody since it was started knows no more than that its copy is no
// younger.
func writtenAt(path string) time.Time {
	if info, err := os.Stat(path); err == nil {
		return info.ModTime()
	}
	return time.Now()
}

// ageEvery is how often a node takes down how fresh its copy is.
const ageEvery = time.Second

// keepAge is the goroutine that does.
func (r *Raft) keepAge() {
	beat := time.NewTicker(ageEvery)
	defer beat.Stop()
	for {
		r.look()
		select {
		case <-beat.C:
		case <-r.closing.Done():
			return
		}
	}
}

// look takes down how fresh the copy is now.
func (r *Raft) look() {
	heard := time.Now()
	if r.raft.State() != raft.Leader {
		heard = r.raft.LastContact()
	}
	// In this order: what is committed may be more than it was then, but not less.
	commit := r.raft.CommitIndex()
	r.fresh.note(r.Index(), commit, heard)
}
