package client

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net/http"
	"slices"
	"strconv"
	"time"

	"starling/api/ivoa"
)

// Event is something that happened to a session.
type Event struct {
	Seq      uint64            `json:"seq"`
	Time     time.Time         `json:"time"`
	Type     string            `json:"type"`
	Phase    ivoa.SessionPhase `json:"phase"`
	Message  string            `json:"message"`
	Progress *float64          `json:"progress"`
}

// The types of events.
const (
	EventPhase    = "phase"
	EventMessage  = "message"
	EventProgress = "progress"
	EventLog      = "log"
)

// Terminal reports whether a phase is a session's last.
func Terminal(phase ivoa.SessionPhase) bool {
	return slices.Contains([]ivoa.SessionPhase{
		ivoa.SessionRejected, ivoa.SessionExpired, ivoa.SessionCompleted, ivoa.SessionFailed, ivoa.SessionCancelled,
	}, phase)
}

// maxEvent bounds one line of a session's events, in bytes.
const maxEvent = 1 << 20

// pause is the time between attempts to connect, and between looks at a
// session of a broker that has no events.
const (
	firstPause = 200 * time.Millisecond
	lastPause  = 5 * time.Second
	// patience is the pause after which a person is told; a node that is
	// restarted answers before.
	patience = time.Second
)

// Watch tells what happened to a session from its beginning, then what
// happens, until its terminal phase or the end of ctx. A broken stream is taken
// up where it broke; with a broker that has none the session is looked at now
// and then. The error, if there is one, comes last.
func (c *Client) Watch(ctx context.Context, id string) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		w := &watcher{client: c, id: id, yield: yield, pause: firstPause}
		for !w.over {
			if err := w.connect(ctx); err != nil {
				if w.stopped {
					return
				}
				if !w.recover(ctx, err) {
					return
				}
			}
		}
	}
}

// watcher is one Watch under way.
type watcher struct {
	client  *Client
	id      string
	yield   func(Event, error) bool
	last    uint64 // sequence number of the last event
	phase   ivoa.SessionPhase
	pause   time.Duration
	polling bool // the broker has no events
	missed  bool // it was said that the node doesn't answer
	over    bool // nothing more will come
	stopped bool // the reader wants no more
}

// tell passes an event on.
func (w *watcher) tell(e Event) error {
	if e.Seq > 0 {
		if e.Seq <= w.last {
			return nil // heard of already
		}
		w.last = e.Seq
	}
	if e.Phase != "" {
		w.phase = e.Phase
	}
	w.pause, w.missed = firstPause, false
	if !w.yield(e, nil) {
		w.over, w.stopped = true, true
		return io.EOF
	}
	if e.Type == EventPhase && Terminal(e.Phase) {
		w.over = true
	}
	return nil
}

// connect listens until the stream ends. An end before the terminal phase is
// io.ErrUnexpectedEOF.
func (w *watcher) connect(ctx context.Context) error {
	if w.polling {
		return w.look(ctx)
	}
	header := http.Header{"Accept": {"text/event-stream"}}
	if w.last > 0 {
		header.Set("Last-Event-ID", strconv.FormatUint(w.last, 10))
	}
	resp, err := w.client.open(ctx, call{method: http.MethodGet, path: sessionPath(w.id) + "/events", header: header})
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusNoContent { // there is no more to tell
		w.over = true
		return nil
	}
	for event, err := range readEvents(resp.Body) {
		if err != nil {
			return w.client.unreachable(err)
		}
		if err := w.tell(event); err != nil || w.over {
			return err
		}
	}
	return io.ErrUnexpectedEOF
}

// look asks for the session itself.
func (w *watcher) look(ctx context.Context) error {
	session, err := w.client.Session(ctx, w.id)
	if err != nil {
		return err
	}
	if session.Phase == w.phase {
		return io.ErrUnexpectedEOF
	}
	return w.tell(Event{Time: time.Now(), Type: EventPhase, Phase: session.Phase})
}

// recover decides what a broken connection means. It reports whether to go on.
func (w *watcher) recover(ctx context.Context, err error) bool {
	if ctx.Err() != nil {
		w.yield(Event{}, ctx.Err())
		return false
	}
	switch {
	case !w.polling && hasStatus(err, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotAcceptable, http.StatusNotImplemented):
		w.polling = true // or there is no such session: looking will tell
		return true
	case hasStatus(err, http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusGone),
		w.last == 0 && w.phase == "" && isUnreachable(err):
		w.yield(Event{}, err)
		return false
	}
	if isUnreachable(err) && w.pause >= patience && !w.missed {
		w.missed = true
		if !w.yield(Event{Time: time.Now(), Type: EventMessage, Message: "the node doesn't answer; trying again"}, nil) {
			w.over, w.stopped = true, true
			return false
		}
	}
	select {
	case <-ctx.Done():
		w.yield(Event{}, ctx.Err())
		return false
	case <-time.After(w.pause):
	}
	w.pause = min(2*w.pause, lastPause)
	return true
}

// readEvents reads a session's stream.
func readEvents(r io.Reader) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		for sent, err := range readStream(r, maxEvent) {
			var e Event
			if err == nil {
				if err = json.Unmarshal([]byte(sent.data), &e); err != nil {
					err = fmt.Errorf("an event can't be read: %w", err)
				} else if e.Type == "" { // "end", which the phase has told already
					continue
				}
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}
