package ivoa

// ConnectorStatus says whether a connector can be used.
type ConnectorStatus string

const (
	ConnectorPreparing ConnectorStatus = "PREPARING"
	ConnectorAvailable ConnectorStatus = "AVAILABLE"
	ConnectorFinished  ConnectorStatus = "FINISHED"
)

// Connector is a way to reach a session: its output, say, or a notebook.
type Connector struct {
	// Kind is open; in XML it is an element, as the schema has no attribute here.
	Kind   string          `json:"kind,omitempty"`
	Status ConnectorStatus `json:"status,omitempty"`
	// Protocol is TCP, HTTP or HTTPS.
	Protocol string `json:"protocol,omitempty"`
	Location string `json:"location,omitempty"`
}
