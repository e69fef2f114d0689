// Package otlptest is a collector of spans for tests: it takes OTLP over HTTP, and
// answers as badly as a test wants.
package otlptest

import (
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
	"testing"

	common "go.opentelemetry.io/proto/otlp/common/v1"
	spans "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// Span is one that has been sent.
type Span struct {
	Instance          string // whose it is: a node's or an executor's name
	Service           string
	Trace, ID, Parent string
	Name, Kind        string
	Failed            bool
	Facts             map[string]string
	Began, Ended      uint64 // Unix nanoseconds
}

// Collector takes spans.
type Collector struct {
	URL    string
	server *httptest.Server

	mu       sync.Mutex
	spans    []Span
	requests []*http.Request
	answer   http.HandlerFunc
}

// NewCollector returns a collector that takes everything, until the test ends.
func NewCollector(t testing.TB) *Collector {
	c := &Collector{}
	c.server = httptest.NewServer(c)
	c.URL = c.server.URL
	t.Cleanup(c.Close)
	return c
}

// Close ends the collector: nobody is there any more. It may be called more than once.
func (c *Collector) Close() {
	c.server.CloseClientConnections()
	c.server.Close()
}

// Answer has something answer in the collector's stead; nil: itself again.
func (c *Collector) Answer(with http.HandlerFunc) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answer = with
}

// Requests are those that the collector has had, whatever it answered.
func (c *Collector) Requests() []*http.Request {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.requests)
}

// Spans are those that the collector has taken.
func (c *Collector) Spans() []Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.spans)
}

// Of are the spans of one trace.
func (c *Collector) Of(trace string) []Span {
	return slices.DeleteFunc(c.Spans(), func(s Span) bool { return s.Trace != trace })
}

// ServeHTTP implements http.Handler.
func (c *Collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	c.mu.Lock()
	c.requests = append(c.requests, r)
	answer := c.answer
	c.mu.Unlock()
	if answer != nil {
		answer(w, r)
		return
	}
	var sent spans.TracesData
	if err != nil || r.Method != http.MethodPost || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf" || proto.Unmarshal(body, &sent) != nil {
		http.Error(w, "this is no OTLP", http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, of := range sent.ResourceSpans {
		whose := facts(of.Resource.Attributes)
		for _, scope := range of.ScopeSpans {
			for _, s := range scope.Spans {
				c.spans = append(c.spans, Span{
					Instance: whose["service.instance.id"], Service: whose["service.name"],
					Trace: hex.EncodeToString(s.TraceId), ID: hex.EncodeToString(s.SpanId), Parent: hex.EncodeToString(s.ParentSpanId),
					Name: s.Name, Kind: s.Kind.String(), Failed: s.Status.GetCode() == spans.Status_STATUS_CODE_ERROR,
					Facts: facts(s.Attributes), Began: s.StartTimeUnixNano, Ended: s.EndTimeUnixNano,
				})
			}
		}
	}
}

// facts are attributes as text.
func facts(list []*common.KeyValue) map[string]string {
	of := map[string]string{}
	for _, a := range list {
		switch v := a.Value.Value.(type) {
		case *common.AnyValue_StringValue:
			of[a.Key] = v.StringValue
		case *common.AnyValue_IntValue:
			of[a.Key] = strconv.FormatInt(v.IntValue, 10)
		default:
			of[a.Key] = fmt.Sprint(a.Value)
		}
	}
	return of
}
