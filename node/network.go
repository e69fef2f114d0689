package node

import (
	"context"

	"starling/api/ivoa"
	"starling/federation/digest"
	"starling/federation/fanout"
	"starling/federation/identity"
)

// Network is the other nodes of the federation, as a broker deals with them. What it
// does on behalf of a caller the other node judges by its own rules.
type Network interface {
	// Known is every node, this one included, as far as it is known here.
	Known() []digest.Known
	// Owner is the node that bears a tag, if there is one.
	Owner(tag identity.Tag) (node identity.NodeName, known bool)
	Ask(ctx context.Context, caller identity.Caller, q fanout.Question, nodes []identity.NodeName) []fanout.Answer
	Sessions(ctx context.Context, caller identity.Caller, list fanout.List, nodes []identity.NodeName) []fanout.Listing
	Offers(ctx context.Context, caller identity.Caller, node identity.NodeName, set identity.UUID) (map[identity.UUID]*ivoa.Session, error)
	Accept(ctx context.Context, caller identity.Caller, node identity.NodeName, id identity.UUID, key string) (s *ivoa.Session, refused bool, err error)
	Tell(ctx context.Context, node identity.NodeName, tidings []fanout.Tiding) error
}

// asksOthers reports whether a caller's question goes to other nodes as well. One
// that another node puts doesn't: that node asks whom it wants to.
func (b *Broker) asksOthers(caller identity.Caller) bool {
	return b.options.Network != nil && len(caller.Via) == 0
}
