package node

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/api/despatch"
	"starling/api/ivoa"
	"starling/federation/identity"
	"starling/node/policy"
	"starling/scheduling"
)

// under is a world with a policy.
func under(t testing.TB, c policy.Config) *world {
	t.Helper()
	c.Prices = []string{"monetary"}
	p, err := policy.New(c)
	require.NoError(t, err)
	return newWorld(t, func(o *Options) { o.Policy = p })
}

func rule(name, when string) policy.RuleConfig {
	return policy.RuleConfig{Name: name, When: when, Then: policy.Deny}
}

func most[T int64 | float64](v T) *T { return &v }

// ranging asks for cores from a least to a most.
func ranging(least, most int64) *ivoa.ExecutionRequest {
	req := request(least)
	req.Compute.(*ivoa.SimpleComputeResource).Cores = &ivoa.Range{Min: &least, Max: &most}
	return req
}

// Promise 9: a NO of the policy's says which rule.
func TestPromise9APolicysNOSaysWhichRule(t *testing.T) {
	w := under(t, policy.Config{
		Serves: policy.Serves{Users: []string{"alice", "bob"}},
		Rules:  []policy.RuleConfig{{Name: "no true", When: `executable.command[0] == "true" && user == "bob"`, Then: policy.Deny, Message: "{user} runs no {executable.command[0]}"}},
	})
	w.offer(alice, request(1))
	set := w.ask(bob, request(1))
	require.Equal(t, ivoa.No, set.Result)
	require.Len(t, set.Meta.Messages, 1)
	m := set.Meta.Messages[0]
	assert.Equal(t, messagePolicy, m.Kind)
	assert.Equal(t, "test: bob runs no true (rule no true)", m.Text)
	assert.Equal(t, map[string]string{"site": "test", "rule": "no true", "user": "bob", "executable.command[0]": "true"}, m.Values)
	assert.Equal(t, "{site}: {user} runs no {executable.command[0]} (rule {rule})", m.Template)

	w.eventuallyTold("bob ask request: denied by policy no true")

	carol := identity.Caller{User: "carol", Roles: alice.Roles}
	_, err := w.Direct(context.Background(), carol, request(1), nil, "", Asking{})
	var p *Problem
	require.ErrorAs(t, err, &p)
	assert.True(t, says(p.Offers.Meta.Messages, messagePolicy, "carol (proposal: none) is none of those whom this site serves"))
}

func TestCapsShrinkOffersOrRefuse(t *testing.T) {
	w := under(t, policy.Config{Rules: []policy.RuleConfig{
		{Name: "small", When: `user == "alice"`, Then: policy.Limit, Cap: policy.Cap{Cores: most(int64(2))}},
		{Name: "cheap", When: `user == "bob"`, Then: policy.Limit, Cap: policy.Cap{Price: most(1.0)}},
	}})
	set := w.ask(alice, ranging(1, 8))
	require.Equal(t, ivoa.Yes, set.Result)
	assert.True(t, says(set.Meta.Messages, messagePolicy, "cores: 2 instead of 8 (rule small)"))
	for _, o := range set.Offers {
		assert.LessOrEqual(t, *o.Compute.(*ivoa.SimpleComputeResource).Cores.Max, int64(2))
	}
	assert.True(t, says(w.ask(alice, request(4)).Meta.Messages, messagePolicy, "cores: 4 is more than the 2 that are given here (rule small)"))

	// A core for a minute is 0.60: bob gets one.
	set = w.ask(bob, ranging(1, 8))
	require.Equal(t, ivoa.Yes, set.Result, "%v", set.Meta.Messages)
	for _, o := range set.Offers {
		assert.Equal(t, int64(1), *o.Compute.(*ivoa.SimpleComputeResource).Cores.Max)
	}
	assert.Equal(t, ivoa.No, w.ask(bob, request(2)).Result)
}

// A rule about the time counts for the whole time at which an offer may begin, and
// for as long as it waits.
func TestRulesAboutOffersAreJudgedOffer(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := under(t, policy.Config{Rules: []policy.RuleConfig{rule("nights", `offer.timeOfDay < "20:00"`), rule("dear", `offer.price["monetary"] > 4.0`)}})
		set := w.ask(alice, request(1)) // it is midnight
		require.Equal(t, ivoa.No, set.Result)
		assert.True(t, says(set.Meta.Messages, messagePolicy, "rule nights forbids it"), "%v", set.Meta.Messages)
		tonight := func(r *ivoa.ExecutionRequest) {
			now := time.Now().UTC()
			at := time.Date(now.Year(), now.Month(), now.Day(), 20, 0, 0, 0, time.UTC)
			r.Schedule.Requested.Start = ivoa.FormatInterval(ivoa.Interval{Start: at, End: at.Add(time.Hour)})
		}
		s := w.accepted(alice, request(8, func(r *ivoa.ExecutionRequest) {
			tonight(r)
			r.Compute.(*ivoa.SimpleComputeResource).Cores = ivoa.Exactly(6)
		}))
		stored, err := w.sessionOf(id(t, s))
		require.NoError(t, err)
		assert.Equal(t, stored.Plan.Start, stored.Plan.Earliest, "it isn't moved to before it was judged for")
		assert.True(t, says(w.ask(alice, request(8, tonight)).Meta.Messages, messagePolicy, "rule dear forbids it"))
	})
}

