package wan

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
)

// Network is all that was imposed, until it is cleared.
type Network struct {
	mu     sync.Mutex
	random *rand.Rand
	spaces []*namespace
	lines  []*line
}

// New makes a network on which nothing is imposed; random is for jitter. Loss is by the
// kernel's own chance.
func New(random *rand.Rand) *Network { return &Network{random: random} }

// Impose clears what was imposed before, and has the rules hold from its return on.
// Of two rules for the same packet the first counts. If it fails, nothing is imposed.
func (n *Network) Impose(ctx context.Context, rules ...Rule) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := n.clear(ctx); err != nil {
		return err
	}
	byEnd := map[int][]Rule{}
	var pids []int
	for _, rule := range rules {
		if err := rule.check(); err != nil {
			return err
		}
		if _, known := byEnd[rule.To.PID]; !known {
			pids = append(pids, rule.To.PID)
		}
		byEnd[rule.To.PID] = append(byEnd[rule.To.PID], rule)
	}
	for _, pid := range pids {
		if err := n.imposeAt(ctx, pid, byEnd[pid]); err != nil {
			return errors.Join(err, n.clear(context.WithoutCancel(ctx)))
		}
	}
	return nil
}

func (n *Network) imposeAt(ctx context.Context, pid int, rules []Rule) error {
	space, err := enter(pid)
	if err != nil {
		return err
	}
	n.spaces = append(n.spaces, space)
	var text []string
	for i, rule := range rules {
		queue := uint16(firstQueue + i)
		if rule.Effect.kind == delay {
			random := rand.New(rand.NewPCG(n.random.Uint64(), n.random.Uint64()))
			line, err := openLine(space, queue, rule.Effect, random)
			if err != nil {
				return err
			}
			n.lines = append(n.lines, line)
		}
		text = append(text, rule.lines(queue)...)
	}
	return space.impose(ctx, text)
}

// Clear ends all that was imposed; what is still on its way arrives at once. It may be
// called again.
func (n *Network) Clear(ctx context.Context) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.clear(ctx)
}

// clear keeps what it could not clear, so that it may be tried again.
func (n *Network) clear(ctx context.Context) error {
	var errs []error
	var left []*namespace
	for _, space := range n.spaces {
		if err := space.clear(ctx); err != nil {
			errs, left = append(errs, err), append(left, space)
			continue
		}
		errs = append(errs, space.close())
	}
	n.spaces = left
	for _, line := range n.lines { // nothing new comes any more, except where left
		errs = append(errs, line.close())
	}
	n.lines = nil
	return errors.Join(errs...)
}

// waiting is how many packets are on their way.
func (n *Network) waiting() (count int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, line := range n.lines {
		count += int(line.count.Load())
	}
	return count
}
