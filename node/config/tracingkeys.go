package config

// Tracing is where the spans of what is done here go, for a view of a request through
// all the nodes that had to do with it. They name nodes, sessions and routes, and no
// user.
type Tracing struct {
	// An OpenTelemetry collector that takes OTLP in protobuf over HTTP: the base of its
	// URLs, to which /v1/traces is added. Default: none, and no spans are made.
	Endpoint string `key:"endpoint" example:"https://collector.example.org:4318"`
	// The certificates of the authority that vouches for it, a PEM file. Default: the
	// system's.
	CA string `key:"ca" example:"/etc/starling/collector-ca.pem"`
	// A file with the headers that it wants, with mode 0600: a line each, as
	// Authorization: Bearer TOKEN. It is read again for every request. Only over https,
	// or within the machine.
	HeadersFile string `key:"headersFile" example:"/etc/starling/collector.headers"`
	// The share of traces that are recorded. Which they are, their names decide, so that
	// nodes with the same share record the same; what another node records on its part
	// is always recorded here, too.
	Sample float64 `key:"sample" min:"0" max:"1"`
}
