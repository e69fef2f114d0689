package tracing

import (
	"context"
	"net/http"

	"go.opentelemetry.io/otel/trace"
)

// Receive takes up the thread of a request that came in, or begins one. Believed says
// that another node of the federation has sent it.
func Receive(ctx context.Context, header http.Header, believed bool) context.Context {
	at := sent(header, believed)
	if !at.IsValid() {
		return Begin(ctx)
	}
	return trace.ContextWithRemoteSpanContext(ctx, at)
}
