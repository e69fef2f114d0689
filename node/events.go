package node

import (
	"context"
	"sync"
	"time"

	"starling/api/ivoa"
	"starling/federation/identity"
	"starling/node/store"
)

// The types of events.
const (
	EventPhase    = "phase"
	EventMessage  = "message"
	EventProgress = "progress" // passing: it is not replayed
	EventLog      = "log"      // passing
)

// Event is something that happened to a session.
type Event struct {
	Seq      uint64            `json:"seq,omitempty"` // 0 of passing events
	Time     time.Time         `json:"time"`
	Type     string            `json:"type"`
	Phase    ivoa.SessionPhase `json:"phase,omitempty"`
	Message  string            `json:"message,omitempty"`
	Progress *float64          `json:"progress,omitempty"`
}

// Events tells what happened to a session after a sequence number (0: from its
// beginning), and then what happens, until it is at its end or ctx is. A reader
// that is too slow is cut off, and may ask again from where it was. The channel
// is closed at the end.
func (b *Broker) Events(ctx context.Context, caller identity.Caller, id identity.UUID, after uint64) (<-chan Event, error) {
	s, err := b.stored(caller, toRead, id)
	if err != nil {
		return nil, err
	}
	// Listen before it is read, so that nothing falls between what is stored and what
	// comes.
	live := b.events.listen(s.ID)
	if s, err = b.sessionOf(s.ID); err != nil {
		b.events.leave(s.ID, live)
		return nil, err
	}
	var past []Event
	for _, step := range s.Trail {
		if step.Seq > after {
			past, after = append(past, eventOf(step)), step.Seq
		}
	}
	// What is past is there at once, for the reader to take in one go.
	out := make(chan Event, len(past)+1)
	for _, e := range past {
		out <- e
	}
	b.events.readers.Go(func() {
		defer close(out)
		defer b.events.leave(s.ID, live)
		if !store.Terminal(s.Phase) {
			b.relay(ctx, after, live, out)
		}
	})
	return out, nil
}

// relay sends what happens to a session after a sequence number.
func (b *Broker) relay(ctx context.Context, after uint64, live *listener, out chan<- Event) {
	send := func(e Event) bool {
		select {
		case out <- e:
			return true
		case <-ctx.Done():
		case <-b.events.closed:
		}
		return false
	}
	for {
		select {
		case e, ok := <-live.events:
			if !ok {
				return
			}
			if e.Seq != 0 && e.Seq <= after {
				continue
			}
			if !send(e) || store.Terminal(e.Phase) {
				return
			}
		case <-ctx.Done():
			return
		case <-b.events.closed:
			return
		}
	}
}

func eventOf(step store.Step) Event {
	e := Event{Seq: step.Seq, Time: wall(step.At), Type: EventPhase, Phase: step.Phase, Message: step.Message}
	if step.Phase == "" {
		e.Type = EventMessage
	}
	return e
}

// hub passes events from the writer to those who watch a session.
type hub struct {
	closed  chan struct{}
	readers sync.WaitGroup

	mu        sync.Mutex
	listeners map[identity.UUID]map[*listener]struct{}
}

// listener is one reader of one session.
type listener struct {
	events chan Event
	sent   uint64 // the newest sequence number that was put into events
}

// eventBuffer is how far a reader may fall behind.
const eventBuffer = 256

func newHub() *hub {
	return &hub{closed: make(chan struct{}), listeners: map[identity.UUID]map[*listener]struct{}{}}
}

func (h *hub) listen(id identity.UUID) *listener {
	l := &listener{events: make(chan Event, eventBuffer)}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.listeners[id] == nil {
		h.listeners[id] = map[*listener]struct{}{}
	}
	h.listeners[id][l] = struct{}{}
	return l
}

func (h *hub) leave(id identity.UUID, l *listener) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.listeners[id], l)
	if len(h.listeners[id]) == 0 {
		delete(h.listeners, id)
	}
}

// publish passes on the steps of a session that has become durable.
func (h *hub) publish(s *store.Session) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for l := range h.listeners[s.ID] {
		for _, step := range s.Trail {
			if step.Seq > l.sent {
				l.sent = step.Seq
				h.give(s.ID, l, eventOf(step))
			}
		}
	}
}

// pass passes on events that are not kept.
func (h *hub) pass(id identity.UUID, events []Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for l := range h.listeners[id] {
		for _, e := range events {
			h.give(id, l, e)
		}
	}
}

// give hands an event to a listener; one that is full is cut off.
func (h *hub) give(id identity.UUID, l *listener, e Event) {
	if _, there := h.listeners[id][l]; !there {
		return
	}
	select {
	case l.events <- e:
	default:
		delete(h.listeners[id], l)
		close(l.events)
	}
}

// count is how many readers there are.
func (h *hub) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for _, l := range h.listeners {
		n += len(l)
	}
	return n
}

func (h *hub) close() {
	close(h.closed)
	h.readers.Wait()
}
