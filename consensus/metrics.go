package consensus

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics count what the log does.
type metrics struct {
	registerer prometheus.Registerer
	applied    prometheus.Counter
	rejected   prometheus.Counter
	size       prometheus.Histogram
	entry      prometheus.Histogram
	seconds    prometheus.Histogram
	depth      prometheus.GaugeFunc
	oldest     prometheus.GaugeFunc
}

func newMetrics(registerer prometheus.Registerer, outbox *Outbox) (*metrics, error) {
	m := &metrics{
		applied: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "starling_log_records_applied_total",
			Help: "Records taken from the outbox and applied, refused ones included.",
		}),
		rejected: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "starling_log_records_rejected_total",
			Help: "Records that accounting refused.",
		}),
		size: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "starling_log_batch_records",
			Help:    "Records written with one fsync.",
			Buckets: prometheus.ExponentialBuckets(1, 4, 7), // 1 to 4096
		}),
		entry: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "starling_log_entry_records",
			Help:    "Records in one entry of the replicated log that this node has made.",
			Buckets: prometheus.ExponentialBuckets(1, 2, 10), // 1 to 512
		}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "starling_log_batch_seconds",
			Help:    "Time to apply one batch durably.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2, 12), // 0.5 ms to 1 s
		}),
		depth: prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "starling_outbox_depth",
			Help: "Records in the outbox that are not applied.",
		}, func() float64 {
			depth, _, _ := outbox.Depth()
			return float64(depth)
		}),
		oldest: prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "starling_outbox_oldest_seconds",
			Help: "Age of the oldest record in the outbox that is not applied.",
		}, func() float64 {
			_, oldest, _ := outbox.Depth()
			return oldest.Seconds()
		}),
	}
	if registerer == nil {
		return m, nil
	}
	m.registerer = registerer
	for _, c := range m.collectors() {
		if err := registerer.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (m *metrics) collectors() []prometheus.Collector {
	return []prometheus.Collector{m.applied, m.rejected, m.size, m.entry, m.seconds, m.depth, m.oldest}
}

func (m *metrics) batch(done outcome, took time.Duration) {
	m.applied.Add(float64(done.records))
	m.rejected.Add(float64(len(done.rejected)))
	m.size.Observe(float64(done.records))
	m.seconds.Observe(took.Seconds())
}

// unregister takes the metrics back, so that a node can be opened again in the
// same process.
func (m *metrics) unregister() {
	if m.registerer == nil {
		return
	}
	for _, c := range m.collectors() {
		m.registerer.Unregister(c)
	}
}
