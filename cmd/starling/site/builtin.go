package site

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
	"starling/federation/identity"
	"starling/federation/tracing"
	"starling/node/config"
	"starling/node/executor"
)

// headStart is how long the node's first listening waits for its executors. It
// ends, so that a node that can't take them up answers and says why.
const headStart = 5 * time.Second

// startExecutors starts the built-in executors, and waits until they have
// registered. They speak the despatch protocol as any other executor does,
// straight to the handlers.
func startExecutors(ctx context.Context, c config.Config, server *api.Server, tracer *tracing.Tracer, log *slog.Logger, stops *stack) error {
	client := &despatch.Client{
		Base: "http://" + c.HTTP,
		HTTP: &http.Client{Transport: server.Local(identity.Caller{User: c.Name, Roles: []identity.Role{identity.RoleBuiltIn}})},
	}
	ctx, cancel := context.WithTimeout(ctx, headStart)
	defer cancel()
	for _, name := range c.Executors {
		backend, err := NewBackend(name, c, log)
		if err != nil {
			return fmt.Errorf("make executor %s: %w", name, err)
		}
		stops.push(backend.Close)
		registration := backend.Registration
		registration.Name, registration.Capacity = name, despatch.Capacity(c.Capacity)
		// What it keeps the node can serve, since it lies on the same machine.
		registration.Kinds = append(registration.Kinds, despatch.KindKeptStorage)
		e, err := executor.New(executor.Options{
			Client: client, Registration: registration, Backend: backend.Works,
			Spool: filepath.Join(c.Data, SpoolDir, name), Logger: log, Tracer: tracer,
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
