package site

import (
	"starling/federation/digest"
	"starling/federation/fanout"
	"starling/federation/identity"
	"starling/node"
	"starling/node/cluster"
)

// network is the other nodes as a broker deals with them.
type network struct {
	*fanout.Peers
	cluster *cluster.Cluster
}

// networkOf is nil for a node that is alone.
func networkOf(o Options, shared *record, known trust) node.Network {
	if shared.cluster == nil {
		return nil
	}
	peers, authorizer := otherNodes(o.Config, shared.cluster, known)
	return network{&fanout.Peers{Transport: peers, Authorizer: authorizer, Base: o.Config.URL, Now: o.Now}, shared.cluster}
}

// Owner is described at node.Network.
func (n network) Owner(tag identity.Tag) (identity.NodeName, bool) { return n.cluster.Owner(tag) }

// Known is described at node.Network.
func (n network) Known() []digest.Known { return n.cluster.Known() }
