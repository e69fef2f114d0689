package bench

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"starling/federation/membership"
)

// What is wanted of gossip.
const (
	gossipers  = 15
	noteBytes  = 600 // a note with a profile of 24 points or so
	knownAfter = 2 * time.Second
	gossipMost = 3.0 // of nodes × bytes of a note × changes
	settling   = 3 * time.Second
)

// gossip measures how soon all nodes know that one has changed, and what that costs on
// the network: real gossip on loopback, encrypted, all nodes in this process.
func gossip(ctx context.Context, l *lab) error {
	var heap []float64
	for _, nodes := range []int{gossipers, 3 * gossipers} {
		c, err := gather(ctx, nodes)
		if err == nil {
			heap = append(heap, c.heap())
		}
		if err == nil && nodes == gossipers {
			err = c.measure(ctx, l)
		}
		c.close()
		if err != nil {
			return err
		}
	}
	l.note(Figure{
		Name: fmt.Sprintf("memory of membership, of each of %d nodes", gossipers), Value: heap[0], Unit: "kB", Note: fmt.Sprintf("of each of %d: %.0f kB", 3*gossipers, heap[1]),
	})
	return nil
}

// chatter is some nodes that gossip, and what they have heard.
type chatter struct {
	nodes    []*membership.Membership
	metrics  []*prometheus.Registry
	before   uint64 // bytes of the heap without them
	watching sync.WaitGroup
	stop     context.CancelFunc

	mu    sync.Mutex
	told  map[saying]time.Time
	heard map[saying][]time.Duration // by how many others, and how long after it was told
}

// saying is a note of a node, by its number.
type saying struct {
	node string
	note uint64
}

func gather(ctx context.Context, n int) (*chatter, error) {
	c := &chatter{told: map[saying]time.Time{}, heard: map[saying][]time.Duration{}, before: allocated()}
	watching, stop := context.WithCancel(ctx)
	c.stop = stop
	for i := range n {
		o := membership.Options{
			Self:   membership.Self{Name: fmt.Sprintf("n%d", i), Server: fmt.Sprintf("n%d.1", i), Raft: "127.0.0.1:7000", URL: "http://127.0.0.1:8000", CommandVersion: 1},
			Listen: "127.0.0.1:0", Keys: [][]byte{bytes.Repeat([]byte{7}, 32)}, Profile: membership.LAN(), Registerer: prometheus.NewRegistry(),
		}
		if i == 0 {
			o.Self.Federation = "bench"
		} else {
			o.Join = []string{c.nodes[0].Addr()}
		}
		m, err := membership.Start(ctx, o)
		if err != nil {
			return c, err
		}
		c.nodes = append(c.nodes, m)
		c.metrics = append(c.metrics, o.Registerer.(*prometheus.Registry))
		c.watching.Go(func() { c.watch(watching, m) })
		if err := m.Announce(noteOf(0)); err != nil {
			return c, err
		}
	}
	for _, m := range c.nodes {
		for alive := 0; alive < n; {
			changed := m.Changed()
			alive = 0
			for _, other := range m.Members() {
				if other.State == membership.Alive {
					alive++
				}
			}
			if alive == n {
				break
			}
			select {
			case <-changed:
			case <-ctx.Done():
				return c, ctx.Err()
			}
		}
	}
	return c, pause(ctx, membership.LAN().Youth+settling)
}

func (c *chatter) close() {
	c.stop()
	c.watching.Wait()
	for _, m := range c.nodes {
		_ = m.Close() // they are of no use any more
	}
}

func noteOf(number uint64) []byte {
	return binary.BigEndian.AppendUint64(make([]byte, noteBytes-8, noteBytes), number)
}

