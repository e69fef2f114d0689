package consensus

import (
	"context"
	"errors"

	"github.com/hashicorp/raft"
)

// Leave takes this node out of the log for good: when its outbox is applied, and
// after it has handed over the leadership if it has that. ErrRefused tells why it
// must stay: the others would have no majority without it. It goes on trying while
// nobody leads, until the context ends. Don't Join meanwhile.
func (r *Raft) Leave(ctx context.Context) error {
	if err := r.Barrier(ctx); err != nil {
		return err
	}
	return r.takeOut(ctx, r.node)
}

// Expel takes out a node that is gone, as its operator decides. ErrRefused tells
// why not: it is alive, or the others would have no majority. Otherwise like Leave.
func (r *Raft) Expel(ctx context.Context, node string) error {
	if node == r.node {
		return r.Leave(ctx)
	}
	return r.takeOut(ctx, node)
}

func (r *Raft) takeOut(ctx context.Context, node string) error {
	for wait := retryFirst; ; wait = min(2*wait, r.timing.Heartbeat) {
		err := r.askToLeave(ctx, node)
		if err == nil || errors.Is(err, ErrRefused) || errors.Is(err, ErrClosed) {
			return err
		}
		sleep(ctx, wait, r.closing.Done())
		switch {
		case ctx.Err() != nil:
			return errors.Join(ctx.Err(), err)
		case r.closing.Err() != nil:
			return ErrClosed
		}
	}
}

func (r *Raft) askToLeave(ctx context.Context, node string) error {
	if node == r.node && r.raft.State() == raft.Leader {
		if err := removal(r.Servers(), r.id, r.living()); err != nil {
			return err
		}
		return errors.Join(ErrNotLeader, r.Resign(ctx)) // who leads next is asked next
	}
	request := appendBytes([]byte{askLeave}, []byte(node))
	_, err := r.atLeader(ctx, request, group{}, func(ctx context.Context) (uint64, error) {
		return 0, r.release(ctx, r.node, node)
	})
	return err
}

// release takes a node out of the log, as the leader or not at all. That it is not
// there is as good.
func (r *Raft) release(ctx context.Context, from, node string) error {
	if r.raft.State() != raft.Leader || node == r.node {
		return ErrNotLeader
	}
	if from != node {
		if err := r.member(from); err != nil {
			return err
		}
	}
	return r.exclusively(ctx, func() error {
		alive := r.living()
		for _, s := range r.Servers() {
			if s.Node != node {
				continue
			}
			if from != node && r.members != nil && alive(s) {
				return refuse("%s is alive; let it leave by itself, or stop it first", node)
			}
			if err := removal(r.Servers(), s.ID, alive); err != nil {
				return err
			}
			r.log.Info("a node is taken out of the log", "server", s.ID, "by", from)
			if err := r.Remove(ctx, s.ID); err != nil {
				return err
			}
		}
		return nil
	})
}

// removal is why a server must stay: the rest would have no majority of voters that
// are alive.
func removal(servers []Server, id string, alive func(Server) bool) error {
	voters, living, votes := 0, 0, false
	for _, s := range servers {
		switch {
		case !s.Voter:
		case s.ID == id:
			votes = true
		default:
			voters++
			if alive(s) {
				living++
			}
		}
	}
	switch {
	case !votes || living >= majority(voters) && voters > 0:
		return nil
	case voters == 0:
		return refuse("%s is the last voter; let another node join first, and wait until it votes", NodeOf(id))
	}
	return refuse("without %s only %d of %d voters are alive, and a majority takes %d", NodeOf(id), living, voters, majority(voters))
}

// majority of so many.
func majority(n int) int { return n/2 + 1 }
