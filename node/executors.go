package node

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"starling/accounting"
	"starling/api/despatch"
	"starling/federation/identity"
	"starling/node/store"
	"starling/scheduling"
)

// Bounds of what executors register.
const (
	maxExecutors = 10_000
	maxKinds     = 200
	maxName      = 200
	maxHolding   = 100_000
	// maxLeaseSeconds is a day.
	maxLeaseSeconds = 24 * 3600
)

// Register registers an executor, or renews or changes its registration. An
// executor is known by its name and whose token it has. Created is set for a
// new one.
func (b *Broker) Register(ctx context.Context, caller identity.Caller, r despatch.Registration) (answer despatch.Registered, created bool, err error) {
	builtIn, err := b.mayRegister(caller)
	if err != nil {
		return answer, false, err
	}
	if err := checkRegistration(r); err != nil {
		return answer, false, err
	}
	if err := b.checkOrigins(builtIn, r.Origins); err != nil {
		return answer, false, err
	}
	if err := b.writable(); err != nil {
		return answer, false, err
	}
	defer b.guard()
	b.mu.Lock()
	holding := r.Holding
	r.Holding = nil // of this moment only
	e, created, err := b.register(caller, builtIn, r)
	if err != nil {
		b.mu.Unlock()
		return answer, false, err
	}
	if holding != nil {
		b.loseAllBut(holding, e)
	}
	kept := *e.Executor
	w := write{extra: func(tx *store.Tx) error { return tx.PutExecutor(&kept) }}
	if created && !builtIn {
		w.commands = []accounting.Command{b.allowed(deed{
			caller: caller, action: ActionRegister, object: object("executor", kept.ID), rule: ruleOfRole(identity.RoleExecutor),
		})}
	}
	ticket := b.submit(w)
	b.serve(e.pool)
	b.mu.Unlock()
	if err := wait(ticket); err != nil {
		return answer, false, err
	}
	return despatch.Registered{UUID: kept.ID.String(), RenewSeconds: renewSeconds}, created, nil
}

func checkRegistration(r despatch.Registration) error {
	invalid := func(field, format string, values ...any) error {
		return &Problem{Code: CodeInvalid, Field: field, Detail: fmt.Sprintf(format, values...)}
	}
	switch {
	case strings.TrimSpace(r.Name) == "" || len(r.Name) > maxName:
		return invalid("/name", "an executor has a name of 1 to %d bytes", maxName)
	case len(r.Kinds) == 0 || len(r.Kinds) > maxKinds || len(r.Schemes) > maxKinds:
		return invalid("/kinds", "an executor runs 1 to %d kinds", maxKinds)
	case len(r.Holding) > maxHolding:
		return invalid("/holding", "%d attempts; an executor has at most %d at a time", len(r.Holding), maxHolding)
	case r.LeaseSeconds < 0 || r.LeaseSeconds > maxLeaseSeconds:
		return invalid("/leaseSeconds", "a lease has 0 (the node's own) to %d seconds", maxLeaseSeconds)
	case len(r.Windows) > scheduling.MaxWindows:
		return invalid("/windows", "%d windows; at most %d", len(r.Windows), scheduling.MaxWindows)
	}
	if err := recordable(accounting.Owners{User: accounting.Party{ID: "x"}}, r.Name); err != nil {
		return invalid("/name", "%v", err)
	}
	for i, k := range slices.Concat(r.Kinds, r.Schemes) {
		if k == "" || len(k) > 500 {
			return invalid(fmt.Sprintf("/kinds/%d", i), "a kind is a URI of 1 to 500 bytes")
		}
	}
	for name, amount := range map[string]int64{"cores": r.Capacity.Cores, "memory": r.Capacity.Memory, "storage": r.Capacity.Storage, "gpus": r.Capacity.GPUs} {
		if amount < 0 || amount > maxAmount {
			return invalid("/capacity/"+name, "%d is no capacity", amount)
		}
	}
	for i, w := range r.Windows {
		if !w.Start.Before(w.End) {
			return invalid(fmt.Sprintf("/windows/%d", i), "the window ends before it begins")
		}
	}
	return nil
}

