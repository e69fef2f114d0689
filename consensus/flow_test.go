package consensus

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/consensus/consensustest"
)

// muddle is a way to the leader on which what is sent together arrives in any
// order, and a part of it gets lost, before it has arrived or after.
type muddle struct {
	Forwarder
	loss    float64
	most    atomic.Int64 // under way at once
	present atomic.Int64

	mu  sync.Mutex
	rng *rand.Rand
}

func (m *muddle) Forward(ctx context.Context, node string, request []byte) ([]byte, error) {
	for n := m.present.Add(1); n > m.most.Load(); {
		m.most.Store(n)
	}
	defer m.present.Add(-1)
	m.mu.Lock()
	delay, fate := time.Duration(m.rng.IntN(3000))*time.Microsecond, m.rng.Float64()
	m.mu.Unlock()
	sleep(ctx, delay, nil)
	if fate < m.loss/2 {
		return nil, consensustest.ErrLost
	}
	answer, err := m.Forwarder.Forward(ctx, node, request)
	if fate > 1-m.loss/2 {
		return nil, consensustest.ErrLost
	}
	return answer, err
}

// muddled is a federation whose nodes reach each other so.
func muddled(t *testing.T, loss float64, seed uint64) (*cluster, []*muddle) {
	c := emptyCluster(t, seed)
	var ways []*muddle
	for i := range 3 {
		m := c.member()
		way := &muddle{Forwarder: c.network.Courier(m.name), loss: loss, rng: rand.New(rand.NewPCG(seed, uint64(i)))}
		m.forward = way
		ways = append(ways, way)
		m.up(i == 0)
		if i > 0 {
			c.add(m, (*Raft).AddVoter)
		}
	}
	return c, ways
}

func TestSeveralGroupsAreOnTheirWayAtOnceAndArriveInOrder(t *testing.T) {
	c, ways := muddled(t, 0, 1)
	c.mustLead()
	n := 0
	c.eventually("at two nodes several are", func() error {
		for _, m := range c.members {
			m.write(run(n)...)
			n++
		}
		several := 0
		for _, way := range ways {
			if way.most.Load() > 1 {
				several++
			}
		}
		if several < 2 {
			return errors.New("not yet")
		}
		return nil
	})
	c.check(n)
}

// Promise 6: once, in order, whatever becomes of the ways.
func TestGroupsThatGetLostComeAgainInOrder(t *testing.T) {
	for seed := range uint64(3) {
		c, _ := muddled(t, 0.2, seed)
		for n := range 60 {
			c.members[n%3].write(run(n)...)
			if n%30 == 20 {
				leader := c.mustLead()
				leader.kill()
				leader.up(false)
			}
		}
		c.check(60)
		for _, m := range c.members {
			require.NoError(t, m.log.Err())
		}
	}
}

func TestAGapTellsWhereToGoOnOnlyBeforeTheFirstAnswer(t *testing.T) {
	gap := answered{err: &GapError{Store: "a", Expected: 3, Got: 7}}
	first := &flow{on: []*handing{{life: life{"a", 1}}}}
	var refused *outboxGap
	require.ErrorAs(t, first.settle(gap), &refused)
	assert.Equal(t, Sequence(3), refused.Expected)
	later := &flow{on: []*handing{{life: life{"a", 1}}}, sure: 6}
	require.ErrorIs(t, later.settle(gap), errAgain, "what is missing may have come since, and be gone from the outbox")
	assert.False(t, fatal(errAgain))
}

// hole is a way on which nothing arrives and nothing comes back.
type hole struct {
	Forwarder
	to      string
	reached chan struct{} // receives one
}

func (h hole) Forward(ctx context.Context, node string, request []byte) ([]byte, error) {
	if node != h.to || request[0] != askSubmit {
		return h.Forwarder.Forward(ctx, node, request)
	}
	select {
	case h.reached <- struct{}{}:
	default:
	}
	<-ctx.Done()
	return nil, errors.Join(consensustest.ErrLost, ctx.Err())
}

func TestNobodyWaitsForALeaderThatWasReplaced(t *testing.T) {
	c := emptyCluster(t, 1)
	c.timing.Request = time.Hour
	c.grow(2)
	writer := c.member()
	lost := hole{c.network.Courier(writer.name), c.mustLead().name, make(chan struct{}, 1)}
	writer.forward = lost
	writer.up(false)
	c.add(writer, (*Raft).AddVoter)
	writer.write(run(0)...)
	<-lost.reached
	for _, m := range c.members {
		if m.name == lost.to {
			m.kill()
			defer m.up(false)
		}
	}
	writer.barrier()
}
