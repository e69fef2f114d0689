package ivoa

// DataResource is something that a session reads.
type DataResource interface {
	Base() *Component
	Life() *Lifecycle
	Place() *Placement
	dataResource()
}

func (*SimpleDataResource) dataResource()  {}
func (*S3DataResource) dataResource()      {}
func (*RucioDataResource) dataResource()   {}
func (*IvoaDataResource) dataResource()    {}
func (*SkaoDataResource) dataResource()    {}
func (*UnknownDataResource) dataResource() {}

// Placement refers to the storage resource in which data are put: by name or
// UUID in a request, by UUID in an answer.
type Placement struct {
	Storage string `json:"storage,omitempty"`
}

// Place returns the placement of any data resource.
func (p *Placement) Place() *Placement { return p }

// SimpleDataResource is fetched from a URL.
type SimpleDataResource struct {
	Component
	Lifecycle
	Placement
	Location string `json:"location,omitempty"`
}

// S3DataResource is an object, or a whole bucket where Object is empty.
type S3DataResource struct {
	Component
	Lifecycle
	Placement
	Endpoint string `json:"endpoint,omitempty"`
	// Template is the URL template of the service.
	Template string `json:"template,omitempty"`
	Bucket   string `json:"bucket,omitempty"`
	Object   string `json:"object,omitempty"`
}

// RucioDataResource is held by a Rucio service.
type RucioDataResource struct {
	Component
	Lifecycle
	Placement
	Rucio *Rucio `json:"rucio,omitempty"`
}

// Rucio names an object of a Rucio service.
type Rucio struct {
	Endpoint string     `json:"endpoint,omitempty"`
	Scope    string     `json:"scope,omitempty"`
	Object   string     `json:"object,omitempty"`
	Type     ObjectType `json:"type,omitempty"`
}

// ObjectType says what a name in Rucio or the SKA data lake stands for.
type ObjectType string

const (
	ObjectFile      ObjectType = "FILE"
	ObjectContainer ObjectType = "CONTAINER"
	ObjectDataset   ObjectType = "DATASET"
)

// UnknownDataResource is a data resource of a kind that this package doesn't
// know; templates in circulation often use the schema's abstract kind.
type UnknownDataResource struct {
	Component
	Lifecycle
	Placement
	// Content holds all members but the common ones.
	Content Raw `json:"-" wire:"rest"`
}
