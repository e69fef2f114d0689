package node

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"starling/accounting"
	"starling/api/despatch"
	"starling/api/ivoa"
	"starling/consensus"
	"starling/consensus/consensustest"
	"starling/federation/identity"
	"starling/node/config"
	"starling/node/store"
	"starling/scheduling"
)

// flock is a federation in one process: brokers whose record is one, over a
// network that a test breaks.
type flock struct {
	t       *testing.T
	network *consensustest.Network
	sites   []*site
}

// site is one node of it. Of the world it has the broker, and what asks it.
type site struct {
	*world
	flock  *flock
	name   string
	raft   *consensus.Raft
	detach func()
}

// newFlock makes a federation of so many nodes that all vote. It belongs in a
// bubble (inTime).
func newFlock(t *testing.T, size int, seed uint64) *flock {
	f := &flock{t: t, network: consensustest.NewNetwork(seed)}
	t.TempDir() // is removed after the nodes are down
	t.Cleanup(f.stop)
	for i := range size {
		s := f.site(string(rune('a' + i)))
		s.start(i == 0)
		s.register()
		if i > 0 {
			f.admit(s)
		}
	}
	f.settle()
	return f
}

// site makes a node that is down.
func (f *flock) site(name string) *site {
	defaults := config.Default(true)
	costs, err := accounting.NewTariff(accounting.TariffConfig{
		Currency: "EUR", Rates: map[string]accounting.RateConfig{"core-seconds": {Price: "0.01"}},
	})
	require.NoError(f.t, err)
	w := &world{t: f.t, dir: f.t.TempDir(), diskFull: &atomic.Bool{}}
	w.options = Options{
		Name: identity.NodeName(name), Capacity: scheduling.Resources{Cores: 64, Memory: 64, Storage: 100},
		Offers: defaults.Offers, Sessions: defaults.Sessions, Transfers: defaults.TransferSite(), Costs: costs, Areas: []string{w.dir},
		Logger: slog.New(slog.DiscardHandler),
	}
	s := &site{world: w, flock: f, name: name}
	f.sites = append(f.sites, s)
	return s
}

// start opens what is on the disk.
func (s *site) start(bootstrap bool) {
	network := s.flock.network
	var err error
	s.options.Store, err = store.Open(store.Options{Path: filepath.Join(s.dir, "sessions.db")})
	require.NoError(s.t, err)
	s.options.Store.DB().NoSync = true
	outbox, err := consensus.NewOutbox(s.options.Store.DB(), consensus.OutboxOptions{})
	require.NoError(s.t, err)
	stream, err := network.Listen(s.name)
	require.NoError(s.t, err)
	s.raft, err = consensus.OpenRaft(consensus.RaftOptions{
		Options: consensus.Options{Node: s.name, Dir: s.dir, Outbox: outbox, Log: s.options.Logger, NoSync: true},
		Stream:  stream, Forward: network.Courier(s.name), Bootstrap: bootstrap, Timing: leisurely(),
	})
	require.NoError(s.t, err)
	s.detach = network.Attach(s.name, s.raft.Answer)
	s.raft.Start(context.Background())
	s.options.Outbox, s.options.Record = outbox, s.raft
	s.Broker, err = New(context.Background(), s.options)
	require.NoError(s.t, err)
}

// leisurely are the times of a LAN, but for how often a leader is heard: in a
// bubble it is the messages that take time.
func leisurely() consensus.Timing {
	timing := consensus.LAN()
	timing.Heartbeat, timing.Election, timing.Lease = 2*time.Second, 2*time.Second, 1500*time.Millisecond
	timing.Commit = 500 * time.Millisecond
	return timing
}

func (f *flock) stop() {
	for _, s := range f.sites {
		s.stop()
	}
}

func (s *site) stop() {
	if s.Broker == nil {
		return
	}
	s.Broker.Close()
	s.detach()
	require.NoError(s.t, s.raft.Close())
	require.NoError(s.t, s.options.Store.Close())
	s.Broker = nil
}

