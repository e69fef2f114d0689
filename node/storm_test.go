package node

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/api/despatch"
	"starling/api/ivoa"
	"starling/federation/identity"
)

// Promises 1 to 4: whatever users, executors, the clock and the disk do, in
// any order, nothing is booked twice, every session ends in one terminal phase,
// every completion is charged once, what is in memory is what is on disk, and in
// the end nothing is left over. One seed is one schedule of faults: run it again
// with -run 'TestStorm/seed-N'.
func TestStorm(t *testing.T) {
	seeds := 8
	if testing.Short() {
		seeds = 5
	}
	if n, err := strconv.Atoi(os.Getenv("STORM_SEEDS")); err == nil {
		seeds = n
	}
	for seed := range seeds {
		t.Run("seed-"+strconv.Itoa(seed), func(t *testing.T) {
			inTime(t, func(t *testing.T) {
				s := newStorm(t, uint64(seed))
				for range 150 {
					s.step()
				}
				s.calm()
			})
		})
	}
}

// storm does random things to a world.
type storm struct {
	*world
	random   *rand.Rand
	offered  []identity.UUID
	accepted []identity.UUID
	working  []*work
	external map[string]identity.UUID // executors with a pool of their own, by name
	done     map[string]bool          // attempts whose completion was taken
	unsure   map[string]bool          // attempts whose completion was not answered
	gone     []*work                  // despatches that their executors have forgotten
	arrived  chan *work               // despatches of polls that waited
	polls    sync.WaitGroup
	steps    []string
}

// work is a despatch that an executor has.
type work struct {
	*despatch.Despatch
	by   identity.Caller
	keys int
}

func newStorm(t *testing.T, seed uint64) *storm {
	s := &storm{
		world: newWorld(t, func(o *Options) {
			o.Offers.HoldGroupsPerUser = 6
			o.Sessions.Lapse = 10 * time.Minute
		}), random: rand.New(rand.NewPCG(seed, 1)),
		external: map[string]identity.UUID{}, done: map[string]bool{}, unsure: map[string]bool{},
		arrived: make(chan *work, 1000),
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the last steps: %q", s.steps[max(0, len(s.steps)-30):])
		}
	})
	return s
}

func (s *storm) step() {
	steps := []struct {
		name   string
		weight int
		do     func()
	}{
		{"ask", 20, s.ask}, {"direct", 4, s.direct}, {"accept", 16, s.accept}, {"reject", 3, s.reject}, {"cancel", 4, s.cancel},
		{"despatch", 24, s.despatch}, {"report", 16, s.report}, {"complete", 14, s.complete}, {"forget", 2, s.forget},
		{"wait", 8, s.waitForWork}, {"hang up", 3, s.hangUp}, {"late", 3, s.late},
		{"pass", 14, s.pass}, {"register", 4, s.registerSome}, {"crash", 2, s.crashSometime}, {"disk", 1, s.failDisk},
	}
	total := 0
	for _, x := range steps {
		total += x.weight
	}
	n := s.random.IntN(total)
	for _, x := range steps {
		if n -= x.weight; n < 0 {
			s.steps = append(s.steps, x.name)
			x.do()
			break
		}
	}
	s.check()
}

func (s *storm) user() identity.Caller { return []identity.Caller{alice, bob}[s.random.IntN(2)] }

func (s *storm) randomRequest() *ivoa.ExecutionRequest {
	most := 1 + s.random.Int64N(8)
	return request(1, func(r *ivoa.ExecutionRequest) {
		r.Compute.(*ivoa.SimpleComputeResource).Cores = &ivoa.Range{Min: ptr(1 + s.random.Int64N(most)), Max: &most}
		r.Schedule.Requested.Duration = []string{"PT1S", "PT10S", "PT5M", "PT1H"}[s.random.IntN(4)]
		if s.random.IntN(4) == 0 {
			from := wall(s.now()).Add(time.Duration(s.random.IntN(3600)) * time.Second)
			r.Schedule.Requested.Start = ivoa.FormatInterval(ivoa.Interval{Start: from, End: from.Add(time.Duration(1+s.random.IntN(7200)) * time.Second)})
		}
		if s.random.IntN(3) == 0 {
			r.Schedule.Timing = s.randomTiming()
		}
		if s.random.IntN(4) == 0 {
			d := &ivoa.SimpleDataResource{Location: "http://127.0.0.1/x"}
			d.Kind = ivoa.KindSimpleData
			r.Data = append(r.Data, d)
		}
	})
}

