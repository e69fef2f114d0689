package consensus

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"starling/accounting"
	"starling/consensus/consensustest"
)

// An attempt's log is a list that is added to and read.
type listInput struct {
	attempt int
	add     string // the key added; "" to read
}

// listModel is what a list of one place would do.
func listModel() porcupine.Model {
	return porcupine.Model{
		Partition: func(history []porcupine.Operation) (parts [][]porcupine.Operation) {
			at := map[int]int{}
			for _, op := range history {
				key := op.Input.(listInput).attempt
				if _, known := at[key]; !known {
					at[key] = len(parts)
					parts = append(parts, nil)
				}
				parts[at[key]] = append(parts[at[key]], op)
			}
			return parts
		},
		Init: func() any { return "" },
		Step: func(state, input, output any) (bool, any) {
			if in := input.(listInput); in.add != "" {
				return true, state.(string) + in.add + " "
			}
			return output.(string) == state.(string), state
		},
		DescribeOperation: func(input, output any) string { return fmt.Sprintf("%v -> %v", input, output) },
	}
}

// Promise 5: strong reads and writes are linearizable, at any node, while leaders
// change and the network breaks. STARLING_STORMS and STARLING_SEED as for storms.
func TestPromise5StrongReadsAreLinearizable(t *testing.T) {
	first := setting("STARLING_SEED", 1)
	for seed := first; seed < first+setting("STARLING_STORMS", 6); seed++ {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { readsAreLinearizable(t, seed) })
		})
	}
}

func readsAreLinearizable(t *testing.T, seed uint64) {
	c := newCluster(t, 3, seed)
	const attempts, clients, operations = 4, 3, 24
	for a := range attempts {
		c.members[0].write(run(a)[1])
	}
	c.members[0].barrier()
	var mu sync.Mutex
	var history []porcupine.Operation
	var clock atomic.Int64
	var group sync.WaitGroup
	for client := range attempts * clients {
		group.Go(func() {
			for n := range operations {
				m := c.members[(client+n)%3]
				in := listInput{attempt: client % attempts}
				if n%2 == 0 {
					in.add = fmt.Sprintf("c%d-%d", client, n)
				}
				op := porcupine.Operation{ClientId: client, Input: in, Call: clock.Add(1)}
				out, known := c.operate(m, in)
				if !known && in.add == "" {
					continue
				}
				op.Output, op.Return = out, clock.Add(1)
				if !known {
					op.Return = 1 << 40 // at some time, perhaps never
				}
				mu.Lock()
				history = append(history, op)
				mu.Unlock()
			}
		})
	}
	stop := make(chan struct{})
	var faults sync.WaitGroup
	faults.Go(func() { c.harass(rand.New(rand.NewPCG(seed, 5)), stop) })
	group.Wait()
	close(stop)
	faults.Wait()
	c.network.Mend()
	for _, m := range c.members {
		m.disk.Mend()
	}
	reads := 0
	for _, op := range history {
		if op.Input.(listInput).add == "" {
			reads++
		}
	}
	assert.Positive(t, reads, "some reads were answered")
	assert.Equal(t, porcupine.Ok, porcupine.CheckOperationsTimeout(listModel(), history, patience))
	for _, m := range c.members {
		m.barrier()
	}
}

// harass breaks something and mends it, by a schedule that a seed makes, until it is
// told to stop. The leader is what it breaks most: cut off, unheard, deaf, slow to
// write, stopped, or no longer wanted, while its clients go on asking it.
func (c *cluster) harass(rng *rand.Rand, stop <-chan struct{}) {
	for {
		m := c.members[rng.IntN(3)]
		if leader := c.leader(); leader != nil && rng.IntN(3) > 0 {
			m = leader
		}
		other := c.members[rng.IntN(3)]
		most := 600 * time.Millisecond
		switch rng.IntN(9) {
		case 0:
			c.network.Cut(m.name)
		case 1:
			c.network.Block(m.name, other.name)
		case 2:
			c.network.Block(other.name, m.name)
		case 3:
			c.network.Set(consensustest.Weather{Delay: 3 * time.Millisecond, Jitter: 20 * time.Millisecond, Loss: 0.02})
		case 4:
			m.disk.Slow(time.Duration(rng.IntN(300)) * time.Millisecond)
		case 5:
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			_ = m.log.Resign(ctx)
			cancel()
		default: // as good as stopped: it doesn't even look whether its lease has ended
			m.disk.Slow(2 * time.Second)
			time.Sleep(50 * time.Millisecond)
			c.network.Cut(m.name)
			most = 3 * time.Second
		}
		for range 2 {
			select {
			case <-stop:
				return
			case <-time.After(time.Duration(rng.Int64N(int64(most)))):
			}
			c.network.Mend()
			m.disk.Mend()
		}
	}
}

// operate adds to a list or reads it, and reports whether that is known to have
// happened.
func (c *cluster) operate(m *member, in listInput) (string, bool) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if in.add != "" {
		update := accounting.Update{Key: accounting.Key(in.add), Type: accounting.LogWritten, Text: in.add, Time: noon}
		err := m.db.Update(func(tx *bbolt.Tx) error {
			_, err := m.outbox.Append(tx, accounting.RecordUpdates{Ref: ref(in.attempt), Updates: []accounting.Update{update}})
			return err
		})
		return "", err == nil && m.log.Barrier(ctx) == nil
	}
	if m.log.Strong(ctx) != nil {
		return "", false
	}
	list := ""
	err := m.log.View(ctx, func(v accounting.View) error {
		h, err := accounting.History(v, accounting.Everyone(), ref(in.attempt))
		for _, line := range h.Log {
			list += line.Text + " "
		}
		return err
	})
	return list, err == nil
}

// A leader that was cut off and doesn't know yet answers no strong read.
func TestALeaderThatWasCutOffAnswersNoStrongRead(t *testing.T) {
	c := settled(t, 3)
	old := c.mustLead()
	c.network.Cut(old.name)
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	require.Error(t, old.log.Strong(ctx))
	require.NoError(t, old.log.View(context.Background(), func(accounting.View) error { return nil }), "but it shows its copy")
	c.eventually("the others have a leader", func() error {
		i := slices.IndexFunc(c.members, func(m *member) bool { return m != old })
		return c.members[i].log.Strong(context.Background())
	})
	c.eventually("its copy is known to be old", func() error {
		if s := old.log.Status(); s.Role == "leader" || s.AgeSeconds == 0 {
			return fmt.Errorf("%+v", s)
		}
		return nil
	})
	c.network.Join(old.name)
	c.check(3)
}

// A leader that can reach nobody any more answers no strong read on the strength of
// what others had answered before: those answers may have been on their way for
// long, or have waited for a leader that was stopped for a while.
func TestALateAnswerToAnEarlierHeartbeatIsNoWordForALeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := emptyCluster(t, 1)
		c.timing = WAN()
		c.grow(3)
		c.network.Set(consensustest.Weather{Delay: 150 * time.Millisecond})
		rng := rand.New(rand.NewPCG(1, 1))
		for range 8 {
			c.eventually("a leader", func() error { return c.mustLead().log.Strong(t.Context()) })
			time.Sleep(time.Duration(rng.Int64N(int64(2 * time.Second)))) // virtual: another moment between two heartbeats
			leader := c.mustLead()
			for _, other := range c.members {
				if other != leader {
					c.network.Block(leader.name, other.name)
				}
			}
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			assert.Error(t, leader.log.Strong(ctx))
			cancel()
			c.network.Mend()
			c.network.Set(consensustest.Weather{Delay: 150 * time.Millisecond})
		}
	})
}
