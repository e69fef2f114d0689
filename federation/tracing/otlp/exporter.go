package otlp

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"

	"starling/federation/identity"
	"starling/federation/tracing"
)

// Options say what is sent, and where.
type Options struct {
	// Endpoint is the collector's base URL; spans go to /v1/traces below it.
	Endpoint string
	HTTP     *http.Client // the way there; it bounds what a request may take
	// Headers is what goes with every request beside the spans, "Name: value" a line;
	// it is called for each. nil: nothing does.
	Headers func() (identity.Secret, error)
	// Sample is the share of traces that are recorded, by their names, so that it is
	// the same ones everywhere; and beside them those that another node records.
	Sample float64
	// Service and Instance say whose spans these are: of which program, and which of
	// those; Version, of which version.
	Service, Instance, Version string
	Log                        *slog.Logger
	Metrics                    prometheus.Registerer // nil: nobody looks
	Timing                     Timing
}

// Timing is how long things take; each zero value means the default.
type Timing struct {
	// Linger is how long a span waits for others to go with it: 1 s.
	Linger time.Duration
	// Again is the pause before what the collector couldn't take is sent again, 1 s; it
	// doubles up to AgainMax, 30 s.
	Again, AgainMax time.Duration
	// Farewell is how long Close may take: 3 s.
	Farewell time.Duration
	// Seldom is how often it is said that there is trouble: every 10 min.
	Seldom time.Duration
}

// Bounds of one span. What we tell fits; they are for what an SDK to come adds.
const (
	mostFacts = 32
	mostFact  = 256 // characters
)

// Exporter records spans and sends them. The nil one does neither.
type Exporter struct {
	queue    *queue
	provider *sdk.TracerProvider
	http     *http.Client
}

// Open begins to send. The collector doesn't have to be there; but headers that can't
// be read are an error.
func Open(o Options) (*Exporter, error) {
	c := &collector{url: o.Endpoint + "/v1/traces", http: o.HTTP, headers: o.Headers}
	if _, err := c.header(); err != nil {
		return nil, err
	}
	client, err := otlptrace.New(context.Background(), c)
	if err != nil {
		return nil, err
	}
	q := newQueue(client, o.Timing.withDefaults(), o.Log)
	if err := q.measure(o.Metrics); err != nil {
		return nil, fmt.Errorf("register the metrics of spans: %w", err)
	}
	go q.run()
	return &Exporter{q, sdk.NewTracerProvider(
		sdk.WithSpanProcessor(q), sdk.WithSampler(sampler{sdk.TraceIDRatioBased(o.Sample)}),
		sdk.WithResource(resource.NewSchemaless(
			attribute.String("service.name", o.Service), attribute.String("service.instance.id", o.Instance), attribute.String("service.version", o.Version),
		)),
		sdk.WithRawSpanLimits(sdk.SpanLimits{
			AttributeValueLengthLimit: mostFact, AttributeCountLimit: mostFacts,
			EventCountLimit: mostFacts, LinkCountLimit: mostFacts, AttributePerEventCountLimit: mostFacts, AttributePerLinkCountLimit: mostFacts,
		}),
	), o.HTTP}, nil
}

// Tracer begins spans that are sent.
func (e *Exporter) Tracer() *tracing.Tracer {
	if e == nil {
		return nil
	}
	return tracing.NewTracer(e.provider)
}

// Close sends what there is, as far as that can be done soon, and waits for it. Spans
// that end later are not sent. It may be called more than once.
func (e *Exporter) Close() {
	if e == nil {
		return
	}
	e.queue.close()
	_ = e.provider.Shutdown(context.Background()) // there is nothing left that could fail
	e.http.CloseIdleConnections()
}

func (t Timing) withDefaults() Timing {
	t.Linger = cmp.Or(t.Linger, time.Second)
	t.Again = cmp.Or(t.Again, time.Second)
	t.AgainMax = cmp.Or(t.AgainMax, 30*time.Second)
	t.Farewell = cmp.Or(t.Farewell, 3*time.Second)
	t.Seldom = cmp.Or(t.Seldom, 10*time.Minute)
	return t
}
