package node

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/accounting"
	"starling/api/ivoa"
)

// moneyStorm is one run: users of one proposal spend what it has, at all nodes,
// while the network breaks, by a schedule that a seed makes.
type moneyStorm struct {
	*flock
	rng  *rand.Rand
	open map[*site][]*ivoa.Session // accepted, and not known to have ended
	told []string
}

// Promise 4, whatever the partition: what all nodes together accept never passes a
// hard limit, and soft ones settle. STARLING_STORMS=n makes n runs, and
// STARLING_SEED begins at another seed than 1.
func TestPromise4NoPartitionPassesAHardLimit(t *testing.T) {
	setting := func(name string, otherwise uint64) uint64 {
		if n, err := strconv.ParseUint(os.Getenv(name), 10, 32); err == nil {
			return n
		}
		return otherwise
	}
	first := setting("STARLING_SEED", 1)
	for seed := first; seed < first+setting("STARLING_STORMS", 6); seed++ {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			inTime(t, func(t *testing.T) { runMoneyStorm(t, seed) })
		})
	}
}

func runMoneyStorm(t *testing.T, seed uint64) {
	s := &moneyStorm{flock: newFlock(t, 3, seed), rng: rand.New(rand.NewPCG(seed, 1)), open: map[*site][]*ivoa.Session{}}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("STARLING_SEED=%d STARLING_STORMS=1: %v", seed, s.told)
		}
	})
	hard, soft := accounting.Proposal("hard"), accounting.Proposal("soft")
	s.sites[0].allocate(allocated(t, hard, accounting.Hard, fmt.Sprint(6+s.rng.IntN(12))))
	s.sites[0].allocate(allocated(t, soft, accounting.Soft, "3"))
	s.settle()
	for range 40 {
		s.step()
	}
	s.audited()
	budget := s.sites[0].limit(hard)
	left, err := budget.Left()
	require.NoError(t, err)
	assert.GreaterOrEqual(t, left.Cmp(accounting.Total{}), 0, budget.Words())
}

func (s *moneyStorm) step() {
	at := s.sites[s.rng.IntN(len(s.sites))]
	what := s.rng.IntN(20)
	s.told = append(s.told, fmt.Sprint(what, " ", at.name))
	at.register() // its executor may not have been heard of for long
	switch {
	case what < 10:
		proposal := []string{"hard", "hard", "hard", "soft"}[s.rng.IntN(4)]
		session, err := at.try(onProposal([]string{"alice", "bob", "carol"}[s.rng.IntN(3)], proposal))
		if err == nil {
			s.open[at] = append(s.open[at], session)
			return
		}
		require.Equal(s.t, CodeFunds, code(s.t, err))
		require.Equal(s.t, "hard", proposal, "a soft limit refuses nothing: %v", err)
	case what < 12:
		if d, _, err := at.Despatch(context.Background(), builtIn, at.executor, 0); err == nil && d != nil {
			c := completion(d, "COMPLETED")
			c.Resources[0].Amount = "60" // as estimated
			_, err := at.complete(d, c)
			require.NoError(s.t, err)
		}
	case what < 14:
		if open := s.open[at]; len(open) > 0 {
			i := s.rng.IntN(len(open))
			if owner, err := at.stored(operator, toRead, id(s.t, open[i])); err == nil {
				_, _ = at.update(onProposal(string(owner.Owners.User.ID), ""), open[i], ivoa.SessionCancelled) // unless it has ended
			}
			s.open[at] = append(open[:i], open[i+1:]...)
		}
	case what < 16:
		s.network.Cut(at.name)
	case what == 16:
		s.network.Block(at.name, s.sites[s.rng.IntN(len(s.sites))].name)
	case what == 17:
		s.network.Mend()
	case what == 18:
		at.stop()
		at.start(false)
	case what == 19:
		time.Sleep(time.Duration(s.rng.Int64N(int64(12 * time.Minute)))) // in which allowances may be returned
	}
}