// An offer that could begin on the other side of a rule's time is not made.
func TestAnOfferIsJudgedAtItsLatestStart(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := under(t, policy.Config{Rules: []policy.RuleConfig{rule("early", `offer.timeOfDay > "00:02"`)}})
		set := w.ask(alice, request(1)) // it may begin within the five minutes in which it is held
		assert.Equal(t, ivoa.No, set.Result)
		short := request(1, func(r *ivoa.ExecutionRequest) {
			now := time.Now().UTC()
			r.Schedule.Requested.Start = ivoa.FormatInterval(ivoa.Interval{Start: now, End: now.Add(time.Minute)})
		})
		assert.Equal(t, ivoa.Yes, w.ask(alice, short).Result)
	})
}

func TestARuleThatFailsIsToldToTheOperator(t *testing.T) {
	w := under(t, policy.Config{Rules: []policy.RuleConfig{rule("broken", `data[0].host == "x"`)}})
	assert.Equal(t, ivoa.No, w.ask(alice, request(1)).Result)
	assert.Contains(t, w.Warnings()[0], "rule broken of the site's policy could not be evaluated")
}

func quota(of policy.Kind, q policy.Quota) policy.Config {
	q.For = of
	return policy.Config{Quotas: []policy.Quota{q}}
}

func TestQuotasLeaveLessOrNothing(t *testing.T) {
	w := under(t, quota(policy.PerUser, policy.Quota{Cores: most(int64(5)), Offers: most(int64(6))}))
	set := w.ask(alice, ranging(1, 8))
	require.Equal(t, ivoa.Yes, set.Result)
	for _, o := range set.Offers {
		assert.LessOrEqual(t, *o.Compute.(*ivoa.SimpleComputeResource).Cores.Max, int64(5))
	}
	s, err := w.update(alice, set.Offers[0], ivoa.SessionAccepted)
	require.NoError(t, err)
	left := 5 - *s.Compute.(*ivoa.SimpleComputeResource).Cores.Max
	set = w.ask(alice, request(left+1))
	assert.Equal(t, ivoa.No, set.Result)
	assert.True(t, says(set.Meta.Messages, messageQuota, "user alice may have 5 cores here at a time, has"), "%v", set.Meta.Messages)
	w.offer(bob, request(3)) // has a quota of his own

	_, err = w.update(alice, s, ivoa.SessionCancelled)
	require.NoError(t, err)
	w.offer(alice, request(5))
	w.offer(alice, request(1))
	for range 4 {
		w.offer(alice, request(1))
	}
	assert.True(t, says(w.ask(alice, request(1)).Meta.Messages, messageQuota, "may have 6 offers here"))
}

// Quotas of proposals, groups and of everybody count what is theirs.
func TestQuotasCountByWhomTheyAreFor(t *testing.T) {
	w := under(t, policy.Config{Quotas: []policy.Quota{
		{For: policy.PerProposal, Name: "P-1", Sessions: most(int64(1))},
		{For: policy.PerGroup, Name: policy.Anyone, Sessions: most(int64(2))},
		{For: policy.Everybody, Sessions: most(int64(3))},
	}})
	in := func(user, proposal string, groups ...string) identity.Caller {
		return identity.Caller{User: user, Roles: alice.Roles, Proposal: proposal, Groups: groups}
	}
	w.accepted(in("alice", "P-1", "ska"), request(1))
	assert.True(t, says(w.ask(in("bob", "P-1"), request(1)).Meta.Messages, messageQuota, "proposal P-1"))
	w.accepted(in("bob", "P-2", "lofar", "ska"), request(1))
	assert.True(t, says(w.ask(in("carol", "", "ska"), request(1)).Meta.Messages, messageQuota, "group ska may have 2 sessions"))
	w.accepted(in("carol", "", "lofar"), request(1))
	assert.True(t, says(w.ask(in("dan", ""), request(1)).Meta.Messages, messageQuota, "everybody may have 3 sessions"))
	w.crash()
	w.register()
	assert.True(t, says(w.ask(in("dan", ""), request(1)).Meta.Messages, messageQuota, "everybody may have 3 sessions"), "a restart changes nothing")
}

