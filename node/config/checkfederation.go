package config

import (
	"net"
	"strconv"
	"strings"
)

// federation reports what is wrong with a node's part in a federation, all that
// is missing at once.
func (k checker) federation(c *Config) {
	f := c.Federation
	if f.Alone() {
		const needs = "needs federation.gossip and federation.raft, by which a node takes part in a federation"
		k.want(!f.Bootstrap, "federation.bootstrap", needs)
		k.want(len(f.Join) == 0, "federation.join", needs)
		return
	}
	k.want(f.Gossip != "", "federation.gossip", "is needed with federation.raft")
	k.want(f.Raft != "", "federation.raft", "is needed with federation.gossip")
	k.between(c.Dev, "federation.gossip", f.Gossip, f.GossipAdvertise)
	k.between(c.Dev, "federation.raft", f.Raft, f.RaftAdvertise)
	k.want(!f.Bootstrap || len(f.Join) == 0, "federation.bootstrap",
		"begins a new federation, and federation.join joins one that is there; choose one of them")
	for i, peer := range f.Join {
		k.want(hostPort(peer), "federation.join", "entry %d, %q, is not HOST:PORT, as broker.example.org:7734 is", i+1, peer)
		k.want(!c.Dev || !hostPort(peer) || loopback(peer), "federation.join",
			"entry %d, %s, is on another machine; development nodes make federations on loopback only", i+1, peer)
	}
	k.credentials(c)
}

// between checks an address at which other nodes reach this one.
func (k checker) between(dev bool, key, listen, advertise string) {
	if listen == "" {
		return
	}
	if !hostPort(listen) {
		k.want(false, key, "%q is not HOST:PORT, as 0.0.0.0:7734 is", listen)
		return
	}
	k.want(!dev || loopback(listen), key, "%s can be reached from outside; a development node listens on loopback only", listen)
	if advertise == "" {
		k.want(!wildcard(listen), key+"Advertise", "is needed with the wildcard address %s: the other nodes must know where to find this one", listen)
		return
	}
	k.want(hostPort(advertise) && !wildcard(advertise), key+"Advertise", "%q is no address that others can reach, as broker.example.org:7734 is", advertise)
}

// credentials wants all of them outside development, and all or none in it.
func (k checker) credentials(c *Config) {
	files := map[string]string{
		"federation.ca": c.Federation.CA, "federation.certificate": c.Federation.Certificate, "federation.key": c.Federation.Key,
	}
	some := !c.Dev
	for _, path := range files {
		some = some || path != ""
	}
	for _, key := range []string{"federation.ca", "federation.certificate", "federation.key"} {
		k.want(!some || files[key] != "", key, "is needed: nodes speak to each other over mutual TLS; `starling keygen ca` and `starling keygen node` make what it takes")
	}
	k.want(c.Dev || c.Federation.GossipKeys != "", "federation.gossipKeys", "is needed: gossip is encrypted; `starling keygen gossip` makes a key for all nodes")
}

// hostPort reports whether a text is a host or address and a port that is not 0.
func hostPort(text string) bool {
	_, port, err := net.SplitHostPort(text)
	n, notNumber := strconv.ParseUint(port, 10, 16)
	return err == nil && notNumber == nil && n != 0 && !strings.ContainsAny(text, " /")
}
