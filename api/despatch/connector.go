package despatch

// The updates by which an executor opens and closes a way into a running
// attempt. The end of the attempt closes all that are open.
const (
	ConnectorOpened = "connector"
	ConnectorClosed = "connector-closed"
)

// Protocols of a connector.
const (
	ProtocolHTTP  = "HTTP"
	ProtocolHTTPS = "HTTPS"
	ProtocolTCP   = "TCP"
)

// Connector is a way into a running attempt: a notebook, say. The node lists it
// with the session, and leads requests for /sessions/{uuid}/connect/{name}/… to
// Origin, for the session's owner and the site's operators. TCP is listed, with
// its origin, but not led through.
type Connector struct {
	// Name is unique within the session: 1 to 64 letters, digits, dots, hyphens
	// and underscores, the first a letter or a digit. The same again replaces it.
	Name string `json:"name"`
	// Protocol is HTTP, HTTPS or TCP. An HTTPS origin may have any certificate:
	// it is known by its address.
	Protocol string `json:"protocol,omitempty"`
	// Origin is scheme, IP address and port ("http://172.18.0.2:8888",
	// "tcp://172.18.0.2:5432"), within what is registered as
	// Registration.Origins.
	Origin string `json:"origin,omitempty"`
	// Path is what …/connect/{name}/ stands for at the origin; absent, it is
	// "/". A program that can be told the path under which it is seen (Jupyter
	// can) is told /sessions/{uuid}/connect/{name}/, and that is its Path, too.
	// One that can't finds X-Forwarded-Prefix in every request.
	Path string `json:"path,omitempty"`
}
