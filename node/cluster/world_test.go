package cluster

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"
	"go.uber.org/goleak"

	"starling/accounting"
	"starling/consensus"
	"starling/federation/identity"
	"starling/node/config"
)

// memberlist's own goroutines end within a probe after Close: they are waited for.
func TestMain(m *testing.M) {
	code := m.Run()
	var left error
	for until := time.Now().Add(time.Minute); time.Now().Before(until); {
		if left = goleak.Find(); left == nil {
			os.Exit(code)
		}
	}
	fmt.Fprintln(os.Stderr, left)
	os.Exit(1)
}

// patience bounds a test that hangs; no claim is made by it.
const patience = 100 * time.Second

// site is a node's directory, and the node while it is up.
type site struct {
	*testing.T
	name    string
	config  config.Federation
	key     ed25519.PrivateKey
	now     func() time.Time
	dir     string
	db      *bbolt.DB
	outbox  *consensus.Outbox
	metrics *prometheus.Registry
	cluster *Cluster
	teller  teller
}

// newSite makes a site that is not up yet. It begins a federation if it has
// nobody to join.
func newSite(t *testing.T, name string, join ...*site) *site {
	s := &site{T: t, name: name, dir: t.TempDir(), now: time.Now}
	_, s.key, _ = ed25519.GenerateKey(rand.Reader)
	s.config = config.Default(true).Federation
	s.config.Gossip, s.config.Raft = freeAddress(t), freeAddress(t)
	s.config.Bootstrap = len(join) == 0
	for _, other := range join {
		s.config.Join = append(s.config.Join, other.config.Gossip)
	}
	t.Cleanup(s.down)
	return s
}

func freeAddress(t *testing.T) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	return listener.Addr().String()
}

// try opens the site's stores, and its place in the federation.
func (s *site) try() (err error) {
	s.Helper()
	s.db, err = bbolt.Open(filepath.Join(s.dir, "sessions.db"), 0o600, &bbolt.Options{Timeout: time.Second})
	require.NoError(s, err)
	s.outbox, err = consensus.NewOutbox(s.db, consensus.OutboxOptions{})
	require.NoError(s, err)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	s.metrics = prometheus.NewRegistry()
	opened, err := Open(ctx, Options{
		Name: identity.NodeName(s.name), URL: "http://" + s.name + ".example", Version: "test", Dir: s.dir, Config: s.config,
		Outbox: s.outbox, Key: s.key, Metrics: s.metrics, Log: slog.New(slog.NewTextHandler(s.Output(), nil)).With("node", s.name), Now: func() time.Time { return s.now() },
	})
	if err != nil {
		require.NoError(s, s.db.Close())
		s.db = nil
		return err
	}
	s.cluster = opened
	s.cluster.Log().Start(context.Background())
	return nil
}

func (s *site) up() *site {
	s.Helper()
	require.NoError(s, s.try())
	return s
}

func (s *site) down() {
	if s.cluster != nil {
		assert.NoError(s, s.cluster.Close())
		s.cluster = nil
	}
	if s.db != nil {
		assert.NoError(s, s.db.Close())
		s.db = nil
	}
}

// write enrols a proposal, and returns without waiting for the log.
func (s *site) write(n int) {
	require.NoError(s, s.db.Update(func(tx *bbolt.Tx) error {
		_, err := s.outbox.Append(tx, accounting.EnrolOwner{
			Owner: proposal(n), Name: fmt.Sprint("written at ", s.name), By: "dev", Time: accounting.At(time.Unix(int64(n), 0)),
		})
		return err
	}))
}

func proposal(n int) accounting.Owner {
	return accounting.Proposal(accounting.OwnerID(fmt.Sprint("P-", n)))
}

// has reports whether a proposal is in this site's copy.
func (s *site) has(n int) (found bool) {
	require.NoError(s, s.cluster.Log().View(context.Background(), func(view accounting.View) error {
		_, err := accounting.FindOwner(view, proposal(n))
		found = err == nil
		return nil
	}))
	return found
}

// eventually waits for a condition.
func (s *site) eventually(what string, holds func() bool) {
	s.Helper()
	for until := time.Now().Add(patience); time.Now().Before(until); time.Sleep(5 * time.Millisecond) {
		if holds() {
			return
		}
	}
	s.Fatalf("%s waited in vain for %s; it knows %+v", s.name, what, s.cluster.Members())
}

// member is what this site knows of another.
func (s *site) member(name string) (m Member) {
	for _, m := range s.cluster.Members() {
		if m.Name == name {
			return m
		}
	}
	return Member{}
}

// measured is the value of a gauge that the site exposes.
func (s *site) measured(name string) float64 {
	families, err := s.metrics.Gather()
	require.NoError(s, err)
	for _, family := range families {
		if family.GetName() == name {
			return family.GetMetric()[0].GetGauge().GetValue()
		}
	}
	s.Fatalf("there is no metric %s", name)
	return 0
}
