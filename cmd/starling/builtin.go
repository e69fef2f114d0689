package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"starling/api"
	"starling/api/despatch"
	"starling/api/ivoa"
	"starling/federation/identity"
	"starling/node/config"
	"starling/node/executor"
	"starling/node/executor/process"
	"starling/node/executor/simulator"
	"starling/node/executor/stage"
)

// headStart is how long the node's first listening waits for its executors. It
// ends, so that a node that can't take them up answers and says why.
const headStart = 5 * time.Second

// startExecutors starts the built-in executors, and waits until they have
// registered. They speak the despatch protocol as any other executor does,
// straight to the handlers.
func startExecutors(ctx context.Context, c config.Config, server *api.Server, log *slog.Logger, stops *stack) error {
	client := &despatch.Client{
		Base: "http://" + c.HTTP,
		HTTP: &http.Client{Transport: server.Local(identity.Caller{User: c.Name, Roles: []identity.Role{identity.RoleBuiltIn}})},
	}
	ctx, cancel := context.WithTimeout(ctx, headStart)
	defer cancel()
	for _, name := range c.Executors {
		backend, registration, err := newBackend(name, c, log, stops)
		if err != nil {
			return fmt.Errorf("make executor %s: %w", name, err)
		}
		registration.Name, registration.Capacity = name, despatch.Capacity(c.Capacity)
		e, err := executor.New(executor.Options{
			Client: client, Registration: registration, Backend: backend,
			Spool: filepath.Join(c.Data, spoolDir, name), Logger: log,
		})
		if err != nil {
			return err
		}
		run(e, name, log, stops)
		select {
		case <-e.Registered():
		case <-ctx.Done():
			log.Warn("the node begins before a built-in executor has registered", "executor", name)
		}
	}
	return nil
}

// run runs an executor until it is stopped.
func run(e *executor.Executor, name string, log *slog.Logger, stops *stack) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := e.Run(ctx); err != nil {
			log.Error("a built-in executor has ended", "executor", name, "error", err)
		}
	})
	stops.push(func() error {
		cancel()
		running.Wait()
		return nil
	})
}

// newBackend makes what runs the work of a built-in executor, and says what it
// can run.
func newBackend(name string, c config.Config, log *slog.Logger, stops *stack) (executor.Backend, despatch.Registration, error) {
	if name == "simulator" {
		return simulator.New(), despatch.Registration{Kinds: simulated(), Simulated: true}, nil
	}
	stager := stage.New(stage.Options{AllowPrivate: c.Executor.Staging.AllowPrivate, Overall: c.Executor.Staging.Timeout})
	stops.push(func() error { stager.Close(); return nil })
	root, err := filepath.Abs(filepath.Join(c.Data, workDir))
	if err != nil {
		return nil, despatch.Registration{}, err
	}
	backend, err := process.New(process.Options{
		Root: root, Shim: []string{"/proc/self/exe", "shim"}, Stager: stager,
		Sandbox:        map[string]process.Sandbox{"auto": process.SandboxAuto, "always": process.SandboxRequired, "never": process.SandboxOff}[c.Executor.Process.Bubblewrap],
		UnshareNetwork: !c.Executor.Process.Network, Retention: c.Executor.Process.OutputRetention, Logger: log,
	})
	return backend, despatch.Registration{
		Kinds:   []string{ivoa.KindProcess, ivoa.KindSimpleData},
		Schemes: []string{"http", "https"},
	}, err
}

// simulated lists all kinds there are: the simulator takes those that no other
// executor takes.
func simulated() []string {
	return []string{
		ivoa.KindDockerContainer, ivoa.KindSingularityContainer, ivoa.KindJupyterNotebook, ivoa.KindProcess, ivoa.KindSequence,
		ivoa.KindSimpleData, ivoa.KindS3Data, ivoa.KindRucioData, ivoa.KindIvoaData, ivoa.KindSkaoData,
	}
}
