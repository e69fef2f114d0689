package node

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/accounting"
	"starling/api/despatch"
	"starling/api/ivoa"
	"starling/federation/identity"
)

// onProposal is a user whose token names a proposal.
func onProposal(user, proposal string) identity.Caller {
	return identity.Caller{User: user, Roles: []identity.Role{identity.RoleUser}, Proposal: proposal}
}

// budget is where an owner stands with euros in the period "test".
func (w *world) budget(owner accounting.Owner) accounting.Budget {
	w.t.Helper()
	list, _, err := w.Budgets(context.Background(), operator, nil, accounting.BudgetFilter{Owner: owner, Resource: accounting.Monetary, Period: "test"}, "", 0)
	require.NoError(w.t, err)
	require.Len(w.t, list, 1)
	return list[0]
}

func euros(t accounting.Total) string { return string(t.Format("EUR")) }

// says reports whether a message of a kind has a text.
func says(messages []ivoa.Message, kind, text string) bool {
	for _, m := range messages {
		if m.Kind == kind && strings.Contains(m.Text, text) {
			return true
		}
	}
	return false
}

// A core for a minute is 0.60 EUR in these tests.

// Promise 4: what a hard limit leaves can be spent to the last cent, and nothing
// beyond it.
func TestPromise4AHardLimitIsSpentAndNeverPassed(t *testing.T) {
	w := newWorld(t)
	w.allocate(allocated(t, accounting.User("alice"), accounting.Hard, "1.8"))
	offers := []*ivoa.Session{w.offer(alice, request(1)), w.offer(alice, request(1)), w.offer(alice, request(1)), w.offer(alice, request(1))}
	for _, s := range offers[:3] {
		_, err := w.update(alice, s, ivoa.SessionAccepted)
		require.NoError(t, err)
	}
	_, err := w.update(alice, offers[3], ivoa.SessionAccepted)
	var p *Problem
	require.ErrorAs(t, err, &p)
	assert.Equal(t, CodeFunds, p.Code)
	assert.Contains(t, p.Detail, "user:alice can't pay 0.6 EUR: of 1.8 EUR allocated for test, 0 EUR are charged, 1.8 EUR held")
	assert.Equal(t, ivoa.SessionOffered, p.Session.Phase)
	assert.True(t, says(p.Session.Meta.Messages, messageFunds, "user:alice"))

	// Who asks again hears of it at once.
	set := w.ask(alice, request(1))
	assert.Equal(t, ivoa.No, set.Result)
	assert.True(t, says(set.Meta.Messages, messageFunds, "user:alice can't pay 0.6 EUR"), "%v", set.Meta.Messages)
	w.accepted(bob, request(1)) // has no limit

	// A cancelled session gives back what it held.
	_, err = w.update(alice, offers[0], ivoa.SessionCancelled)
	require.NoError(t, err)
	_, err = w.update(alice, offers[3], ivoa.SessionAccepted)
	require.NoError(t, err)
	assert.Equal(t, "1.8", euros(w.budget(accounting.User("alice")).Held))
	w.audit()
}

func TestALimitOfTheTAGIsItsProposals(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	tag, programme := accounting.Owner{Kind: accounting.KindTAG, ID: "t"}, accounting.Owner{Kind: accounting.KindProgramme, ID: "g"}
	for _, order := range []accounting.EnrolOwner{
		{Owner: programme, Name: "Pulsars", Parent: tag},
		{Owner: accounting.Proposal("p1"), Parent: programme},
		{Owner: accounting.Proposal("p2"), Name: "second", Parent: programme},
	} {
		_, err := w.Enrol(ctx, operator, order)
		require.NoError(t, err)
	}
	w.allocate(allocated(t, tag, accounting.Hard, "1.2"))
	w.accepted(onProposal("alice", "p1"), request(1))
	s := w.accepted(onProposal("bob", "p2"), request(1))
	assert.Equal(t, ivoa.No, w.ask(onProposal("bob", "p2"), request(1)).Result)
	w.accepted(bob, request(1)) // on her own account
	stored, err := w.stored(operator, toRead, id(t, s))
	require.NoError(t, err)
	assert.Equal(t, accounting.OwnerID("t"), stored.Owners.TAG.ID)
	assert.Equal(t, accounting.Party{ID: "g", Name: "Pulsars"}, stored.Owners.Programme)
	assert.Equal(t, "1.2", euros(w.budget(tag).Held))
	w.audit()
}

func TestASoftLimitOnlyWarns(t *testing.T) {
	w := newWorld(t)
	w.allocate(allocated(t, accounting.User("alice"), accounting.Soft, "1"))
	assert.False(t, says(w.offer(alice, request(1)).Meta.Messages, messageFunds, ""))
	s := w.offer(alice, request(2))
	assert.True(t, says(s.Meta.Messages, messageFunds, "user:alice would be overdrawn by 1.2 EUR"))
	_, err := w.update(alice, s, ivoa.SessionAccepted)
	require.NoError(t, err)
	assert.Equal(t, "1.2", euros(w.budget(accounting.User("alice")).Held))
}

