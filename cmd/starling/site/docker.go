package site

import (
	"context"
	"log/slog"
	"path/filepath"

	"starling/api/despatch"
	"starling/api/ivoa"
	"starling/node/config"
	"starling/node/executor"
	"starling/node/executor/docker"
)

// newDocker makes the backend that runs containers of this machine's Docker
// engine.
func newDocker(c config.Config, log *slog.Logger, stops *stack) (executor.Backend, despatch.Registration, error) {
	root, err := filepath.Abs(filepath.Join(c.Data, containersDir))
	if err != nil {
		return nil, despatch.Registration{}, err
	}
	d := c.Executor.Docker
	backend, err := docker.New(context.Background(), docker.Options{
		Root: root, Stager: newStager(c, stops), Host: d.Host, NoPull: !d.Pull, Registries: d.Registries,
		Network: docker.Network(d.Network), NoConnectors: !d.Connectors, Processes: int64(d.Processes), Retention: d.OutputRetention, Logger: log,
	})
	if err != nil {
		return nil, despatch.Registration{}, err
	}
	stops.push(func() error { backend.Close(); return nil })
	return backend, despatch.Registration{
		Kinds:   []string{ivoa.KindDockerContainer, ivoa.KindSimpleData, despatch.KindDataToken},
		Schemes: []string{"http", "https"},
		Origins: backend.Origins(),
	}, nil
}
