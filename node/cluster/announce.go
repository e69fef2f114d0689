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

// announce tells the others how this node is, and how far its copy of the record.
func (c *Cluster) announce(ctx context.Context) {
	ticker := time.NewTicker(announceEvery)
	defer ticker.Stop()
	var last note
	var lastSelf *described
	var said time.Time
	for {
		now := c.now()
		n, self := c.note(c.log.Status(), now), c.describe(now)
		if !n.same(last) || self.news(lastSelf) || now.Sub(said).Abs() >= repeatEvery {
			if err := c.gossip.Load().Announce(n.with(self).bytes()); err != nil {
				c.slog.Error("the others can't be told how this node is", "error", err)
			}
			c.counts.announced.Inc()
			last, lastSelf, said = n, self, now
		}
		select {
		case <-ticker.C:
		case <-c.describing.now:
		case <-ctx.Done():
			return
		}
	}
}

// judged are the members as the log's leader judges them; nobody, while the node
// starts.
func (c *Cluster) judged() (list []consensus.Member) {
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
