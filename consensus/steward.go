package consensus

import (
	"context"
	"time"

	"github.com/hashicorp/raft"
)

// tend is the goroutine that places votes while this node leads: as soon as it
// does, and every now and then. Before that it sees to it that this node is one to
// lead.
func (r *Raft) tend(ctx context.Context) {
	ticker := time.NewTicker(r.policy.Look)
	defer ticker.Stop()
	missed := make(map[string]time.Time)
	for {
		select {
		case <-ticker.C:
		case <-r.leads:
		case <-ctx.Done():
			return
		case <-r.closing.Done():
			return
		}
		if r.raft.State() != raft.Leader {
			clear(missed)
			continue
		}
		if r.ailing() {
			r.standDown(ctx)
			continue
		}
		for r.members != nil && r.placeOne(ctx, missed) { // one change at a time, each seen before the next
			if ctx.Err() != nil || r.closing.Err() != nil {
				return
			}
		}
	}
}

// ailing reports whether this node's state or log can't be written.
func (r *Raft) ailing() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.troubles[fromState] != nil || r.troubles[fromLog] != nil
}

// standDown hands the leadership to a node that may be well. This one's log may have
// had room for what its state has not: the others would go on, but whoever sent them
// records here would not hear of it.
func (r *Raft) standDown(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, r.timing.Request)
	defer cancel()
	if err := r.Resign(ctx); err != nil {
		r.log.Warn("this node's files can't be written, and the leadership could not be handed over", "error", err)
	}
}

// placeOne makes the change that is wanted first, and reports whether another may
// be.
func (r *Raft) placeOne(ctx context.Context, missed map[string]time.Time) (again bool) {
	ctx, cancel := context.WithTimeout(ctx, r.timing.Request)
	defer cancel()
	err := r.exclusively(ctx, func() error {
		wanted, any := r.policy.next(r.scene(missed))
		again = any
		if !any {
			return nil
		}
		r.log.Info("a vote is placed", "server", wanted.server.ID, "votes", !wanted.server.Voter, "because", wanted.why)
		return r.place(ctx, wanted.server)
	})
	if err != nil {
		r.log.Warn("a vote could not be placed", "error", err)
		return false
	}
	return again
}

// place gives a server a vote, or takes it away.
func (r *Raft) place(ctx context.Context, s Server) error {
	return r.change(ctx, "place the vote of "+s.ID, func() raft.Future {
		if s.Voter {
			return r.raft.DemoteVoter(raft.ServerID(s.ID), 0, r.timing.Request)
		}
		return r.raft.AddVoter(raft.ServerID(s.ID), destination(s.ID, s.Address), 0, r.timing.Request)
	})
}

// scene is what this node sees. Nodes of which nothing is known count as dead from
// when that was noticed.
func (r *Raft) scene(missed map[string]time.Time) scene {
	s := scene{leader: r.id, servers: r.Servers(), members: map[string]Member{}, commit: r.raft.CommitIndex(), now: r.now()}
	for _, m := range r.members() {
		s.members[m.Node] = m
		delete(missed, m.Node)
	}
	for _, server := range s.servers {
		if _, known := s.members[server.Node]; known {
			continue
		}
		if _, noticed := missed[server.Node]; !noticed {
			missed[server.Node] = s.now
		}
		s.members[server.Node] = Member{Node: server.Node, Since: missed[server.Node]}
	}
	return s
}
