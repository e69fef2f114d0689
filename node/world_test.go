package node

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"
	"go.uber.org/goleak"

	"starling/accounting"
	"starling/api/despatch"
	"starling/api/ivoa"
	"starling/consensus"
	"starling/federation/identity"
	"starling/node/config"
	"starling/node/store"
	"starling/scheduling"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	alice    = identity.Caller{User: "alice", Roles: []identity.Role{identity.RoleUser}}
	bob      = identity.Caller{User: "bob", Roles: []identity.Role{identity.RoleUser}}
	operator = identity.Caller{User: "oscar", Roles: []identity.Role{identity.RoleUser, identity.RoleOperator}}
	auditor  = identity.Caller{User: "eve", Roles: []identity.Role{identity.RoleAuditor}}
	builtIn  = identity.Caller{User: "node", Roles: []identity.Role{identity.RoleBuiltIn}}
	robot    = identity.Caller{User: "robot", Roles: []identity.Role{identity.RoleExecutor}}
	thief    = identity.Caller{User: "thief", Roles: []identity.Role{identity.RoleExecutor}}
)

// world is a broker with its disk, which can crash and come back.
type world struct {
	*Broker
	reached  atomic.Pointer[Broker] // the same for other nodes, who may ask while it stops; nil: it is down
	t        testing.TB
	dir      string
	options  Options
	log      *consensus.Local
	diskFull *atomic.Bool
	executor identity.UUID
	keys     int
	alone    bool // nobody leads the log
}

// newWorld returns a broker for 8 cores with one built-in executor that takes
// processes and containers, and data over http.
func newWorld(t testing.TB, edit ...func(*Options)) *world {
	w := &world{t: t, dir: t.TempDir(), diskFull: &atomic.Bool{}}
	defaults := config.Default(true)
	costs, err := accounting.NewTariff(accounting.TariffConfig{
		Currency: "EUR", Rates: map[string]accounting.RateConfig{"core-seconds": {Price: "0.01", Energy: "0.001", Carbon: "0.0001"}},
	})
	require.NoError(t, err)
	w.options = Options{
		Name: "test", Capacity: scheduling.Resources{Cores: 8, Memory: 16, Storage: 100},
		Offers: defaults.Offers, Sessions: defaults.Sessions, Transfers: defaults.TransferSite(), Costs: costs, Areas: []string{w.dir},
		Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
	}
	for _, e := range edit {
		e(&w.options)
	}
	w.start()
	t.Cleanup(w.stop)
	w.register()
	return w
}

// start opens what is on the disk.
func (w *world) start() {
	var err error
	w.options.Store, err = store.Open(store.Options{
		Path: filepath.Join(w.dir, "sessions.db"),
		Commit: func(tx *bbolt.Tx) error {
			if w.diskFull.Load() {
				_ = tx.Rollback()
				return os.ErrClosed
			}
			return tx.Commit()
		},
	})
	require.NoError(w.t, err)
	outbox, err := consensus.NewOutbox(w.options.Store.DB(), consensus.OutboxOptions{})
	require.NoError(w.t, err)
	w.log, err = consensus.OpenLocal(consensus.Options{Node: "test", Dir: w.dir, Outbox: outbox, Log: w.options.Logger, NoSync: true})
	require.NoError(w.t, err)
	w.options.Outbox, w.options.Record = outbox, w.log
	if w.alone {
		w.options.Record = cutOff{w.log}
	} else {
		w.log.Start(context.Background())
	}
	w.Broker, err = New(context.Background(), w.options)
	require.NoError(w.t, err)
	w.reached.Store(w.Broker)
}

func (w *world) stop() {
	if w.Broker == nil {
		return
	}
	w.reached.Store(nil)
	w.Broker.Close()
	require.NoError(w.t, w.log.Close())
	require.NoError(w.t, w.options.Store.Close())
	w.Broker = nil
}

// crash loses all that is in memory, as kill -9 does: the disk is as it was at
// this instant.
func (w *world) crash() {
	copied := filepath.Join(w.t.TempDir(), "copy")
	require.NoError(w.t, os.MkdirAll(copied, 0o700))
	// The store commits whole transactions, so that a copy taken within a read
	// transaction is what a crash leaves.
	require.NoError(w.t, w.options.Store.View(func(tx *store.Tx) error {
		return tx.CopyFile(filepath.Join(copied, "sessions.db"), 0o600)
	}))
	w.stop()
	state, err := os.ReadFile(filepath.Join(w.dir, consensus.StateFile))
	require.NoError(w.t, err)
	require.NoError(w.t, os.WriteFile(filepath.Join(copied, consensus.StateFile), state, 0o600))
	w.dir = copied
	w.start()
}

var testKinds = []string{ivoa.KindProcess, ivoa.KindDockerContainer, ivoa.KindSimpleData}

