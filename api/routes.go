package api

import "net/http"

// route is one operation. HEAD goes wherever GET does.
type route struct {
	method, path string
	handle       handler
}

// routes is every path of this node. openapi.yaml describes the same, and a
// test compares them.
func (s *Server) routes() []route {
	const get, post, put = http.MethodGet, http.MethodPost, http.MethodPut
	return []route{
		// IVOA ExecutionBroker 1.0.
		{post, "/requests", s.ask},
		{post, "/direct", s.direct},
		{get, "/offersets/:uuid", s.offerSet},
		{get, "/sessions/:uuid", s.session},
		{post, "/sessions/:uuid", s.update},

		// What users expect beyond it.
		{post, "/policy/check", s.checkPolicy},
		{get, "/sessions", s.sessions},
		{get, explanationPath, s.explanation},
		{get, "/sessions/:uuid/events", s.events},
		{get, "/sessions/:uuid/stdout", s.stdout},
		{get, "/sessions/:uuid/stderr", s.stderr},
		{get, "/sessions/:uuid/files", s.files},
		{get, "/sessions/:uuid/files/*", s.file},

		// What runs in sessions.
		{get, connectBare, s.connectFrom},
		{get, connectInside, s.connect},
		{post, connectInside, s.connect},
		{http.MethodPut, connectInside, s.connect},
		{http.MethodPatch, connectInside, s.connect},
		{http.MethodDelete, connectInside, s.connect},
		{http.MethodOptions, connectInside, s.connect},
		{post, linkPath, s.link},
		{get, enterPath, s.enter},

		// The despatch protocol.
		{post, "/executors", s.register},
		{get, "/executors", s.executors},
		{post, "/executors/:uuid/despatch", s.despatch},
		{post, "/history/:ref/updates", s.report},
		{post, "/history/:ref/completion", s.complete},
		{put, "/history/:ref/files/*", s.receiveFile},

		// The record.
		{get, "/history", s.history},
		{get, "/history/:ref", s.historyEntry},
		{get, "/history/:ref/updates", s.updates},
		{get, "/accounts", s.accounts},
		{get, "/accounts/:id/entries", s.entries},
		{get, "/statements", s.statement},
		{get, "/audit", s.audit},

		// What is ordered of the ledger.
		{get, "/budgets", s.budgets},
		{get, "/allocations", s.allocations},
		{post, "/allocations", s.allocate},
		{post, "/owners", s.enrol},
		{post, "/history/:ref/corrections", s.correct},
		{post, "/history/:ref/refunds", s.refund},
		{post, "/history/:ref/discounts", s.discount},

		// The federation and its nodes.
		{get, "/federation/nodes", s.nodes},
		{get, "/federation/log", s.logStatus},
		{get, "/federation/revocations", s.revocations},
		{post, "/federation/revocations", s.revoke},
		{post, "/federation/leave", s.leaveFederation},
		{http.MethodDelete, "/federation/nodes/:name", s.removeNode},

		// VOSI 1.1 and operation.
		{get, availabilityPath, s.availability},
		{get, capabilitiesPath, s.capabilities},
		{get, healthPath, s.healthy},
		{get, readyPath, s.ready},
		{get, metricsPath, s.showMetrics},
		{get, documentPath, s.document},
		{get, resourcePath, s.resource},
		{get, "/", s.index},
	}
}

// ownedParameter is the path's parameter with the UUID of what an operation is
// about, where only the node that owns it can answer; others pass the request on
// to it. It is "" for what any node answers: by itself, or from the record, which
// all of them have.
func ownedParameter(method, path string) string {
	switch path {
	case "/offersets/:uuid", "/sessions/:uuid", explanationPath, "/sessions/:uuid/events", "/sessions/:uuid/stdout", "/sessions/:uuid/stderr",
		"/sessions/:uuid/files", "/sessions/:uuid/files/*", linkPath, enterPath, connectBare, connectInside, "/executors/:uuid/despatch":
		return "uuid"
	case "/history/:ref/completion", "/history/:ref/files/*":
		return "ref"
	case "/history/:ref/updates":
		if method == http.MethodPost {
			return "ref"
		}
	}
	return ""
}

// The paths that need no identity, and the metrics, which need a role.
const (
	availabilityPath = "/availability"
	capabilitiesPath = "/capabilities"
	healthPath       = "/healthz"
	readyPath        = "/readyz"
	documentPath     = "/openapi.yaml"
	metricsPath      = "/metrics"
)

// openToAll reports whether anybody may ask: whoever looks for a broker, or looks
// after one, has no token yet; and a one-time link is its own.
func openToAll(path string) bool {
	switch path {
	case availabilityPath, capabilitiesPath, healthPath, readyPath, documentPath, resourcePath, enterPath:
		return true
	}
	return false
}
