package executor

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"starling/api/despatch"
)

// Bounds of an outbox. A node that is away for long must not exhaust the
// memory: beyond the first, lines and progress are dropped; beyond the second,
// everything.
const (
	maxChatter = 1_000
	maxPending = 20_000
	// maxBatch is how many updates go into one request, and maxBatchBytes how
	// much text, so that a request stays below the 1 MiB that a node takes.
	maxBatch      = 500
	maxBatchBytes = 512 << 10
)

// outbox holds an attempt's updates until they are answered. Keys of things
// that happen once are made from what they are, so that an adopted attempt
// repeats the same; all others bear a number that starts anew, with a nonce, in
// each life.
type outbox struct {
	nonce string
	wake  chan struct{} // holds a token while there is something new

	mu        sync.Mutex
	pending   []despatch.Update
	numbered  int
	interrupt context.CancelFunc // ends a held heartbeat
}

func newOutbox(restored []despatch.Update) *outbox {
	return &outbox{
		nonce:   fmt.Sprintf("%08x", rand.Uint32()),
		wake:    make(chan struct{}, 1),
		pending: restored,
	}
}

// put adds an update.
func (o *outbox) put(u despatch.Update) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.pending) >= maxPending || len(o.pending) >= maxChatter && chatter(u) {
		return
	}
	if u.Key == "" {
		u.Key = o.key(u)
	}
	if u.Time.IsZero() {
		u.Time = time.Now().UTC()
	}
	o.pending = append(o.pending, u)
	if o.interrupt != nil {
		o.interrupt()
	}
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

func (o *outbox) key(u despatch.Update) string {
	switch u.Type {
	case despatch.ActionStarted, despatch.ActionCompleted, despatch.ActionFailed:
		return u.Type + ":" + u.Action
	}
	o.numbered++
	return fmt.Sprintf("%s:%s-%d", u.Type, o.nonce, o.numbered)
}

// heartbeat is an update that says nothing.
func (o *outbox) heartbeat() despatch.Update {
	o.mu.Lock()
	defer o.mu.Unlock()
	u := despatch.Update{Type: despatch.Heartbeat, Time: time.Now().UTC()}
	u.Key = o.key(u)
	return u
}

// batch is what goes into the next request. It stays pending until drop.
func (o *outbox) batch() []despatch.Update {
	o.mu.Lock()
	defer o.mu.Unlock()
	bytes := 0
	for n, u := range o.pending {
		bytes += weight(u)
		if n == maxBatch || n > 0 && bytes > maxBatchBytes {
			return slices.Clone(o.pending[:n])
		}
	}
	return slices.Clone(o.pending)
}

// drop forgets the first n.
func (o *outbox) drop(n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.pending = slices.Delete(o.pending, 0, n)
}

// dropImplied forgets what a completion says anyway.
func (o *outbox) dropImplied() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.pending = slices.DeleteFunc(o.pending, func(u despatch.Update) bool {
		return u.Message == "" && (u.Type == despatch.ActionStarted || u.Type == despatch.ActionCompleted)
	})
}

// hold registers what interrupts a held heartbeat. It reports whether there is
// nothing to send and so a reason to hold one.
func (o *outbox) hold(interrupt context.CancelFunc) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.interrupt = interrupt
	return len(o.pending) == 0
}

func (o *outbox) release() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.interrupt = nil
}

func chatter(u despatch.Update) bool {
	return u.Type == despatch.LogLine || u.Type == despatch.Progressed
}

// weight estimates an update's bytes on the wire.
func weight(u despatch.Update) int {
	bytes := 200 + len(u.Message)
	if u.File != nil {
		bytes += weightOf(*u.File)
	}
	if u.Exposure != nil {
		for _, f := range u.Exposure.Files {
			bytes += weightOf(f)
		}
	}
	return bytes
}

func weightOf(f despatch.File) int {
	return 150 + len(f.Name) + len(f.Location)
}
