package membership

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/memberlist"
	"github.com/prometheus/client_golang/prometheus"
)

// Options are what a node's membership is made of.
type Options struct {
	// Self is what the node says of itself. Its Federation is empty for one that
	// doesn't know yet: File may, and those whom it joins do.
	Self Self
	// Listen is where gossip listens, HOST:PORT, UDP and TCP. Advertise is where
	// others reach it; Listen if empty, unless that is a wildcard.
	Listen, Advertise string
	// Join are gossip addresses of nodes of the federation. One is enough; who
	// was met before needs none.
	Join []string
	// Keys encrypt gossip, 16, 24 or 32 bytes each: the first what is sent, all of
	// them what comes. Without any, gossip is in the clear and anybody may join.
	Keys [][]byte
	// Profile is LAN() if zero.
	Profile Profile
	// File is where peers are remembered; nowhere if empty.
	File string
	// Wrap, if there is one, puts something between memberlist and the network.
	// Tests lose packets with it.
	Wrap func(memberlist.NodeAwareTransport) memberlist.NodeAwareTransport
	// Now is time.Now if nil.
	Now func() time.Time
	// Log is where to say what an operator would act on; nowhere if nil.
	Log *slog.Logger
	// Registerer takes the metrics; nobody if nil.
	Registerer prometheus.Registerer
}

// Membership is a node's part in its federation. Its methods may be called by
// any goroutine.
type Membership struct {
	self       Self
	meta       []byte
	join       []string
	profile    Profile
	file       string
	began      time.Time
	newcomer   bool   // it knew no federation when it began
	before     string // the address that it advertised in its earlier life
	now        func() time.Time
	log        *slog.Logger
	metrics    *metrics
	complaints complaints
	federation atomic.Pointer[string] // nil while there is none

	wire      *wire
	transport memberlist.NodeAwareTransport // the wire, wrapped
	list      *memberlist.Memberlist
	keyring   *memberlist.Keyring             // nil if gossip is in the clear
	queue     memberlist.TransmitLimitedQueue // what is passed on until all should know
	relays    memberlist.TransmitLimitedQueue // what its node has told all members itself
	alive     atomic.Int64                    // members, for the queue

	telling sync.Mutex // held while a record is merged and queued; before mu
	mu      sync.Mutex
	roster  *roster
	voice   voice
	moved   *move         // others see this node elsewhere
	trouble trouble       // why it isn't let in
	changed chan struct{} // closed at the next change

	speak, redialNow, saveNow chan struct{}

	closing context.Context
	quit    context.CancelFunc
	wait    sync.WaitGroup
	ending  sync.Mutex // held by Leave and Close
	closed  bool
}

// Start takes part in a federation: it listens, joins, and then keeps looking
// for those who are gone until Close. The context bounds the starting only.
//
// A newcomer, which knows no federation, is not started unless it could join
// one. A node that belongs to one is, whether anybody answers or not: it works
// alone meanwhile (promise 6). Either is refused, with an error that says what
// to do, if those whom it is to join are of another federation or of two, or if
// its name is taken or can't be told from another's.
func Start(ctx context.Context, options Options) (_ *Membership, err error) {
	m, err := prepare(options)
	if err != nil {
		return nil, fmt.Errorf("take part in a federation: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("take part in a federation: %w", err), m.Close())
		}
	}()
	if m.metrics, err = newMetrics(options.Registerer, m.count); err != nil {
		return nil, err
	}
	m.wire, err = listen(ctx, options.Listen, wireOptions{
		given: options.Advertise, before: m.before, dial: m.profile.Dial, federation: m.Federation, encrypted: len(options.Keys) > 0, metrics: m.metrics,
	})
	if err != nil {
		return nil, err
	}
	if m.transport = m.wire; options.Wrap != nil {
		m.transport = options.Wrap(m.wire)
	}
	seeds, err := m.belong(ctx)
	if err != nil {
		return nil, err
	}
	if err = m.begin(options.Keys, options.Advertise); err != nil {
		return nil, err
	}
	if err = m.enter(ctx, seeds); err != nil {
		return nil, err
	}
	m.write() // a newcomer is none any more, whatever happens next
	m.wait.Go(m.announce)
	m.wait.Go(m.redial)
	m.wait.Go(m.remember)
	return m, nil
}

