package api

import (
	_ "embed"
	"errors"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"starling/federation/identity"
)

// healthy answers GET /healthz: the process answers, and that is all it says.
func (s *Server) healthy(v *visit) error {
	return v.send(http.StatusOK, plainText, []byte("ok\n"))
}

// readiness is what GET /readyz answers.
type readiness struct {
	Ready   bool     `json:"ready"`
	Reasons []string `json:"reasons"`
	// Messages say what isn't well, though it is no reason to send work elsewhere.
	Messages []string `json:"messages,omitempty"`
}

// ready answers GET /readyz: 200 while the node takes work, 503 with the
// reasons while it doesn't; and what somebody should look at.
func (s *Server) ready(v *visit) error {
	r := s.readiness()
	status := http.StatusOK
	if !r.Ready {
		status = http.StatusServiceUnavailable
	}
	return v.answerJSON(status, r)
}

// readiness is how the node is.
func (s *Server) readiness() readiness {
	wrong := s.Broker.Ready()
	if s.streams.stopping() {
		wrong = append(wrong, "the node is stopping")
	}
	warnings := s.Broker.Warnings()
	if s.Federation != nil {
		if err := s.Federation.Trouble(); err != nil {
			warnings = append(warnings, err.Error())
		}
	}
	if s.Warnings != nil {
		warnings = append(warnings, s.Warnings()...)
	}
	return readiness{Ready: len(wrong) == 0, Reasons: wrong, Messages: warnings}
}

// measure tells of the readiness in the metrics, too.
func (s *Server) measure(into prometheus.Registerer) error {
	return errors.Join(
		into.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "starling_ready", Help: "1 while the node takes work; GET /readyz says why it doesn't.",
		}, func() float64 {
			if s.readiness().Ready {
				return 1
			}
			return 0
		})),
		into.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "starling_warnings", Help: "How many messages GET /readyz has for an operator.",
		}, func() float64 { return float64(len(s.readiness().Messages)) })))
}

// showMetrics answers GET /metrics in Prometheus' format.
func (s *Server) showMetrics(v *visit) error {
	options := promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: 4}
	promhttp.HandlerFor(s.Gatherer, options).ServeHTTP(v.Response(), v.Request())
	return nil
}

//go:embed openapi.yaml
var openAPI []byte

// OpenAPI returns the document that describes every path of this node.
func OpenAPI() []byte { return openAPI }

// document answers GET /openapi.yaml.
func (s *Server) document(v *visit) error {
	return v.send(http.StatusOK, "application/yaml", openAPI)
}

// indexPage is what GET / answers: what this is, whom the node takes the caller
// for, and where things are.
type indexPage struct {
	Service string          `json:"service"`
	Node    string          `json:"node,omitempty"`
	Version string          `json:"version,omitempty"`
	User    string          `json:"user"`
	Roles   []identity.Role `json:"roles,omitempty"`
	Groups  []string        `json:"groups,omitempty"`
	// Proposal pays for what the caller asks; Proposals may.
	Proposal  string            `json:"proposal,omitempty"`
	Proposals []string          `json:"proposals,omitempty"`
	Links     map[string]string `json:"links"`
}

// index answers GET /.
func (s *Server) index(v *visit) error {
	if err := v.onlyJSON(); err != nil {
		return err
	}
	links := make(map[string]string)
	for name, path := range map[string]string{
		"requests": "/requests", "sessions": "/sessions", "history": "/history", "accounts": "/accounts",
		"statement": "/statements", "budgets": "/budgets", "allocations": "/allocations", "executors": "/executors", "nodes": "/federation/nodes",
		"capabilities": capabilitiesPath, "availability": availabilityPath, "ready": readyPath,
		"metrics": metricsPath, "openapi": documentPath,
	} {
		links[name] = v.absolute(path)
	}
	return v.answerJSON(http.StatusOK, indexPage{
		Service: "Starling, an IVOA execution broker", Node: string(s.Node), Version: s.Version,
		User: v.caller.User, Roles: v.caller.Roles, Groups: v.caller.Groups,
		Proposal: v.caller.Proposal, Proposals: v.caller.Proposals, Links: links,
	})
}
