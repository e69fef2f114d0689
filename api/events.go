package api

import (
	"context"
	"net/http"
	"strconv"
	"time"

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
	out := sessionEvents{eventWriter: eventWriter{visit: v}}
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

// sessionEvents writes the events of a session.
type sessionEvents struct {
	eventWriter
	last bool // its last phase was written
}

// follow writes events until there are no more, those that come together in one
// piece, with comments in between so that silence is never taken for a broken
// connection.
func (w *sessionEvents) follow(ctx context.Context, events <-chan node.Event) error {
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
			w.beat()
		case <-ctx.Done():
			return nil
		}
	}
	return nil
}

func (w *sessionEvents) event(event node.Event) {
	w.last = w.last || event.Type == node.EventPhase && over(event.Phase)
	id := ""
	if event.Seq != 0 { // passing events are not replayed, and leave the id as it was
		id = strconv.FormatUint(event.Seq, 10)
	}
	w.put(id, event.Type, event)
}

// end tells a stream that is complete from one that was broken off.
func (w *sessionEvents) end() {
	if w.last {
		w.put("", "end", struct{}{})
	}
	w.flush()
}
