package consensus

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func groupOf(store StoreID, first Sequence, count int) group {
	return group{store: store, first: first, commands: make([][]byte, count)}
}

func TestGroupsPassInTheOrderOfTheirNumbers(t *testing.T) {
	turns := newTurnstile(time.Hour)
	turns.passed(groupOf("a", 1, 3))
	groups := make([]group, 50)
	for i := range groups {
		groups[i] = groupOf("a", Sequence(4+3*i), 3)
	}
	rng := rand.New(rand.NewPCG(1, 1))
	rng.Shuffle(len(groups), func(i, j int) { groups[i], groups[j] = groups[j], groups[i] })
	var mu sync.Mutex
	var passed []Sequence
	var all sync.WaitGroup
	for _, g := range groups {
		all.Go(func() {
			if !assert.NoError(t, turns.wait(context.Background(), g)) {
				return
			}
			mu.Lock()
			passed = append(passed, g.first)
			mu.Unlock()
			turns.passed(g)
		})
	}
	all.Wait()
	assert.True(t, slices.IsSorted(passed), passed)
	assert.Len(t, passed, len(groups))
}

func TestNobodyWaitsForAGroupThatMayNeverCome(t *testing.T) {
	ctx := context.Background()
	patient := newTurnstile(time.Hour)
	require.NoError(t, patient.wait(ctx, groupOf("a", 100, 1)), "nothing is known of the store yet")
	patient.passed(groupOf("a", 100, 1))
	require.NoError(t, patient.wait(ctx, groupOf("a", 90, 1)), "it comes again")
	patient.passed(groupOf("a", 90, 1))
	require.NoError(t, patient.wait(ctx, groupOf("a", 101, 1)), "what came again sets nothing back")

	ended, end := context.WithCancel(ctx)
	end()
	require.ErrorIs(t, patient.wait(ended, groupOf("a", 200, 1)), context.Canceled)

	waits := make(chan error)
	go func() { waits <- patient.wait(ctx, groupOf("a", 200, 1)) }()
	patient.forget() // another leader may have had what is missing
	for again := true; again; {
		select {
		case err := <-waits:
			require.NoError(t, err)
			again = false
		case <-time.After(time.Millisecond):
			patient.forget() // it had not begun to wait
		}
	}

	hasty := newTurnstile(time.Millisecond)
	hasty.passed(groupOf("a", 1, 1))
	require.NoError(t, hasty.wait(ctx, groupOf("a", 200, 1)), "the one before it is late")
}

func TestATurnstileDoesNotGrowWithTheStores(t *testing.T) {
	turns := newTurnstile(time.Hour)
	for i := range 10 * turnsMost {
		turns.passed(groupOf(StoreID(fmt.Sprint(i)), 1, 1))
	}
	assert.LessOrEqual(t, len(turns.next), turnsMost)
}
