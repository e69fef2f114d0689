package tracing

import (
	"context"
	"net/http"

	"go.opentelemetry.io/otel/trace"
)

// Receive takes up the thread of a request that came in, or begins one. Believed says
// that another node of the federation has sent it, or this one itself: of others the
// wish to be sampled isn't heard.
func Receive(ctx context.Context, header http.Header, believed bool) context.Context {
	at := said(header)
	if !at.IsValid() {
		return Begin(ctx)
	}
	if !believed {
		at = at.WithTraceFlags(0)
	}
	return trace.ContextWithRemoteSpanContext(ctx, at)
}
