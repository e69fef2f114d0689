package otlp

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	spans "go.opentelemetry.io/proto/otlp/trace/v1"
	"golang.org/x/net/http/httpguts"
	"google.golang.org/protobuf/proto"

	"starling/federation/identity"
)

// collector is where spans go. It is the client of OpenTelemetry's exporter, which
// writes them as OTLP has them.
type collector struct {
	url     string
	http    *http.Client
	headers func() (identity.Secret, error)
}

// Start implements otlptrace.Client.
func (c *collector) Start(context.Context) error { return nil }

// Stop implements otlptrace.Client.
func (c *collector) Stop(context.Context) error { return nil }

// UploadTraces implements otlptrace.Client. Of a collector that answers, and doesn't
// take the spans, the error is a *refusal.
func (c *collector) UploadTraces(ctx context.Context, batch []*spans.ResourceSpans) error {
	// The bytes of TracesData are those of the request's own message, whose package has
	// a gRPC server with it.
	body, err := proto.Marshal(&spans.TracesData{ResourceSpans: batch})
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	if r.Header, err = c.header(); err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-protobuf")
	answer, err := c.http.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, answer.Body) // which the client bounds; else the connection could not be used again
	if answer.StatusCode/100 != 2 {
		return &refusal{answer.StatusCode}
	}
	return nil
}

// header is what goes with a request.
func (c *collector) header() (http.Header, error) {
	header := http.Header{}
	if c.headers == nil {
		return header, nil
	}
	secret, err := c.headers()
	if err != nil {
		return nil, err
	}
	n := 0
	for text := range strings.Lines(secret.Reveal()) {
		n++
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		name, value, found := strings.Cut(text, ":")
		value = strings.TrimSpace(value)
		if !found || !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(value) {
			return nil, fmt.Errorf("line %d of the headers (tracing.headersFile) is no header, as Authorization: Bearer TOKEN is", n)
		}
		header.Add(name, value)
	}
	return header, nil
}

// refusal is that the collector answers and doesn't take a batch.
type refusal struct{ status int }

// Error implements error.
func (r *refusal) Error() string {
	text := fmt.Sprintf("the collector answers %d %s", r.status, http.StatusText(r.status))
	switch r.status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return text + "; look at tracing.headersFile"
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		return text + "; is tracing.endpoint the base of its URLs for OTLP over HTTP, which is usually at port 4318?"
	}
	return text
}

// final reports whether the same batch would be refused again, as OTLP has it.
func (r *refusal) final() bool {
	switch r.status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return false
	}
	return true
}