// randomTiming is one of those that don't go on for long.
func (s *storm) randomTiming() ivoa.Timing {
	switch s.random.IntN(5) {
	case 0:
		at := &ivoa.FixedTiming{At: ivoa.At(wall(s.now()).Add(time.Duration(s.random.IntN(3600)) * time.Second)), Slack: "PT5M"}
		at.Kind = ivoa.KindFixedTiming
		return at
	case 1, 2:
		return monitor("PT6M", "PT1M", 1+s.random.Int64N(6))
	case 3:
		return monitor("PT2H", "PT2H", 2)
	}
	return spaced("PT3M", 1+s.random.Int64N(4))
}

func (s *storm) ask() {
	set := s.world.ask(s.user(), s.randomRequest())
	if set.Result == ivoa.No {
		require.NotEmpty(s.t, set.Meta.Messages, "promise 9")
	}
	for _, o := range set.Offers {
		s.offered = append(s.offered, id(s.t, o))
	}
}

func (s *storm) direct() {
	made, err := s.Direct(context.Background(), s.user(), s.randomRequest(), nil, "", Asking{})
	if err != nil {
		require.Equal(s.t, CodeRefused, codeOf(err), "%v", err)
		return
	}
	s.accepted = append(s.accepted, id(s.t, made))
}

// set changes the phase of one of some sessions; it may be too late for that.
func (s *storm) set(of []identity.UUID, phase ivoa.SessionPhase) (identity.UUID, bool) {
	if len(of) == 0 {
		return identity.UUID{}, false
	}
	// The newest are the most interesting.
	u := of[len(of)-1-s.random.IntN(min(len(of), 12))]
	_, err := s.Update(context.Background(), operator, u, ivoa.SetPhase(phase), "")
	if err != nil {
		require.Equal(s.t, CodeConflict, codeOf(err), "%v", err)
	}
	return u, err == nil
}

func (s *storm) accept() {
	if u, ok := s.set(s.offered, ivoa.SessionAccepted); ok {
		s.accepted = append(s.accepted, u)
	}
}
func (s *storm) reject() { s.set(s.offered, ivoa.SessionRejected) }
func (s *storm) cancel() { s.set(s.accepted, ivoa.SessionCancelled) }

// despatch lets some executor poll.
func (s *storm) despatch() {
	by, executor := s.somebody()
	d, reasons, err := s.Despatch(context.Background(), by, executor, 0)
	require.NoError(s.t, err)
	if d == nil {
		require.NotNil(s.t, reasons)
		return
	}
	s.working = append(s.working, &work{Despatch: d, by: by})
}

// somebody is one of the executors.
func (s *storm) somebody() (by identity.Caller, executor identity.UUID) {
	if names := sortedKeys(s.external); len(names) > 0 && s.random.IntN(3) == 0 {
		return robot, s.external[names[s.random.IntN(len(names))]]
	}
	return builtIn, s.executor
}

// waitForWork lets some executor poll and wait, while other things happen.
func (s *storm) waitForWork() {
	by, executor := s.somebody()
	b, patience := s.Broker, time.Duration(s.random.IntN(40))*time.Second
	s.polls.Go(func() {
		d, _, err := b.Despatch(context.Background(), by, executor, patience)
		if err != nil {
			assert.Equal(s.t, CodeUnavailable, codeOf(err), "%v", err)
			return
		}
		if d != nil {
			s.arrived <- &work{Despatch: d, by: by}
		}
	})
	synctest.Wait()
}

// arrive takes what polls that waited were given.
func (s *storm) arrive() {
	for {
		select {
		case w := <-s.arrived:
			s.working = append(s.working, w)
		default:
			return
		}
	}
}

// hangUp lets some executor go away before it has its answer.
func (s *storm) hangUp() {
	by, executor := s.somebody()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	d, _, err := s.Despatch(ctx, by, executor, 0)
	require.Nil(s.t, d)
	if err != nil {
		require.ErrorIs(s.t, err, context.Canceled)
	}
}

