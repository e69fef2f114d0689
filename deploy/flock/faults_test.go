package flock

import (
	"fmt"
	"net/http"
	"testing"
	"time"
)

// Promises 1 to 6 and 8 hold for the whole federation, whatever befalls its nodes
// while users ask and accept at all of them. -seed N makes the same choices again.
func TestPromises1To6And8OfAFederationInAStorm(t *testing.T) {
	for _, run := range []struct{ size, users, faults int }{{3, 6, 6}, {5, 6, 3}, {15, 6, 1}} {
		t.Run(fmt.Sprint(run.size, " nodes"), func(t *testing.T) {
			s := newStorm(t, run.size, run.users)
			s.flies(s.nodes[:3]...)
			faults := []struct {
				name   string
				strike func(*storm)
			}{
				{"a node is killed", (*storm).killOne},
				{"most nodes are killed at once", (*storm).killMost},
				{"a minority is cut off", (*storm).cutMinority},
				{"no node reaches another", (*storm).cutAll},
				{"a node answers others slowly", (*storm).slowOne},
				{"a node answers questions with nonsense", (*storm).breakOne},
			}
			s.random.Shuffle(len(faults), func(i, j int) { faults[i], faults[j] = faults[j], faults[i] })
			for _, fault := range faults[:run.faults] {
				begun := time.Now()
				fault.strike(s)
				s.goesOn(5, s.nodes...)
				t.Logf("%s: %s", fault.name, time.Since(begun).Round(time.Second/10))
			}
			s.calm()
			s.keepsPromises()
		})
	}
}

// some are so many nodes, by chance, and the rest.
func (s *storm) some(count int) (some, others []*node) {
	shuffled := s.but()
	s.random.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	return shuffled[:count], shuffled[count:]
}

func (s *storm) killOne() { s.killSome(1) }

// killMost leaves no majority: the rest goes on all the same (promise 6).
func (s *storm) killMost() { s.killSome(len(s.nodes)/2 + 1) }

func (s *storm) killSome(count int) {
	some, others := s.some(count)
	for _, n := range some {
		n.kill()
	}
	s.goesOn(3, others...)
	s.together(some, (*node).start)
	s.goesOn(1, some...)
}

func (s *storm) cutMinority() {
	some, others := s.some((len(s.nodes) - 1) / 2)
	s.part(some, others)
	s.goesOn(2, some...)
	s.goesOn(2, others...)
	s.mend()
}

func (s *storm) cutAll() {
	var alone [][]*node
	for _, n := range s.nodes {
		alone = append(alone, []*node{n})
	}
	s.part(alone...)
	some, others := s.some(2)
	s.flies(some...)
	s.goesOn(1, others...)
	s.mend()
}

func (s *storm) slowOne() {
	some, others := s.some(1)
	s.answers(some[0].name, func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(3 * time.Second): // longer than others wait for offers
			asItself(w, r)
		case <-r.Context().Done():
		}
	})
	s.goesOn(5, others...)
	s.answers(some[0].name, nil)
}

func (s *storm) breakOne() {
	some, others := s.some(1)
	s.answers(some[0].name, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/requests" { // whoever lies about what is his own hurts his own users
			asItself(w, r)
			return
		}
		w.Header().Set("X-Request-Id", "x")
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"result": "YES", "offers": [{}]}`))
	})
	s.goesOn(5, others...)
	s.answers(some[0].name, nil)
}
