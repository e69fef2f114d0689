package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"starling/consensus"
)

var (
	// ErrRefused says that something would be lost; the words around it say what.
	ErrRefused = errors.New("refused")
	// ErrUnknown says that there is no such node.
	ErrUnknown = errors.New("there is no such node")
	// ErrLeaderless says that nobody could be asked.
	ErrLeaderless = errors.New("no leader of the federation can be asked")
)

// departurePatience is how long a node that goes waits for its records to be in
// the log, and for a leader to take it out.
const departurePatience = 20 * time.Second

// Leave hands this node's records and leadership to the others, and takes it out
// of the federation. Left is closed then. With sessions unfinished it is refused,
// unless forced: what becomes of them is recorded when the node has joined again.
func (c *Cluster) Leave(ctx context.Context, unfinished int, force bool) error {
	if unfinished > 0 && !force {
		return fmt.Errorf("%w: %d of this node's sessions have not ended; wait for them or cancel them (starling sessions), or leave with force", ErrRefused, unfinished)
	}
	patience, cancel := context.WithTimeout(ctx, departurePatience)
	defer cancel()
	select {
	case c.place <- struct{}{}: // or keepPlace might ask for it again at once
		defer func() { <-c.place }()
	case <-patience.Done():
		return explained(patience.Err())
	}
	if err := explained(c.log.Leave(patience)); err != nil {
		return err
	}
	c.stay()
	c.leaving.Do(func() {
		// It has left by now, whether whoever asked for it still listens or not.
		farewell, cancel := context.WithTimeout(context.WithoutCancel(ctx), departurePatience)
		defer cancel()
		if err := c.gossip.Load().Leave(farewell); err != nil {
			c.slog.Warn("the others will notice by themselves that this node has left", "error", err)
		}
		c.slog.Info("this node has left the federation", "federation", c.Federation())
		close(c.left)
	})
	return nil
}

// Expel takes out a node that is gone for good. One that is alive is refused.
func (c *Cluster) Expel(ctx context.Context, node string) error {
	if node == c.name {
		return fmt.Errorf("%w: this is %s itself; starling leave takes it out", ErrRefused, node)
	}
	members := c.Members()
	i := slices.IndexFunc(members, func(m Member) bool { return m.Name == node })
	if i < 0 {
		return fmt.Errorf("%w: %s is not among the nodes that this one knows (starling nodes)", ErrUnknown, node)
	}
	if members[i].State == Alive {
		return fmt.Errorf("%w: %s is alive; let it leave (starling leave --node %s), or stop it first", ErrRefused, node, members[i].URL)
	}
	patience, cancel := context.WithTimeout(ctx, departurePatience)
	defer cancel()
	if err := explained(c.log.Expel(patience, node)); err != nil {
		return err
	}
	c.slog.Info("a node was taken out of the federation", "node", node)
	return c.gossip.Load().Forget(node)
}

// explained names the log's refusals as this package's, and says what it takes
// where nobody answered in time.
func explained(err error) error {
	switch {
	case errors.Is(err, consensus.ErrRefused):
		return refusal{err}
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%w: within %s none has answered, which takes a majority of the voters (starling nodes shows who is there)", ErrLeaderless, departurePatience)
	}
	return err
}

// A refusal is the leader's, in its words.
type refusal struct{ error }

func (refusal) Is(target error) bool { return target == ErrRefused }
func (r refusal) Unwrap() error      { return r.error }
