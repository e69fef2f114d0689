package cluster

import "github.com/prometheus/client_golang/prometheus"

// peerMetrics are what this node knows of the others, gathered when they are asked
// for. That a voter is gone, a clock is off or another node answers in some node's
// place is seen by those who are left, so that each of them tells it.
type peerMetrics struct {
	members         func() []Member
	info, skew, lag *prometheus.Desc
}

func newPeerMetrics(members func() []Member) *peerMetrics {
	of := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, append([]string{"peer"}, labels...), nil)
	}
	return &peerMetrics{
		members: members,
		info: of("starling_peer_info", "1 for each node of the federation that this node knows, itself included: its state (alive, dead, left, revoked, unknown, impostor), its role in the log (leader, voter, replica; joining and gone are not in it) and its version.",
			"state", "role", "version"),
		skew: of("starling_peer_clock_skew_seconds", "How far the clock of a living node is ahead of this node's; 0 for less than gossip can tell (2 s)."),
		lag:  of("starling_peer_lag_entries", "How many entries of the log a node's copy lacks."),
	}
}

// Describe is prometheus.Collector's.
func (p *peerMetrics) Describe(to chan<- *prometheus.Desc) {
	to <- p.info
	to <- p.skew
	to <- p.lag
}

// Collect is prometheus.Collector's.
func (p *peerMetrics) Collect(to chan<- prometheus.Metric) {
	gauge := func(of *prometheus.Desc, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(of, prometheus.GaugeValue, value, labels...)
	}
	for _, m := range p.members() {
		gauge(p.info, 1, m.Name, m.State, m.Role, m.Version)
		gauge(p.lag, float64(m.Lag), m.Name)
		if m.State == Alive {
			gauge(p.skew, m.ClockSkewSeconds, m.Name)
		}
	}
}