// register registers the world's built-in executor.
func (w *world) register() {
	answer, _, err := w.Register(context.Background(), builtIn, despatch.Registration{
		Name: "process", Kinds: testKinds, Schemes: []string{"http", "https"},
		Capacity: despatch.Capacity{Cores: w.options.Capacity.Cores, Memory: w.options.Capacity.Memory, Storage: w.options.Capacity.Storage},
	})
	require.NoError(w.t, err)
	w.executor, err = identity.ParseUUID(answer.UUID)
	require.NoError(w.t, err)
}

// request asks for a process on some cores for a minute.
func request(cores int64, edit ...func(*ivoa.ExecutionRequest)) *ivoa.ExecutionRequest {
	compute := &ivoa.SimpleComputeResource{Cores: ivoa.Exactly(cores), Memory: ivoa.Exactly(1)}
	compute.Kind = ivoa.KindSimpleCompute
	process := &ivoa.Process{Command: []string{"true"}}
	process.Kind = ivoa.KindProcess
	req := &ivoa.ExecutionRequest{
		Components: ivoa.Components{Executable: process, Compute: compute},
		Schedule:   &ivoa.RequestSchedule{Requested: &ivoa.RequestedSchedule{Duration: "PT1M"}},
	}
	for _, e := range edit {
		e(req)
	}
	return req
}

func (w *world) ask(caller identity.Caller, req *ivoa.ExecutionRequest) *ivoa.OfferSet {
	w.t.Helper()
	set, err := w.Ask(context.Background(), caller, req, nil, Asking{})
	require.NoError(w.t, err)
	return set
}

// offer asks, expects a YES, and returns the best offer.
func (w *world) offer(caller identity.Caller, req *ivoa.ExecutionRequest) *ivoa.Session {
	w.t.Helper()
	set := w.ask(caller, req)
	require.Equal(w.t, ivoa.Yes, set.Result, "messages: %v", set.Meta.Messages)
	return set.Offers[0]
}

func (w *world) update(caller identity.Caller, s *ivoa.Session, phase ivoa.SessionPhase) (*ivoa.Session, error) {
	return w.Update(context.Background(), caller, id(w.t, s), ivoa.SetPhase(phase), "")
}

// accepted asks and accepts the best.
func (w *world) accepted(caller identity.Caller, req *ivoa.ExecutionRequest) *ivoa.Session {
	w.t.Helper()
	s, err := w.update(caller, w.offer(caller, req), ivoa.SessionAccepted)
	require.NoError(w.t, err)
	require.Equal(w.t, ivoa.SessionAccepted, s.Phase)
	return s
}

func id(t testing.TB, s *ivoa.Session) identity.UUID {
	t.Helper()
	u, err := identity.ParseUUID(s.UUID())
	require.NoError(t, err)
	return u
}

// session is what a session's owner sees of it.
func (w *world) session(s *ivoa.Session) *ivoa.Session {
	w.t.Helper()
	stored, err := w.stored(operator, toRead, id(w.t, s))
	require.NoError(w.t, err)
	owner := identity.Caller{User: string(stored.Owners.User.ID), Roles: alice.Roles}
	now, err := w.Session(context.Background(), owner, id(w.t, s))
	require.NoError(w.t, err)
	return now
}

// take polls for a despatch, and expects one.
func (w *world) takeWork() *despatch.Despatch {
	w.t.Helper()
	d, reasons, err := w.Despatch(context.Background(), builtIn, w.executor, 30*time.Second)
	require.NoError(w.t, err)
	require.NotNil(w.t, d, "nothing to do: %v", reasons)
	return d
}

func ref(t testing.TB, d *despatch.Despatch) identity.UUID {
	t.Helper()
	u, err := identity.ParseUUID(d.HistoryRef)
	require.NoError(t, err)
	return u
}

// report sends one update of an action.
func (w *world) report(d *despatch.Despatch, kind, action string) (despatch.UpdatesAnswer, error) {
	return w.Report(context.Background(), builtIn, ref(w.t, d), despatch.Updates{Fence: d.Fence, Updates: []despatch.Update{
		{Key: kind + " " + action, Type: kind, Action: action, Time: time.Now()},
	}}, 0)
}

func completion(d *despatch.Despatch, outcome despatch.Outcome) despatch.Completion {
	return despatch.Completion{
		Fence: d.Fence, Key: "done", Time: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC), Outcome: outcome,
		Resources: []despatch.Resource{{Name: "core-seconds", Amount: "30", Unit: "s"}},
	}
}

func (w *world) complete(d *despatch.Despatch, c despatch.Completion) (CompletionAnswer, error) {
	return w.Complete(context.Background(), builtIn, ref(w.t, d), c)
}

// audit checks that the ledger balances.
func (w *world) audit() {
	w.t.Helper()
	require.NoError(w.t, w.look(context.Background(), nil, accounting.Audit))
}

// free is what the node's own pool has free now.
func (w *world) freeCores() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.state.pools[identity.UUID{}].timeline.Free(scheduling.Instant(w.now())).Cores
}

// inTime runs a test in a bubble in which time passes when all wait.
func inTime(t *testing.T, test func(t *testing.T)) { synctest.Test(t, test) }
