package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"starling/consensus"
	"starling/federation/membership"
)

// enter has a newcomer taken in, and waits until it has the record: an empty one
// must not be shown to anybody.
func (c *Cluster) enter(ctx context.Context) error {
	patience, cancel := context.WithTimeout(ctx, joinPatience)
	defer cancel()
	said := ""
	for {
		err := c.log.Join(patience, c.alive())
		if err == nil {
			break
		}
		if errors.Is(err, consensus.ErrRefused) {
			return fmt.Errorf("join the federation %s: %w", c.Federation(), err)
		}
		if said != err.Error() {
			said = err.Error()
			c.slog.Warn("the federation has not taken this node in yet; trying again", "error", err)
		}
		if !c.pause(patience, joinPause) {
			return fmt.Errorf("join the federation %s: its leader could not be asked within %s (is there a majority of its voters, and is this node's %s reachable for them?): %w",
				c.Federation(), joinPatience, c.log.Self().Address, err)
		}
	}
	if err := c.receive(ctx); err != nil {
		return err
	}
	c.slog.Info("this node belongs to the federation", "federation", c.log.Federation(), "server", c.log.Self().ID)
	return nil
}

const (
	// joinPatience is how long a newcomer asks to be taken in: longer than any
	// change of leader.
	joinPatience = time.Minute
	joinPause    = time.Second
)

// takeLeave tells the others that a newcomer isn't taken in and goes, lest they
// look for one that never was a member.
func (c *Cluster) takeLeave() {
	ctx, cancel := context.WithTimeout(context.Background(), leavePatience)
	defer cancel()
	if err := c.gossip.Load().Leave(ctx); err != nil {
		c.slog.Warn("the others will notice by themselves that this node has gone", "error", err)
	}
}

// leavePatience is how long an end that nobody waits for may take.
const leavePatience = 5 * time.Second

// receive waits for the record, however long it is.
func (c *Cluster) receive(ctx context.Context) error {
	warning := time.NewTicker(recordWarning)
	defer warning.Stop()
	for c.log.Federation() == "" {
		if !c.pause(ctx, recordPause) {
			return fmt.Errorf("receive the record: %w", ctx.Err())
		}
		select {
		case <-warning.C:
			c.slog.Warn("this node is taken in, and waits for the record: can the others reach it? (--raft-advertise)", "address", c.log.Self().Address)
		default:
		}
	}
	return nil
}

const (
	// recordPause is the pause between looks whether the record has come.
	recordPause = 20 * time.Millisecond
	// recordWarning is how long a record may take, be it a large one over a slow
	// line, until somebody should have a look.
	recordWarning = 30 * time.Second
)

// keepPlace asks to be taken in again whenever the log may not have this node any
// more: its own part of it was lost, or it was taken out while it was away. Where it
// is now, gossip tells.
func (c *Cluster) keepPlace(ctx context.Context) {
	pause, said := joinPause, ""
	for c.pause(ctx, pause) {
		if c.log.Joined() {
			pause, said = placeEvery, ""
			c.refusal.Store(nil)
			continue
		}
		pause = min(2*pause, placeEvery)
		err := c.askForPlace(ctx)
		switch {
		case err == nil || ctx.Err() != nil || err.Error() == said:
		case errors.Is(err, consensus.ErrRefused):
			said = err.Error()
			c.refusal.Store(&err)
			c.slog.Error("the federation refuses this node; trying again", "error", err)
		case pause == placeEvery: // until then it may be an election
			said = err.Error()
			c.slog.Warn("no leader can be asked whether this node is a member; trying again", "error", err)
		}
	}
}

// askForPlace asks to be taken in, unless the node is about to leave.
func (c *Cluster) askForPlace(ctx context.Context) error {
	select {
	case c.place <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-c.place }()
	if ctx.Err() != nil {
		return ctx.Err() // it has left meanwhile
	}
	return c.log.Join(ctx, c.alive())
}

// placeEvery is how often a node looks whether it is still a member.
const placeEvery = 30 * time.Second

// alive are the nodes that can be asked for the leader.
func (c *Cluster) alive() (names []string) {
	for _, m := range c.gossip.Load().Members() {
		if m.Name != c.name && c.there(m) {
			names = append(names, m.Name)
		}
	}
	return names
}

// pause reports whether there is time left after it.
func (c *Cluster) pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// admit is the leader's say on who wants to join. That the caller is who it says
// it is, the port has found out.
func (c *Cluster) admit(candidate consensus.Candidate) error {
	skew := candidate.Clock.Sub(c.now())
	if skew.Abs() > c.config.ClockSkew {
		return fmt.Errorf("the clock of %s is %s from that of %s, which leads; at most %s is allowed (federation.clockSkew): set it right, by NTP best",
			candidate.Server.Node, skew.Round(time.Second), c.name, c.config.ClockSkew)
	}
	for _, m := range c.gossip.Load().Members() {
		// At the same address it is the node itself, which has lost its directory.
		if m.Name == candidate.Server.Node && m.State == membership.Alive && m.Server != candidate.Server.ID && m.Raft != candidate.Server.Address {
			return fmt.Errorf("a node called %s is in the federation already, at %s, and alive: names must be unique. If it was this one, wait until it is seen as dead (starling nodes)", m.Name, m.Raft)
		}
	}
	return nil
}
