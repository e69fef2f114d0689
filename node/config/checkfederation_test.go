package config

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// what a node outside development needs to take part in a federation.
const credentials = "ca: ca.pem, certificate: node.pem, key: node.key, gossipKeys: gossip.keys"

func TestWhatANodeOfAFederationNeedsIsSaidBeforeItStarts(t *testing.T) {
	for name, tt := range map[string]struct{ file, want string }{
		"alone": {"name: a\n", ""},
		"in development": {
			"dev: true\nfederation: {gossip: '127.0.0.1:1', raft: '127.0.0.1:2', bootstrap: true}\n", "",
		},
		"with all that it takes": {
			"federation: {gossip: '0.0.0.0:1', raft: '0.0.0.0:2', gossipAdvertise: 'a.example.org:1', raftAdvertise: 'a.example.org:2', join: ['b.example.org:1'], " + credentials + "}\n", "",
		},
		"a federation without addresses": {
			"federation: {bootstrap: true}\n",
			"node.yaml:1: federation.bootstrap: needs federation.gossip and federation.raft, by which a node takes part in a federation",
		},
		"gossip alone": {
			"dev: true\nfederation: {gossip: '127.0.0.1:1'}\n",
			"default: federation.raft: is needed with federation.gossip",
		},
		"both ways to begin": {
			"dev: true\nfederation: {gossip: '127.0.0.1:1', raft: '127.0.0.1:2', bootstrap: true, join: ['127.0.0.1:3']}\n",
			"node.yaml:2: federation.bootstrap: begins a new federation, and federation.join joins one that is there; choose one of them",
		},
		"development on other machines": {
			"dev: true\nfederation: {gossip: '127.0.0.1:1', raft: '127.0.0.1:2', join: ['192.0.2.1:1']}\n",
			"node.yaml:2: federation.join: entry 1, 192.0.2.1:1, is on another machine; development nodes make federations on loopback only",
		},
		"an address of all": {
			"federation: {gossip: '0.0.0.0:1', gossipAdvertise: 'a.example.org:1', raft: '0.0.0.0:2', " + credentials + "}\n",
			"default: federation.raftAdvertise: is needed with the wildcard address 0.0.0.0:2: the other nodes must know where to find this one",
		},
		"no address": {
			"federation: {gossip: 'here:1', raft: 'here', " + credentials + "}\n",
			`node.yaml:1: federation.raft: "here" is not HOST:PORT, as 0.0.0.0:7734 is`,
		},
		"no port": {
			"federation: {gossip: 'here:1', raft: 'here:0', " + credentials + "}\n",
			`node.yaml:1: federation.raft: "here:0" is not HOST:PORT, as 0.0.0.0:7734 is`,
		},
		"without gossip keys": {
			"federation: {gossip: 'here:1', raft: 'here:2', ca: ca.pem, certificate: node.pem, key: node.key}\n",
			"default: federation.gossipKeys: is needed: gossip is encrypted; `starling keygen gossip` makes a key for all nodes",
		},
		"half of the certificates": {
			"dev: true\nfederation: {gossip: '127.0.0.1:1', raft: '127.0.0.1:2', ca: ca.pem, certificate: node.pem}\n",
			"default: federation.key: is needed: nodes speak to each other over mutual TLS; `starling keygen ca` and `starling keygen node` make what it takes",
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := load(t, tt.file, nil)
			if tt.want == "" {
				require.NoError(t, err)
				return
			}
			require.Error(t, err)
			assert.Equal(t, tt.want, err.Error())
		})
	}
}

// Nobody should have to start a node three times to learn of three missing files.
func TestAllMissingCredentialsAreNamedAtOnce(t *testing.T) {
	_, err := load(t, "federation: {gossip: 'here:1', raft: 'here:2'}\n", nil)
	require.Error(t, err)
	for _, key := range []string{"ca", "certificate", "key", "gossipKeys"} {
		assert.Contains(t, err.Error(), "federation."+key+": is needed")
	}
}
