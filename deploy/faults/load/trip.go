package load

import (
	"math/rand/v2"
	"slices"
	"sync"
)

// trip is something that a user comes for.
type trip struct {
	name       string
	weight     int     // how often it is made, beside the others
	operations float64 // that it has on average
	harmful    bool    // not made where the load is gentle
	make       func(*Load, *rand.Rand)
}

// trips are all there are.
func trips() []trip {
	return []trip{
		{name: "session", weight: 10, operations: 3.2, make: (*Load).wantsASession},
		{name: "direct", weight: 3, operations: 1.5, make: (*Load).wantsOneAtOnce},
		{name: "read", weight: 26, operations: 1, make: (*Load).reads},
		{name: "read-set", weight: 5, operations: 1, make: (*Load).readsASet},
		{name: "list", weight: 6, operations: 1, make: (*Load).lists},
		{name: "history", weight: 12, operations: 1, make: (*Load).readsHistory},
		{name: "told", weight: 4, operations: 1, make: (*Load).readsHistoryStrongly},
		{name: "accounts", weight: 10, operations: 1, make: (*Load).readsAccounts},
		{name: "budgets", weight: 8, operations: 1, make: (*Load).readsBudgets},
		{name: "nodes", weight: 5, operations: 1, make: (*Load).readsNodes},
		{name: "pry", weight: 5, operations: 1, harmful: true, make: (*Load).pries},
		{name: "late", weight: 1, operations: 1, harmful: true, make: (*Load).comesTooLate},
	}
}

// drawTrip draws one.
func (l *Load) drawTrip(draw *rand.Rand) trip {
	all := trips()
	if l.options.Gentle {
		all = slices.DeleteFunc(all, func(t trip) bool { return t.harmful })
	}
	total := 0
	for _, t := range all {
		total += t.weight
	}
	at := draw.IntN(total)
	for _, t := range all {
		if at -= t.weight; at < 0 {
			return t
		}
	}
	return all[0]
}

// one draws one of some.
func one[T any](draw *rand.Rand, some []T) T { return some[draw.IntN(len(some))] }

// findings are what users have been told of, and may come back to. Of each the latest
// are remembered.
type findings struct {
	mu       sync.Mutex
	sessions []held // accepted
	offers   []held
	sets     []held
	endless  map[string]Person // accepted sessions of work that wants to be cancelled
}

// held is something with its owner.
type held struct {
	id  string
	who Person
}

const mostHeld = 500

func (f *findings) add(to *[]held, id string, who Person) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(*to) >= mostHeld {
		*to = slices.Delete(*to, 0, mostHeld/2)
	}
	*to = append(*to, held{id, who})
}

// any draws one.
func (f *findings) any(draw *rand.Rand, of *[]held) (held, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(*of) == 0 {
		return held{}, false
	}
	return one(draw, *of), true
}

// endlessly remembers work that must be cancelled, or that it was.
func (f *findings) endlessly(id string, who Person, on bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.endless == nil {
		f.endless = map[string]Person{}
	}
	if on {
		f.endless[id] = who
		return
	}
	delete(f.endless, id)
}
