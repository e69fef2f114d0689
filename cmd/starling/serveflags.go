package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"starling/node/config"
)

// serveKeys are the flags of `starling serve` that set one configuration key.
// Their help says what the reference says at length.
var serveKeys = map[string]string{
	"dev": "dev", "name": "name", "http": "http", "url": "url", "data": "data", "executors": "executors",
	"log-level": "log.level", "log-format": "log.format",
}

func newServe(a *app) *cobra.Command {
	var file, capacity string
	var set []string
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run a node",
		Long: `Run a node until Ctrl-C. Everything can be set in a file (--config), in the
environment (STARLING_…) and by flags, of which the latter override the former;
` + "`starling config` prints all keys.",
		Example: `  starling serve --dev
  starling serve --config /etc/starling.yaml --set offers.holdTime=120s`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.loadConfig(cmd.Flags(), file, capacity, set)
			if err != nil {
				return err
			}
			return serve(cmd.Context(), c, newLogger(a.err, c.Log))
		},
	}
	f := cmd.Flags()
	f.StringVar(&file, "config", "", "configuration file (STARLING_CONFIG)")
	f.Bool("dev", false, "a whole broker for trying out: loopback only, no token needed")
	f.String("name", "", "the node's name, a DNS label")
	f.String("http", "", "address to listen on, HOST:PORT (default 127.0.0.1:7733)")
	f.String("url", "", "URL at which clients reach the node")
	f.String("data", "", "directory for all that must survive (default ./starling-data)")
	f.String("executors", "", `built-in executors: process,simulator; "" for none`)
	f.StringVar(&capacity, "capacity", "", "what they share: cores=8,memory=16,storage=100,gpus=0 (GiB)")
	f.String("log-level", "", "debug, info, warn or error")
	f.String("log-format", "", "text or json")
	f.StringArrayVar(&set, "set", nil, "KEY=VALUE for any configuration key")
	_ = cmd.MarkFlagFilename("config", "yaml", "yml")
	_ = cmd.MarkFlagDirname("data")
	return cmd
}

// loadConfig merges file, environment and the flags that were given, and asks
// the machine for what is left open.
func (a *app) loadConfig(flags *pflag.FlagSet, file, capacity string, set []string) (config.Config, error) {
	given, err := configFlags(flags, capacity, set)
	if err != nil {
		return config.Config{}, err
	}
	host, err := os.Hostname()
	if err != nil {
		return config.Config{}, fmt.Errorf("find the host's name: %w", err)
	}
	c, err := config.Load(config.Sources{
		File: firstOf(file, a.getenv("STARLING_CONFIG")), Environ: a.environ(), Flags: given, Host: host,
	})
	if err != nil {
		return config.Config{}, err
	}
	machine, err := config.Machine(c.Data)
	if err != nil {
		return config.Config{}, err
	}
	c.Capacity = c.Capacity.Or(machine)
	return c, nil
}

// configFlags turns the flags that were given into settings, --set first: a
// flag of its own says it louder.
func configFlags(flags *pflag.FlagSet, capacity string, set []string) ([]config.Flag, error) {
	var given []config.Flag
	for _, s := range set {
		key, value, found := strings.Cut(s, "=")
		if !found {
			return nil, usage("--set: %q is not KEY=VALUE", s)
		}
		given = append(given, config.Flag{Name: "--set", Key: key, Value: value})
	}
	flags.Visit(func(f *pflag.Flag) {
		if key, ok := serveKeys[f.Name]; ok {
			given = append(given, config.Flag{Name: "--" + f.Name, Key: key, Value: f.Value.String()})
		}
	})
	if capacity == "" {
		return given, nil
	}
	amounts, err := config.CapacityFlags("--capacity", capacity)
	return append(given, amounts...), err
}

// newLogger writes what an operator should know.
func newLogger(w io.Writer, c config.Log) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.Level)) // the configuration has checked it
	options := &slog.HandlerOptions{Level: level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}
