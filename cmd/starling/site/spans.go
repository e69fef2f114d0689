package site

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"starling/api/auth/exchange"
	"starling/federation/outbound"
	"starling/federation/tracing/otlp"
	"starling/node/config"
)

// Spans say whose spans are sent, and who looks how that goes.
type Spans struct {
	Service  string // the program
	Instance string // which one: a node's or an executor's name
	Version  string
	Log      *slog.Logger
	Metrics  prometheus.Registerer // nil: nobody
	Now      func() time.Time      // by which the collector's certificate is good
}

// OpenSpans begins to send spans to where the configuration says; nil where it says
// nothing. The caller closes what it gets.
func OpenSpans(c config.Tracing, s Spans) (*otlp.Exporter, error) {
	if c.Endpoint == "" {
		return nil, nil
	}
	// The operator has chosen the collector, and most are in the site's own network.
	options := outbound.Options{
		AllowPrivate: true, Connect: 5 * time.Second, Headers: 10 * time.Second, Whole: 10 * time.Second, MaxBody: 64 << 10, Now: s.Now,
	}
	var err error
	if options.RootCAs, err = authority(c.CA); err != nil {
		return nil, fmt.Errorf("read the authority of the collector (tracing.ca): %w", err)
	}
	o := otlp.Options{
		Endpoint: c.Endpoint, HTTP: outbound.New(options), Sample: c.Sample,
		Service: s.Service, Instance: s.Instance, Version: s.Version, Log: s.Log, Metrics: s.Metrics,
	}
	if c.HeadersFile != "" {
		o.Headers = exchange.SecretFile(c.HeadersFile)
	}
	exporter, err := otlp.Open(o)
	if err != nil {
		return nil, fmt.Errorf("send spans to %s (tracing.headersFile): %w", c.Endpoint, err)
	}
	return exporter, nil
}
