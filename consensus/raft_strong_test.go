package consensus

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"starling/accounting"
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
// change and the network breaks.
func TestPromise5StrongReadsAreLinearizable(t *testing.T) {
	c := newCluster(t, 3, 7)
	const attempts, clients, operations = 4, 2, 12
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
	faults.Go(func() { c.harass(stop) })
	group.Wait()
	close(stop)
	faults.Wait()
	c.network.mend()
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

// harass breaks something and mends it, until it is told to stop.
func (c *cluster) harass(stop <-chan struct{}) {
	for n := 0; ; n++ {
		m := c.members[n%3]
		if leader := c.leader(); leader != nil && n%2 == 0 {
			m = leader
		}
		switch n % 3 {
		case 0:
			c.network.cut(m.name, true)
		case 1:
			c.network.block(m.name, c.members[(n+1)%3].name, true)
		case 2:
			c.network.weather(3*time.Millisecond, 0.02)
		}
		for _, wait := range []time.Duration{300 * time.Millisecond, 600 * time.Millisecond} {
			select {
			case <-stop:
				return
			case <-time.After(wait):
			}
			c.network.mend()
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
	c.network.cut(old.name, true)
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
	c.network.cut(old.name, false)
	c.check(3)
}
