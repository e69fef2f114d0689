package ivoa

// ComputeResource is where a session computes.
type ComputeResource interface {
	Base() *Component
	Life() *Lifecycle
	Mounted() *Mounts
	computeResource()
}

func (*SimpleComputeResource) computeResource()  {}
func (*UnknownComputeResource) computeResource() {}

// Mounts are the volumes that a compute resource sees.
type Mounts struct {
	Volumes []VolumeMount `json:"volumes,omitempty"`
}

// Mounted returns the volumes of any compute resource.
func (m *Mounts) Mounted() *Mounts { return m }

// SimpleComputeResource is a number of cores and an amount of memory.
type SimpleComputeResource struct {
	Component
	Lifecycle
	Mounts
	Cores *Range `json:"cores,omitempty"`
	// Memory is in GiB.
	Memory *Range `json:"memory,omitempty"`
}

// UnknownComputeResource is a compute resource of a kind that this package doesn't know.
type UnknownComputeResource struct {
	Component
	Lifecycle
	Mounts
	// Content holds all members but the common ones.
	Content Raw `json:"-" wire:"rest"`
}

// Range is a least and a greatest whole number, each of which may be absent.
type Range struct {
	Min *int64 `json:"min,omitempty"`
	Max *int64 `json:"max,omitempty"`
}

// Exactly returns the range that holds n alone, as offers do.
func Exactly(n int64) *Range { return &Range{Min: &n, Max: &n} }
