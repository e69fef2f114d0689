package ivoa

// ExecutionRequest asks where and when something can be run.
type ExecutionRequest struct {
	Components
	Schedule *RequestSchedule `json:"schedule,omitempty"`
	// Costs are what the user will pay at most; all must hold.
	Costs []CostItem `json:"costs,omitempty" xml:"cost"`
	// Metrics are what the user wants at least; all must hold.
	Metrics []MetricItem `json:"metrics,omitempty" xml:"metric"`
}

// Components is an executable with the resources that it needs.
type Components struct {
	Executable Executable        `json:"executable,omitempty"`
	Compute    ComputeResource   `json:"compute,omitempty"`
	Storage    []StorageResource `json:"storage,omitempty"`
	Data       []DataResource    `json:"data,omitempty"`
}

// RequestSchedule is the schedule block of a request.
type RequestSchedule struct {
	Requested *RequestedSchedule `json:"requested,omitempty"`
	// Timing narrows down when, and says how often; it is our own.
	Timing Timing `json:"timing,omitempty"`
}

// RequestedSchedule says how long the execution may take, and when it may start.
type RequestedSchedule struct {
	// Duration is an ISO 8601 duration as it was written: see ParseDuration.
	Duration string `json:"duration,omitempty"`
	// Start is an ISO 8601 interval in which to start, as it was written: see ParseInterval.
	Start string `json:"start,omitempty"`
}
