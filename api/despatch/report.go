package despatch

import (
	"errors"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Updates is a series of events of one attempt, in the order they happened.
type Updates struct {
	Fence   uint64   `json:"fence"`
	Updates []Update `json:"updates"`
}

// The types of update.
const (
	ActionStarted   = "action-started"
	ActionCompleted = "action-completed"
	ActionFailed    = "action-failed"
	ExposureTaken   = "exposure"
	LogLine         = "log"
	Progressed      = "progress"
	FileSeen        = "file"
	Heartbeat       = "heartbeat"
)

// Update is one event. Key is unique within the attempt; Time is the
// executor's own clock, by which the session's phases are dated as long as it is
// not ahead of the node's, and behind it by a lease at most.
type Update struct {
	Key      string    `json:"key"`
	Type     string    `json:"type"`
	Action   string    `json:"action,omitempty"`
	Time     time.Time `json:"time"`
	Message  string    `json:"message,omitempty"`  // of a log line, or of progress
	Progress *float64  `json:"progress,omitempty"` // 0 to 1
	// Bytes is how much a stage-data action that is completed has fetched: by it, and
	// by the times of its start and its end, the node learns how fast data come.
	Bytes    int64     `json:"bytes,omitzero"`
	Exposure *Exposure `json:"exposure,omitempty"`
	File     *File     `json:"file,omitempty"`
	// Connector is what was opened; of one that was closed, the name will do.
	Connector *Connector `json:"connector,omitempty"`
}

// Exposure is one observation, or a part of one: several may share an id.
type Exposure struct {
	ID    string    `json:"id"`
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
	Files []File    `json:"files,omitempty"`
}

// Roles of a file.
const (
	RoleOutput = "output"
	RoleStdout = "stdout"
	RoleStderr = "stderr"
)

// File is something that an attempt has produced. A file that is still being
// written has no checksum; the broker serves what is there.
type File struct {
	Name     string `json:"name"`               // relative, with forward slashes
	Location string `json:"location,omitempty"` // a URL, file:// where the node shares the file system
	Bytes    int64  `json:"bytes"`
	SHA256   string `json:"sha256,omitempty"` // hexadecimal
	Role     string `json:"role,omitempty"`   // output where absent
	// Storage is the id of the Storage that holds the file and outlives the
	// session; the file is listed as long as that is kept.
	Storage string `json:"storage,omitempty"`
}

// Piece is a part of a file that an executor sends to a node with which it shares
// no file system. Where the whole file is known, so are its Bytes and SHA256.
type Piece struct {
	Name   string
	Role   string // output, stdout or stderr
	Offset int64  // of the piece's first byte in the file
	Bytes  int64  // of the whole file
	SHA256 string // of the whole file, hexadecimal; empty: it may still grow
}

// Received says how many bytes of a file the node has: where to go on.
type Received struct {
	Bytes int64 `json:"bytes"`
}

// UpdatesAnswer says what became of a report, renews the lease, and carries the
// broker's order to stop, if there is one.
type UpdatesAnswer struct {
	Accepted   int   `json:"accepted"`
	Duplicates int   `json:"duplicates"`
	Lease      Lease `json:"lease"`
	Stop       *Stop `json:"stop,omitempty"`
}

// Stop orders the executor to end the work and then to send its completion.
type Stop struct {
	Reason  string `json:"reason"` // CANCELLED, or WALLTIME
	Message string `json:"message,omitempty"`
}

// Reasons of a Stop.
const (
	StopCancelled = "CANCELLED"
	StopWalltime  = "WALLTIME"
)

// Outcome is how an attempt ended.
type Outcome string

// The outcomes of a completion.
const (
	Completed Outcome = "COMPLETED"
	Partial   Outcome = "PARTIAL"
	Failed    Outcome = "FAILED"
	Abandoned Outcome = "ABANDONED"
)

// Completion is the final report of an attempt: how it ended and what it used.
type Completion struct {
	Fence uint64    `json:"fence"`
	Key   string    `json:"key"`
	Time  time.Time `json:"time"`
	// IDs are of the identification, never names: tag, programme, proposal,
	// user, group, and session. Those that aren't the attempt's own are refused.
	IDs       map[string]string `json:"ids,omitempty"`
	Outcome   Outcome           `json:"outcome"`
	Failure   *Failure          `json:"failure,omitempty"`
	Resources []Resource        `json:"resources,omitempty"`
	Quality   []Quality         `json:"quality,omitempty"`
	// Files lists all that is kept, with size and checksum.
	Files []File `json:"files,omitempty"`
	// ExitCode is the program's exit status, where it had one.
	ExitCode *int `json:"exitCode,omitempty"`
}

// Failure says why an attempt did not complete.
type Failure struct {
	Code        int    `json:"code"`
	Message     string `json:"message"`
	Retry       bool   `json:"retry,omitzero"`
	VetoSeconds int64  `json:"vetoSeconds,omitzero"` // how long not to try again
}

// Resource is an amount of something that was used.
type Resource struct {
	Name   string  `json:"name"`
	Amount Decimal `json:"amount"`
	Unit   string  `json:"unit"`
}

// Quality is a measure of what came out.
type Quality struct {
	ID          string  `json:"id"`
	Value       float64 `json:"value"`
	Description string  `json:"description,omitempty"`
}

// Decimal is a number as it was written, so that no digit is lost. On the wire
// it may be a string or a number; it is written as a string.
type Decimal string

// UnmarshalJSONFrom reads a JSON string or number.
func (d *Decimal) UnmarshalJSONFrom(in *jsontext.Decoder) error {
	value, err := in.ReadValue()
	if err != nil {
		return err
	}
	switch value.Kind() {
	case '"':
		var text string
		if err := json.Unmarshal(value, &text); err != nil {
			return err
		}
		*d = Decimal(text)
	case '0':
		*d = Decimal(value)
	default:
		return errors.New("want a decimal number, or a string that holds one")
	}
	return nil
}