// Core hours are counted over a rolling time, whatever has become of the sessions,
// and after a restart too.
func TestCoreHoursAreCountedOverARollingTime(t *testing.T) {
	inTime(t, func(t *testing.T) {
		// 2 cores for 30 minutes and what it takes to release them are a bit more than 1.
		hour := func(r *ivoa.ExecutionRequest) { r.Schedule.Requested.Duration = "PT30M" }
		w := under(t, quota(policy.PerUser, policy.Quota{CoreHours: most(2.2), Period: 24 * time.Hour}))
		first := w.accepted(alice, request(2, hour))
		second := w.accepted(alice, request(2, hour))
		const full = "user alice may book 2.2 core hours in 24h0m0s here"
		assert.True(t, says(w.ask(alice, request(2, hour)).Meta.Messages, messageQuota, full))
		w.offer(alice, request(1, func(r *ivoa.ExecutionRequest) { r.Schedule.Requested.Duration = "PT1M" }))

		_, err := w.update(alice, second, ivoa.SessionCancelled) // before it began
		require.NoError(t, err)
		w.offer(alice, request(2, hour))

		d := w.takeWork()
		for range 58 {
			time.Sleep(30 * time.Second)
			_, err = w.report(d, despatch.Heartbeat, "run")
			require.NoError(t, err)
		}
		_, err = w.complete(d, completion(d, "COMPLETED"))
		require.NoError(t, err)
		require.Equal(t, ivoa.SessionCompleted, w.session(first).Phase)
		w.accepted(alice, request(2, hour))
		assert.True(t, says(w.ask(alice, request(2, hour)).Meta.Messages, messageQuota, full))
		w.crash()
		w.register()
		assert.True(t, says(w.ask(alice, request(2, hour)).Meta.Messages, messageQuota, full), "what has ended counts after a restart")
		time.Sleep(25 * time.Hour)
		w.register()
		w.offer(alice, request(2, hour))
	})
}

// Whatever the concurrency, a quota is not passed: the offers are all there, and the
// accepts are decided one after the other.
func TestAQuotaIsNotPassedByConcurrency(t *testing.T) {
	const allowed = 5
	w := under(t, policy.Config{Quotas: []policy.Quota{
		{For: policy.PerUser, Sessions: most(int64(allowed))}, {For: policy.Everybody, Cores: most(int64(allowed + 1))},
	}})
	var offers []*ivoa.Session
	for range 30 {
		offers = append(offers, w.ask(alice, later(1)).Offers[0])
	}
	var mu sync.Mutex
	var accepted, refused int
	var wait sync.WaitGroup
	for i := range 60 {
		wait.Go(func() {
			var err error
			if i < len(offers) {
				_, err = w.update(alice, offers[i], ivoa.SessionAccepted)
			} else {
				_, err = w.Direct(context.Background(), alice, later(1), nil, "", Asking{})
			}
			mu.Lock()
			defer mu.Unlock()
			var p *Problem
			switch {
			case err == nil:
				accepted++
			case errors.As(err, &p) && (p.Code == CodeQuota || p.Code == CodeRefused):
				refused++
				if p.Code == CodeQuota {
					assert.True(t, says(p.Session.Meta.Messages, messageQuota, "user alice may have 5 sessions"))
				}
			default:
				t.Errorf("accept: %v", err)
			}
		})
	}
	wait.Wait()
	assert.Equal(t, allowed, accepted)
	assert.Equal(t, 60-allowed, refused)
}

// later asks for cores tomorrow, when there is room.
func later(cores int64) *ivoa.ExecutionRequest {
	return request(cores, func(r *ivoa.ExecutionRequest) {
		at := time.Now().Add(24 * time.Hour)
		r.Schedule.Requested.Start = ivoa.FormatInterval(ivoa.Interval{Start: at, End: at.Add(10 * time.Hour)})
	})
}

// Property: what was counted step by step is what a restart counts.
func TestTheTallyIsWhatARestartWouldCount(t *testing.T) {
	w := under(t, quota(policy.PerUser, policy.Quota{Sessions: most(int64(100)), CoreHours: most(1000.0), Period: time.Hour}))
	var open []*ivoa.Session
	for i := range 20 {
		s := w.offer([]identity.Caller{alice, bob}[i%2], request(1))
		switch i % 5 {
		case 0:
			_, err := w.update(operator, s, ivoa.SessionRejected)
			require.NoError(t, err)
		case 1, 2, 3:
			s, err := w.update(operator, s, ivoa.SessionAccepted)
			require.NoError(t, err)
			open = append(open, s)
		}
	}
	_, err := w.update(operator, open[0], ivoa.SessionCancelled)
	require.NoError(t, err)
	d := w.takeWork()
	_, err = w.complete(d, completion(d, "COMPLETED"))
	require.NoError(t, err)
	standing := func() []policy.Standing {
		w.mu.Lock()
		defer w.mu.Unlock()
		now := scheduling.Instant(w.now())
		return append(w.state.tally.Standings(policy.Party{User: "alice"}, policy.Want{}, now), w.state.tally.Standings(policy.Party{User: "bob"}, policy.Want{}, now)...)
	}
	before := standing()
	w.crash()
	for i, after := range standing() {
		assert.InDelta(t, before[i].Used, after.Used, 1e-3, "%s of %s", after.What, after.Name)
	}
}
