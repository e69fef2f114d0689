package ivoa

// Executable is what a session runs. The set of types is closed; a kind that
// is none of ours arrives as *UnknownExecutable.
type Executable interface {
	Base() *Component
	Life() *Lifecycle
	executable()
}

func (*DockerContainer) executable()      {}
func (*SingularityContainer) executable() {}
func (*JupyterNotebook) executable()      {}
func (*Process) executable()              {}
func (*Sequence) executable()             {}
func (*UnknownExecutable) executable()    {}

// SingularityContainer runs a Singularity image.
type SingularityContainer struct {
	Component
	Lifecycle
	// Location is the URL of the image.
	Location string `json:"location,omitempty"`
}

// JupyterNotebook opens a notebook.
type JupyterNotebook struct {
	Component
	Lifecycle
	// Location is the URL of the notebook.
	Location string `json:"location,omitempty"`
}

// Process runs a program that the node has; its kind is our own.
type Process struct {
	Component
	Lifecycle
	// Command is the program and its arguments; no shell reads it.
	Command     []string          `json:"command,omitempty"`
	Environment map[string]string `json:"environment,omitempty"`
}

// Sequence carries a user's own actions to an executor that understands them
// (the exposures of a telescope, say); its kind is our own.
type Sequence struct {
	Component
	Lifecycle
	// Actions are JSON values, passed on as they came.
	Actions []Raw `json:"actions,omitempty"`
}

// UnknownExecutable is an executable of a kind that this package doesn't know.
type UnknownExecutable struct {
	Component
	Lifecycle
	// Content holds all members but the common ones.
	Content Raw `json:"-" wire:"rest"`
}
