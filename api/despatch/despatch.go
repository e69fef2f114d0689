package despatch

import (
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"starling/federation/identity"
)

// Despatch hands one attempt at a session to an executor.
type Despatch struct {
	HistoryRef     string         `json:"historyRef"` // names this attempt in every report
	Fence          uint64         `json:"fence"`      // goes into every report
	Attempt        int            `json:"attempt"`    // 1 for the first
	Lease          Lease          `json:"lease"`
	Session        SessionRef     `json:"session"`
	Identification Identification `json:"identification"`
	// Resources is what is booked for the session, and all that it may use.
	Resources Capacity `json:"resources"`
	// WalltimeSeconds is how long the run action may take; the broker orders a
	// stop when it has passed.
	WalltimeSeconds float64 `json:"walltimeSeconds"`
	// Storage are the session's storage resources; their sizes are part of
	// Resources.Storage.
	Storage  []Storage `json:"storage,omitempty"`
	Sequence []Action  `json:"sequence"`
	// Trace is that of the request which accepted the session. Who can sends it with
	// every report: traceparent: 00-TRACE-SPAN-00, with 16 digits of its own for SPAN.
	Trace identity.Trace `json:"trace,omitempty"`
	// Span is the part of that trace which the node has recorded for this despatch:
	// spans of the executor's own go below it. "": the node records none of it.
	Span identity.Span `json:"span,omitempty"`
}

// Lease is how long the broker waits for the next report before it takes the
// attempt for lost.
type Lease struct {
	Seconds int       `json:"seconds"`
	Expires time.Time `json:"expires"`
}

// SessionRef names the session of an attempt.
type SessionRef struct {
	UUID string `json:"uuid"`
	URL  string `json:"url,omitempty"`
}

// Identification names everybody that an attempt is done for. The group is the
// request that the session comes from: its id is the offer set's, its name that
// which the user gave it. Who is not known is absent.
type Identification struct {
	TAG       Name `json:"tag,omitzero"`
	Programme Name `json:"programme,omitzero"`
	Proposal  Name `json:"proposal,omitzero"`
	User      Name `json:"user,omitzero"`
	Group     Name `json:"group,omitzero"`
}

// Name is an id and what people call it.
type Name struct {
	ID   string `json:"id"`
	Name string `json:"name,omitempty"`
}

// The kinds of action that a broker puts into a sequence. The actions of a
// user's own sequence (urn:starling:executable:sequence-1.0) have the kinds that
// she gives them, which are any others, and ActionOwn where she gives none.
const (
	ActionStageData = "stage-data" // fetch Stage.Location into the work area
	ActionRun       = "run"        // run Run.Executable
	ActionSave      = "save"       // list the files of the Run's writable volumes
	ActionRelease   = "release"    // remove staged data and all that is not kept
	ActionOwn       = "action"     // do what Value says
)

// Action is one step of a sequence, done in order.
type Action struct {
	ID    string `json:"id"`
	Kind  string `json:"kind"`
	Stage *Stage `json:"stage,omitempty"` // of a stage-data action
	Run   *Run   `json:"run,omitempty"`   // of a run action
	// Value is a user's own action, a JSON object handed over verbatim.
	Value jsontext.Value `json:"value,omitempty"`
}

// Stage says what to fetch and where to put it.
type Stage struct {
	Data string `json:"data"` // the UUID of the data resource
	Name string `json:"name,omitempty"`
	// Kind is the data resource's kind; Location its URL where it is a simple one, or
	// where the node knows one of the replica that it has chosen.
	Kind     string `json:"kind"`
	Location string `json:"location,omitempty"`
	SHA256   string `json:"sha256,omitempty"` // hexadecimal; empty: not known
	Bytes    int64  `json:"bytes,omitzero"`   // 0: not known
	// Authorization is what its server wants to see; nil: nothing.
	Authorization *Authorization `json:"authorization,omitempty"`
	// Path is where the data is to be mounted, Mode how; an absolute path
	// within the session. A file is put below it under its own name.
	Path string `json:"path"`
	Mode string `json:"mode,omitempty"`
}

// Run says what to run.
type Run struct {
	// Executable is the IVOA executable as the user wrote it.
	Executable jsontext.Value `json:"executable"`
	Volumes    []Volume       `json:"volumes,omitempty"`
}

// Modes of a volume.
const (
	ReadOnly  = "READONLY"
	ReadWrite = "READWRITE"
)

// Volume is a place in the session where data or storage appears.
type Volume struct {
	Path string `json:"path"` // absolute within the session
	Mode string `json:"mode"` // READONLY or READWRITE
	Name string `json:"name,omitempty"`
	// Storage is the id of the storage resource that is mounted; empty where
	// that is data.
	Storage string `json:"storage,omitempty"`
}

// Reasons counts why nothing was despatched, by reason.
type Reasons map[string]int

// The reasons of a 204.
const (
	ReasonNotYet        = "not-yet"
	ReasonTooLarge      = "too-large"
	ReasonWrongKind     = "wrong-kind"
	ReasonOutsideWindow = "outside-window"
	ReasonVetoed        = "vetoed"
	ReasonNoFunds       = "no-funds"
)
