package site

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"

	"starling/api/despatch"
	"starling/api/ivoa"
	"starling/node/config"
	"starling/node/executor"
	"starling/node/executor/process"
	"starling/node/executor/simulator"
	"starling/node/executor/stage"
)

// A Backend runs the work of an executor, built into a node or in a process of its
// own.
type Backend struct {
	Works executor.Backend
	// Registration says what it can run; its name and its capacity are left to whoever
	// registers it.
	Registration despatch.Registration
	stops        stack
}

// Backends are the names of all there are.
func Backends() []string { return []string{"process", "docker", "simulator"} }

// NewBackend makes one of Backends. The caller closes it.
func NewBackend(name string, c config.Config, log *slog.Logger) (_ *Backend, err error) {
	b := &Backend{}
	switch name {
	case "simulator":
		b.Works, b.Registration = simulator.New(), despatch.Registration{Kinds: simulated(), Simulated: true}
	case "process":
		b.Works, b.Registration, err = newProcess(c, log, &b.stops)
	case "docker":
		b.Works, b.Registration, err = newDocker(c, log, &b.stops)
	default:
		err = fmt.Errorf("%q is no backend: there are %s", name, strings.Join(Backends(), ", "))
	}
	if err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return b, nil
}

// Close ends what the backend began, but for the work that can go on without it.
func (b *Backend) Close() error { return b.stops.unwind() }

// newProcess makes the backend that runs programs of this machine.
func newProcess(c config.Config, log *slog.Logger, stops *stack) (executor.Backend, despatch.Registration, error) {
	root, err := filepath.Abs(filepath.Join(c.Data, workDir))
	if err != nil {
		return nil, despatch.Registration{}, err
	}
	backend, err := process.New(process.Options{
		Root: root, Shim: []string{"/proc/self/exe", "shim"}, Stager: newStager(c, stops),
		Sandbox:        map[string]process.Sandbox{"auto": process.SandboxAuto, "always": process.SandboxRequired, "never": process.SandboxOff}[c.Executor.Process.Bubblewrap],
		UnshareNetwork: !c.Executor.Process.Network, Retention: c.Executor.Process.OutputRetention, Logger: log,
	})
	if err != nil {
		return nil, despatch.Registration{}, err
	}
	stops.push(func() error { backend.Close(); return nil })
	return backend, despatch.Registration{
		Kinds:   []string{ivoa.KindProcess, ivoa.KindSimpleData, despatch.KindDataToken},
		Schemes: []string{"http", "https"},
	}, nil
}

// newStager makes what fetches data, for any backend.
func newStager(c config.Config, stops *stack) *stage.Stager {
	stager := stage.New(stage.Options{
		Allow: c.Outbound.Ranges(), AllowPrivate: c.Executor.Staging.AllowPrivate, Overall: c.Executor.Staging.Timeout, MaxBytes: int64(c.Executor.Staging.MaxBytes),
	})
	stops.push(func() error { stager.Close(); return nil })
	return stager
}

// simulated lists all kinds there are: the simulator takes those that no other
// executor takes.
func simulated() []string {
	return []string{
		ivoa.KindDockerContainer, ivoa.KindSingularityContainer, ivoa.KindJupyterNotebook, ivoa.KindProcess, ivoa.KindSequence,
		ivoa.KindSimpleData, ivoa.KindS3Data, ivoa.KindRucioData, ivoa.KindIvoaData, ivoa.KindSkaoData,
	}
}
