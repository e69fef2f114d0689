package api

import (
	"bytes"
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"

	"starling/node"
)

// events answers GET /sessions/{uuid}/events with server-sent events: all that
// happened after the event that the client names, then what happens, until the
// session has ended. An event that is kept bears its sequence number as id, so
// that a browser that has lost the connection asks for the rest by itself.
// After the last comes one of type "end"; asking again after that is answered
// 204, at which browsers stop asking.
func (s *Server) events(v *visit) error {
	if err := v.only(eventStream); err != nil {
		return err
	}
	id, err := v.uuid("uuid")
	if err != nil {
		return err
	}
	after, err := v.lastEvent()
	if err != nil {
		return err
	}
	ctx, done := s.streams.until(v.Request().Context())
	defer done()
	session, err := s.Broker.Session(ctx, v.caller, id)
	if err != nil {
		return err
	}
	if err := s.streams.enter(v.caller.User); err != nil {
		return err
	}
	defer s.streams.leave(v.caller.User)
	events, err := s.Broker.Events(ctx, v.caller, id, after)
	if err != nil {
		return err
	}
	if v.Request().Method == http.MethodHead {
		v.header().Set("Content-Type", eventStream)
		v.Response().WriteHeader(http.StatusOK)
		return nil
	}
	out := eventWriter{visit: v}
	if over(session.Phase) {
		// Nothing will happen any more: what there is to tell is there at once.
		first, ok := <-events
		if !ok && ctx.Err() == nil {
			return v.nothing()
		}
		out.begin()
		if ok {
			out.event(first)
		}
		return out.follow(ctx, events)
	}
	out.begin()
	return out.follow(ctx, events)
}

const eventStream = "text/event-stream"

// lastEvent is the sequence number after which to begin: the header that
// browsers send when they come back counts more than the URL they began with.
func (v *visit) lastEvent() (uint64, error) {
	q := v.query("after")
	field, text := "after", q.text("after")
	if header := v.Request().Header.Get("Last-Event-ID"); header != "" {
		field, text = "Last-Event-ID", header
	}
	if q.err != nil || text == "" {
		return 0, q.err
	}
	after, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		return 0, invalid(field, "want the id of an event, a whole number")
	}
	return after, nil
}

// eventWriter writes one stream of events.
type eventWriter struct {
	*visit
	line bytes.Buffer
	err  error // the client is gone
	last bool  // the session's last phase was written
}

// streamGrace is how long one piece of a stream may take to be sent. A client
// that reads nothing for so long is gone, whatever its connection says.
const streamGrace = 30 * time.Second

func (w *eventWriter) begin() {
	h := w.header()
	h.Set("Content-Type", eventStream)
	h.Set("X-Accel-Buffering", "no") // asks nginx to pass it on as it comes
	w.Response().WriteHeader(http.StatusOK)
	w.line.WriteString("retry: 2000\n\n")
}

// follow writes events until there are no more, those that come together in one
// piece, with comments in between so that silence is never taken for a broken
// connection.
func (w *eventWriter) follow(ctx context.Context, events <-chan node.Event) error {
	beat := time.NewTicker(w.server.Limits.Heartbeat)
	defer beat.Stop()
	for w.err == nil {
		if len(events) == 0 {
			w.flush()
		}
		select {
		case event, ok := <-events:
			if !ok {
				w.end()
				return nil
			}
			w.event(event)
		case <-beat.C:
			w.line.WriteString(": still here\n\n")
		case <-ctx.Done():
			return nil
		}
	}
	return nil
}

func (w *eventWriter) event(event node.Event) {
	data, err := json.Marshal(event, written)
	if err != nil {
		w.server.log.Error("an event can't be written", "request", w.id, "error", err)
		return
	}
	w.last = w.last || event.Type == node.EventPhase && over(event.Phase)
	if event.Seq != 0 { // passing events are not replayed, and leave the id as it was
		w.line.WriteString("id: " + strconv.FormatUint(event.Seq, 10) + "\n")
	}
	w.line.WriteString("event: " + event.Type + "\ndata: ")
	w.line.Write(data)
	w.line.WriteString("\n\n")
}

// end tells a stream that is complete from one that was broken off.
func (w *eventWriter) end() {
	if w.last {
		w.line.WriteString("event: end\ndata: {}\n\n")
	}
	w.flush()
}

// flush sends what was written.
func (w *eventWriter) flush() {
	if w.err != nil || w.line.Len() == 0 {
		return
	}
	control := w.control()
	_ = control.SetWriteDeadline(time.Now().Add(streamGrace))
	if _, w.err = w.Response().Write(w.line.Bytes()); w.err == nil {
		w.err = control.Flush()
	}
	w.line.Reset()
}
