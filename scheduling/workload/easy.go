package workload

import (
	"cmp"
	"fmt"
	"slices"

	"starling/scheduling"
)

// easy is backfill with one reservation: that of the first task in the queue.
type easy struct {
	*replay
	waiting  []int
	shortest bool
	reserved bool // the first of the queue has its slot
}

func (s *easy) submitted(i int) error {
	s.waiting = append(s.waiting, i)
	return s.ended()
}

func (s *easy) ended() error {
	if err := s.release(); err != nil {
		return err
	}
	for len(s.waiting) > 0 {
		started, err := s.try(s.waiting[0])
		if err != nil {
			return err
		}
		if !started {
			return s.backfill()
		}
		s.waiting = s.waiting[1:]
	}
	return nil
}

// release takes the reservation of the first task back, to be made again at what is now the earliest start.
func (s *easy) release() error {
	if !s.reserved {
		return nil
	}
	s.reserved = false
	return s.line.End(entry(s.waiting[0]), s.now)
}

// backfill reserves the earliest slot for the first task and starts what else fits beside it.
func (s *easy) backfill() error {
	first := s.waiting[0]
	slot, ok := s.query(first, scheduling.Forever)
	if !ok {
		return fmt.Errorf("job %d never fits", s.tasks[first].job.Number)
	}
	if err := s.book(first, slot, false); err != nil {
		return err
	}
	s.reserved = true
	others := s.waiting[1:]
	if s.shortest {
		others = slices.Clone(others)
		slices.SortStableFunc(others, func(a, b int) int { return cmp.Compare(s.tasks[a].estimate, s.tasks[b].estimate) })
	}
	for _, i := range others {
		if _, err := s.try(i); err != nil {
			return err
		}
	}
	s.waiting = slices.DeleteFunc(s.waiting, func(i int) bool { return s.tasks[i].running })
	return nil
}
