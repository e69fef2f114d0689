package membership

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics count who is there, what gossip costs and who was refused.
type metrics struct {
	registerer     prometheus.Registerer
	sent, received traffic
	refused        *prometheus.CounterVec
	collectors     []prometheus.Collector
}

type traffic struct{ packet, stream prometheus.Counter }

func newMetrics(registerer prometheus.Registerer, count func() map[State]int) (*metrics, error) {
	bytes := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "starling_gossip_bytes_total",
		Help: "Bytes of gossip, by direction (sent, received) and by what carried them (packet, stream).",
	}, []string{"direction", "carrier"})
	m := &metrics{
		registerer: registerer,
		sent:       traffic{bytes.WithLabelValues("sent", "packet"), bytes.WithLabelValues("sent", "stream")},
		received:   traffic{bytes.WithLabelValues("received", "packet"), bytes.WithLabelValues("received", "stream")},
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "starling_gossip_refused_total",
			Help: "What gossip refused: members of another federation, of a taken name, with a colliding identity, malformed ones or too many; connections and packets of strangers, with other keys, or too many.",
		}, []string{"reason"}),
	}
	for _, known := range kinds { // else the first of a kind would not be seen to be more than none
		m.refused.WithLabelValues(known.name)
	}
	m.refused.WithLabelValues(reasonStranger)
	m.collectors = []prometheus.Collector{bytes, m.refused}
	for _, state := range []State{Alive, Dead, Left} {
		m.collectors = append(m.collectors, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name:        "starling_federation_members",
			Help:        "Members of the federation that this node knows, itself included, by state.",
			ConstLabels: prometheus.Labels{"state": string(state)},
		}, func() float64 { return float64(count()[state]) }))
	}
	if registerer == nil {
		return m, nil
	}
	for i, c := range m.collectors {
		if err := registerer.Register(c); err != nil {
			m.collectors = m.collectors[:i]
			m.unregister()
			return nil, err
		}
	}
	return m, nil
}

func (m *metrics) unregister() {
	if m.registerer == nil {
		return
	}
	for _, c := range m.collectors {
		m.registerer.Unregister(c)
	}
}

// refuse counts a refusal under its reason.
func (m *metrics) refuse(err error) {
	m.refused.WithLabelValues(reason(err)).Inc()
}

// kinds are the reasons that errors tell by themselves.
var kinds = []struct {
	err  error
	name string
}{
	{ErrFederation, "federation"}, {ErrName, "name"}, {ErrCollision, "collision"}, {ErrKeys, "keys"},
	{errTooMany, "members"}, {errMalformed, "malformed"}, {errBusy, "busy"},
}

// reasonStranger is that of all others.
const reasonStranger = "stranger"

func reason(err error) string {
	for _, known := range kinds {
		if errors.Is(err, known.err) {
			return known.name
		}
	}
	return reasonStranger
}
