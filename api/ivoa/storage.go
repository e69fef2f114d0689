package ivoa

// StorageResource is where a session's data lie.
type StorageResource interface {
	Base() *Component
	Life() *Lifecycle
	Holds() *Contents
	storageResource()
}

func (*SimpleStorageResource) storageResource()  {}
func (*UnknownStorageResource) storageResource() {}

// Contents refers to the data resources that a storage resource holds: by name
// or UUID in a request, by UUID in an answer.
type Contents struct {
	Data []string `json:"data,omitempty"`
}

// Holds returns the contents of any storage resource.
func (c *Contents) Holds() *Contents { return c }

// SimpleStorageResource is an amount of storage.
type SimpleStorageResource struct {
	Component
	Lifecycle
	Contents
	// Size is in GiB.
	Size *Range `json:"size,omitempty"`
}

// UnknownStorageResource is a storage resource of a kind that this package doesn't know.
type UnknownStorageResource struct {
	Component
	Lifecycle
	Contents
	// Content holds all members but the common ones.
	Content Raw `json:"-" wire:"rest"`
}