// eventually waits until something works.
func (f *flock) eventually(what string, try func() error) {
	f.t.Helper()
	var err error
	for range 600 {
		if err = try(); err == nil {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	require.NoError(f.t, err, what)
}

// leader is the node that leads, nil while none says so.
func (f *flock) leader() *site {
	i := slices.IndexFunc(f.sites, func(s *site) bool { return s.raft.Status().Role == "leader" })
	if i < 0 {
		return nil
	}
	return f.sites[i]
}

func (f *flock) admit(s *site) {
	f.eventually(s.name+" is admitted", func() error {
		leader := f.leader()
		if leader == nil {
			return consensus.ErrNotLeader
		}
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		return leader.raft.AddVoter(ctx, s.raft.Self())
	})
}

// minority cuts off a node that doesn't lead, and returns it and those of the
// others, the leader first.
func (f *flock) minority() (cut *site, others []*site) {
	var leader *site
	f.eventually("somebody leads", func() error {
		if leader = f.leader(); leader == nil {
			return consensus.ErrNotLeader
		}
		return nil
	})
	for _, s := range f.sites {
		if s != leader {
			cut = s
		}
	}
	f.network.Cut(cut.name)
	f.eventually(cut.name+" knows that nobody leads it", func() error {
		if s := cut.raft.Status(); s.Leader != "" {
			return errors.New(s.Leader)
		}
		return nil
	})
	others = []*site{leader}
	for _, s := range f.sites {
		if s != leader && s != cut {
			others = append(others, s)
		}
	}
	return cut, others
}

// settle mends the network, and waits until every node has what all have written.
func (f *flock) settle() {
	f.network.Mend()
	for _, s := range f.sites {
		f.eventually(s.name+" is heard", func() error {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			return s.raft.Barrier(ctx)
		})
	}
	for _, s := range f.sites {
		f.eventually(s.name+" hears the others", func() error {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			return s.raft.Strong(ctx)
		})
	}
}

// audited holds the federation to what its record says, and returns that: the
// attempts of every node are the same.
func (f *flock) audited() []accounting.HistoryEntry {
	f.t.Helper()
	f.settle()
	var first []accounting.HistoryEntry
	for i, s := range f.sites {
		var list []accounting.HistoryEntry
		require.NoError(f.t, s.raft.View(context.Background(), func(v accounting.View) (err error) {
			require.NoError(f.t, accounting.Audit(v), "promise 4, at %s", s.name)
			list, _, err = accounting.Histories(v, accounting.HistoryFilter{Caller: accounting.Everyone()}, "", accounting.MaxLimit)
			return err
		}))
		if i == 0 {
			first = list
		}
		require.Equal(f.t, first, list, "promise 5: %s tells the same", s.name)
		rejected, err := s.raft.Rejections(10)
		require.NoError(f.t, err)
		require.Empty(f.t, rejected)
	}
	return first
}

// limit is where an owner stands with euros, by the record alone.
func (s *site) limit(owner accounting.Owner) (b accounting.Budget) {
	s.t.Helper()
	require.NoError(s.t, s.raft.View(context.Background(), func(v accounting.View) (err error) {
		b, err = accounting.FindBudget(v, accounting.BudgetID{Owner: owner, Period: "test", Resource: accounting.Monetary, Unit: "EUR"})
		return err
	}))
	return b
}

// try asks for a core for a minute, which costs 0.60 EUR, and accepts it. The
// error is why not.
func (s *site) try(caller identity.Caller) (*ivoa.Session, error) {
	set, err := s.Ask(context.Background(), caller, request(1), nil, Asking{})
	if err != nil {
		return nil, err
	}
	if set.Result != ivoa.Yes {
		return nil, &Problem{Code: CodeFunds, Detail: set.Meta.Messages[len(set.Meta.Messages)-1].Text}
	}
	return s.update(caller, set.Offers[0], ivoa.SessionAccepted)
}

// run does the next session from despatch to completion.
func (s *site) run() identity.UUID {
	s.t.Helper()
	d := s.takeWork()
	_, err := s.report(d, despatch.ActionStarted, "run")
	require.NoError(s.t, err)
	_, err = s.complete(d, completion(d, despatch.Completed))
	require.NoError(s.t, err)
	return ref(s.t, d)
}