func TestOfOverlappingPeriodsTheOneThatEndsFirstAndHasFundsPays(t *testing.T) {
	w := newWorld(t)
	order := func(period accounting.Period, days int, amount string) {
		o := allocated(t, accounting.User("alice"), accounting.Hard, amount)
		o.Period, o.End = period, accounting.At(time.Now().AddDate(0, 0, days))
		w.allocate(o)
	}
	order("long", 200, "0.6")
	order("short", 100, "1.2")
	var periods []accounting.Period
	for range 3 {
		s := w.accepted(alice, request(1))
		stored, err := w.stored(operator, toRead, id(t, s))
		require.NoError(t, err)
		periods = append(periods, stored.Period)
	}
	assert.Equal(t, []accounting.Period{"short", "short", "long"}, periods)
	set := w.ask(alice, request(1))
	assert.True(t, says(set.Meta.Messages, messageFunds, "allocated for short"), "%v", set.Meta.Messages)
}

func TestWhoHasAHardLimitHasNothingOutsideOfItsPeriod(t *testing.T) {
	w := newWorld(t)
	order := allocated(t, accounting.User("alice"), accounting.Hard, "100")
	order.End = accounting.At(time.Now().Add(-time.Hour))
	w.allocate(order)
	set := w.ask(alice, request(1))
	assert.Equal(t, ivoa.No, set.Result)
	assert.True(t, says(set.Meta.Messages, messageFunds, "its allocation for test is good from"), "%v", set.Meta.Messages)
}

func TestADirectRequestIsPaidFromAnAllowanceToo(t *testing.T) {
	w := newWorld(t)
	w.allocate(allocated(t, accounting.User("alice"), accounting.Hard, "0.6"))
	s, err := w.Direct(context.Background(), alice, request(1), nil, "k", Asking{})
	require.NoError(t, err)
	assert.Equal(t, ivoa.SessionAccepted, s.Phase)
	_, err = w.Direct(context.Background(), alice, request(1), nil, "l", Asking{})
	var p *Problem
	require.ErrorAs(t, err, &p)
	assert.True(t, says(p.Offers.Meta.Messages, messageFunds, "user:alice"))
}

// What it costs more than was held comes from what is left; the rest is
// recorded, and not charged.
func TestASessionThatCostsMoreIsChargedAsFarAsTheLimitAllows(t *testing.T) {
	w := newWorld(t)
	w.allocate(allocated(t, accounting.User("alice"), accounting.Hard, "1"))
	w.accepted(alice, request(1))
	d := w.takeWork()
	c := completion(d, despatch.Completed)
	c.Resources[0].Amount = "150" // core seconds: 1.50 EUR
	_, err := w.complete(d, c)
	require.NoError(t, err)
	budget := w.budget(accounting.User("alice"))
	assert.Equal(t, "1", euros(budget.Charged))
	assert.Equal(t, "0", euros(budget.Held))
	entry, err := w.HistoryEntry(context.Background(), operator, nil, ref(t, d))
	require.NoError(t, err)
	require.NotEmpty(t, entry.Bill)
	assert.Equal(t, accounting.Decimal("0.5"), entry.Bill[0].Unbilled.Format("EUR"))
	w.audit()
}

func TestAnAllowanceSurvivesACrashAndIsReturnedWhenIdle(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t)
		w.allocate(allocated(t, accounting.User("alice"), accounting.Hard, "100"))
		w.accepted(alice, request(1))
		before := w.budget(accounting.User("alice"))
		assert.Equal(t, "1.8", euros(before.Entrusted)) // four times 0.6 were asked for
		w.crash()
		w.register()
		w.accepted(alice, request(1))
		assert.Equal(t, "1.2", euros(w.budget(accounting.User("alice")).Entrusted))
		time.Sleep(3 * allowanceIdle * time.Millisecond)
		after := w.budget(accounting.User("alice"))
		assert.Equal(t, "0", euros(after.Entrusted))
		w.audit()
	})
}

// Promise 4, with many at once.
func TestPromise4ManyWhoAcceptAtOnceSpendNoMoreThanThereIs(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Capacity.Cores, o.Capacity.Memory = 64, 64 })
	proposal := accounting.Proposal("p1")
	w.allocate(allocated(t, proposal, accounting.Hard, "6"))
	users := []identity.Caller{onProposal("alice", "p1"), onProposal("bob", "p1"), onProposal("carol", "p1")}
	var offers []*ivoa.Session
	for i := range 16 {
		offers = append(offers, w.offer(users[i%3], request(1)))
	}
	var all sync.WaitGroup
	errs := make([]error, len(offers))
	for i, s := range offers {
		all.Go(func() { _, errs[i] = w.update(users[i%3], s, ivoa.SessionAccepted) })
	}
	all.Wait()
	accepted := 0
	for _, err := range errs {
		if err == nil {
			accepted++
			continue
		}
		assert.Equal(t, CodeFunds, code(t, err))
	}
	assert.Equal(t, 10, accepted)
	assert.Equal(t, "6", euros(w.budget(proposal).Held))
	w.audit()
}
