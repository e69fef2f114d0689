// Package tracing leads a thread through all that is done on behalf of one request:
// from the client to the node that it asks, to other nodes, into what is written down
// to be done later, to the executor that does the work, and back in its reports.
//
// The thread is a W3C trace context (the header traceparent). Receive takes it up
// where a request comes in, or begins one; it is in the context from there on, and
// Send writes it into the requests that follow from it. What is to be done later
// keeps the trace's name (identity.Trace), and Resume takes it up again. Logs bear it
// wherever a context does: Handler sees to that, in one place.
//
// A Span is a part of what is done in a thread: how long it took, and below what it was
// done. It is recorded where a Tracer has begun the first one of a request (Serve), or of
// what is done later (Resume); Start and Call go below what the context has, and cost
// nothing where that isn't recorded. What a span may tell is in keys.go, all of it. Who
// collects spans is another's business (package otlp).
//
// What a client sends is good for finding things together and is trusted for nothing
// else: what is not exactly a trace context is replaced by one of the node's own, the
// rest of it (tracestate, baggage) is not looked at. Its wish to be sampled is not heard;
// that it records a span of its own is believed, and ours goes below that.
package tracing
