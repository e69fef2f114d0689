package api

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/labstack/echo/v4"
)

// receive is the one middleware: it leads a request past the stations and sees
// that it leaves with an answer, whatever happens.
func (s *Server) receive(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		v := &visit{Context: c, server: s, began: s.Now()}
		v.id = s.ids.of(c.Request().Header.Get("X-Request-Id"))
		v.header().Set("X-Request-Id", v.id)
		v.thread()
		guard(v.header())
		if s.private {
			v.header().Set("Strict-Transport-Security", strictTransport)
		}
		s.metrics.inFlight.Inc()
		defer s.leave(v)
		if err := s.admit(v); err != nil {
			v.fail(err)
			return nil
		}
		v.caller.Trace, v.caller.Span = v.trace, v.span.ID()
		handle := next
		if v.owner != "" {
			handle = adapt(s.pass)
		}
		if err := handle(v); err != nil {
			v.fail(err)
		}
		return nil
	}
}

// strictTransport has browsers come back over TLS only, for a year (RFC 6797).
const strictTransport = "max-age=31536000"

// leave catches what a handler has thrown, counts and logs. An answer that was
// begun and can't be ended is cut off, so that the client notices.
func (s *Server) leave(v *visit) {
	s.metrics.inFlight.Dec()
	thrown, begun := recover(), v.Response().Committed
	if thrown != nil && !aborted(thrown) {
		s.log.ErrorContext(v.Request().Context(), "a handler panicked", "request", v.id, "route", v.Path(),
			"panic", fmt.Sprint(thrown), "stack", string(debug.Stack()))
		v.fail(errPanic)
	}
	took := s.Now().Sub(v.began)
	s.metrics.observe(v, took)
	v.endSpan()
	s.logAccess(v, took)
	if thrown != nil && (begun || aborted(thrown)) {
		panic(http.ErrAbortHandler)
	}
}

// errPanic is internal: the panic itself has been logged.
var errPanic = errors.New("a handler panicked")

// aborted reports whether a handler gave up on purpose, as net/http lets it.
func aborted(thrown any) bool {
	err, ok := thrown.(error)
	return ok && errors.Is(err, http.ErrAbortHandler)
}

// logAccess writes one line: at info what an operator would look for, which is
// changes and failures; at debug the rest. It never holds a token or a body.
func (s *Server) logAccess(v *visit, took time.Duration) {
	level := slog.LevelDebug
	status := v.Response().Status
	givenUp := v.Request().Context().Err() != nil // by the client, which hears no answer
	stopping := status == http.StatusServiceUnavailable && s.streams.stopping()
	switch {
	case givenUp && poll(v.Path()), v.throttled: // who asks too often must not fill the log, too
	case status >= 500 && !givenUp && !stopping:
		level = slog.LevelError
	case status >= 400 || !safe(v.Request().Method) && !poll(v.Path()):
		level = slog.LevelInfo
	}
	ctx := v.Request().Context()
	if !s.log.Enabled(ctx, level) {
		return
	}
	attributes := []slog.Attr{
		slog.String("request", v.id),
		slog.String("user", v.caller.User),
		slog.String("method", v.Request().Method),
		slog.String("route", v.Path()),
		slog.Int("status", status),
		slog.Float64("ms", float64(took.Microseconds())/1000),
		slog.Int64("bytes", v.Response().Size),
		slog.String("from", v.RealIP()),
	}
	if v.peer != "" {
		attributes = append(attributes, slog.String("by", string(v.peer)))
	}
	if v.owner != "" {
		attributes = append(attributes, slog.String("to", string(v.owner)))
	}
	s.log.LogAttrs(ctx, level, "request", attributes...)
}

// poll reports whether a route is asked again and again by every executor.
func poll(path string) bool {
	return path == "/executors/:uuid/despatch" || path == "/history/:ref/updates"
}

func safe(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}