// prepare checks the options and reads what was known before.
func prepare(options Options) (*Membership, error) {
	if err := options.Self.Validate(); err != nil {
		return nil, err
	}
	if options.Profile == (Profile{}) {
		options.Profile = LAN()
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.Log == nil {
		options.Log = slog.New(slog.DiscardHandler)
	}
	m := &Membership{
		self: options.Self, join: options.Join, profile: options.Profile, file: options.File,
		now: options.Now, log: options.Log, roster: newRoster(options.Self.Name), changed: make(chan struct{}),
		speak: make(chan struct{}, 1), redialNow: make(chan struct{}, 1), saveNow: make(chan struct{}, 1),
	}
	m.roster.entry(m.self.Name)
	m.queue.RetransmitMult = retransmit
	m.queue.NumNodes = func() int { return int(m.alive.Load()) }
	m.relays.RetransmitMult, m.relays.NumNodes = relay, one
	m.closing, m.quit = context.WithCancel(context.Background())
	m.recall()
	m.began, m.newcomer = m.now(), m.self.Federation == ""
	if m.self.Federation != "" {
		m.federation.Store(&m.self.Federation)
	}
	return m, nil
}

// begin starts memberlist, with this node as its only member. What the node says
// of itself does not change any more.
func (m *Membership) begin(keys [][]byte, advertise string) error {
	name := ""
	if advertise != "" && advertise != m.wire.advertise.String() {
		name = advertise // a DNS name: its address may change while others are away
	}
	var err error
	if m.meta, err = m.self.encode(name); err != nil {
		return err
	}
	config := m.profile.config()
	config.Name = m.self.Name
	config.Transport = m.transport
	config.BindPort, config.AdvertisePort = int(m.wire.advertise.Port()), int(m.wire.advertise.Port())
	if len(keys) > 0 {
		if m.keyring, err = memberlist.NewKeyring(keys, keys[0]); err != nil {
			return fmt.Errorf("gossip keys: %w", err)
		}
		config.Keyring = m.keyring
	}
	d := delegates{m}
	config.Delegate, config.Events, config.Alive, config.Merge, config.Conflict = d, d, d, d, d
	config.Logger = (&listener{log: m.log, metrics: m.metrics, now: m.now}).logger()
	m.broadcastSurely(m.tell(nil))
	m.list, err = memberlist.Create(config)
	return err
}

// Federation is the id of the federation that this node belongs to.
func (m *Membership) Federation() string {
	if id := m.federation.Load(); id != nil {
		return *id
	}
	return ""
}

// Members lists this node and then, by name, the others: all who are there, and
// for three days those who are not.
func (m *Membership) Members() []Member {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.roster.members(m.now(), false)
}

// Remembered is all who ever were members and were not forgotten, by name,
// without this node.
func (m *Membership) Remembered() map[string]Member {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := map[string]Member{}
	for _, member := range m.roster.members(m.now(), true) {
		if member.Name != m.self.Name {
			all[member.Name] = member
		}
	}
	return all
}

// Forget drops a member that is gone for good, so that it is neither listed nor
// asked again. One that is there can't be forgotten.
func (m *Membership) Forget(name string) (err error) {
	m.change(func() (known bool) {
		known, err = m.roster.forget(name)
		return known
	})
	m.save()
	return err
}

// Changed returns a channel that is closed when what Members returns is next
// another, ages aside.
func (m *Membership) Changed() <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.changed
}

// Addr is where others reach this node's gossip.
func (m *Membership) Addr() string { return m.wire.advertise.String() }

// change changes the roster, and wakes those who wait if it says that it did.
func (m *Membership) change(how func() bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if how() {
		m.alive.Store(int64(m.roster.count()[Alive]))
		close(m.changed)
		m.changed = make(chan struct{})
	}
}

func (m *Membership) count() map[State]int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.roster.count()
}
