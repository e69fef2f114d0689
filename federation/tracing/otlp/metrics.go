package otlp

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// Why spans are lost.
const (
	lostFull    = "full"    // the queue was
	lostRefused = "refused" // by the collector, which has not been asked again
	lostStopped = "stopped" // the program had to end
)

// metrics count what becomes of spans.
type metrics struct {
	sent, failures prometheus.Counter
	losses         *prometheus.CounterVec
	waiting        prometheus.GaugeFunc
}

func newMetrics(waiting func() float64) *metrics {
	m := &metrics{
		sent: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "starling_spans_sent_total", Help: "Spans that the collector has taken.",
		}),
		failures: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "starling_spans_failures_total", Help: "Requests to the collector that failed. What can be is sent again.",
		}),
		losses: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "starling_spans_lost_total", Help: "Spans that nobody will see, by why: full (the queue was), refused (by the collector), stopped (the node had to end).",
		}, []string{"why"}),
		waiting: prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "starling_spans_waiting", Help: "Spans that wait to be sent.",
		}, waiting),
	}
	for _, why := range []string{lostFull, lostRefused, lostStopped} { // else the first would not be seen to be more than none
		m.losses.WithLabelValues(why)
	}
	return m
}

func (m *metrics) lost(why string, n int) { m.losses.WithLabelValues(why).Add(float64(n)) }

func (q *queue) measure(into prometheus.Registerer) error {
	if into == nil {
		return nil
	}
	m := q.metrics
	return errors.Join(into.Register(m.sent), into.Register(m.failures), into.Register(m.losses), into.Register(m.waiting))
}
