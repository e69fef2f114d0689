package membership

import (
	"fmt"
	"net/netip"

	"github.com/hashicorp/memberlist"

	"starling/federation/identity"
)

// delegates are memberlist's way in. It calls them from many goroutines, some
// with its own lock held: they take what they are given to the roster, or throw
// it away, and never wait.
type delegates struct{ *Membership }

var (
	_ memberlist.Delegate         = delegates{}
	_ memberlist.EventDelegate    = delegates{}
	_ memberlist.AliveDelegate    = delegates{}
	_ memberlist.MergeDelegate    = delegates{}
	_ memberlist.ConflictDelegate = delegates{}
)

// NodeMeta is what this node says of itself.
func (d delegates) NodeMeta(int) []byte { return d.meta }

// NotifyAlive refuses members before anybody takes them for some.
func (d delegates) NotifyAlive(node *memberlist.Node) error {
	if node.Name == d.self.Name {
		return nil // memberlist objects itself to what others say of this node
	}
	_, _, err := d.check(node)
	if err == nil {
		d.mu.Lock()
		err = d.roster.admit(node.Name)
		d.mu.Unlock()
	}
	if err != nil {
		d.complain(node.Name, err)
	}
	return err
}

// check reads what a node says of itself.
func (d delegates) check(node *memberlist.Node) (Self, string, error) {
	at, ok := netip.AddrFromSlice(node.Addr)
	if at = at.Unmap(); !ok || at.IsUnspecified() || at.IsMulticast() || node.Port == 0 {
		return Self{}, "", fmt.Errorf("%w: member %.63q is at no address", errMalformed, node.Name)
	}
	self, gossip, err := decodeSelf(node.Name, node.Meta)
	if err != nil {
		return Self{}, "", fmt.Errorf("%w: %w", errMalformed, err)
	}
	if gossip == "" {
		gossip = addressOf(node)
	}
	if ours := d.Federation(); self.Federation != ours {
		return Self{}, "", foreign(self.Federation, ours)
	}
	return self, gossip, nil
}

// NotifyMerge looks at all that another node knows before anything of it is
// taken in, when one of the two joins. Both do: so each finds its own reasons.
func (d delegates) NotifyMerge(nodes []*memberlist.Node) error {
	for _, node := range nodes {
		if node.State != memberlist.StateAlive && node.State != memberlist.StateSuspect {
			continue
		}
		if err := d.meet(node); err != nil {
			d.complain(node.Name, err)
			return err
		}
	}
	return nil
}

// meet compares one living member with this node.
func (d delegates) meet(node *memberlist.Node) error {
	self, _, err := decodeSelf(node.Name, node.Meta)
	if err != nil {
		return nil // NotifyAlive deals with it; one such must not keep all others out
	}
	own := identity.NodeName(d.self.Name)
	switch {
	case self.Federation != d.Federation():
		return foreign(self.Federation, d.Federation())
	case node.Name == d.self.Name:
		return d.mirror(self, node)
	case identity.NodeName(node.Name).Tag() == own.Tag():
		return collision(d.self.Name, node.Name)
	}
	return nil
}

// mirror looks at how others see this node. At its own address it can only be
// itself, or what was there before.
func (d delegates) mirror(seen Self, node *memberlist.Node) error {
	here := d.wire.advertise.String() == addressOf(node)
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case here:
		d.moved = nil
	case seen.Server != d.self.Server:
		return taken(d.self.Name, seen.Server, addressOf(node), d.self.Server)
	case d.moved == nil:
		now := d.now()
		d.moved = &move{from: addressOf(node), since: now}
		d.poke()
	}
	return nil
}

// NotifyConflict hears of one name at two addresses. The one that was there
// first stays, until it is dead.
func (d delegates) NotifyConflict(existing, other *memberlist.Node) {
	self, _, err := decodeSelf(other.Name, other.Meta)
	if err != nil {
		return
	}
	if other.Name == d.self.Name {
		if err := d.mirror(self, other); err != nil {
			d.metrics.refuse(err)
			d.trip(err)
		}
		return
	}
	known, _, err := decodeSelf(existing.Name, existing.Meta)
	if err != nil || known.Server == self.Server {
		return // it moved, and will be let in at its new address when the old one is dead
	}
	d.complain(other.Name+" "+addressOf(other), taken(other.Name, known.Server, addressOf(existing), self.Server+" at "+addressOf(other)))
}

// NotifyJoin and NotifyUpdate note that a member is there.
func (d delegates) NotifyJoin(node *memberlist.Node) {
	self, gossip, err := d.check(node)
	if err != nil {
		return
	}
	d.change(func() bool { return d.roster.alive(self, gossip, d.now()) })
	if node.Name != d.self.Name {
		d.log.Info("member is there", "member", node.Name, "gossip", gossip, "raft", self.Raft)
	}
	d.save()
}

// NotifyUpdate notes that a member says something else of itself.
func (d delegates) NotifyUpdate(node *memberlist.Node) {
	if self, gossip, err := d.check(node); err == nil {
		d.change(func() bool { return d.roster.alive(self, gossip, d.now()) })
		d.save()
	}
}

// NotifyLeave notes that a member doesn't answer, or took leave.
func (d delegates) NotifyLeave(node *memberlist.Node) {
	if d.closing.Err() != nil {
		return // memberlist's timers outlive it, and the file may be another's by now
	}
	var left bool
	d.change(func() bool {
		d.roster.gone(node.Name, d.now())
		e := d.roster.entries[node.Name]
		left = e != nil && e.state() == Left
		return true
	})
	switch {
	case node.Name == d.self.Name:
	case left:
		d.log.Info("member left", "member", node.Name)
	default:
		d.log.Warn("member does not answer", "member", node.Name)
	}
	d.save()
	d.poke()
}

// NotifyMsg takes one record.
func (d delegates) NotifyMsg(message []byte) {
	n, err := decodeNews(message)
	if err != nil {
		d.complain("a record", fmt.Errorf("%w: %w", errMalformed, err))
		return
	}
	d.hear(n, &d.relays)
}

// GetBroadcasts gives out the records that are to be passed on.
func (d delegates) GetBroadcasts(overhead, limit int) [][]byte {
	return d.broadcasts(overhead, limit)
}

// LocalState is all records.
func (d delegates) LocalState(bool) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	return encodeState(d.roster.news(d.now()))
}

// MergeRemoteState takes in all records of another node.
func (d delegates) MergeRemoteState(state []byte, _ bool) {
	all, err := decodeState(state)
	if err != nil {
		d.complain("a state", fmt.Errorf("%w: %w", errMalformed, err))
		return
	}
	for _, n := range all {
		d.hear(n, &d.queue)
	}
}

func addressOf(node *memberlist.Node) string {
	at, ok := netip.AddrFromSlice(node.Addr)
	if !ok {
		return "nowhere"
	}
	return netip.AddrPortFrom(at.Unmap(), node.Port).String()
}

// complain counts a refusal, and logs it if it is news.
func (m *Membership) complain(about string, err error) {
	m.metrics.refuse(err)
	if m.complaints.fresh(about, err.Error()) {
		m.log.Warn("gossip refused", "about", about, "reason", err)
	}
}
