package ivoa

// VolumeMount shows a data or storage resource to a compute resource.
type VolumeMount interface {
	Base() *Component
	volumeMount()
}

func (*SimpleVolumeMount) volumeMount()  {}
func (*UnknownVolumeMount) volumeMount() {}

// VolumeMode says whether a session may write to a volume.
type VolumeMode string

const (
	ReadOnly  VolumeMode = "READONLY"
	ReadWrite VolumeMode = "READWRITE"
)

// SimpleVolumeMount mounts a resource at a path.
type SimpleVolumeMount struct {
	Component
	Path string     `json:"path,omitempty"`
	Mode VolumeMode `json:"mode,omitempty"`
	// Resource is the name or UUID of a data or storage resource.
	Resource string `json:"resource,omitempty"`
}

// UnknownVolumeMount is a volume mount of a kind that this package doesn't know.
type UnknownVolumeMount struct {
	Component
	// Content holds all members but the common ones.
	Content Raw `json:"-" wire:"rest"`
}
