package api

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics count what passes through the server, by route, so that their number
// does not depend on what clients send.
type metrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	inFlight prometheus.Gauge
	bodies   *prometheus.CounterVec
	// throttled is by what the sender was counted.
	throttled *prometheus.CounterVec
	// refusedSockets are connections beyond those that there may be.
	refusedSockets prometheus.Counter
}

func newMetrics(into prometheus.Registerer, s *streams) (*metrics, error) {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "starling_http_requests_total",
			Help: "Requests answered, by route, method and status.",
		}, []string{"route", "method", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "starling_http_request_seconds",
			Help: "Time from a request's header to the end of its answer; long polls and streams include the waiting.",
			// From a lookup in memory to the longest poll.
			Buckets: []float64{.00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, 1, 2.5, 10, 30, 60},
		}, []string{"route", "method"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "starling_http_requests_in_flight",
			Help: "Requests being answered now, streams and long polls included.",
		}),
		bodies: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "starling_http_body_bytes_total",
			Help: "Bytes of bodies: of requests, as far as they were read, and of answers.",
		}, []string{"direction"}),
		throttled: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "starling_http_throttled_total",
			Help: "Requests refused because there were too many, by what they were counted by: user, executor, peer, address, failed-logins.",
		}, []string{"by"}),
		refusedSockets: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "starling_http_refused_connections_total",
			Help: "Connections closed at once because there were too many, or too many of their address.",
		}),
	}
	for _, by := range []string{byUser, byExecutor, byPeer, byAddress, byFailedLogins} { // else the first would not be seen to be more than none
		m.throttled.WithLabelValues(by)
	}
	open := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "starling_http_streams",
		Help: "Event streams, followed outputs and exports that are open.",
	}, func() float64 { return float64(s.open()) })
	var errs []error
	for _, c := range []prometheus.Collector{m.requests, m.seconds, m.inFlight, m.bodies, m.throttled, m.refusedSockets, open} {
		errs = append(errs, into.Register(c))
	}
	return m, errors.Join(errs...)
}

func (m *metrics) observe(v *visit, took time.Duration) {
	route, method := labels(v)
	m.requests.WithLabelValues(route, method, strconv.Itoa(v.Response().Status)).Inc()
	m.seconds.WithLabelValues(route, method).Observe(took.Seconds())
	m.bodies.WithLabelValues("answer").Add(float64(v.Response().Size))
}

// labels are a request's route and method, of which there are few whatever clients
// send.
func labels(v *visit) (route, method string) {
	route, method = v.Path(), v.Request().Method
	if route == "" {
		route = "none"
	}
	switch method {
	case http.MethodGet, http.MethodPost, http.MethodHead, http.MethodOptions, http.MethodPut, http.MethodDelete:
	default:
		method = "other"
	}
	return route, method
}

// read counts the bytes of a request's body.
func (m *metrics) read(bytes int) { m.bodies.WithLabelValues("request").Add(float64(bytes)) }
