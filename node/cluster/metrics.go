package cluster

import (
	"github.com/prometheus/client_golang/prometheus"

	"starling/consensus"
)

// counts are of what is told and asked of digests.
type counts struct{ announced, fetched, failed prometheus.Counter }

func newCounts() counts {
	fetches := func(outcome string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{
			Name: "starling_digest_fetches_total", Help: "How often the slow part of another node's digest was asked for.",
			ConstLabels: prometheus.Labels{"outcome": outcome},
		})
	}
	return counts{
		announced: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "starling_announcements_total", Help: "How often this node had something new to tell of itself by gossip.",
		}),
		fetched: fetches("fetched"), failed: fetches("failed"),
	}
}

// metrics are what an operator is woken for: a log that nobody leads, a copy that
// stays behind.
func (c *Cluster) metrics() (list []prometheus.Collector) {
	for name, of := range map[string]struct {
		help  string
		value func(consensus.Status) float64
	}{
		"starling_log_led": {"1 while this node knows who leads the replicated log, 0 while nobody does that it can reach.",
			func(s consensus.Status) float64 { return oneIf(s.Leader != "") }},
		"starling_log_leads": {"1 while this node leads the replicated log.",
			func(s consensus.Status) float64 { return oneIf(s.Leader == c.name) }},
		"starling_log_applied_index": {"The last entry of the replicated log that this node's copy has.",
			func(s consensus.Status) float64 { return float64(s.Applied) }},
		"starling_log_commit_index": {"The last entry that this node knows to be committed.",
			func(s consensus.Status) float64 { return float64(s.Commit) }},
		"starling_log_age_seconds": {"For how long this node's copy may have been behind the others'.",
			func(s consensus.Status) float64 { return s.AgeSeconds }},
	} {
		list = append(list, prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: of.help},
			func() float64 { return of.value(c.log.Status()) }))
	}
	return append(list, c.counts.announced, c.counts.fetched, c.counts.failed, newPeerMetrics(c.heard))
}

// heard is Members, or nobody as long as there is no gossip to hear them by.
func (c *Cluster) heard() []Member {
	if c.gossip.Load() == nil {
		return nil
	}
	return c.Members()
}

func oneIf(holds bool) float64 {
	if holds {
		return 1
	}
	return 0
}

// register has the metrics collected until the end of c.
func (c *Cluster) register(at prometheus.Registerer) error {
	if at == nil {
		return nil
	}
	for _, m := range c.metrics() {
		if err := at.Register(m); err != nil {
			return err
		}
		c.collected = append(c.collected, func() { at.Unregister(m) })
	}
	return nil
}