// register finds or makes an executor and gives it what it registered; b.mu is
// held.
func (b *Broker) register(caller identity.Caller, builtIn bool, r despatch.Registration) (e *executor, created bool, err error) {
	for _, known := range b.state.executors {
		if known.Registration.Name == r.Name && known.BuiltIn == builtIn && drives(caller, known.Owner, builtIn) {
			return known, false, b.renew(known, r)
		}
	}
	if len(b.state.executors) >= maxExecutors {
		return nil, false, problem(CodeLimit, "this node has %d executors, and takes no more", maxExecutors)
	}
	now := b.now()
	record := &store.Executor{ID: b.mint.New(now), Owner: caller.User, BuiltIn: builtIn, Registration: r, Seen: now}
	pool := identity.UUID{}
	if !builtIn {
		pool = record.ID
		if err := b.openPool(pool, capacityOf(r.Capacity), windowsOf(r)...); err != nil {
			return nil, false, &Problem{Code: CodeInvalid, Field: "/windows", Detail: err.Error()}
		}
	}
	b.log.Info("an executor has registered", "executor", record.ID.String(), "name", r.Name, "builtIn", builtIn)
	return b.enrol(b.state.pools[pool], record), true, nil
}

// renew takes a registration that has come again.
func (b *Broker) renew(e *executor, r despatch.Registration) error {
	changed := *e.Executor
	changed.Registration, changed.Seen = r, b.now()
	if !e.BuiltIn {
		if err := e.pool.timeline.SetCapacity(capacityOf(r.Capacity), windowsOf(r)...); err != nil {
			return &Problem{Code: CodeInvalid, Field: "/windows", Detail: err.Error()}
		}
		b.displace(e.pool, changed.Seen)
		b.free(e.pool)
	}
	e.Executor = &changed
	return nil
}

// loseAllBut ends the attempts of an executor that it doesn't hold any more,
// because it was restarted before it had noted them; b.mu is held.
func (b *Broker) loseAllBut(holding []string, e *executor) {
	held := make(map[string]bool, len(holding))
	for _, ref := range holding {
		held[ref] = true
	}
	for ref, a := range b.state.attempts {
		if a.executor == e.ID && !held[ref.String()] {
			b.lose(a, "is lost: the executor was restarted, and its work is gone", b.now())
		}
	}
}

func windowsOf(r despatch.Registration) []scheduling.Window {
	var windows []scheduling.Window
	for _, w := range r.Windows {
		windows = append(windows, scheduling.Window{Start: scheduling.InstantOf(w.Start), End: scheduling.InstantOf(w.End)})
	}
	return windows
}

// Executor is what is told of a registered executor.
type Executor struct {
	UUID      string            `json:"uuid"`
	Name      string            `json:"name"`
	Kinds     []string          `json:"kinds"`
	Capacity  despatch.Capacity `json:"capacity"`
	Windows   []despatch.Window `json:"windows,omitempty"`
	Simulated bool              `json:"simulated,omitempty"`
	Alive     bool              `json:"alive"`
	LastSeen  time.Time         `json:"lastSeen"`
	Running   int               `json:"running"`
}

// Executors lists the registered executors that the caller drives, or all of
// them for those who see all.
func (b *Broker) Executors(ctx context.Context, caller identity.Caller) ([]Executor, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := []Executor{}
	for _, e := range b.state.executors {
		if !lists(caller, e) {
			continue
		}
		r := e.Registration
		list = append(list, Executor{
			UUID: e.ID.String(), Name: r.Name, Kinds: r.Kinds, Capacity: r.Capacity, Windows: r.Windows, Simulated: r.Simulated,
			Alive: e.alive(b.now()), LastSeen: wall(e.Seen), Running: e.running,
		})
	}
	slices.SortFunc(list, func(x, y Executor) int { return strings.Compare(x.UUID, y.UUID) })
	return list, nil
}
