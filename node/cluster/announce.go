package cluster

import (
	"context"
	"time"

	"starling/consensus"
	"starling/federation/membership"
)

const (
	// announceEvery is how often a node looks whether it has news of itself.
	announceEvery = time.Second
	// repeatEvery is how often it says the same again: its clock may have leapt.
	repeatEvery = 15 * time.Second
)

// announce tells the others how far this node's copy of the record is.
func (c *Cluster) announce(ctx context.Context) {
	ticker := time.NewTicker(announceEvery)
	defer ticker.Stop()
	var last note
	var said time.Time
	for {
		now := c.now()
		if n := c.note(c.log.Status(), now); !n.same(last) || now.Sub(said).Abs() >= repeatEvery {
			if err := c.gossip.Load().Announce(n.bytes()); err != nil {
				c.slog.Error("the others can't be told how this node is", "error", err)
			}
			last, said = n, now
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// known are the members as the log's leader judges them; nobody, while the node
// starts.
func (c *Cluster) known() (list []consensus.Member) {
	gossip := c.gossip.Load()
	if gossip == nil {
		return nil
	}
	for _, m := range gossip.Remembered() { // a member that is gone for long has announced its version, too
		said, _ := readNote(m.Note)
		// Its certificate, if it has shown one, tells more than its note.
		shown := ""
		if certificates := c.port.Certificates(m.Name); len(certificates) == 0 {
			shown = said.Certificate
		}
		list = append(list, consensus.Member{
			Node: m.Name, Server: m.Server, Address: m.Raft, Alive: m.State == membership.Alive && !c.isOut(m.Name, shown), Since: m.Since,
			Applied: said.Applied, CommandVersion: m.CommandVersion,
		})
	}
	return list
}
