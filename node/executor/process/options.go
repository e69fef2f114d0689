package process

import (
	"cmp"
	"log/slog"
	"time"

	"starling/node/executor/stage"
)

// Sandbox says whether programs run in bubblewrap.
type Sandbox string

// The values of Sandbox.
const (
	SandboxAuto     Sandbox = "auto"     // where it is installed and works
	SandboxOff      Sandbox = "off"      // never
	SandboxRequired Sandbox = "required" // or New is an error
)

// Kind is the executable kind that this backend runs.
const Kind = "urn:starling:executable:process-1.0"

// Options says how a Backend works; each zero value but those of Root, Shim and
// Stager means the default.
type Options struct {
	// Root is the directory of everything, DATA/work. One backend has it at a
	// time.
	Root string
	// Shim starts shim.Main: the arguments of a command, the first a path.
	// {"/proc/self/exe", "shim"} is this same program.
	Shim []string
	// Stager fetches data.
	Stager *stage.Stager

	Sandbox Sandbox // auto
	// Hidden are paths that sandboxed programs don't see although they lie in
	// the system, such as the node's own configuration.
	Hidden []string
	// UnshareNetwork takes the network from sandboxed programs.
	UnshareNetwork bool
	// Grace is how long a program has between SIGTERM and SIGKILL: 1 s, so
	// that a cancelled session has stopped within 2.
	Grace time.Duration
	// Processes limits how many processes the node's user may have while a
	// program of ours starts another: 4096. It doesn't bind root.
	Processes uint64
	// Unbooked and Retention are the work area's: 1 GiB and 7 days.
	Unbooked  int64
	Retention time.Duration
	Logger    *slog.Logger
}

func (o Options) withDefaults() Options {
	o.Sandbox = cmp.Or(o.Sandbox, SandboxAuto)
	o.Grace = cmp.Or(o.Grace, time.Second)
	o.Processes = cmp.Or(o.Processes, 4096)
	o.Logger = cmp.Or(o.Logger, slog.Default())
	return o
}
