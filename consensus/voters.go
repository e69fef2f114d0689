package consensus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/raft"
)

// A Server is one member of the log.
type Server struct {
	ID      string `json:"id"`      // the node's name and the mark of its log file
	Node    string `json:"node"`    // the node's name
	Address string `json:"address"` // of its stream layer
	Voter   bool   `json:"voter"`   // a replica otherwise
}

// NodeOf is the name of the node that a server's id names.
func NodeOf(id string) string {
	if i := strings.LastIndexByte(id, '.'); i >= 0 {
		return id[:i]
	}
	return id
}

// Self is this node as a server, as others are told to add it. Whether it votes
// is what it knows.
func (r *Raft) Self() Server {
	self := Server{ID: r.id, Node: r.node, Address: r.address()}
	for _, s := range r.Servers() {
		if s.ID == r.id {
			self.Voter = s.Voter
		}
	}
	return self
}

// address is where this node's log is reached.
func (r *Raft) address() string { return string(r.transport.LocalAddr()) }

// Servers are the members, as far as this node knows, with the addresses under
// which they joined.
func (r *Raft) Servers() []Server {
	return serversOf(r.raft.GetConfiguration().Configuration()) // which needs no waiting
}

// AddVoter makes a server a voting member. Only the leader can (ErrNotLeader). Add a new one as a replica first, so that it doesn't
// count towards majorities before it has the log. A server that the same node had
// before its directory was lost is removed first.
func (r *Raft) AddVoter(ctx context.Context, s Server) error {
	return r.replace(ctx, s, r.raft.AddVoter)
}

// AddReplica makes a server a member without a vote; like AddVoter otherwise.
func (r *Raft) AddReplica(ctx context.Context, s Server) error {
	return r.replace(ctx, s, r.raft.AddNonvoter)
}

func (r *Raft) replace(ctx context.Context, s Server, add func(raft.ServerID, raft.ServerAddress, uint64, time.Duration) raft.IndexFuture) error {
	for _, other := range r.Servers() {
		if other.Node == NodeOf(s.ID) && other.ID != s.ID {
			if err := r.Remove(ctx, other.ID); err != nil {
				return fmt.Errorf("replace %s: %w", other.ID, err)
			}
		}
	}
	return r.change(ctx, "add "+s.ID, func() raft.Future {
		return add(raft.ServerID(s.ID), destination(s.ID, s.Address), 0, r.timing.Request)
	})
}

// Remove takes a server out. It is refused for the last voter.
func (r *Raft) Remove(ctx context.Context, id string) error {
	voters := slices.DeleteFunc(r.Servers(), func(s Server) bool { return !s.Voter })
	if len(voters) == 1 && voters[0].ID == id {
		return fmt.Errorf("remove %s: it is the last voter", id)
	}
	return r.change(ctx, "remove "+id, func() raft.Future {
		return r.raft.RemoveServer(raft.ServerID(id), 0, r.timing.Request)
	})
}

// change waits for a change of the members. It goes on if the context ends
// before it has.
func (r *Raft) change(ctx context.Context, what string, start func() raft.Future) error {
	done := make(chan error, 1)
	if !r.call(func() { done <- start().Error() }) {
		return ErrClosed
	}
	select {
	case err := <-done:
		switch {
		case err == nil:
			return nil
		case errors.Is(err, raft.ErrNotLeader), errors.Is(err, raft.ErrEnqueueTimeout), errors.Is(err, raft.ErrLeadershipTransferInProgress):
			return fmt.Errorf("%s: %w: %w", what, ErrNotLeader, err)
		}
		return fmt.Errorf("%s: %w: %w", what, ErrUnknownOutcome, err)
	case <-ctx.Done():
		return fmt.Errorf("%s: %w: %w", what, ErrUnknownOutcome, ctx.Err())
	}
}

// Resign hands the leadership to the voter that is most up to date, if this node
// has it and there are others.
func (r *Raft) Resign(ctx context.Context) error {
	if r.raft.State() != raft.Leader || len(r.Servers()) < 2 {
		return nil
	}
	return r.change(ctx, "hand over the leadership", func() raft.Future { return r.raft.LeadershipTransfer() })
}