// watch notes when a node hears of what others have told.
func (c *chatter) watch(ctx context.Context, m *membership.Membership) {
	known := map[string]uint64{}
	for {
		changed := m.Changed()
		now := time.Now()
		for _, other := range m.Members()[1:] {
			if len(other.Note) != noteBytes {
				continue
			}
			number := binary.BigEndian.Uint64(other.Note[noteBytes-8:])
			if number <= known[other.Name] {
				continue
			}
			c.mu.Lock()
			for n := known[other.Name] + 1; n <= number; n++ { // who knows the newer needs no older one
				if told, is := c.told[saying{other.Name, n}]; is {
					c.heard[saying{other.Name, n}] = append(c.heard[saying{other.Name, n}], now.Sub(told))
				}
			}
			c.mu.Unlock()
			known[other.Name] = number
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// measure has all nodes change, more and less often.
func (c *chatter) measure(ctx context.Context, l *lab) error {
	quiet, err := c.sent(ctx, 10*time.Second)
	if err != nil {
		return err
	}
	l.note(Figure{Name: "gossip of a node while nothing changes", Value: quiet / 1000, Unit: "kB/s", Note: "with the comparing of all it knows, every 10 s"})
	number := uint64(0)
	for _, every := range []time.Duration{time.Second, 5 * time.Second} {
		l.tell("  %d nodes change every %s", len(c.nodes), every)
		rounds := max(4, int(max(l.Time, 20*time.Second)/every))
		c.mu.Lock()
		c.told, c.heard = map[saying]time.Time{}, map[saying][]time.Duration{}
		c.mu.Unlock()
		before, start := c.bytes(), time.Now()
		gap := every / time.Duration(len(c.nodes)) // they don't change at the same time
		for range rounds {
			number++
			for i, m := range c.nodes {
				c.mu.Lock()
				c.told[saying{fmt.Sprintf("n%d", i), number}] = time.Now()
				c.mu.Unlock()
				if err := m.Announce(noteOf(number)); err != nil {
					return err
				}
				if err := pause(ctx, gap); err != nil {
					return err
				}
			}
		}
		took := time.Since(start)
		rate := (c.bytes() - before) / float64(len(c.nodes)) / took.Seconds()
		if err := pause(ctx, settling); err != nil {
			return err
		}
		all, missed := c.known()
		said := float64(len(c.nodes)*noteBytes) / every.Seconds()
		l.note(latency(fmt.Sprintf("a change known to all of %d, one each %s, p50", len(c.nodes), every), all[len(all)/2], 0, ""))
		l.note(latency(fmt.Sprintf("a change known to all of %d, one each %s, max", len(c.nodes), every), all[len(all)-1], knownAfter,
			fmt.Sprintf("of %d changes; %d were not known to all within %s of the last", len(all), missed, settling)))
		l.note(Figure{
			Name: fmt.Sprintf("gossip of a node, by what changes, one each %s", every), Value: (rate - quiet) / said, Unit: "×", Target: gossipMost,
			Note: fmt.Sprintf("%.1f kB/s sent, with what is sent while nothing changes", rate/1000),
		})
	}
	return nil
}

// known is how long it took until all knew of each change, and how many are missing.
func (c *chatter) known() (all []time.Duration, missed int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for s := range c.told {
		if heard := c.heard[s]; len(heard) == len(c.nodes)-1 {
			all = append(all, slices.Max(heard))
		} else {
			missed++
		}
	}
	slices.Sort(all)
	return all, missed
}

// sent is how many bytes a node sends in a second.
func (c *chatter) sent(ctx context.Context, d time.Duration) (float64, error) {
	before, start := c.bytes(), time.Now()
	err := pause(ctx, d)
	return (c.bytes() - before) / float64(len(c.nodes)) / time.Since(start).Seconds(), err
}

// bytes is what all nodes have sent, in packets and connections.
func (c *chatter) bytes() (n float64) {
	for _, registry := range c.metrics {
		families, err := registry.Gather()
		if err != nil {
			continue
		}
		for _, family := range families {
			if family.GetName() != "starling_gossip_bytes_total" {
				continue
			}
			for _, m := range family.GetMetric() {
				if slices.ContainsFunc(m.GetLabel(), func(l *dto.LabelPair) bool { return l.GetValue() == "sent" }) {
					n += m.GetCounter().GetValue()
				}
			}
		}
	}
	return n
}

// heap is what a node takes of the memory, in kB.
func (c *chatter) heap() float64 {
	return (float64(allocated()) - float64(c.before)) / float64(len(c.nodes)) / 1000
}

func allocated() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
