package api

import (
	"bytes"
	"net/http"
	"time"

	"github.com/go-json-experiment/json"
)

const eventStream = "text/event-stream"

// eventWriter writes one stream of server-sent events. What is put is sent with the
// next flush.
type eventWriter struct {
	*visit
	line bytes.Buffer
	err  error // the client is gone
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

// put adds an event; one with an id is where a client goes on that comes back.
func (w *eventWriter) put(id, kind string, data any) {
	text, err := json.Marshal(data, written)
	if err != nil {
		w.server.log.ErrorContext(w.Request().Context(), "an event can't be written", "request", w.id, "error", err)
		return
	}
	if id != "" {
		w.line.WriteString("id: " + id + "\n")
	}
	w.line.WriteString("event: " + kind + "\ndata: ")
	w.line.Write(text)
	w.line.WriteString("\n\n")
}

// beat adds what no client takes for an event.
func (w *eventWriter) beat() { w.line.WriteString(": still here\n\n") }

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
