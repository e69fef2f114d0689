package config

import "time"

// Federation is how a node belongs to a federation: where the others reach it,
// and by what the nodes know each other.
type Federation struct {
	// Where to listen for gossip, by which the nodes know who is there, HOST:PORT,
	// UDP and TCP. Default: none, and the node is alone. Set gossip and raft
	// together.
	Gossip string `key:"gossip" example:"0.0.0.0:7734"`
	// The address at which the other nodes reach gossip, where that isn't the one
	// to listen on. A wildcard address needs it.
	GossipAdvertise string `key:"gossipAdvertise" example:"broker.example.org:7734"`
	// Where to listen for what nodes say to each other: the replicated log (Raft)
	// and what they ask each other. HOST:PORT, TCP.
	Raft string `key:"raft" example:"0.0.0.0:7735"`
	// The address at which the other nodes reach it, as for gossip.
	RaftAdvertise string `key:"raftAdvertise" example:"broker.example.org:7735"`

	// Whether this node begins a new federation, with what its record holds
	// already. A node that belongs to one ignores it, so that it may stay set.
	Bootstrap bool `key:"bootstrap"`
	// Gossip addresses of nodes of the federation to join; one that answers is
	// enough. Nodes remember each other: after the first start it isn't needed.
	Join []string `key:"join" example:"[broker.example.org:7734]"`

	// The certificates of the federation's own authority, a PEM file (starling
	// keygen ca). Whoever has a certificate of it for a node is one. Needed, like
	// the next three, but with --dev.
	CA string `key:"ca" example:"/etc/starling/ca.pem"`
	// This node's certificate, a PEM file (starling keygen node).
	Certificate string `key:"certificate" example:"/etc/starling/node.pem"`
	// The private key of that certificate, a PEM file with mode 0600.
	Key string `key:"key" example:"/etc/starling/node.key"`
	// The keys that encrypt gossip, a file with mode 0600 (starling keygen gossip).
	GossipKeys string `key:"gossipKeys" example:"/etc/starling/gossip.keys"`

	// What lies between the nodes: lan, round trips of milliseconds; wan, of 100
	// to 300 ms. Timeouts follow from it. Default: wan, or with --dev lan.
	Network string `key:"network" oneof:"lan wan"`
	// The silence after which followers want another leader. All nodes should have
	// the same. Default: as the network says (lan 500ms, wan 3s).
	Heartbeat time.Duration `key:"heartbeat" min:"0s" max:"1m"`
	// How many nodes decide what is in the log, at most; the others have a copy.
	Voters int `key:"voters" min:"1" max:"7"`
	// How long one of them may be gone before another node takes its place.
	ReplaceAfter time.Duration `key:"replaceAfter" min:"1s" max:"720h"`
	// How far the clock of a node that joins may be from those who are there.
	ClockSkew time.Duration `key:"clockSkew" min:"1s" max:"24h"`
}

// Alone reports whether a node belongs to no federation.
func (f Federation) Alone() bool { return f.Gossip == "" && f.Raft == "" }
