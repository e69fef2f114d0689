package consensus

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"starling/accounting"
	"starling/accounting/accountingtest"
	"starling/consensus/consensustest"
)

// patience is how long a test waits for what must come.
const patience = time.Minute

// quick are the times of tests: changes of leader take a moment, and the log is
// trimmed often enough that a node that was away misses entries.
func quick() Timing {
	return Timing{
		Heartbeat: 150 * time.Millisecond, Election: 150 * time.Millisecond, Lease: 120 * time.Millisecond,
		Commit: 5 * time.Millisecond, RPC: time.Second, InFlight: 4, Request: 3 * time.Second,
		Trailing: 8, Compact: 8, CompactEvery: 20 * time.Millisecond,
	}
}

// cluster is a federation in one process.
type cluster struct {
	t       testing.TB
	network *consensustest.Network
	members []*member
	timing  Timing
	linger  time.Duration
	sync    bool
	log     *slog.Logger
	gossip  func() []Member // what the nodes know of each other
	policy  Policy
	admit   func(Candidate) error // what a leader says to those who join
	applied func(accounting.View) // who looks at the nodes' states

	mu      sync.Mutex
	running map[string]*Raft // the nodes that there are; nil while they are down
	speaks  map[string]int   // of members with an older program, the version of commands that it knows
}

// member is one node of it: a data directory and, while it is up, its stores.
type member struct {
	cluster *cluster
	name    string
	dir     string
	db      *bbolt.DB
	outbox  *Outbox
	log     *Raft
	disk    consensustest.Disk
	detach  func()        // ends the answers to other nodes
	address string        // under which it listens
	forward Forwarder     // the network's courier if nil
	skew    time.Duration // of its clock
}

// newCluster makes a federation of so many voters.
func newCluster(t testing.TB, size int, seed uint64) *cluster {
	c := emptyCluster(t, seed)
	c.grow(size)
	return c
}

