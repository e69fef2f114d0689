package scheduling

import "sort"

// queue is the movable bookings in the order in which they were made.
//
// Bookings are appended and leave from anywhere. A place that was left stays as a gap until gaps are the majority, so
// that both take constant time on average.
type queue struct {
	places []*entry
	gaps   int
	orders []uint64 // of the places, in order: also of those left
}

// track appends a booking if it is movable.
func (q *queue) track(e *entry) {
	if !e.Movable {
		return
	}
	q.places = append(q.places, e)
	q.orders = append(q.orders, e.order)
}

// drop takes a booking out if it is in.
func (q *queue) drop(e *entry) {
	i := sort.Search(len(q.orders), func(k int) bool { return q.orders[k] >= e.order })
	if i == len(q.orders) || q.places[i] != e {
		return
	}
	q.places[i] = nil
	q.gaps++
	if q.gaps > len(q.places)/2 {
		q.tidy()
	}
}

func (q *queue) tidy() {
	kept := 0
	for _, e := range q.places {
		if e == nil {
			continue
		}
		q.places[kept], q.orders[kept] = e, e.order
		kept++
	}
	clear(q.places[kept:])
	q.places, q.orders, q.gaps = q.places[:kept], q.orders[:kept], 0
}
