package ivoa

// LifecyclePhase is the phase of an executable, compute, storage or data
// component. Sessions have phases of their own: see SessionPhase.
type LifecyclePhase string

const (
	LifecycleInitializing LifecyclePhase = "INITIALIZING"
	LifecycleWaiting      LifecyclePhase = "WAITING"
	LifecyclePreparing    LifecyclePhase = "PREPARING"
	LifecycleAvailable    LifecyclePhase = "AVAILABLE"
	LifecycleRunning      LifecyclePhase = "RUNNING"
	LifecycleReleasing    LifecyclePhase = "RELEASING"
	LifecycleCompleted    LifecyclePhase = "COMPLETED"
	LifecycleFailed       LifecyclePhase = "FAILED"
	LifecycleCancelled    LifecyclePhase = "CANCELLED"
)

// Lifecycle is the part of a component that changes while its session runs.
type Lifecycle struct {
	Phase    LifecyclePhase `json:"phase,omitempty"`
	Schedule *Schedule      `json:"schedule,omitempty"`
}

// Life returns the lifecycle of any component that has one.
func (l *Lifecycle) Life() *Lifecycle { return l }

// Schedule says when something is prepared, available and released.
type Schedule struct {
	Preparing *StartDuration `json:"preparing,omitempty"`
	Available *StartDuration `json:"available,omitempty"`
	Releasing *StartDuration `json:"releasing,omitempty"`
}

// StartDuration is one step of a schedule. Start is an ISO 8601 instant where
// the step is preparing or releasing, and an interval where it is available;
// Duration is an ISO 8601 duration. Both stay as they were written: read them
// with ParseInstant, ParseInterval and ParseDuration.
type StartDuration struct {
	Start    string `json:"start,omitempty"`
	Duration string `json:"duration,omitempty"`
}
