package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"go.etcd.io/bbolt"

	"starling/accounting"
	"starling/consensus"
	"starling/federation/address"
	"starling/federation/identity"
	"starling/federation/shortlist"
	"starling/federation/tracing"
	"starling/node/config"
	"starling/node/credentials"
	"starling/node/policy"
	"starling/node/store"
	"starling/node/uploads"
	"starling/scheduling"
	"starling/scheduling/transfer"

	"github.com/prometheus/client_golang/prometheus"
)

// Record is where commands end up in order: the log with the history and the
// ledger. What is read there may be behind the outbox until a Barrier.
type Record interface {
	// View reads the history and the ledger.
	View(ctx context.Context, read func(accounting.View) error) error
	// Overlaid reads the same with all on top that was committed to the outbox
	// before the call. What it reads may yet be refused.
	Overlaid(ctx context.Context, read func(accounting.View, consensus.Overlay) error) error
	// Strong waits until all that was committed anywhere before the call can be
	// read.
	Strong(ctx context.Context) error
	// Barrier waits until all that was committed before the call can be read.
	Barrier(ctx context.Context) error
	// Status is where the record stands.
	Status() consensus.Status
	// Err is why nothing more is recorded, nil while all is well.
	Err() error
}

var (
	_ Record = (*consensus.Local)(nil)
	_ Record = (*consensus.Raft)(nil)
)

// Outbox takes commands in the transaction of the session change that caused
// them.
type Outbox interface {
	Append(tx *bbolt.Tx, commands ...accounting.Command) (consensus.Sequence, error)
}

// Options is what a broker is made of.
type Options struct {
	Name     identity.NodeName
	URL      string               // by which clients reach the node
	Capacity scheduling.Resources // of the pool that the built-in executors share
	// BuiltIn names the built-in executors that this node starts; nil: those that
	// it had before.
	BuiltIn  []string
	Offers   config.Offers
	Sessions config.Sessions
	Site     config.Site
	// StorageElements are the site's own; Transfers says of them, and of all else,
	// how data come here.
	StorageElements []config.StorageElement
	Transfers       transfer.Site
	Costs           accounting.CostModel
	Policy          *policy.Policy // nil: everything is allowed
	// Network is the other nodes; nil: there are none. Placement says how they are
	// asked, and how offers are ranked.
	Network   Network
	Placement config.Placement
	// Areas are the directories from which files at file:// locations are
	// served. What an executor reports elsewhere is not.
	Areas []string
	// Credentials gets the tokens that sessions need for their data; nil: no data
	// want any.
	Credentials *credentials.Keeper
	// Connect says where executors that aren't built in may have connectors.
	Connect config.Connect

	// Uploads keeps the files that executors of other machines send; nil: none
	// are taken. They are kept for UploadRetention after the last has come.
	Uploads         *uploads.Store
	UploadRetention time.Duration

	Store  *store.Store
	Outbox Outbox
	Record Record
	Logger *slog.Logger
	Tracer *tracing.Tracer // nil: what is done later than its request leaves no spans
	// Metrics registers the broker's metrics; nil: none are kept.
	Metrics prometheus.Registerer
	// Now is the time, which must not run backwards; nil: a SteadyClock.
	Now func() time.Time
}

// Broker is one node's broker. It is safe for concurrent use.
type Broker struct {
	options Options
	store   *store.Store
	log     *slog.Logger
	mint    *identity.Mint
	events  *hub
	metrics *metricSet
	// networks are those in which an executor that isn't built in may have
	// connectors.
	networks    address.Ranges
	crash       func(reason any, stack []byte)
	failedRules sync.Map // names of rules of the policy that have failed
	claims      sync.Map // idempotency keys in use, each with a channel that is closed
	notes       notes    // for the audit trail
	rates       *rates
	courier     courier

	placing     sync.Mutex             // guards what follows
	unconfirmed *shortlist.Unconfirmed // of what others have, by this node's doing

	mu       sync.Mutex // guards the decisions: everything below
	state    state
	agenda   agenda
	payer    payer
	stopping bool
	links    map[identity.UUID][]link // that have not been used, by session

	cancel context.CancelFunc
	done   sync.WaitGroup
}

// state is what a broker has decided, as far as something is still to happen.
// It is always what could be read from the store once all that was submitted is
// durable; after a failure of the disk it is read anew.
type state struct {
	pools     map[identity.UUID]*pool
	executors map[identity.UUID]*executor
	// live sessions are never changed: a change puts a new value in place, so
	// that what was submitted stays as it was decided.
	live     map[identity.UUID]*store.Session
	sets     map[identity.UUID]*store.OfferSet // with offers that are open
	attempts map[identity.UUID]*attempt        // in progress, by historyRef
	made     map[identity.UUID]identity.UUID   // those of sets, by the set of another node that they are for
	open     map[string]int                    // open offer sets by user
	kept     map[identity.UUID]*store.Kept     // storage that outlives its session
	accepted []identity.UUID                   // since WAITING was last written
	// allowances are what the node may spend of accounts with a hard limit.
	allowances map[accounting.BudgetID]store.Allowance
	tally      *policy.Tally        // what quotas count
	transfers  *transfer.Model      // how data come here
	returning  bool                 // what is idle of them is on the agenda to be returned
	owed       []accounting.Command // of the decision that is being made
}

