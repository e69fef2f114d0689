package shim

import "time"

// Files of a job, below Job.Dir.
const (
	StdoutFile = "stdout"
	StderrFile = "stderr"
	ExitFile   = "exit.json"
)

// TokenVariable names the environment variable that marks every process of a
// job; its value is the job's directory.
const TokenVariable = "STARLING_JOB"

// Job is one program to run.
type Job struct {
	Dir  string   `json:"dir"` // absolute; names the job
	Argv []string `json:"argv"`
	Env  []string `json:"env"`
	Cwd  string   `json:"cwd"`
	// Depth is how many processes at the top of the job's tree belong to a
	// sandbox, and are not asked to terminate: 0 without, 2 for bubblewrap.
	Depth int `json:"depth,omitempty"`
	// Data and FileSize limit each process, in bytes; 0 is no limit.
	Data     uint64 `json:"data,omitempty"`
	FileSize uint64 `json:"fileSize,omitempty"`
	// Processes limits how many its user may have, all in all.
	Processes uint64 `json:"processes,omitempty"`
	// WalltimeSeconds is how long the job may run; 0 is for ever. GraceSeconds
	// is how long it has between being asked to end and being killed.
	WalltimeSeconds float64 `json:"walltimeSeconds,omitempty"`
	GraceSeconds    float64 `json:"graceSeconds"`
}

// Why a job ended other than by itself.
const (
	ReasonStopped  = "stopped"
	ReasonWalltime = "walltime"
)

// Exit is how a job ended, as exit.json holds it.
type Exit struct {
	Code   int    `json:"code"`             // the exit status; 128+Signal where a signal ended it
	Signal int    `json:"signal,omitempty"` // 0: it exited
	Reason string `json:"reason,omitempty"`
	Error  string `json:"error,omitempty"` // why it couldn't be started

	Start         time.Time `json:"start"`
	End           time.Time `json:"end"`
	UserSeconds   float64   `json:"userSeconds"`
	SystemSeconds float64   `json:"systemSeconds"`
	MaxRSS        int64     `json:"maxRSS"` // bytes, of the largest process
}

// Exit codes of a program that couldn't be started, as shells have them.
const (
	CodeNotExecutable = 126
	CodeNotFound      = 127
)

// Request is a line from the executor to the shim: start a job, or stop one.
type Request struct {
	Start *Job   `json:"start,omitempty"`
	Stop  string `json:"stop,omitempty"` // a job's directory
}

// Event is a line from the shim to its executor. The first of a connection has
// Running; each later one tells that a job has ended.
type Event struct {
	Running []string `json:"running,omitempty"` // directories
	Dir     string   `json:"dir,omitempty"`
	Exit    *Exit    `json:"exit,omitempty"`
}
