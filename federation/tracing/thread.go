package tracing

import (
	"context"
	"crypto/rand"
	"net/http"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"starling/federation/identity"
)

// Header is that of W3C Trace Context, in which the thread goes from program to
// program. Its name there is in lower case, which is the same to HTTP.
const Header = "Traceparent"

// longest bounds the header, in bytes: later versions of it may be longer than ours.
const longest = 256

// Begin returns a context with a thread of its own.
func Begin(ctx context.Context) context.Context {
	return trace.ContextWithSpanContext(ctx, fresh(trace.TraceID(random(16)), 0))
}

// Resume takes up the thread of a request that came before; without one that is
// good, the context stays as it is.
func Resume(ctx context.Context, t identity.Trace) context.Context {
	if !t.Valid() {
		return ctx
	}
	id, err := trace.TraceIDFromHex(string(t))
	if err != nil {
		return ctx
	}
	return trace.ContextWithRemoteSpanContext(ctx, fresh(id, 0))
}

// Join leads a context on in the thread of another.
func Join(ctx, other context.Context) context.Context {
	return trace.ContextWithSpan(ctx, trace.SpanFromContext(other))
}

// Of names the trace that a context is part of; "": none.
func Of(ctx context.Context) identity.Trace {
	if at := trace.SpanContextFromContext(ctx); at.HasTraceID() {
		return identity.Trace(at.TraceID().String())
	}
	return ""
}

// Send writes the thread into a request that follows from the context.
func Send(ctx context.Context, header http.Header) {
	propagation.TraceContext{}.Inject(ctx, bare{header})
}

// said reads the thread of a request that came in, as its sender has it; the zero
// value: there is none.
func said(header http.Header) trace.SpanContext {
	values := header[Header]
	if len(values) != 1 || len(values[0]) > longest {
		return trace.SpanContext{}
	}
	return trace.SpanContextFromContext(propagation.TraceContext{}.Extract(context.Background(), bare{header}))
}

// bare is a header of which nothing but the thread is read or written.
type bare struct{ header http.Header }

func (b bare) Get(name string) string {
	if http.CanonicalHeaderKey(name) != Header {
		return ""
	}
	return b.header.Get(Header)
}

func (b bare) Set(name, value string) {
	if http.CanonicalHeaderKey(name) == Header {
		b.header.Set(Header, value)
	}
}

func (b bare) Keys() []string { return []string{Header} }

// fresh is a place in a trace that nobody has been at.
func fresh(id trace.TraceID, flags trace.TraceFlags) trace.SpanContext {
	return trace.NewSpanContext(trace.SpanContextConfig{TraceID: id, SpanID: trace.SpanID(random(8)), TraceFlags: flags})
}

// random is so many random bytes. They are never all zero in anybody's lifetime.
func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // it never fails
	return b
}