// late lets an executor report on what it had forgotten.
func (s *storm) late() {
	if len(s.gone) == 0 {
		return
	}
	w := s.gone[s.random.IntN(len(s.gone))]
	_, err := s.Report(context.Background(), w.by, ref(s.t, w.Despatch), despatch.Updates{Fence: w.Fence, Updates: []despatch.Update{
		{Key: "late", Type: despatch.LogLine, Message: "here I am", Time: time.Now()},
	}}, 0)
	if err != nil {
		require.Equal(s.t, CodeConflict, codeOf(err), "%v", err)
	}
}

func (s *storm) some() *work {
	s.arrive()
	if len(s.working) == 0 {
		return nil
	}
	return s.working[s.random.IntN(len(s.working))]
}

func (s *storm) report() {
	w := s.some()
	if w == nil {
		return
	}
	w.keys++
	u := despatch.Update{Key: strconv.Itoa(w.keys), Time: time.Now()}
	switch s.random.IntN(7) {
	case 0:
		u.Type, u.Action = despatch.ActionStarted, "stage-1"
	case 1:
		u.Type, u.Action = despatch.ActionCompleted, "stage-1"
	case 2, 3:
		u.Type, u.Action = despatch.ActionStarted, "run"
	case 4:
		u.Type, u.Action = despatch.ActionCompleted, "run"
	case 5:
		u.Type, u.File = despatch.FileSeen, &despatch.File{Name: "out", Location: "file:///nowhere", Bytes: 3}
	case 6:
		u.Type, u.Progress = despatch.Progressed, ptr(s.random.Float64())
	}
	_, err := s.Report(context.Background(), w.by, ref(s.t, w.Despatch), despatch.Updates{Fence: w.Fence, Updates: []despatch.Update{u}}, 0)
	if err != nil {
		require.Equal(s.t, CodeConflict, codeOf(err), "%v", err)
	}
}

func (s *storm) complete() {
	w := s.some()
	if w == nil {
		return
	}
	outcomes := []despatch.Outcome{despatch.Completed, despatch.Completed, despatch.Partial, despatch.Failed, despatch.Abandoned}
	c := completion(w.Despatch, outcomes[s.random.IntN(len(outcomes))])
	if c.Outcome == despatch.Failed || c.Outcome == despatch.Abandoned {
		c.Failure = &despatch.Failure{Code: 1, Message: "bad luck", Retry: s.random.IntN(2) == 0}
		if s.random.IntN(2) == 0 {
			c.Failure.VetoSeconds = s.random.Int64N(1000)
		}
	}
	s.finish(w, c)
}

// finish completes a despatch, and now and then again.
func (s *storm) finish(w *work, c despatch.Completion) {
	s.drop(w)
	answer, err := s.Complete(context.Background(), w.by, ref(s.t, w.Despatch), c)
	switch {
	case err == nil:
		require.Equal(s.t, s.done[w.HistoryRef], answer.Duplicate)
		s.done[w.HistoryRef] = true
	case codeOf(err) == CodeUnavailable:
		s.unsure[w.HistoryRef] = true
		return
	default: // the lease was lost
		require.Equal(s.t, CodeConflict, codeOf(err), "%v", err)
	}
	if s.random.IntN(4) == 0 && err == nil {
		answer, err = s.Complete(context.Background(), w.by, ref(s.t, w.Despatch), c)
		require.NoError(s.t, err)
		require.True(s.t, answer.Duplicate)
	}
}

// forget lets an executor lose what it has; or it only delays.
func (s *storm) forget() {
	if w := s.some(); w != nil {
		s.drop(w)
		s.gone = append(s.gone, w)
	}
}

func (s *storm) drop(w *work) {
	s.working = slices.DeleteFunc(s.working, func(other *work) bool { return other == w })
}

func (s *storm) pass() {
	spans := []time.Duration{time.Millisecond, 10 * time.Millisecond, time.Second, 3 * time.Second, 30 * time.Second, 5 * time.Minute, 20 * time.Minute}
	time.Sleep(spans[s.random.IntN(len(spans))])
}

