package line

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics count who calls, and who is refused.
type metrics struct {
	registerer  prometheus.Registerer
	refused     *prometheus.CounterVec
	calls       *prometheus.CounterVec
	connections *prometheus.GaugeVec
}

func newMetrics(registerer prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		registerer: registerer,
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "starling_line_refused_total",
			Help: "Connections to the port between nodes that were not taken, by reason.",
		}, []string{"reason"}),
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "starling_line_failed_calls_total",
			Help: "Connections to other nodes that could not be made.",
		}, []string{"protocol"}),
		connections: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "starling_line_connections",
			Help: "Open connections with other nodes: in were made by them, out by this node.",
		}, []string{"protocol", "direction"}),
	}
	for _, reason := range reasons { // else the first of a kind would not be seen to be more than none
		m.refused.WithLabelValues(string(reason))
	}
	for _, protocol := range []string{protocolRaft, protocolHTTP} {
		m.calls.WithLabelValues(protocol)
	}
	if registerer == nil {
		return m, nil
	}
	for _, c := range m.collectors() {
		if err := registerer.Register(c); err != nil {
			return nil, fmt.Errorf("metrics of the port between nodes: %w", err)
		}
	}
	return m, nil
}

func (m *metrics) collectors() []prometheus.Collector {
	return []prometheus.Collector{m.refused, m.calls, m.connections}
}

// open counts a connection in; its end counts it out.
func (m *metrics) open(protocol, direction string) prometheus.Gauge {
	gauge := m.connections.WithLabelValues(protocol, direction)
	gauge.Inc()
	return gauge
}

func (m *metrics) failed(protocol string) { m.calls.WithLabelValues(protocol).Inc() }

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
