package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"starling/api/despatch"
	"starling/api/ivoa"
	"starling/cmd/starling/site"
	"starling/node/config"
	"starling/node/executor"
)

// executorKeys are the flags of `starling executor` that set one configuration
// key.
var executorKeys = map[string]string{"log-level": "log.level", "log-format": "log.format"}

// remote is what the flags of `starling executor` say, beside the configuration.
type remote struct {
	backend, name, data    string
	file, capacity         string
	set, kinds, windowText []string
	windows                []despatch.Window
	lease                  time.Duration
	finish, connectors     bool
}

func newExecutor(a *app) *cobra.Command {
	var r remote
	cmd := &cobra.Command{
		Use:   "executor --backend process|docker|simulator",
		Short: "Run a node's sessions on this machine",
		Long: `Register with a node (--node), ask it for work and do it here, until Ctrl-C. Only
this program calls the node, so that it may be behind a firewall. Its token, of
the role executor, comes from --token-file or STARLING_TOKEN; the file is read
again when the node doesn't take the token any more.

Reports that can't be delivered wait in --data, where the work itself is too: an
executor that was stopped or killed goes on where it was when it is started
again. What sessions write is sent to the node. When it is told to stop, programs
and containers go on without it, to be found again; with --finish it waits for
them. A second Ctrl-C ends it at once.

The keys executor.*, outbound.*, capacity.*, log.* and tracing.* of a node's
configuration apply here; ` + "`starling config` prints them.",
		Example: `  starling token --user lab-7 --roles executor --data ./starling-data > token
  chmod 600 token
  starling executor --node https://broker.example.org --token-file token \
      --backend process --capacity cores=16,memory=64,storage=500
  starling executor --backend simulator --name night \
      --window 2026-12-01T18:00:00Z/PT12H --window 2026-12-02T18:00:00Z/PT12H`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if a.token != "" {
				return usage("--token: everybody on this machine can read a command line; use --token-file or STARLING_TOKEN")
			}
			c, err := a.executorConfig(cmd, &r)
			if err != nil {
				return err
			}
			return a.work(cmd.Context(), r, c, newLogger(a.err, c.Log))
		},
	}
	f := cmd.Flags()
	f.StringVar(&r.backend, "backend", "", "what does the work: process, docker or simulator")
	f.StringVar(&r.name, "name", "", "name to register, one for each executor of this token's user (default HOST-BACKEND)")
	f.StringVar(&r.capacity, "capacity", "", "what it can give: cores=8,memory=16,storage=100,gpus=0 (GiB; default: this machine's)")
	f.StringSliceVar(&r.kinds, "kinds", nil, "only these of the kinds that the backend runs: docker-container (default: all)")
	f.StringArrayVar(&r.windowText, "window", nil, "a time in which it works, START/END or START/DURATION; repeat it for more (default: always)")
	f.DurationVar(&r.lease, "lease", 0, "how long it may be cut off before its work is taken for lost (default: as the node says)")
	f.StringVar(&r.data, "data", "./starling-executor", "directory for the work, and for reports that wait for an answer")
	f.BoolVar(&r.finish, "finish", false, "when told to stop, take no more work and finish what there is")
	f.BoolVar(&r.connectors, "connectors", false, "let users reach the ports of containers here; the node has to be able to, and to admit it (its connect.networks)")
	f.StringVar(&r.file, "config", "", "configuration file (STARLING_CONFIG)")
	f.StringArrayVar(&r.set, "set", nil, "KEY=VALUE for any configuration key, as executor.process.bubblewrap=always")
	f.String("log-level", "", "debug, info, warn or error")
	f.String("log-format", "", "text or json")
	_ = cmd.MarkFlagRequired("backend")
	_ = cmd.MarkFlagFilename("config", "yaml", "yml")
	_ = cmd.MarkFlagDirname("data")
	return cmd
}

