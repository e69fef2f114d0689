package node

import (
	"slices"
	"strings"

	"starling/federation/identity"
	"starling/node/store"
)

// queue is the sessions of a pool that are due, in lines: those of one line ask
// the same of an executor, so that one that can't run the first needn't look at
// the others, however long the line is. It may hold sessions that are no longer
// to be despatched; who takes from it looks.
type queue struct {
	lines map[string]*line
	has   map[identity.UUID]struct{}
	added uint64
}

// line is sessions that the same executors can run, the first to come first.
type line struct {
	key  string
	like *store.Session // one of them
	ids  []place
}

// place is a session's place in a line.
type place struct {
	id   identity.UUID
	came uint64 // counted in sessions of the whole queue
}

func newQueue() queue {
	return queue{lines: map[string]*line{}, has: map[identity.UUID]struct{}{}}
}

// len is how many sessions wait.
func (q *queue) len() int { return len(q.has) }

// add puts a session at the end of its line, unless it is in it.
func (q *queue) add(s *store.Session) {
	if _, there := q.has[s.ID]; there {
		return
	}
	q.has[s.ID] = struct{}{}
	key := lineKey(s)
	l := q.lines[key]
	if l == nil {
		l = &line{key: key, like: s}
		q.lines[key] = l
	}
	q.added++
	l.ids = append(l.ids, place{s.ID, q.added})
}

// remove takes the i-th session out of a line.
func (q *queue) remove(l *line, i int) {
	delete(q.has, l.ids[i].id)
	if i == 0 {
		l.ids = l.ids[1:]
	} else {
		l.ids = slices.Delete(l.ids, i, i+1)
	}
	if len(l.ids) == 0 {
		delete(q.lines, l.key)
	}
}

// oldestFirst returns the lines, that whose first session came first first.
func (q *queue) oldestFirst() []*line {
	lines := make([]*line, 0, len(q.lines))
	for _, l := range q.lines {
		lines = append(lines, l)
	}
	slices.SortFunc(lines, func(x, y *line) int { return int(x.ids[0].came) - int(y.ids[0].came) })
	return lines
}

// lineKey tells apart what sessions ask of an executor.
func lineKey(s *store.Session) string {
	simulated := ""
	if s.Plan.Simulated {
		simulated = "simulated"
	}
	return strings.Join([]string{simulated, s.Kind, strings.Join(s.Data, "\x00"), strings.Join(s.Schemes, "\x00")}, "\x00\x00")
}
