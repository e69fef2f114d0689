package tracing

// Key names a fact that a span may tell. These are all: whoever reads spans is told
// which nodes and sessions, which routes, how many and how it ended, and never a name
// of a user, a word of a request, a query or a token.
type Key string

// The keys. Those that OpenTelemetry's semantic conventions have are named as there.
const (
	Method  Key = "http.request.method"
	Route   Key = "http.route" // the pattern, not the path
	Status  Key = "http.response.status_code"
	Failure Key = "error.type"
	Request Key = "starling.request" // its X-Request-Id
	Peer    Key = "starling.peer"    // the node at the other end
	Session Key = "starling.session" // its UUID
	Attempt Key = "starling.attempt" // the UUID of its history entry
	Try     Key = "starling.try"     // the attempt's number, from 1
	Outcome Key = "starling.outcome" // of an attempt
	Asked   Key = "starling.asked"   // how many nodes
	Offers  Key = "starling.offers"  // how many
)