// executorConfig reads the flags and the configuration: all that can be wrong
// before the work begins.
func (a *app) executorConfig(cmd *cobra.Command, r *remote) (config.Config, error) {
	var none config.Config
	for _, text := range r.windowText {
		w, err := ivoa.ParseInterval(text)
		if err != nil || !w.Start.Before(w.End) {
			return none, usage("--window: %q is not a time in which to work, as 2026-12-01T18:00:00Z/PT12H is", text)
		}
		r.windows = append(r.windows, despatch.Window{Start: w.Start.UTC(), End: w.End.UTC()})
	}
	if !slices.Contains(site.Backends(), r.backend) {
		return none, usage("%q is no backend: there are %s", r.backend, strings.Join(site.Backends(), ", "))
	}
	if r.lease < 0 || r.lease > 0 && r.lease < time.Second {
		return none, usage("--lease: %s is no time to be cut off for; want a second or more", r.lease)
	}
	c, err := a.loadConfig(cmd.Flags(), settings{keys: executorKeys, file: r.file, capacity: r.capacity, set: r.set, data: r.data})
	if err != nil {
		return none, err
	}
	c.Executor.Docker.Connectors = c.Executor.Docker.Connectors && r.connectors
	if r.name == "" {
		host, err := os.Hostname()
		if err != nil {
			return none, fmt.Errorf("find the host's name: %w", err)
		}
		label, _, _ := strings.Cut(host, ".")
		r.name = label + "-" + r.backend
	}
	return c, nil
}

// work runs an executor until ctx ends, and leaves or finishes its work then.
func (a *app) work(ctx context.Context, r remote, c config.Config, log *slog.Logger) (err error) {
	client, err := a.despatchClient(log)
	if err != nil {
		return err
	}
	defer client.HTTP.CloseIdleConnections()
	unlock, err := lockDirectory(c.Data)
	if err != nil {
		return err
	}
	defer unlock()
	backend, err := site.NewBackend(r.backend, c, log)
	if err != nil {
		return fmt.Errorf("make executor %s: %w", r.name, err)
	}
	defer func() { err = errors.Join(err, backend.Close()) }()
	registration := backend.Registration
	if registration.Kinds, err = chosen(registration.Kinds, r.kinds); err != nil {
		return err
	}
	registration.Name, registration.Capacity, registration.Windows = r.name, despatch.Capacity(c.Capacity), r.windows
	registration.LeaseSeconds = int(r.lease.Seconds())
	spans, err := site.OpenSpans(c.Tracing, site.Spans{Service: "starling-executor", Instance: r.name, Version: version(), Log: log})
	if err != nil {
		return err
	}
	defer spans.Close()
	e, err := executor.New(executor.Options{
		Client: client, Registration: registration, Backend: backend.Works, SendFiles: true,
		Spool: filepath.Join(c.Data, site.SpoolDir), Pollers: remotePollers, Logger: log, Tracer: spans.Tracer(),
	})
	if err != nil {
		return err
	}
	log.Info("the executor begins", "node", client.Base, "name", r.name, "backend", r.backend, "data", c.Data,
		"cores", c.Capacity.Cores, "memory", c.Capacity.Memory, "storage", c.Capacity.Storage, "gpus", c.Capacity.GPUs)
	working, leave := context.WithCancel(context.WithoutCancel(ctx))
	defer leave()
	defer context.AfterFunc(ctx, func() { stopping(e, r.finish, log, leave) })()
	return e.Run(working)
}

// remotePollers is how many requests for work an executor holds open from afar:
// one waits while the other takes up what came.
const remotePollers = 2

// stopping ends an executor: at once, leaving its work to the next one, or when
// it is done.
func stopping(e *executor.Executor, finish bool, log *slog.Logger, leave func()) {
	if finish {
		log.Info("no more work is taken; the executor ends when its work is done. Another signal ends it at once", "running", e.Running())
		e.Finish()
		return
	}
	log.Info("the executor ends; work that can goes on without it, and is found again by the next", "running", e.Running())
	leave()
}

// chosen picks those kinds that were asked for, by their whole or short names.
func chosen(all, asked []string) ([]string, error) {
	if len(asked) == 0 {
		return all, nil
	}
	var kinds, short []string
	for _, kind := range all {
		short = append(short, ivoa.ShortKind(kind))
	}
next:
	for _, ask := range asked {
		for i, kind := range all {
			if ask == kind || ask == short[i] {
				kinds = append(kinds, kind)
				continue next
			}
		}
		return nil, usage("--kinds: %q is none of this backend's: %s", ask, strings.Join(short, ", "))
	}
	return kinds, nil
}
