package ivoa

// SkaoDataResource lies in the SKA data lake.
type SkaoDataResource struct {
	Component
	Lifecycle
	Placement
	Ivoa *Ivoa `json:"ivoa,omitempty"`
	Skao *Skao `json:"skao,omitempty"`
}

// Skao names an object of the data lake and says what is known of it.
type Skao struct {
	Namespace  string     `json:"namespace,omitempty"`
	ObjectName string     `json:"objectname,omitempty"`
	ObjectType ObjectType `json:"objecttype,omitempty"`
	// DataSize is in bytes.
	DataSize *int64        `json:"datasize,omitempty"`
	Checksum *Checksum     `json:"checksum,omitempty"`
	Replicas []SkaoReplica `json:"replicas,omitempty"`
}

// Checksum is a checksum with its algorithm.
type Checksum struct {
	Type  string `json:"type,omitempty"`
	Value string `json:"value,omitempty"`
}

// SkaoReplica is a copy at one Rucio storage element (RSE).
type SkaoReplica struct {
	RSEName string `json:"rsename,omitempty"`
	DataURL string `json:"dataurl,omitempty"`
}
