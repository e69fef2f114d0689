package line

import (
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/consensus"
)

var _ consensus.Stream = (*Stream)(nil)

// counter is a state that counts what is applied.
type counter struct{ applied atomic.Int64 }

func (c *counter) Apply(*raft.Log) any                 { return c.applied.Add(1) }
func (c *counter) Snapshot() (raft.FSMSnapshot, error) { return c, nil }
func (c *counter) Restore(r io.ReadCloser) error       { return r.Close() }
func (c *counter) Persist(s raft.SnapshotSink) error   { return s.Close() }
func (c *counter) Release()                            {}

// byName is a stream whose addresses raft has with the node's name.
type byName struct {
	*Stream
	names map[raft.ServerAddress]string
}

func (s byName) Dial(address raft.ServerAddress, timeout time.Duration) (net.Conn, error) {
	return s.Stream.Dial(s.names[address], string(address), timeout)
}

// Raft elects, replicates and takes in a node that belongs to no federation yet,
// over connections that are private.
func TestRaftRunsOverTheLineAndReachesANewcomer(t *testing.T) {
	w := private(t)
	names := map[raft.ServerAddress]string{}
	nodes := map[string]*raft.Raft{}
	states := map[string]*counter{}
	ports := map[string]*testPort{}
	for _, node := range []string{"a", "b", "c"} {
		federation := "f"
		if node == "c" {
			federation = ""
		}
		port := w.port(node, federation)
		ports[node] = port
		names[raft.ServerAddress(port.Addr())] = node
	}
	for node, port := range ports {
		transport := raft.NewNetworkTransportWithConfig(&raft.NetworkTransportConfig{
			Stream: byName{port.Stream(), names}, Logger: hclog.NewNullLogger(), MaxPool: 3, Timeout: soon,
		})
		config := raft.DefaultConfig()
		config.LocalID, config.Logger = raft.ServerID(node), hclog.NewNullLogger()
		store := raft.NewInmemStore()
		states[node] = &counter{}
		r, err := raft.NewRaft(config, states[node], store, store, raft.NewInmemSnapshotStore(), transport)
		require.NoError(t, err)
		nodes[node] = r
		t.Cleanup(func() {
			assert.NoError(t, port.Close()) // raft's transport leaves its connections open
			assert.NoError(t, transport.Close())
			assert.NoError(t, r.Shutdown().Error())
		})
	}
	server := func(node string) raft.Server {
		return raft.Server{ID: raft.ServerID(node), Address: raft.ServerAddress(ports[node].Addr())}
	}
	require.NoError(t, nodes["a"].BootstrapCluster(raft.Configuration{Servers: []raft.Server{server("a")}}).Error())
	w.eventually(func() bool { return nodes["a"].State() == raft.Leader }, "a leads")
	require.NoError(t, nodes["a"].AddVoter("b", server("b").Address, 0, soon).Error())
	require.NoError(t, nodes["a"].AddNonvoter("c", server("c").Address, 0, soon).Error())
	for range 100 {
		require.NoError(t, nodes["a"].Apply([]byte("entry"), soon).Error())
	}
	w.eventually(func() bool { return states["b"].applied.Load() == 100 && states["c"].applied.Load() == 100 }, "all have it")
	ports["c"].federation.set("f") // which its log says
	require.NoError(t, nodes["a"].Apply([]byte("entry"), soon).Error())
	w.eventually(func() bool { return states["c"].applied.Load() == 101 }, "and goes on")
}
