package node

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/accounting"
	pricing "starling/accounting/costs"
	"starling/api/despatch"
	"starling/api/ivoa"
)

// priced gives a world's broker cost models.
func priced(t *testing.T, c pricing.Config) func(*Options) {
	c.Tariff.Currency = "EUR"
	models, err := pricing.New(c)
	require.NoError(t, err)
	return func(o *Options) { o.Costs = models }
}

func textsOf(s *ivoa.Session) (texts []string) {
	for _, m := range s.Meta.Messages {
		texts = append(texts, m.Text)
	}
	return texts
}

// Promise 3, where the price is unknown: the record of work done is kept, with a
// note, and charged nothing.
func TestPromise3WhatCannotBePricedIsRecordedAndNoted(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t, priced(t, pricing.Config{Models: []pricing.ModelConfig{
			{Name: "broken", Cost: `usage["core-seconds"] / session.gpus`},
			{Name: "water", Resource: "water", Unit: "l", Cost: `hours * 60.0`},
		}}))
		offered := w.offer(alice, request(2))
		assert.Contains(t, textsOf(offered)[2], "test can't say all of what this costs")
		_, err := w.update(alice, offered, ivoa.SessionAccepted)
		require.NoError(t, err)
		d := w.takeWork()
		_, err = w.report(d, despatch.ActionStarted, "run")
		require.NoError(t, err)
		time.Sleep(30 * time.Second)
		answer, err := w.complete(d, completion(d, despatch.Completed))
		require.NoError(t, err)
		entry, err := w.HistoryEntry(context.Background(), alice, nil, ref(t, d))
		require.NoError(t, err)
		require.Len(t, entry.Notes, 1)
		assert.Contains(t, entry.Notes[0].Text, "not charged: monetary can't be charged: model broken: the result is +Inf")
		assert.Equal(t, answer.Resources, entry.Resources)
		assert.Equal(t, []accounting.Quantity{{Name: "water", Amount: 500_000, Unit: "l"}}, entry.Charges)
		w.audit()
	})
}

func TestADiscountIsSaidWithTheOfferAndALineOfItsOwnInTheEnd(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t, priced(t, pricing.Config{
			Models:    []pricing.ModelConfig{{Name: "flat", Cost: `session.user == "alice" ? 4.0 : 8.0`}},
			Discounts: []pricing.DiscountConfig{{Name: "friends", Owner: accounting.User("alice"), Percent: "25"}},
		}))
		cost := w.offer(bob, request(1)).Costs[0].(*ivoa.FloatCost)
		assert.InDelta(t, 8, *cost.Max, 0)
		offered := w.offer(alice, request(1))
		cost = offered.Costs[0].(*ivoa.FloatCost)
		assert.InDelta(t, 3, *cost.Max, 0)
		assert.Contains(t, textsOf(offered), "discount friends: 1 EUR off; the price says what is left")

		_, err := w.update(alice, offered, ivoa.SessionAccepted)
		require.NoError(t, err)
		d := w.takeWork()
		_, err = w.complete(d, completion(d, despatch.Completed))
		require.NoError(t, err)
		entry, err := w.HistoryEntry(context.Background(), alice, nil, ref(t, d))
		require.NoError(t, err)
		euros := func(n accounting.Amount) []accounting.Quantity {
			return []accounting.Quantity{{Name: accounting.Monetary, Amount: n * 1_000_000, Unit: "EUR"}}
		}
		assert.Equal(t, euros(4), entry.Charges)
		require.Len(t, entry.Adjustments, 1)
		assert.Equal(t, accounting.EntryDiscount, entry.Adjustments[0].Kind)
		assert.Equal(t, "friends", entry.Adjustments[0].Reason)
		assert.Equal(t, euros(1), entry.Adjustments[0].Amounts)
		statement, err := w.Statement(context.Background(), alice, nil, accounting.StatementFilter{Owner: accounting.User("alice"), Period: entry.Period}, "", 0)
		require.NoError(t, err)
		assert.Equal(t, accounting.Decimal("3"), statement.Totals[1].Charged)
		assert.Equal(t, accounting.Decimal("3"), statement.Totals[1].Estimated)
		w.audit()
	})
}

// A user reads what is too dear in words, with its unit.
func TestANoForTheCostSaysItInWords(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t, priced(t, pricing.Config{Models: []pricing.ModelConfig{{Name: "flat", Cost: `4.0`}}}))
		for kind, want := range map[string]string{
			ivoa.CostMonetary:  "test: the cost (EUR) would be 4, more than 1",
			"urn:example:gold": "test: this site quotes no gold, which the request limits to 1",
		} {
			set := w.ask(alice, request(1, func(r *ivoa.ExecutionRequest) {
				limit := ivoa.NewFloatCost(kind, 1)
				limit.Min = nil
				r.Costs = append(r.Costs, limit)
			}))
			require.Equal(t, ivoa.No, set.Result)
			require.Len(t, set.Meta.Messages, 1)
			assert.Equal(t, want, set.Meta.Messages[0].Text)
			assert.Equal(t, kind, set.Meta.Messages[0].Values["urn"])
		}
	})
}

// The times of bands are told to the scheduler, so that it looks there.
func TestBandsOfAModelMakeCheaperOffers(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t, priced(t, pricing.Config{Models: []pricing.ModelConfig{{
			Name: "daily", Cost: `session.cores * 2.0`,
			Bands: []pricing.BandConfig{{Hours: accounting.Hours{From: "06:00", To: "08:00"}, Cost: `session.cores * 1.0`}},
		}}}))
		set := w.ask(alice, request(2))
		require.Equal(t, ivoa.Yes, set.Result)
		require.Len(t, set.Offers, 2)
		assert.Contains(t, textsOf(set.Offers[1])[0], "T06:00:00.000Z, for less")
		assert.InDelta(t, 2, *set.Offers[1].Costs[0].(*ivoa.FloatCost).Max, 0)
	})
}
