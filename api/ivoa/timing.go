package ivoa

// Timing says when, within the requested start, an execution may begin, and how
// often it is repeated. It is our own extension of a request's schedule, beside
// the standard's requested block, which bounds it: a broker that doesn't know it
// runs the request once. The set of types is closed; a kind that is none of ours
// arrives as *UnknownTiming.
type Timing interface {
	// KindOfTiming is the kind's URN.
	KindOfTiming() string
	timing()
}

func (*FlexibleTiming) timing()        {}
func (*FixedTiming) timing()           {}
func (*MonitorTiming) timing()         {}
func (*MinimumIntervalTiming) timing() {}
func (*EphemerisTiming) timing()       {}
func (*UnknownTiming) timing()         {}

// TimingKind is what every timing begins with.
type TimingKind struct {
	Kind string `json:"kind,omitempty" xml:"kind,attr"`
}

// KindOfTiming is the kind's URN.
func (t TimingKind) KindOfTiming() string { return t.Kind }

// FlexibleTiming is once, at any time of the requested start.
type FlexibleTiming struct{ TimingKind }

// FixedTiming is once, at an instant.
type FixedTiming struct {
	TimingKind
	At Time `json:"at,omitzero"`
	// Slack is how far from it the execution may begin, either way: a duration,
	// none if it is absent.
	Slack string `json:"slack,omitempty"`
}

// MonitorTiming is again and again: one execution begins in each window. The
// windows begin a period apart, the first with the requested start; where that
// is absent, with the first execution.
type MonitorTiming struct {
	TimingKind
	Period string `json:"period,omitempty"` // a duration
	Window string `json:"window,omitempty"` // a duration, at most the period
	// Maximum is how often it is executed at most; as long as the requested
	// start lasts if it is absent.
	Maximum *int64 `json:"maximum,omitempty"`
}

// MinimumIntervalTiming is again and again, at least so long after the end of
// the last execution.
type MinimumIntervalTiming struct {
	TimingKind
	Interval string `json:"interval,omitempty"` // a duration
	Maximum  *int64 `json:"maximum,omitempty"`
}

// EphemerisTiming is again and again: one execution begins in each cycle of
// something that recurs, around one phase of it.
type EphemerisTiming struct {
	TimingKind
	Epoch Time   `json:"epoch,omitzero"`  // any instant of phase 0
	Cycle string `json:"cycle,omitempty"` // a duration
	// Phase is the middle of the window, from 0 up to but not including 1, and
	// Window its whole width; both as parts of the cycle.
	Phase   *float64 `json:"phase,omitempty"`
	Window  *float64 `json:"window,omitempty"`
	Maximum *int64   `json:"maximum,omitempty"`
}

// UnknownTiming is a timing of a kind that this package doesn't know.
type UnknownTiming struct {
	TimingKind
	// Content holds all members but the kind.
	Content Raw `json:"-" wire:"rest"`
}

// Repeats says how far a session that is executed again and again has come. It
// is ours, and absent from sessions that are executed once.
type Repeats struct {
	// Timing is what was asked for.
	Timing Timing `json:"timing,omitempty"`
	// Execution numbers the one that is under way, or next, from 1; of a session
	// that has ended, it is the last that began.
	Execution int64 `json:"execution,omitempty"`
	// Completed and Failed count executions by their end, Missed the windows in
	// which none could begin.
	Completed int64 `json:"completed" wire:"always"`
	Failed    int64 `json:"failed" wire:"always"`
	Missed    int64 `json:"missed" wire:"always"`
	// Most is how many executions there can be in all; absent: there is no limit.
	Most *int64 `json:"most,omitempty"`
	// Window is the ISO 8601 interval in which the execution may begin.
	Window string `json:"window,omitempty"`
}