// New returns a broker that has read its state from the store, and starts it.
// Close stops it.
func New(ctx context.Context, options Options) (*Broker, error) {
	if err := options.Name.Validate(); err != nil {
		return nil, err
	}
	if options.Now == nil {
		options.Now = SteadyClock(time.Now)
	}
	b := &Broker{options: options, store: options.Store, log: options.Logger, events: newHub(), agenda: newAgenda(), payer: newPayer(), crash: crash, links: map[identity.UUID][]link{}, notes: newNotes(),
		rates: &rates{costs: options.Costs, site: options.Name}, courier: newCourier(), unconfirmed: shortlist.NewUnconfirmed()}
	var err error
	if b.networks, _, err = address.ParseRanges(options.Connect.Networks); err != nil {
		return nil, fmt.Errorf("connect.networks: %w", err)
	}
	if b.options.Policy == nil {
		b.options.Policy = new(policy.Policy)
	}
	b.metrics = newMetricSet(options.Metrics, b)
	var highWater store.Millis
	if err := b.store.View(func(tx *store.Tx) error {
		highWater = tx.HighWater()
		return nil
	}); err != nil {
		return nil, fmt.Errorf("read the session store: %w", err)
	}
	// A second of room: components are minted after the session that has them.
	b.mint = identity.NewMint(options.Name, highWater+1000)
	b.mu.Lock()
	err = b.reload()
	b.mu.Unlock()
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	b.noteOutage()
	b.mu.Unlock()
	ctx, b.cancel = context.WithCancel(ctx)
	b.done.Go(func() { b.runAgenda(ctx) })
	b.done.Go(func() { b.runMender(ctx) })
	b.done.Go(func() { b.runSweeper(ctx) })
	b.done.Go(func() { b.runPayer(ctx) })
	b.done.Go(func() { b.runTrail(ctx) })
	if b.options.Network != nil {
		b.done.Go(func() { b.runCourier(ctx) })
	}
	return b, nil
}

// Close stops making decisions and waits for what is under way. Held polls end
// at once. It closes neither the store nor the record.
func (b *Broker) Close() {
	b.mu.Lock()
	b.stopping = true
	for _, p := range b.state.pools {
		p.scatter()
	}
	for _, a := range b.state.attempts {
		a.letGo()
	}
	b.mu.Unlock()
	b.cancel()
	b.events.close()
	b.done.Wait()
}

// SteadyClock returns a wall clock as it was at the call, carried on by the
// monotonic one, so that a clock that is set expires nothing and starts nothing
// early.
func SteadyClock(wall func() time.Time) func() time.Time {
	said, start := wall().Round(0), time.Now()
	return func() time.Time { return said.Add(time.Since(start)) }
}

// now is the time of a decision, in milliseconds.
func (b *Broker) now() store.Millis { return b.options.Now().UnixMilli() }

// write is what a decision changes on disk.
type write struct {
	set      *store.OfferSet
	sessions []*store.Session
	commands []accounting.Command
	// allowances are those that the decision changes: they are kept, and stored.
	allowances []store.Allowance
	tidings    []*store.Tiding // for other nodes
	extra      func(*store.Tx) error
	after      func() // once it is durable
}

// submit queues a write; b.mu is held, so that writes are in the order of the
// decisions. Sessions' new steps are published once they are durable.
func (b *Broker) submit(w write) *store.Ticket {
	w.commands = b.sound(append(w.commands[:len(w.commands):len(w.commands)], b.state.owed...))
	b.state.owed = nil
	b.keepAllowances(w.allowances)
	return b.store.Submit(func(tx *store.Tx) error {
		if w.set != nil {
			if err := tx.PutOfferSet(w.set); err != nil {
				return err
			}
		}
		for _, s := range w.sessions {
			if err := tx.PutSession(s); err != nil {
				return err
			}
		}
		for _, a := range w.allowances {
			if err := tx.PutAllowance(a); err != nil {
				return err
			}
		}
		for _, t := range w.tidings {
			if err := tx.PutTiding(t); err != nil {
				return err
			}
		}
		if w.extra != nil {
			if err := w.extra(tx); err != nil {
				return err
			}
		}
		if len(w.commands) == 0 {
			return nil
		}
		_, err := b.options.Outbox.Append(tx.Tx, w.commands...)
		return err
	}, func() {
		for _, s := range w.sessions {
			b.events.publish(s)
		}
		b.courier.take(w.tidings)
		if w.after != nil {
			w.after()
		}
	})
}

// owe adds commands to the decision that is being made: they go with its next
// write, after that write's own, so that what moves a session's hold is durable
// together with the session; b.mu is held until then.
func (b *Broker) owe(commands ...accounting.Command) {
	b.state.owed = append(b.state.owed, commands...)
}

// sound leaves out commands that the record would refuse. What clients send is
// checked before it gets here, so this is for mistakes of our own: one of them
// must not fail the writes of everybody.
func (b *Broker) sound(commands []accounting.Command) []accounting.Command {
	good := commands[:0:0]
	for _, c := range commands {
		if err := c.Validate(); err != nil {
			b.log.Error("a command is not recorded", "type", accounting.TypeOf(c), "error", err)
			continue
		}
		good = append(good, c)
	}
	return good
}

// wait waits for a write and says in words for people why it failed.
func wait(t *store.Ticket) error {
	err := t.Wait()
	if errors.Is(err, store.ErrUnavailable) {
		return unavailable(err)
	}
	return err
}

// change puts a changed copy of a live session in its place and returns it;
// b.mu is held.
func (b *Broker) change(s *store.Session, edit func(*store.Session)) *store.Session {
	next := *s
	next.Modified = b.now()
	edit(&next)
	if next.Live() {
		b.state.live[next.ID] = &next
	} else {
		delete(b.state.live, next.ID)
	}
	b.count(&next)
	b.line(s, &next)
	if next.Phase != s.Phase {
		b.metrics.moved(s.Phase, next.Phase)
	}
	return &next
}

// writable refuses a call at once while the disk takes no writes.
func (b *Broker) writable() error {
	if err := b.store.Failed(); err != nil {
		return unavailable(err)
	}
	return nil
}
