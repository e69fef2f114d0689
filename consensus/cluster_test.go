package consensus

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"starling/accounting"
	"starling/accounting/accountingtest"
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
	network *network
	members []*member
	timing  Timing
	sync    bool
	log     *slog.Logger
}

// member is one node of it: a data directory and, while it is up, its stores.
type member struct {
	cluster *cluster
	name    string
	dir     string
	db      *bbolt.DB
	outbox  *Outbox
	log     *Raft
	wrap    func(disk) disk
}

// newCluster makes a federation of so many voters.
func newCluster(t testing.TB, size int, seed uint64) *cluster {
	c := &cluster{t: t, network: newNetwork(seed), timing: quick(), log: quiet()}
	if os.Getenv("STARLING_LOG") != "" {
		c.log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	t.TempDir() // is removed after the nodes are down
	t.Cleanup(c.close)
	c.grow(size)
	return c
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// grow adds voters.
func (c *cluster) grow(size int) {
	for range size {
		m := c.member()
		m.up(len(c.members) == 1)
		if len(c.members) > 1 {
			c.admit(m, (*Raft).AddVoter)
		}
	}
}

// member makes a node that is down.
func (c *cluster) member() *member {
	m := &member{cluster: c, name: fmt.Sprintf("n%d", len(c.members)), dir: c.t.TempDir()}
	c.members = append(c.members, m)
	return m
}

// admit has the leader add a node.
func (c *cluster) admit(m *member, add func(*Raft, context.Context, Server) error) {
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
	m.outbox, err = NewOutbox(db, OutboxOptions{})
	require.NoError(m.cluster.t, err)
	stream, err := m.cluster.network.listen(m.name)
	require.NoError(m.cluster.t, err)
	log, err := OpenRaft(RaftOptions{
		Options: Options{
			Node: m.name, Dir: m.dir, Outbox: m.outbox, Linger: -1, NoSync: !m.cluster.sync, Log: m.cluster.log.With("on", m.name),
		},
		Stream: stream, Forward: courier{m.cluster.network, m.name}, Bootstrap: bootstrap, Timing: m.cluster.timing, wrap: m.wrap,
	})
	if err != nil {
		_ = stream.Close()
		require.NoError(m.cluster.t, db.Close())
		return err
	}
	m.log = log
	m.cluster.network.mu.Lock()
	m.cluster.network.logs[m.name] = log
	m.cluster.network.mu.Unlock()
	return nil
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
	m.cluster.network.mu.Lock()
	delete(m.cluster.network.logs, m.name)
	m.cluster.network.mu.Unlock()
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
