package consensus

import (
	"context"
	"fmt"
	"time"

	"github.com/hashicorp/raft"
)

// A leader that is asked for a strong read asks a majority of the voters, once for
// all who wait, whether any of them has gone on to another term. One that votes for
// another leader does that first, so that a majority which has not, after the read
// began, means that nobody else led before it began. (Raft, section 8; the round of
// heartbeats there is this question.)
//
// raft's own VerifyLeader will not do: it counts answers to heartbeats that were sent
// before it was called. They may have been on their way for long, or have waited in
// the buffers of a leader that was stopped, while others have long had another.

// stillLeads is nil if a majority of the voters, this node among them, were in a
// term after the call began. Errors are ErrNotLeader. It is for one goroutine.
func (r *Raft) stillLeads(ctx context.Context, term uint64) error {
	round, over := context.WithCancel(ctx)
	defer over()
	voters, agreed := 0, 0
	answers := make(chan error, len(r.Servers()))
	for _, s := range r.Servers() {
		if !s.Voter {
			continue
		}
		voters++
		if s.ID == r.id {
			agreed++
			continue
		}
		if !r.call(func() { answers <- r.askTerm(round, s.ID, term) }) {
			return ErrClosed
		}
	}
	look := time.NewTicker(r.timing.Heartbeat / 2)
	defer look.Stop()
	denied := 0
	for agreed <= voters/2 {
		if denied >= voters-voters/2 {
			return fmt.Errorf("%w: most voters can't be reached, or have another leader", ErrNotLeader)
		}
		select {
		case err := <-answers:
			if err != nil {
				denied++
				continue
			}
			agreed++
		case <-look.C: // it may have found out by itself meanwhile
			if r.raft.State() != raft.Leader {
				return ErrNotLeader
			}
		case <-ctx.Done():
			return fmt.Errorf("%w: most voters don't answer: %w", ErrNotLeader, ctx.Err())
		}
	}
	if r.raft.State() != raft.Leader || r.raft.CurrentTerm() != term {
		return ErrNotLeader
	}
	return nil
}

// askTerm is nil if another voter is in a term. Each is asked by one round at a time,
// so that those who don't answer cost no more than one request each; a question under
// way is not taken back when its round is over, since that would cost its connection.
func (r *Raft) askTerm(round context.Context, voter string, term uint64) error {
	turn, _ := r.asked.LoadOrStore(voter, make(chan struct{}, 1))
	select {
	case turn.(chan struct{}) <- struct{}{}:
		defer func() { <-turn.(chan struct{}) }()
	case <-round.Done():
		return round.Err()
	}
	if round.Err() != nil {
		return round.Err()
	}
	ctx, cancel := context.WithTimeout(r.closing, r.timing.RPC)
	defer cancel()
	data, err := r.forwarder.Forward(ctx, NodeOf(voter), append([]byte{askTerm}, voter...))
	if err != nil {
		return err
	}
	theirs, err := readAnswer(data, group{})
	if err == nil && theirs != term {
		err = ErrNotLeader
	}
	return err
}

// ownTerm answers a leader that asks a server for its term: this one, or one that the
// node was before it lost its log and whose votes nobody remembers.
func (r *Raft) ownTerm(server string) []byte {
	if server != r.id {
		return answer(answerBad, 0)
	}
	return answer(answerDone, r.raft.CurrentTerm())
}
