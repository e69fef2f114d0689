package ivoa

// IvoaDataResource is described by the IVOA's own metadata.
type IvoaDataResource struct {
	Component
	Lifecycle
	Placement
	Ivoa *Ivoa `json:"ivoa,omitempty"`
}

// Ivoa is the IVOA's metadata of a dataset: its identifier and a row each of
// ObsCore and DataLink.
type Ivoa struct {
	Ivoid    string    `json:"ivoid,omitempty"`
	ObsCore  *ObsCore  `json:"obscore,omitempty"`
	DataLink *DataLink `json:"datalink,omitempty"`
}

// ObsCore is a row of an ObsCore table.
type ObsCore struct {
	ObsID           string `json:"obs_id,omitempty"`
	ObsCollection   string `json:"obs_collection,omitempty"`
	ObsPublisherDID string `json:"obs_publisher_did,omitempty"`
	ObsCreatorDID   string `json:"obs_creator_did,omitempty"`
	DataproductType string `json:"dataproduct_type,omitempty"`
	CalibLevel      *int32 `json:"calib_level,omitempty"`
	AccessURL       string `json:"access_url,omitempty"`
	AccessFormat    string `json:"access_format,omitempty"`
}

// DataLink is a row of a DataLink table.
type DataLink struct {
	ID               string `json:"ID,omitempty"`
	AccessURL        string `json:"access_url,omitempty"`
	ServiceDef       string `json:"service_def,omitempty"`
	ErrorMessage     string `json:"error_message,omitempty"`
	Description      string `json:"description,omitempty"`
	Semantics        string `json:"semantics,omitempty"`
	ContentType      string `json:"content_type,omitempty"`
	ContentLength    *int32 `json:"content_length,omitempty"`
	ContentQualifier string `json:"content_qualifier,omitempty"`
	LocalSemantics   string `json:"local_semantics,omitempty"`
	LinkAuth         string `json:"link_auth,omitempty"`
	LinkAuthorized   string `json:"link_authorized,omitempty"`
}
