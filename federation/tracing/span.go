package tracing

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"starling/federation/identity"
)

// scope is what spans say they are made by.
const scope = "starling"

// A Span is a part of what is done for a request, with its beginning and its end, on
// its way to who collects them. The zero Span is of a request that nobody records:
// nothing becomes of what it is told.
type Span struct{ of trace.Span }

// Start begins a span below that of the context, if that is recorded; else it costs
// nothing. Who begins it ends it. Names are few: what differs from request to request
// is told to the span.
func Start(ctx context.Context, name string) (context.Context, Span) {
	above := trace.SpanFromContext(ctx)
	if !above.IsRecording() {
		return ctx, Span{}
	}
	ctx, span := above.TracerProvider().Tracer(scope).Start(ctx, name)
	return ctx, Span{span}
}

// Call is Start for a request that goes to another node. Route is the pattern of its
// path.
func Call(ctx context.Context, method, route, node string) (context.Context, Span) {
	above := trace.SpanFromContext(ctx)
	if !above.IsRecording() {
		return ctx, Span{}
	}
	ctx, of := above.TracerProvider().Tracer(scope).Start(ctx, method+" "+route, trace.WithSpanKind(trace.SpanKindClient))
	span := Span{of}
	span.Tell(Method, method)
	span.Tell(Route, route)
	span.Tell(Peer, node)
	return ctx, span
}

// ID is the span's name in its trace; "" where nothing is recorded.
func (s Span) ID() identity.Span {
	if s.of == nil || !s.of.IsRecording() {
		return ""
	}
	return identity.Span(s.of.SpanContext().SpanID().String())
}

// Tell adds a fact to the span; "" is none.
func (s Span) Tell(key Key, value string) {
	if s.of != nil && value != "" {
		s.of.SetAttributes(attribute.String(string(key), value))
	}
}

// Count adds a number to the span.
func (s Span) Count(key Key, n int) {
	if s.of != nil {
		s.of.SetAttributes(attribute.Int(string(key), n))
	}
}

// Fail says that what the span is of has failed, and in which of a few ways. An error's
// own words may name what isn't for who reads spans: they stay in the log.
func (s Span) Fail(how string) {
	if s.of != nil {
		s.of.SetStatus(codes.Error, "")
		s.Tell(Failure, how)
	}
}

// FailWith is Fail where there is an error, of which no more is told than whether time
// was up.
func (s Span) FailWith(err error) {
	switch {
	case err == nil:
	case errors.Is(err, context.DeadlineExceeded):
		s.Fail("timeout")
	case errors.Is(err, context.Canceled):
		s.Fail("cancelled")
	default:
		s.Fail("error")
	}
}

// End ends the span, once. One that isn't ended is never seen.
func (s Span) End() {
	if s.of != nil {
		s.of.End()
	}
}
