package node

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing/synctest"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/accounting"
	"starling/api/ivoa"
	"starling/federation/identity"
	"starling/node/store"
	"starling/scheduling"
)

func instantOf(ms store.Millis) scheduling.Instant { return scheduling.Instant(ms) }

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// check holds the state against itself and the disk.
func (s *storm) check() {
	s.t.Helper()
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.checkTimelines()
	s.checkCounts()
	s.checkDisk()
	if s.t.Failed() {
		s.t.FailNow()
	}
}

// slots are the bookings and holds of a pool, from the sessions' plans alone.
func (s *storm) slots(pool identity.UUID) (booked []store.Plan, held map[identity.UUID][]store.Plan) {
	held = map[identity.UUID][]store.Plan{}
	for _, x := range s.state.live {
		switch {
		case x.Plan.Pool != pool:
		case x.Phase == ivoa.SessionOffered:
			held[x.OfferSet] = append(held[x.OfferSet], x.Plan)
		default:
			booked = append(booked, x.Plan)
		}
	}
	return booked, held
}

func takenAt(at store.Millis, booked []store.Plan, held map[identity.UUID][]store.Plan) scheduling.Resources {
	var total scheduling.Resources
	for _, p := range booked {
		if p.Start <= at && at < p.End {
			total = total.Add(resourcesOf(p))
		}
	}
	for _, plans := range held {
		var most scheduling.Resources
		for _, p := range plans {
			if p.Start <= at && at < p.End {
				most = most.Max(resourcesOf(p))
			}
		}
		total = total.Add(most)
	}
	return total
}

// checkTimelines: what is free is what the plans leave, and never less than
// nothing (promise 1) but where a pool has shrunk beneath what it runs or holds.
func (s *storm) checkTimelines() {
	now := s.now()
	for poolID, p := range s.state.pools {
		booked, held := s.slots(poolID)
		instants := []store.Millis{now}
		plans := booked
		for _, h := range held {
			plans = append(plans, h...)
		}
		for _, x := range plans {
			instants = append(instants, x.Start, x.End, x.End-1)
		}
		for _, at := range instants {
			if at < now {
				continue
			}
			taken, free := takenAt(at, booked, held), p.timeline.Free(instantOf(at))
			capacity := p.timeline.Capacity()
			if w := p.timeline.Windows(); len(w) > 0 && !slices.ContainsFunc(w, func(w scheduling.Window) bool {
				return w.Start <= instantOf(at) && instantOf(at) < w.End
			}) {
				capacity = scheduling.Resources{}
			}
			require.Equal(s.t, capacity.Sub(taken), free, "free at %v (now %v), of pool %s", wall(at), wall(now), poolID)
			if poolID.IsZero() {
				require.True(s.t, taken.Fits(capacity), "%v is taken at %v, of %v", taken, wall(at), capacity)
			}
			waiting := takenAt(at, s.waiting(poolID), nil)
			require.True(s.t, waiting.Fits(capacity), "%v is booked at %v, of %v", waiting, wall(at), capacity)
		}
		if poolID.IsZero() {
			require.True(s.t, p.running.Fits(p.timeline.Capacity()), "%v is running", p.running)
		}
	}
}

// waiting are the bookings of a pool of which nothing runs yet.
func (s *storm) waiting(pool identity.UUID) (plans []store.Plan) {
	for _, x := range s.state.live {
		if x.Plan.Pool == pool && despatchable(x) && x.Plan.Start > s.now() {
			plans = append(plans, x.Plan)
		}
	}
	return plans
}

