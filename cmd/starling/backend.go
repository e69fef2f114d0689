package main

import (
	"log/slog"
	"path/filepath"

	"starling/api/despatch"
	"starling/api/ivoa"
	"starling/node/config"
	"starling/node/executor"
	"starling/node/executor/process"
	"starling/node/executor/simulator"
	"starling/node/executor/stage"
)

// newBackend makes what runs the work of an executor, built into a node or in a
// process of its own, and says what it can run.
func newBackend(name string, c config.Config, log *slog.Logger, stops *stack) (executor.Backend, despatch.Registration, error) {
	switch name {
	case "simulator":
		return simulator.New(), despatch.Registration{Kinds: simulated(), Simulated: true}, nil
	case "process":
		return newProcess(c, log, stops)
	case "docker":
		return newDocker(c, log, stops)
	}
	return nil, despatch.Registration{}, usage("%q is no backend: there are process, docker and simulator", name)
}

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
