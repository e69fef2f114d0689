package flock

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/api/auth"
	"starling/cmd/starling/site"
	"starling/node/config"
)

// node is a whole node, and where it is while it is down.
type node struct {
	t       testing.TB
	name    string
	network *network
	config  config.Config
	dir     string // above the data directories of its lives
	lives   int
	running *site.Node
	corpses sync.WaitGroup

	mu     sync.Mutex
	issuer *auth.Issuer
	tokens map[string]string // by user
}

func newNode(t testing.TB, net *network, name, dir string, join string, edit func(*config.Config)) *node {
	c := config.Default(true)
	c.Name, c.Executors = name, []string{"simulator"}
	c.Capacity = config.Capacity{Cores: 8, Memory: 16, Storage: 100}
	freeAddresses(t, name, &c.HTTP, &c.Federation.Gossip, &c.Federation.Raft)
	c.URL = "http://" + c.HTTP
	// As many nodes as one process has are slow, and not dead.
	c.Federation.Heartbeat = 2 * time.Second
	c.Federation.Bootstrap = join == ""
	if join != "" {
		c.Federation.Join = []string{join}
	}
	if edit != nil {
		edit(&c)
	}
	n := &node{t: t, name: name, network: net, config: c, dir: dir, tokens: map[string]string{}}
	n.config.Data = n.data()
	t.Cleanup(n.end)
	return n
}

// freeAddresses are addresses of a node's own host, which is none but this process's: no
// connection of anybody takes its ports while the node is down.
func freeAddresses(t testing.TB, name string, free ...*string) {
	host := fmt.Sprintf("127.%d.%d.%d:0", 1+os.Getpid()>>8%254, os.Getpid()%256, name[0])
	for _, address := range free {
		listener, err := net.Listen("tcp", host)
		require.NoError(t, err)
		defer listener.Close() // once there are all: they are different
		*address = listener.Addr().String()
	}
}

// data is the data directory of the present life.
func (n *node) data() string { return filepath.Join(n.dir, n.name, strconv.Itoa(n.lives)) }

// start starts the node, and returns once it takes work.
func (n *node) start() error {
	n.corpses.Wait() // it has the ports
	n.network.live(n.name, n.config.HTTP, n.config.Federation.Gossip, n.config.Federation.Raft)
	log := slog.New(slog.NewTextHandler(n.t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})).With("node", n.name)
	running, err := site.Open(context.Background(), site.Options{Config: n.config, Version: "test", Log: log, Network: n.network.of(n.name)})
	if err != nil {
		return err
	}
	n.running = running
	n.mu.Lock()
	defer n.mu.Unlock()
	n.issuer, err = auth.LoadIssuer(n.config.Data)
	return err
}

// up starts the node.
func (n *node) up() {
	n.t.Helper()
	require.NoError(n.t, n.start())
}

// down stops the node as an operator would.
func (n *node) down() {
	n.t.Helper()
	if n.running != nil {
		assert.NoError(n.t, n.running.Close(), n.name)
		n.running = nil
	}
}

// kill ends the node as kill -9 would: from one instant on nothing comes from it and
// nothing reaches it, and all that is left of it is its files. They are another life's
// from then on; the corpse is buried while others go on.
func (n *node) kill() {
	n.t.Helper()
	if n.running == nil {
		return
	}
	corpse := n.running
	n.running = nil
	n.network.die(n.name)
	old := n.data()
	n.lives++
	remains(n.t, old, n.data())
	n.config.Data = n.data()
	n.corpses.Go(func() { _ = corpse.Close() }) // whatever it says
}

// end ends a test's node.
func (n *node) end() {
	n.down()
	n.corpses.Wait()
}

// alive reports whether the node is up.
func (n *node) alive() bool { return n.running != nil }