// checkCounts: what is counted is what is there.
func (s *storm) checkCounts() {
	open, sets := map[string]int{}, map[identity.UUID]bool{}
	running := map[identity.UUID]scheduling.Resources{}
	byExecutor := map[identity.UUID]int{}
	attempts := 0
	for key, x := range s.state.live {
		require.Equal(s.t, key, x.ID)
		require.True(s.t, x.Live())
		if x.Phase == ivoa.SessionOffered && !sets[x.OfferSet] {
			sets[x.OfferSet] = true
			open[string(x.Owners.User.ID)]++
			require.Contains(s.t, s.state.sets, x.OfferSet)
		}
		if inProgress(x) {
			attempts++
			a := s.state.attempts[x.Attempt.Ref]
			require.NotNil(s.t, a, "attempt %s of session %s", x.Attempt.Ref, x.ID)
			require.Equal(s.t, x.ID, a.session)
			require.Equal(s.t, x.Fence, a.fence)
			running[x.Plan.Pool] = running[x.Plan.Pool].Add(resourcesOf(x.Plan))
			byExecutor[a.executor]++
		}
	}
	require.Len(s.t, s.state.attempts, attempts)
	require.Len(s.t, s.state.sets, len(sets))
	require.Equal(s.t, open, s.state.open)
	for poolID, p := range s.state.pools {
		require.Equal(s.t, running[poolID], p.running)
	}
	s.checkQueues()
	for executorID, e := range s.state.executors {
		require.Equal(s.t, byExecutor[executorID], e.running)
	}
}

// checkQueues: what waits in a pool's queue is what is to be despatched there,
// and the counts of its lines are right.
func (s *storm) checkQueues() {
	waiting := map[identity.UUID]int{}
	for _, x := range s.state.live {
		if !despatchable(x) {
			continue
		}
		waiting[x.Plan.Pool]++
		m := s.state.pools[x.Plan.Pool].queue.members[x.ID]
		require.NotNil(s.t, m, "session %s is in no line", x.ID)
		require.Equal(s.t, lineKey(x), m.line.key)
		require.Equal(s.t, x.NotBefore > s.now(), m.vetoed, "session %s", x.ID)
		if x.Plan.Start > s.now() {
			require.Zero(s.t, m.came, "session %s is not due yet", x.ID)
		}
	}
	for poolID, p := range s.state.pools {
		q := &p.queue
		require.Len(s.t, q.members, waiting[poolID])
		counted := map[*line]*line{}
		due := 0
		for _, m := range q.members {
			if counted[m.line] == nil {
				counted[m.line] = &line{}
			}
			c := counted[m.line]
			c.all++
			if m.came != 0 {
				c.due++
				due++
			}
			if m.vetoed {
				c.vetoed++
			}
		}
		require.Equal(s.t, due, q.due)
		require.Len(s.t, q.lines, len(counted))
		for l, c := range counted {
			require.Equal(s.t, []int{c.all, c.due, c.vetoed}, []int{l.all, l.due, l.vetoed}, "line %s", l.key)
		}
	}
}

// checkDisk: what is decided is what is durable, once all is written.
func (s *storm) checkDisk() {
	live := 0
	require.NoError(s.t, s.store.View(func(tx *store.Tx) error {
		return tx.LiveSessions(func(stored *store.Session) error {
			live++
			decided := s.state.live[stored.ID]
			require.NotNil(s.t, decided, "session %s is %s on disk only", stored.ID, stored.Phase)
			copied := *decided
			if inProgress(decided) { // its slot is kept from moment to moment
				copied.Plan.End, copied.Modified = stored.Plan.End, stored.Modified
			}
			require.Equal(s.t, asJSON(s.t, stored), asJSON(s.t, &copied))
			return nil
		})
	}))
	require.Len(s.t, s.state.live, live)
}

func asJSON(t require.TestingT, record any) string {
	text, err := json.Marshal(record, json.Deterministic(true), jsontext.WithIndent(" "))
	require.NoError(t, err)
	return string(text)
}