func emptyCluster(t testing.TB, seed uint64) *cluster {
	c := &cluster{t: t, network: consensustest.NewNetwork(seed), timing: quick(), linger: -1, log: quiet()}
	if os.Getenv("STARLING_LOG") != "" {
		c.log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	t.TempDir() // is removed after the nodes are down
	t.Cleanup(c.close)
	return c
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// grow adds voters.
func (c *cluster) grow(size int) {
	for range size {
		m := c.member()
		m.up(len(c.members) == 1)
		if len(c.members) > 1 {
			c.add(m, (*Raft).AddVoter)
		}
	}
}

// member makes a node that is down.
func (c *cluster) member() *member {
	m := &member{cluster: c, name: fmt.Sprintf("n%d", len(c.members)), dir: c.t.TempDir()}
	m.address = m.name
	c.members = append(c.members, m)
	return m
}

// add has the leader add a node.
func (c *cluster) add(m *member, add func(*Raft, context.Context, Server) error) {
	c.eventually(m.name+" is admitted", func() error {
		leader := c.leader()
		if leader == nil {
			return ErrNotLeader
		}
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		return add(leader.log, ctx, m.log.Self())
	})
}

func (c *cluster) close() {
	for _, m := range c.members {
		m.down()
	}
}

// leader is the node that leads, nil if none says so.
func (c *cluster) leader() *member {
	for _, m := range c.members {
		if m.log != nil && m.log.raft.State() == raft.Leader {
			return m
		}
	}
	return nil
}

// leaderNot waits until another than a member leads.
func (c *cluster) leaderNot(m *member) *cluster {
	c.eventually("another leads", func() error {
		if leader := c.leader(); leader == nil || leader == m {
			return ErrNotLeader
		}
		return nil
	})
	return c
}

// forget ends the test's interest in a member that is gone for good.
func (c *cluster) forget(m *member) {
	c.members = slices.DeleteFunc(c.members, func(other *member) bool { return other == m })
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.running, m.name)
}

// mustLead waits for a leader.
func (c *cluster) mustLead() (m *member) {
	c.eventually("somebody leads", func() error {
		if m = c.leader(); m == nil {
			return ErrNotLeader
		}
		return nil
	})
	return m
}

// eventually waits until something works.
func (c *cluster) eventually(what string, try func() error) {
	c.t.Helper()
	end := time.Now().Add(patience)
	for {
		err := try()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			require.NoError(c.t, err, what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// open opens a node's stores, the log not yet started.
func (m *member) open(bootstrap bool) error {
	db, err := bbolt.Open(filepath.Join(m.dir, "sessions.db"), 0o600, logOptions())
	require.NoError(m.cluster.t, err)
	m.db = db
	m.db.NoSync = !m.cluster.sync
	m.outbox, err = NewOutbox(db, OutboxOptions{Now: func() time.Time { return time.Now().Add(m.skew) }})
	require.NoError(m.cluster.t, err)
	stream, err := m.cluster.network.Listen(m.name)
	require.NoError(m.cluster.t, err)
	if m.forward == nil {
		m.forward = m.cluster.network.Courier(m.name)
	}
	log, err := OpenRaft(RaftOptions{
		Options: Options{
			Node: m.name, Dir: m.dir, Outbox: m.outbox, Linger: m.cluster.linger, NoSync: !m.cluster.sync,
			Log: m.cluster.log.With("on", m.name), Write: m.disk.Write,
		},
		Stream: listening{stream, m, m.address}, Forward: m.forward, Bootstrap: bootstrap, Timing: m.cluster.timing,
		Members: m.cluster.gossip, Policy: m.cluster.policy, Admit: m.cluster.admit, Applied: m.cluster.applied,
	})
	if err != nil {
		_ = stream.Close()
		require.NoError(m.cluster.t, db.Close())
		return err
	}
	m.log = log
	m.detach = m.cluster.network.Attach(m.name, log.Answer)
	m.cluster.tell(m.name, log)
	return nil
}

// tell remembers whether a node is up.
func (c *cluster) tell(node string, log *Raft) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running == nil {
		c.running = map[string]*Raft{}
	}
	c.running[node] = log
}

// listening is a member's stream, which is found under its present address only.
type listening struct {
	*consensustest.Stream
	member  *member
	address string // as of when it was opened: raft asks for it even after its end
}

func (s listening) Addr() net.Addr { return &net.UnixAddr{Name: s.address} }

func (s listening) Dial(node, address string, timeout time.Duration) (net.Conn, error) {
	s.member.cluster.mu.Lock()
	log := s.member.cluster.running[node]
	s.member.cluster.mu.Unlock()
	if log != nil && log.address() != address {
		return nil, fmt.Errorf("nobody listens at %s", address)
	}
	return s.Stream.Dial(node, address, timeout)
}

func (m *member) up(bootstrap bool) {
	require.NoError(m.cluster.t, m.open(bootstrap))
	m.log.Start(context.Background())
}

// down closes a node as its operator would, kill without a word to the others.
func (m *member) down() { m.end((*Raft).Close) }
func (m *member) kill() { m.end(func(r *Raft) error { return r.stop(func() {}) }) }

func (m *member) end(end func(*Raft) error) {
	if m.log == nil {
		return
	}
	m.detach()
	m.cluster.tell(m.name, nil)
	require.NoError(m.cluster.t, end(m.log))
	require.NoError(m.cluster.t, m.db.Close())
	m.log = nil
}

// write puts commands into a node's outbox.
func (m *member) write(commands ...accounting.Command) {
	require.NoError(m.cluster.t, m.db.Update(func(tx *bbolt.Tx) error {
		_, err := m.outbox.Append(tx, commands...)
		return err
	}))
}

// barrier waits until a node has applied its own outbox.
func (m *member) barrier() {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	require.NoError(m.cluster.t, m.log.Barrier(ctx), m.name)
}

// dump is a node's whole record, and the index at which it is that.
func (m *member) dump() (index uint64, dump string) {
	require.NoError(m.cluster.t, m.log.state.view(func(tx *bbolt.Tx) error {
		index = raftPosition(tx).index
		s, known, err := readSum(tx.Bucket(metaBucket).Get(sumKey), tx.ID())
		require.NoError(m.cluster.t, err)
		require.True(m.cluster.t, known, "%s keeps its sum", m.name)
		dump = fmt.Sprintf("sum %016x\n", s.record)
		for _, name := range [][]byte{stateBucket, appliedBucket, rejectedBucket} {
			dump += string(name) + ":\n" + string(accountingtest.Dump(boltTx{tx.Bucket(name)}))
		}
		return nil
	}))
	return index, dump
}

// check holds a federation at rest to its promises: so many sessions are on
// record, each once.
func (c *cluster) check(sessions int) {
	c.t.Helper()
	for _, m := range c.members {
		m.barrier()
	}
	var want string
	var at uint64
	c.eventually("all nodes are at the same entry", func() error {
		at, want = c.members[0].dump()
		for _, m := range c.members[1:] {
			if index, _ := m.dump(); index != at {
				return fmt.Errorf("%s is at %d, %s at %d", m.name, index, c.members[0].name, at)
			}
		}
		return nil
	})
	for _, m := range c.members {
		index, got := m.dump()
		if index == at {
			require.Equal(c.t, want, got, "promise 5: %s tells the same at entry %d", m.name, at)
		}
	}
	record := c.members[0].record()
	require.Equal(c.t, map[accounting.Phase]int{accounting.Completed: sessions}, record.histories(), "promise 3: each despatch has one entry")
	require.Equal(c.t, accounting.Decimal(fmt.Sprint(sessions)), record.charged(), "promise 3: and one charge; promise 4: the ledger balances")
	rejected, err := c.members[0].log.Rejections(10)
	require.NoError(c.t, err)
	require.Empty(c.t, rejected)
}

// record is a node's record, to be asked as a local one.
func (m *member) record() asked { return asked{m.cluster.t, m.log} }
