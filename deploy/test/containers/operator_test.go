//go:build docker

package containers

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/deploy/launch"
)

// member is a node, as another one lists it.
type member struct {
	Name, State, Role string
	Alive             bool `json:"-"` // as gossip has it
}

// members are the nodes as one of them knows them.
func (p place) members() map[string]member {
	var all struct {
		Nodes []struct {
			Alive  bool
			Member member
		}
	}
	a, err := p.try("GET", "/federation/nodes", nil)
	if err != nil || a.Status != 200 {
		return nil
	}
	a.into(p.t, &all)
	byName := map[string]member{}
	for _, n := range all.Nodes {
		n.Member.Alive = n.Alive
		byName[n.Member.Name] = n.Member
	}
	return byName
}

// operators are an operator of all sites, at each of them.
func operators(t *testing.T) []place { return everywhere(t, "olga", launch.Operators) }

// Every site knows all of them, and one leads the log.
func TestFiveSitesAreOneFederation(t *testing.T) {
	for _, p := range operators(t) {
		eventually(t, "one of five to lead, as "+p.Name+" sees it", func() bool {
			roles := map[string]int{}
			for _, m := range p.members() {
				if m.Alive {
					roles[m.Role]++
				}
			}
			return roles["leader"] == 1 && roles["voter"] == 4
		})
		assert.Equal(t, 200, p.do("GET", "/readyz", nil).Status)
		healthy(t, p.Site)
		said := p.Node.Said(0)
		for _, bad := range []string{"panic", "fatal error", "DATA RACE"} {
			assert.NotContains(t, said, bad, p.Name)
		}
	}
	got := starling(t, federation.Site("aussrc"), tokenOf(t, "olga", launch.Operators), "nodes")
	require.Equal(t, 0, got.status, got.err)
	for _, s := range federation.Sites {
		assert.Contains(t, got.out, s.Name)
	}
	got = starling(t, federation.Site("aussrc"), tokenOf(t, "olga", launch.Operators), "nodes", "keys")
	require.Equal(t, 0, got.status, got.err)
	got = starling(t, federation.Site("aussrc"), tokenOf(t, "alice"), "nodes", "revoke", "uksrc", "--reason", "malice")
	assert.Equal(t, 1, got.status, got.out)
	assert.Contains(t, got.err, "operator")
}

// The containers can do no more than they must.
func TestContainersAreShutIn(t *testing.T) {
	for _, s := range federation.Sites {
		for _, c := range []*launch.Container{s.Node, s.Executor} {
			got, err := c.Inspect(timely(t))
			require.NoError(t, err)
			assert.NotEmpty(t, got.Config.User)
			assert.False(t, strings.HasPrefix(got.Config.User, "0:"), c.Service)
			assert.True(t, got.HostConfig.ReadonlyRootfs, c.Service)
			assert.Equal(t, []string{"ALL"}, got.HostConfig.CapDrop, c.Service)
			assert.Contains(t, strings.Join(got.HostConfig.SecurityOpt, " "), "no-new-privileges")
			assert.False(t, got.HostConfig.Privileged)
			assert.Positive(t, got.HostConfig.Memory, c.Service)
			for _, bindings := range got.HostConfig.PortBindings {
				for _, b := range bindings {
					assert.True(t, b.HostIP.IsLoopback(), "%s is published at %s", c.Service, b.HostIP)
				}
			}
		}
		_, err := s.Executor.Address(timely(t), launch.WAN)
		require.Error(t, err, "executors are in their site's network alone")
		require.NoError(t, filepath.WalkDir(filepath.Join(federation.Dir, s.Name), func(path string, entry os.DirEntry, err error) error {
			if err != nil || entry.IsDir() || filepath.Ext(path) != ".key" && entry.Name() != "token" && entry.Name() != "gossip.keys" {
				return err
			}
			info, err := entry.Info()
			if err == nil {
				assert.Equal(t, os.FileMode(0o600), info.Mode().Perm(), path)
			}
			return err
		}))
	}
}

// A sixth site comes, works, has its certificate revoked, comes back with another, and
// leaves for good; all the while the others are as they were.
func TestASiteComesAndGoes(t *testing.T) {
	newsrc, err := federation.Add(timely(t), "newsrc")
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, federation.Drop(context.Background(), newsrc)) })
	require.NoError(t, newsrc.Create(timely(t)))
	require.NoError(t, federation.Ready(timely(t)))
	user, uksrc := at(t, "newsrc", "pioneer"), at(t, "uksrc", "pioneer")
	id := user.accept(shell("echo first"))
	uksrc.await(id, "COMPLETED")
	assert.Equal(t, "first\n", string(uksrc.document("/sessions/"+id+"/stdout", nil).Body))
	agree(everywhere(t, "pioneer"), "/history?session="+id)

	olga := at(t, "jpsrc", "olga", launch.Operators)
	got := starling(t, olga.Site, olga.token, "nodes", "revoke", "newsrc", "--reason", "a test")
	require.Equal(t, 0, got.status, "%s%s", got.out, got.err)
	others := operators(t)[:5]
	for _, p := range others {
		eventually(t, p.Name+" to refuse newsrc", func() bool { m := p.members()["newsrc"]; return m.State == "revoked" || !m.Alive })
	}
	assert.Equal(t, 503, uksrc.do("GET", "/sessions/"+id, nil).Status, "nobody speaks to it any more")

	require.NoError(t, newsrc.Node.Stop(timely(t)))
	require.NoError(t, newsrc.Certify())
	require.NoError(t, newsrc.Start(timely(t)))
	require.NoError(t, federation.Ready(timely(t)))
	uksrc.await(id, "COMPLETED")

	got = starling(t, newsrc, tokenOf(t, "olga", launch.Operators), "leave")
	require.Equal(t, 0, got.status, "%s%s", got.out, got.err)
	eventually(t, "the node to have ended", func() bool { return !newsrc.Node.Running(t.Context()) })
	for _, p := range others {
		eventually(t, p.Name+" to know that newsrc has left", func() bool { return !p.members()["newsrc"].Alive })
	}
	assert.Contains(t, agree(everywhere(t, "pioneer")[:5], "/history?session="+id), "COMPLETED", "what it did stays on record")
}
