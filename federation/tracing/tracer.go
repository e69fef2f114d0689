package tracing

import (
	"context"
	"net/http"

	"go.opentelemetry.io/otel/trace"

	"starling/federation/identity"
)

// A Tracer begins the first span that a program has of something. The nil Tracer
// begins none.
type Tracer struct{ first trace.Tracer }

// NewTracer begins spans that a provider records. Whether it does is the provider's
// to decide; below a parent that is marked as sampled it should.
func NewTracer(from trace.TracerProvider) *Tracer { return &Tracer{from.Tracer(scope)} }

// Serve is Receive, and begins the span of what is done for the request, whose path has
// the pattern route. It goes below the sender's, if the sender records one; below
// another it would hang in the air.
func (t *Tracer) Serve(ctx context.Context, header http.Header, believed bool, method, route string) (context.Context, Span) {
	if t == nil {
		return Receive(ctx, header, believed), Span{}
	}
	at := said(header)
	switch {
	case !at.IsValid():
		at = fresh(trace.TraceID(random(16)), 0).WithSpanID(trace.SpanID{})
	case !at.IsSampled():
		at = at.WithSpanID(trace.SpanID{})
	case !believed:
		at = at.WithTraceFlags(0)
	}
	ctx, of := t.first.Start(trace.ContextWithRemoteSpanContext(ctx, at), method+" "+route, trace.WithSpanKind(trace.SpanKindServer))
	span := Span{of}
	span.Tell(Method, method)
	span.Tell(Route, route)
	return ctx, span
}

// Resume is Resume of this package, and begins a span of what is done later. Under is
// the span that it comes of; where there is none, nobody has recorded the request, and
// nobody records this.
func (t *Tracer) Resume(ctx context.Context, of identity.Trace, under identity.Span, name string) (context.Context, Span) {
	ctx = Resume(ctx, of)
	if t == nil || !of.Valid() || !under.Valid() {
		return ctx, Span{}
	}
	at := trace.SpanContextFromContext(ctx).WithTraceFlags(trace.FlagsSampled)
	id, err := trace.SpanIDFromHex(string(under))
	if err != nil {
		return ctx, Span{}
	}
	ctx, span := t.first.Start(trace.ContextWithRemoteSpanContext(ctx, at.WithSpanID(id)), name)
	return ctx, Span{span}
}
