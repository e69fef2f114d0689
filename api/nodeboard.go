package api

import (
	"sync"
	"time"

	"github.com/go-json-experiment/json"
)

// A nodeBoard is where those who follow the nodes of the federation look: it finds out
// once for all of them what has changed.
type nodeBoard struct {
	mu      sync.Mutex
	at      time.Time // when it was last brought up to date
	edition uint64
	nodes   map[string]posted
	order   []string
}

// posted is a node on the board.
type posted struct {
	entry   nodeEntry
	plain   string // the entry as JSON, without what passes by itself
	told    time.Time
	edition uint64 // of the board, when it last changed
}

// look returns the board's nodes in order, and its edition. What list says is taken in
// unless that was done a moment ago.
func (b *nodeBoard) look(now time.Time, moment time.Duration, list func() nodeList) ([]posted, uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.nodes == nil || now.Sub(b.at) >= moment/2 { // whoever looks every moment sees something new
		b.at = now
		b.post(list(), now)
	}
	all := make([]posted, len(b.order))
	for i, name := range b.order {
		all[i] = b.nodes[name]
	}
	return all, b.edition
}

// post takes in how all nodes are.
func (b *nodeBoard) post(list nodeList, now time.Time) {
	b.edition++
	nodes := make(map[string]posted, len(list.Nodes))
	b.order = b.order[:0:0]
	for _, entry := range list.Nodes {
		p := posted{entry: entry, plain: entry.plain(), edition: b.edition, told: now.Add(-seconds(entry.AgeSeconds))}
		if before, known := b.nodes[entry.Name]; known && before.plain == p.plain && (entry.own() || p.told.Sub(before.told) < retold) {
			p.edition, p.told = before.edition, before.told
		}
		nodes[entry.Name] = p
		b.order = append(b.order, entry.Name)
	}
	b.nodes = nodes
}

// retold is how much later a node must have told how it is to be worth an event where
// it says the same: clients count the age on from the last.
const retold = 5 * time.Second

func (e nodeEntry) own() bool { return e.Member == nil || e.Member.Self }

// plain is the entry without what changes as time passes.
func (e nodeEntry) plain() string {
	e.AgeSeconds = 0
	if e.Availability != nil {
		a := *e.Availability
		a.Profile = nil // what counts of it comes with the rest, or when it is told again
		e.Availability = &a
	}
	if e.Member != nil {
		m := *e.Member
		m.AgeSeconds, m.SinceSeconds, m.Outbox.OldestSeconds, m.ClockSkewSeconds = 0, 0, 0, 0
		e.Member = &m
	}
	text, _ := json.Marshal(e, written) // it is written as a whole elsewhere, where errors count
	return string(text)
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
