package docker

import (
	"cmp"
	"log/slog"
	"time"

	"starling/node/executor/stage"
)

// Kind is the executable kind that this backend runs.
const Kind = "https://www.purl.org/ivoa.net/Calycopis-openapi/schema/v1.0/kinds/executable/docker-container.yaml"

// Network says whom containers can reach.
type Network string

// The values of Network.
const (
	NetworkOpen     Network = "open"     // whatever the machine can
	NetworkInternal Network = "internal" // nobody, but the node reaches them
	NetworkNone     Network = "none"     // nobody, and nobody reaches them
)

// Options says how a Backend works; each zero value but those of Root and Stager
// means the default.
type Options struct {
	// Root is the directory of everything. One backend has it at a time, and the
	// engine must see it under the same path.
	Root string
	// Stager fetches data.
	Stager *stage.Stager
	// Host is where the engine listens: DOCKER_HOST, or its usual socket.
	Host string
	// NoPull says that only images that the engine has are run.
	NoPull bool
	// Registries are those from which images are pulled, as they stand before
	// the first slash of a location ("docker.io", "ghcr.io"). None: all.
	Registries []string
	Network    Network // open
	// NoConnectors says that no ports are reported: the node can't reach them.
	NoConnectors bool
	// Processes limits how many processes and threads a container may have: 4096.
	Processes int64
	// Grace is how long a program has between SIGTERM and SIGKILL, in whole
	// seconds: 1 s, so that a cancelled session has stopped within 2.
	Grace time.Duration
	// Unbooked and Retention are the work area's: 1 GiB and 7 days.
	Unbooked  int64
	Retention time.Duration
	Logger    *slog.Logger
}

func (o Options) withDefaults() Options {
	o.Network = cmp.Or(o.Network, NetworkOpen)
	o.Processes = cmp.Or(o.Processes, 4096)
	o.Grace = cmp.Or(o.Grace, time.Second)
	o.Logger = cmp.Or(o.Logger, slog.Default())
	return o
}
