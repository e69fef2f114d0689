package ivoa

// SessionPhase is the phase of a session.
type SessionPhase string

const (
	SessionInitial   SessionPhase = "INITIAL"
	SessionOffered   SessionPhase = "OFFERED"
	SessionAccepted  SessionPhase = "ACCEPTED"
	SessionRejected  SessionPhase = "REJECTED"
	SessionExpired   SessionPhase = "EXPIRED"
	SessionWaiting   SessionPhase = "WAITING"
	SessionPreparing SessionPhase = "PREPARING"
	SessionAvailable SessionPhase = "AVAILABLE"
	SessionRunning   SessionPhase = "RUNNING"
	SessionReleasing SessionPhase = "RELEASING"
	SessionCompleted SessionPhase = "COMPLETED"
	SessionFailed    SessionPhase = "FAILED"
	SessionCancelled SessionPhase = "CANCELLED"
)

// Session is one execution, from offer to end. It serves both of the schema's
// kinds: a simple session has no schedule.
type Session struct {
	Component
	Phase SessionPhase `json:"phase,omitempty"`
	// Expires is when an offer lapses; it is set while the session is OFFERED.
	Expires Time `json:"expires,omitzero"`
	Components
	Connectors []Connector `json:"connectors,omitempty" xml:"connector"`
	Schedule   *Schedule   `json:"schedule,omitempty"`
	// Repeats is our own: how far a session that is repeated has come.
	Repeats *Repeats `json:"repeats,omitempty"`
}

// SessionList is a page of sessions. It is ours: the schema has no such list.
type SessionList struct {
	Sessions []*Session `json:"sessions" xml:"sessions>execution" wire:"always"`
	// Next is the path of the next page, or "" on the last.
	Next string `json:"next,omitempty"`
	// Messages name the sites whose sessions are missing, and why.
	Messages []Message `json:"messages,omitempty" xml:"messages>message"`
}
