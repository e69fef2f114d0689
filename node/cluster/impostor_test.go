package cluster

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/federation/certificate/certificatetest"
	"starling/federation/digest"
	"starling/federation/membership"
)

// Who has the gossip key can say that it is called b and has a thousand cores. Where
// it says that b is, somebody else answers: then it is shown as what it is, is not
// among those to be asked, and the operator can read why.
func TestANodeThatLiesAboutItsNameIsSeenAsSuch(t *testing.T) {
	for _, name := range []string{"development", "certificates"} {
		t.Run(name, func(t *testing.T) {
			a, mallory := newSite(t, "a"), newSite(t, "mallory")
			if name == "certificates" {
				ca := certificatetest.New(t)
				for _, s := range []*site{a, mallory} {
					files := ca.Files(t, s.name)
					s.config.CA, s.config.Certificate, s.config.Key = files.CA, files.Certificate, files.Key
				}
			}
			a.up()
			mallory.config.Bootstrap, mallory.config.Join = false, []string{a.config.Gossip}
			mallory.up() // it belongs to the federation, by its own name
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			liar, err := membership.Start(ctx, membership.Options{
				Self:   membership.Self{Name: "b", Server: "b.1", Raft: mallory.config.Raft, URL: "http://b.example", CommandVersion: 1},
				Listen: "127.0.0.1:0", Join: []string{a.config.Gossip},
			})
			require.NoError(t, err)
			defer liar.Close()
			d := &described{}
			eight(5)(&d.fast, &d.slow)
			_, d.fast.Slow = d.slow.Encode()
			require.NoError(t, liar.Announce(note{Role: "follower"}.with(d).bytes()))

			a.eventually("b to be an impostor", func() bool { return a.member("b").State == Impostor })
			assert.False(t, a.known("b").Alive)
			assert.Contains(t, a.member("b").Trouble, map[string]string{"development": "this is mallory, b was wanted", "certificates": "another answers there, with a certificate for mallory.node.starling"}[name])
			assert.Equal(t, Alive, a.member("mallory").State)
		})
	}
}

// A node that is heard of and can't be reached says so, and counts as alive: it may
// be this node's line.
func TestANodeThatCannotBeReachedIsSeenAsSuch(t *testing.T) {
	a := newSite(t, "a").up()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	mute, err := membership.Start(ctx, membership.Options{
		Self:   membership.Self{Name: "b", Server: "b.1", Raft: freeAddress(t), URL: "http://b.example", CommandVersion: 1},
		Listen: "127.0.0.1:0", Join: []string{a.config.Gossip},
	})
	require.NoError(t, err)
	defer mute.Close()
	a.eventually("the trouble with b", func() bool { return a.member("b").Trouble != "" })
	assert.Equal(t, Alive, a.member("b").State)
	assert.Contains(t, a.member("b").Trouble, "connection refused")
	assert.Equal(t, digest.Fast{}, a.known("b").Fast)
}
