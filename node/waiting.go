package node

import (
	"slices"

	"starling/node/store"
)

// waiter is a poll that is held back until there is work for its executor.
type waiter struct {
	executor *executor
	given    chan handover // takes one; closed: look again
}

// handover is an attempt that was opened for a waiter.
type handover struct {
	session *store.Session
	ticket  *store.Ticket
}

// wait lets a poll wait for its turn; b.mu is held.
func (p *pool) wait(e *executor) *waiter {
	w := &waiter{executor: e, given: make(chan handover, 1)}
	p.waiters = append(p.waiters, w)
	return w
}

// leave ends a poll's waiting. False means that it has its answer already.
func (p *pool) leave(w *waiter) bool {
	i := slices.Index(p.waiters, w)
	if i < 0 {
		return false
	}
	p.waiters = slices.Delete(p.waiters, i, i+1)
	return true
}

// scatter lets every poll that waits look again.
func (p *pool) scatter() {
	for _, w := range p.waiters {
		close(w.given)
	}
	p.waiters = nil
}

// serve puts it on the agenda to give what is due in a pool to those who wait
// for it. Whoever makes something due goes on with its decision first; what many
// make due at once is given in one go.
func (b *Broker) serve(p *pool) {
	if p.serving || len(p.waiters) == 0 || p.queue.due == 0 {
		return
	}
	p.serving = true
	b.at(b.now(), func(store.Millis) {
		p.serving = false
		if b.state.pools[p.id] == p {
			b.give(p)
		}
	})
}

// give hands out what is due in a pool, to those who have waited longest. Nobody
// is woken for whom there is nothing, and no executor is asked twice.
func (b *Broker) give(p *pool) {
	nothing := map[*executor]bool{}
	rest := p.waiters[:0]
	for _, w := range p.waiters {
		if !nothing[w.executor] {
			if s, ticket := b.next(w.executor); s != nil {
				w.given <- handover{s, ticket}
				continue
			}
			nothing[w.executor] = true
		}
		rest = append(rest, w)
	}
	clear(p.waiters[len(rest):])
	p.waiters = rest
}