// promises is what a crash must leave as it is: offers, bookings, attempts.
func (s *storm) promises() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []string
	for _, x := range s.state.live {
		p := s.state.pools[x.Plan.Pool]
		line := fmt.Sprintf("%s %s fence %d", x.ID, x.Phase, x.Fence)
		switch b, found := p.timeline.Booking(entryID(x.ID)); {
		case x.Phase == ivoa.SessionOffered:
			slot, held := p.timeline.Held(entryID(x.ID))
			line += fmt.Sprintf(" %v held %v %v", x.Plan, held, slot)
		case inProgress(x):
			line += fmt.Sprintf(" attempt %s %q", x.Attempt.Ref, x.Attempt.Stop)
		case x.Plan.Start > s.now():
			line += fmt.Sprintf(" %v booked %v %v", x.Plan, found, b)
		default:
			line += " due"
		}
		list = append(list, line)
	}
	slices.Sort(list)
	for _, user := range sortedKeys(s.state.open) {
		list = append(list, fmt.Sprintf("%s has %d open", user, s.state.open[user]))
	}
	return list
}

// checkHistory: every despatch of a session has one entry, which is at its end or
// STALLED, and of the last attempts none goes beyond what the policy allows
// (promise 3).
func (s *storm) checkHistory(x *store.Session) {
	entries, next, err := s.History(context.Background(), operator, nil, accounting.HistoryFilter{Session: accounting.SessionID(x.ID.String())}, "", 1000)
	require.NoError(s.t, err)
	require.Empty(s.t, next)
	assert.Len(s.t, entries, x.Attempt.Number)
	assert.LessOrEqual(s.t, x.Tries, s.options.Sessions.Attempts)
	if repeats(x) { // its tries are counted anew for each execution
		assert.LessOrEqual(s.t, x.Tries+x.Unheard, x.Attempt.Number)
	} else {
		assert.Equal(s.t, x.Attempt.Number, x.Tries+x.Unheard)
	}
	for i, e := range entries {
		assert.Equal(s.t, x.Attempt.Number-i, e.Attempt)
		assert.True(s.t, e.Phase.Terminal() || e.Phase == accounting.Stalled, "attempt %d is %s", e.Attempt, e.Phase)
		assert.Equal(s.t, s.done[string(e.HistoryRef)], e.Phase.Terminal() && !s.unsure[string(e.HistoryRef)], "attempt %d is %s", e.Attempt, e.Phase)
	}
}

// checkRecord: every accepted session has ended once, every completion is
// charged once, the ledger balances and holds nothing any more.
func (s *storm) checkRecord() {
	ctx := context.Background()
	for _, u := range s.accepted {
		x, err := s.stored(operator, toRead, u)
		require.NoError(s.t, err)
		ends := 0
		for _, step := range x.Trail {
			if store.Terminal(step.Phase) {
				ends++
			}
		}
		assert.True(s.t, store.Terminal(x.Phase))
		assert.Equal(s.t, 1, ends, "session %s ends %d times: %v", u, ends, x.Trail)
		s.checkHistory(x)
	}
	charged := map[string]int{}
	for _, side := range []accounting.Side{accounting.Charged, accounting.Held} {
		accounts, _, err := s.Accounts(ctx, operator, nil, accounting.AccountFilter{Side: side}, "", 1000)
		require.NoError(s.t, err)
		for _, a := range accounts {
			if side == accounting.Held {
				assert.EqualValues(s.t, "0", a.Balance, "%v is held in the end", a)
				continue
			}
			if a.Resource != accounting.Monetary || a.Owner.Kind != accounting.User("x").Kind {
				continue
			}
			var cursor accounting.Cursor
			for {
				entries, next, err := s.Entries(ctx, operator, nil, a.ID, cursor, 1000)
				require.NoError(s.t, err)
				for _, e := range entries {
					charged[string(e.HistoryRef)]++
				}
				if cursor = next; cursor == "" {
					break
				}
			}
		}
	}
	for attempt, times := range charged {
		assert.Equal(s.t, 1, times, "attempt %s is charged %d times", attempt, times)
		assert.True(s.t, s.done[attempt] || s.unsure[attempt], "attempt %s was not completed", attempt)
	}
	for attempt := range s.done {
		assert.Equal(s.t, 1, charged[attempt], "attempt %s was completed", attempt)
	}
	s.audit()
}
