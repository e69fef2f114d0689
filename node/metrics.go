package node

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"starling/api/despatch"
	"starling/api/ivoa"
	"starling/federation/fanout"
	"starling/node/store"
)

// metricSet is what a broker counts.
type metricSet struct {
	phases      *prometheus.GaugeVec
	requests    *prometheus.CounterVec
	answers     *prometheus.HistogramVec
	outcomes    *prometheus.CounterVec
	reports     prometheus.Counter
	unpriced    prometheus.Counter
	unnoted     prometheus.Counter
	denials     *prometheus.CounterVec
	failedRules *prometheus.CounterVec
	lateness    prometheus.Histogram
	ran         prometheus.Histogram
}

// newMetricSet makes the metrics and registers them, if there is a registry.
func newMetricSet(registry prometheus.Registerer, b *Broker) *metricSet {
	m := &metricSet{
		phases: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "starling_sessions", Help: "Live sessions by phase.",
		}, []string{"phase"}),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "starling_requests_total", Help: "Requests for offers by the answer.",
		}, []string{"result"}),
		answers: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "starling_peer_answer_seconds", Help: "How long other nodes took that were asked for offers, by what came of it: yes, no, slow, unreachable, refused, broken, wrong, left (by who asked).",
			Buckets: prometheus.ExponentialBuckets(0.001, 2, 13),
		}, []string{"outcome"}),
		outcomes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "starling_attempts_total", Help: "Attempts that have ended by their outcome.",
		}, []string{"outcome"}),
		reports: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "starling_updates_total", Help: "Updates of executors that were taken.",
		}),
		unpriced: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "starling_unpriced_attempts_total", Help: "Attempts of which a cost model could not be evaluated, so that something was not charged.",
		}),
		denials: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "starling_policy_denials_total", Help: "Requests, offers and accepts that the site's policy denied, by the rule or quota.",
		}, []string{"rule"}),
		failedRules: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "starling_policy_failures_total", Help: "Evaluations of rules of the site's policy that failed, which denies what they were to judge.",
		}, []string{"rule"}),
		unnoted: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "starling_audit_uncounted_total", Help: "Refusals and looks at others' things that are not in the audit trail, since there were too many different ones within a minute.",
		}),
		lateness: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "starling_despatch_lateness_seconds", Help: "How long after its start a session was despatched.",
			Buckets: prometheus.ExponentialBuckets(0.001, 4, 10),
		}),
		ran: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "starling_attempt_seconds", Help: "How long attempts took from despatch to their end.",
			Buckets: prometheus.ExponentialBuckets(0.01, 4, 12),
		}),
	}
	m.prepare(b.options.Policy.Rules())
	if registry == nil {
		return m
	}
	gauge := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 {
			b.mu.Lock()
			defer b.mu.Unlock()
			return value()
		})
	}
	executors := func(state string, counts func(alive bool) bool) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "starling_executors", Help: "Registered executors: alive, and lost, which were not heard of for 90 s.",
			ConstLabels: prometheus.Labels{"state": state},
		}, func() (n float64) {
			b.mu.Lock()
			defer b.mu.Unlock()
			for _, e := range b.state.executors {
				if counts(e.alive(b.now())) {
					n++
				}
			}
			return n
		})
	}
	registry.MustRegister(m.phases, m.requests, m.answers, m.outcomes, m.reports, m.unpriced, m.unnoted, m.denials, m.failedRules, m.lateness, m.ran,
		gauge("starling_open_offer_sets", "Offer sets whose slots are held.", func() float64 { return float64(len(b.state.sets)) }),
		gauge("starling_attempts_running", "Attempts in progress.", func() float64 { return float64(len(b.state.attempts)) }),
		gauge("starling_agenda_events", "Events on the agenda.", func() float64 { return float64(len(b.agenda.events)) }),
		gauge("starling_sessions_due", "Sessions that are due and wait for an executor.", func() float64 {
			n := 0
			for _, p := range b.state.pools {
				n += p.queue.due
			}
			return float64(n)
		}),
		executors("alive", func(alive bool) bool { return alive }),
		executors("lost", func(alive bool) bool { return !alive }),
		gauge("starling_clock_seconds", "The time by which this node decides, in Unix seconds: the wall clock of its start, carried on.", func() float64 { return float64(b.now()) / 1000 }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "starling_event_readers", Help: "Readers of sessions' events.",
		}, func() float64 { return float64(b.events.count()) }),
	)
	return m
}

// prepare sets to none what may be counted: the first of a kind would not be seen to
// be more than none, if its count began with it.
func (m *metricSet) prepare(rules []string) {
	for _, result := range []ivoa.Result{ivoa.Yes, ivoa.No} {
		m.requests.WithLabelValues(string(result))
	}
	for _, outcome := range []string{string(despatch.Completed), string(despatch.Partial), string(despatch.Failed), string(despatch.Abandoned), outcomeStalled} {
		m.outcomes.WithLabelValues(outcome)
	}
	for _, outcome := range []string{"yes", "no", string(fanout.Slow), string(fanout.Unreachable), string(fanout.Refused), string(fanout.Broken), string(fanout.Wrong), string(fanout.Left)} {
		m.answers.WithLabelValues(outcome)
	}
	for _, rule := range rules {
		m.failedRules.WithLabelValues(rule)
	}
}

// outcomeStalled is that of attempts whose executor was lost.
const outcomeStalled = "STALLED"

// recount begins to count live sessions anew.
func (m *metricSet) recount() {
	m.phases.Reset()
	for phase := range transitions {
		m.phases.WithLabelValues(string(phase))
	}
}

// moved counts a live session from one phase to another; "" is none.
func (m *metricSet) moved(from, to ivoa.SessionPhase) {
	if from != "" {
		m.phases.WithLabelValues(string(from)).Dec()
	}
	if !store.Terminal(to) {
		m.phases.WithLabelValues(string(to)).Inc()
	}
}

func (m *metricSet) asked(yes bool) {
	result := string(ivoa.No)
	if yes {
		result = string(ivoa.Yes)
	}
	m.requests.WithLabelValues(result).Inc()
}

// answered counts what came of asking another node.
func (m *metricSet) answered(a fanout.Answer) {
	outcome := "yes"
	var fault *fanout.Fault
	switch {
	case errors.As(a.Err, &fault):
		outcome = string(fault.Kind)
	case len(a.Offers) == 0:
		outcome = "no"
	}
	m.answers.WithLabelValues(outcome).Observe(a.Took.Seconds())
}

// denied counts what a rule or a quota of the policy has denied.
func (m *metricSet) denied(rule string) { m.denials.WithLabelValues(rule).Inc() }

func (m *metricSet) updates(n int) { m.reports.Add(float64(n)) }

func (m *metricSet) despatched(late store.Millis) { m.lateness.Observe(float64(max(0, late)) / 1000) }

func (m *metricSet) completed(outcome string, took store.Millis) {
	m.outcomes.WithLabelValues(outcome).Inc()
	m.ran.Observe(float64(took) / 1000)
}
