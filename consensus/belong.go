package consensus

import (
	"errors"
	"fmt"

	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"
	"go.etcd.io/bbolt"
)

// A standing is where the two files of a log are.
type standing struct {
	server      string   // that the state follows; "" if none yet
	at          position // the state's
	marked      uint64   // the log before it may be gone; 0 if there is no marker
	first, last uint64   // of the log; 0 if it is empty
	untouched   bool     // this node has not heard of any term
}

// stand finds it, and reads the whole log.
func stand(state *stateFile, log disk) (s standing, err error) {
	err = state.view(func(tx *bbolt.Tx) error {
		s.at, s.server = raftPosition(tx), owner(tx)
		stored, err := readMarker(tx)
		if stored != nil {
			s.marked = stored.Index
		}
		return err
	})
	if err != nil {
		return s, err
	}
	term, err := log.GetUint64(termKey)
	s.untouched = (err == nil || errors.Is(err, raftboltdb.ErrKeyNotFound)) && term == 0 && s.marked == 0
	s.first, s.last, err = verify(log, s.marked)
	return s, err
}

// end is the last entry that the files hold.
func (s standing) end() uint64 { return max(s.last, s.marked) }

// check makes sure that both files are of one server, and that the state lacks
// nothing that the log no longer has.
func (s standing) check(id string) error {
	const remedy = "move both aside (starling debug recover --rejoin), keep the session store, and let the node join again"
	switch {
	case s.server != "" && s.server != id:
		return fmt.Errorf("%w: %s follows server %s, but %s is of %s; %s", ErrStateLost, StateFile, s.server, LogFile, id, remedy)
	case s.server == "" && s.last > 0:
		return fmt.Errorf("%w: %s is new, but %s has %d entries; %s", ErrStateLost, StateFile, LogFile, s.last, remedy)
	case s.first > s.marked+1: // raft itself starts from the marker
		return fmt.Errorf("%w: %s has %d entries, but %s begins at %d; %s", ErrStateLost, StateFile, s.at.index, LogFile, s.first, remedy)
	case s.at.index > s.end():
		return fmt.Errorf("%w: %s has %d entries, but %s ends at %d; %s", ErrStateLost, StateFile, s.at.index, LogFile, s.last, remedy)
	}
	return nil
}

// belong settles that this node's log and state belong together.
func (r *Raft) belong(options RaftOptions) (err error) {
	if r.id, err = serverID(r.disk, options.Node, options.Random); err != nil {
		return err
	}
	if node := NodeOf(r.id); node != options.Node {
		return fmt.Errorf("%w: %s is of node %s, and this is %s", ErrStateLost, LogFile, node, options.Node)
	}
	if err := finishRecovery(r.state, r.disk); err != nil {
		return err
	}
	s, err := stand(r.state, r.disk)
	if err != nil {
		return err
	}
	if err := s.check(r.id); err != nil {
		return err
	}
	// A node that was started once without Bootstrap, and that nobody let in, has
	// nothing that another federation's first entry would replace.
	if s.server == "" || options.Bootstrap && s.untouched {
		return r.found(options)
	}
	return nil
}

// found binds a new log to the state, and begins a federation if asked to.
func (r *Raft) found(options RaftOptions) error {
	if !options.Bootstrap {
		return r.state.update(func(c *change) error { return own(c, r.id) })
	}
	// The state as it is becomes entry 1, so that those who join are sent it.
	const term, index = 1, 1
	if err := r.disk.SetUint64(termKey, term); err != nil {
		return err
	}
	self := raft.Server{Suffrage: raft.Voter, ID: raft.ServerID(r.id), Address: destination(r.id, options.Stream.Addr().String())}
	r.log.Info("a new federation begins", "server", r.id)
	return r.state.update(func(c *change) error {
		defer r.state.settle(c.tx)
		return errors.Join(own(c, r.id), beginFederation(c, options.Random), putMarker(c, marker{
			Index: index, Term: term, Configuration: raft.Configuration{Servers: []raft.Server{self}}, ConfigurationIndex: index,
		}))
	})
}
