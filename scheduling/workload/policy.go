package workload

import (
	"fmt"

	"starling/scheduling"
)

// Policy names how a machine chooses what starts when.
type Policy string

// The policies.
const (
	// FCFS starts jobs in the order of their arrival; the first that doesn't fit makes all others wait.
	FCFS Policy = "fcfs"
	// Conservative gives every job the earliest slot that delays nobody before it, and moves slots forward when room
	// appears: what the broker does.
	Conservative Policy = "conservative"
	// EASY gives a slot to the first job of the queue alone; others may start whenever they don't delay that one.
	EASY Policy = "easy"
	// EASYSJBF is EASY that tries the shortest of the others first.
	EASYSJBF Policy = "easy-sjbf"
)

// Policies lists all policies.
func Policies() []Policy { return []Policy{FCFS, Conservative, EASY, EASYSJBF} }

// scheduler is a policy at work. It is told what happens and books and begins tasks on the replay's machine.
type scheduler interface {
	submitted(i int) error
	ended() error // a task; its room is free already
}

func (p Policy) scheduler(r *replay) scheduler {
	switch p {
	case FCFS:
		return &fcfs{replay: r}
	case EASY:
		return &easy{replay: r}
	case EASYSJBF:
		return &easy{replay: r, shortest: true}
	}
	return &conservative{r}
}

type fcfs struct {
	*replay
	waiting []int
}

func (f *fcfs) submitted(i int) error {
	f.waiting = append(f.waiting, i)
	return f.ended()
}

func (f *fcfs) ended() error {
	for len(f.waiting) > 0 {
		started, err := f.try(f.waiting[0])
		if err != nil || !started {
			return err
		}
		f.waiting = f.waiting[1:]
	}
	return nil
}

// try starts a task now if it fits.
func (r *replay) try(i int) (bool, error) {
	slot, ok := r.query(i, r.now)
	if !ok {
		return false, nil
	}
	if err := r.book(i, slot, false); err != nil {
		return false, err
	}
	return true, r.begin(i)
}

type conservative struct{ *replay }

func (c *conservative) submitted(i int) error {
	slot, ok := c.query(i, scheduling.Forever)
	if !ok {
		return fmt.Errorf("job %d never fits", c.tasks[i].job.Number)
	}
	c.plan(i, slot.Start)
	return c.book(i, slot, true)
}

func (c *conservative) ended() error {
	for _, m := range c.line.Compress(c.now, 0) {
		c.plan(taskOf(m.ID), m.To)
	}
	return nil
}

func (c *conservative) plan(i int, start scheduling.Instant) {
	c.tasks[i].start = start
	c.agenda.push(event{start, starts, int32(i)})
}