func (s *storm) registerSome() {
	if s.random.IntN(2) == 0 {
		s.register()
		return
	}
	r := s.externalRegistration("ext-" + strconv.Itoa(s.random.IntN(2)))
	r.Capacity.Cores = 1 + s.random.Int64N(8)
	r.LeaseSeconds = s.random.IntN(200)
	for at := s.random.IntN(3); at > 0 && len(r.Windows) < 2; at-- {
		start := wall(s.now()).Add(time.Duration(s.random.IntN(7200)-3600)*time.Second + time.Duration(len(r.Windows))*4*time.Hour)
		r.Windows = append(r.Windows, despatch.Window{Start: start, End: start.Add(time.Duration(1+s.random.IntN(3600)) * time.Second)})
	}
	s.registerExternal(r)
}

func (s *storm) externalRegistration(name string) despatch.Registration {
	return despatch.Registration{
		Name: name, Kinds: testKinds, Schemes: []string{"http"}, Capacity: despatch.Capacity{Cores: 8, Memory: 16, Storage: 100},
	}
}

func (s *storm) registerExternal(r despatch.Registration) {
	answer, _, err := s.Register(context.Background(), robot, r)
	require.NoError(s.t, err)
	s.external[r.Name], err = identity.ParseUUID(answer.UUID)
	require.NoError(s.t, err)
}

// crashSometime loses what is in memory; what comes back is what was there.
func (s *storm) crashSometime() {
	synctest.Wait()
	before := s.promises()
	s.crash()
	synctest.Wait()
	after := s.promises()
	// The node's own registration is of the process; it comes back with it.
	require.Equal(s.t, before, after, "what a crash left")
}

// failDisk lets writes fail for a while, in which things happen.
func (s *storm) failDisk() {
	s.diskFull.Store(true)
	_, err := s.Ask(context.Background(), alice, request(1), nil, Asking{})
	require.Equal(s.t, CodeUnavailable, codeOf(err))
	if w := s.some(); w != nil {
		_, err := s.Complete(context.Background(), w.by, ref(s.t, w.Despatch), completion(w.Despatch, despatch.Completed))
		require.Equal(s.t, CodeUnavailable, codeOf(err))
	}
	time.Sleep(time.Duration(s.random.IntN(5)) * time.Second)
	s.diskFull.Store(false)
	time.Sleep(2 * time.Second)
	synctest.Wait()
	require.Empty(s.t, s.Ready())
}

// calm lets everything come to its end.
func (s *storm) calm() {
	s.steps = append(s.steps, "calm")
	began := s.now()
	for s.busy() {
		require.Less(s.t, s.now()-began, int64(24*3600*1000), "sessions never end: %v", s.stuck())
		s.register()
		for _, name := range sortedKeys(s.external) {
			s.registerExternal(s.externalRegistration(name))
		}
		for range 20 {
			s.despatch()
		}
		s.arrive()
		for len(s.working) > 0 {
			s.finish(s.working[0], completion(s.working[0].Despatch, despatch.Completed))
		}
		s.check()
		time.Sleep(30 * time.Second)
	}
	for _, name := range sortedKeys(s.external) {
		s.registerExternal(s.externalRegistration(name))
	}
	time.Sleep(s.options.Offers.HoldTime + time.Minute)
	s.polls.Wait()
	synctest.Wait()
	s.checkNothingIsLeft()
	s.checkRecord()
}

func (s *storm) busy() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, x := range s.state.live {
		if x.Phase != ivoa.SessionOffered {
			return true
		}
	}
	return false
}

func (s *storm) stuck() (list []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, x := range s.state.live {
		list = append(list, fmt.Sprintf("%s %s %+v", x.ID, x.Phase, x.Plan))
	}
	return list
}

func (s *storm) checkNothingIsLeft() {
	s.mu.Lock()
	defer s.mu.Unlock()
	assert.Empty(s.t, s.state.live)
	assert.Empty(s.t, s.state.sets)
	assert.Empty(s.t, s.state.open)
	assert.Empty(s.t, s.state.attempts)
	for _, p := range s.state.pools {
		assert.True(s.t, p.running.IsZero(), "%v is running", p.running)
		p.timeline.Prune(instantOf(s.now()))
		assert.Zero(s.t, p.timeline.Len())
		assert.Equal(s.t, p.timeline.Capacity(), p.timeline.Free(instantOf(s.now())))
	}
	for _, e := range s.state.executors {
		assert.Zero(s.t, e.running)
	}
	for i := range s.claims.Range {
		assert.Fail(s.t, "a claim is left", "%v", i)
	}
}
