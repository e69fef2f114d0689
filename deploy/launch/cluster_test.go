package launch

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	yaml "sigs.k8s.io/yaml"

	"starling/deploy/cluster"
)

// made is a cluster as far as it is made without an engine.
func made(t *testing.T, names ...string) *Cluster {
	t.Helper()
	c := &Cluster{Dir: t.TempDir(), Project: "p", Set: map[string]string{}, Images: Images{"starling:1", "starling-executor:1"}}
	c.subnets.first = netip.MustParseAddr("10.64.4.0")
	for _, name := range names {
		_, err := c.newSite(name, map[string]int{name: 7711})
		require.NoError(t, err)
	}
	return c
}

func TestNetworksOfAClusterAreBesideEachOther(t *testing.T) {
	s := subnets{netip.MustParseAddr("10.64.4.0")}
	block := netip.MustParsePrefix("10.64.4.0/22")
	var all []netip.Prefix
	for i := range 1 << (networkBits - clusterBits) {
		n := netip.MustParsePrefix(s.of(i))
		assert.True(t, block.Overlaps(n), "%s", n)
		for _, other := range all {
			assert.False(t, n.Overlaps(other), "%s and %s", n, other)
		}
		all = append(all, n)
	}
}

func TestWhatIsSetOfASiteOverridesWhatIsSetOfAll(t *testing.T) {
	c := made(t, "uksrc", "espsrc")
	c.Set["offers.holdTime"], c.Set["limits.rates.perUser"] = "1m", "7"
	c.Sites[1].Set["offers.holdTime"] = "2m"
	for i, want := range []string{"1m", "2m"} {
		s := c.Sites[i]
		require.NoError(t, writeAll(s.Etc(), nil))
		require.NoError(t, writeAll(filepath.Join(s.ExecutorDir(), "etc"), nil))
		require.NoError(t, s.Configure())
		var node struct {
			Offers     struct{ HoldTime string }
			Limits     struct{ Rates struct{ PerUser int } }
			Federation struct {
				Bootstrap bool
				Join      []string
			}
			Capacity any
		}
		read(t, filepath.Join(s.Etc(), "site.yaml"), &node)
		assert.Equal(t, want, node.Offers.HoldTime)
		assert.Equal(t, 7, node.Limits.Rates.PerUser)
		assert.Equal(t, i == 0, node.Federation.Bootstrap)
		assert.Equal(t, i == 1, len(node.Federation.Join) == 1)
		assert.Nil(t, node.Capacity, "the executor's")
		var executor struct{ Capacity struct{ Cores int } }
		read(t, filepath.Join(s.ExecutorDir(), "etc", "executor.yaml"), &executor)
		assert.Positive(t, executor.Capacity.Cores)
	}
}

func read(t *testing.T, path string, into any) {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(text, into))
}

// A site that the compose file doesn't have is as the first is, under its own name.
func TestASiteMoreIsLikeTheFirst(t *testing.T) {
	c := made(t, "uksrc", "newsrc")
	c.Sites[1].Images.Node = "starling:2"
	c.Sites[1].Data = "/mnt/small"
	text, err := cluster.Files.ReadFile("compose.yaml")
	require.NoError(t, err)
	written, err := c.override(text)
	require.NoError(t, err)
	var own composeFile
	require.NoError(t, yaml.Unmarshal(written, &own))
	node := own.Services["newsrc"]
	assert.Equal(t, "starling:2", node["image"])
	assert.Equal(t, []any{"./newsrc/etc:/etc/starling:ro", "/mnt/small:/var/lib/starling"}, node["volumes"])
	assert.Equal(t, []any{"127.0.0.1:${NEWSRC_PORT}:${NEWSRC_PORT}"}, node["ports"])
	assert.Equal(t, true, node["read_only"])
	assert.NotContains(t, string(written), "uksrc.localhost")
	assert.Contains(t, own.Networks, "newsrc")
	assert.Contains(t, own.Services, "newsrc-executor")
}

// The compose file says the same of each of its sites.
func TestSitesOfTheComposeFileDifferByNameOnly(t *testing.T) {
	text, err := cluster.Files.ReadFile("compose.yaml")
	require.NoError(t, err)
	var file composeFile
	require.NoError(t, yaml.Unmarshal(text, &file))
	first := cluster.Sites()[0]
	for _, name := range cluster.Sites() {
		for _, suffix := range []string{"", "-executor"} {
			one, err := yaml.Marshal(file.Services[first+suffix])
			require.NoError(t, err)
			other, err := yaml.Marshal(file.Services[name+suffix])
			require.NoError(t, err)
			want := strings.NewReplacer(first, name, strings.ToUpper(first), strings.ToUpper(name)).Replace(string(one))
			assert.YAMLEq(t, want, string(other))
		}
		assert.Contains(t, file.Networks, name)
	}
}

func TestTheAuthorityOfServersVouchesForThisMachinesNamesOnly(t *testing.T) {
	a, err := newWebAuthority(time.Now())
	require.NoError(t, err)
	check := func(name string, names ...string) error {
		certificate, key, err := a.server(time.Now(), names...)
		require.NoError(t, err)
		_, err = tls.X509KeyPair(certificate, key)
		require.NoError(t, err)
		block, _ := pem.Decode(certificate)
		leaf, err := x509.ParseCertificate(block.Bytes)
		require.NoError(t, err)
		_, err = leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: a.pool()})
		return err
	}
	require.NoError(t, check("uksrc.localhost", "uksrc.localhost", "*.uksrc-pages.localhost"))
	require.NoError(t, check("x.uksrc-pages.localhost", "uksrc.localhost", "*.uksrc-pages.localhost"))
	require.Error(t, check("espsrc.localhost", "uksrc.localhost"))
	require.Error(t, check("example.org", "example.org"))
}

// A cluster that is found again is the one that was made.
func TestAClusterIsKept(t *testing.T) {
	c := made(t, "uksrc")
	c.Sites[0].Containers, c.Sites[0].Set["log.level"] = true, "debug"
	require.NoError(t, c.save())
	text, err := os.ReadFile(filepath.Join(c.Dir, stateFile))
	require.NoError(t, err)
	var state clusterState
	require.NoError(t, yaml.UnmarshalStrict(text, &state))
	assert.True(t, reflect.DeepEqual(state.Sites, []siteState{{
		Name: "uksrc", Port: 7711, Data: filepath.Join(c.Dir, "uksrc", "data"), Set: map[string]string{"log.level": "debug"}, Containers: true,
	}}), "%+v", state.Sites)
	assert.Equal(t, c.subnets.first, state.Subnets)
}
