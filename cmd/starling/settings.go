package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"starling/federation/tracing"
	"starling/node/config"
)

// settings are where a command's configuration comes from, beside the
// environment.
type settings struct {
	keys     map[string]string // of flags that set one key
	file     string
	capacity string
	set      []string // KEY=VALUE
	serve    bool     // a node is going to serve with it
	data     string   // the directory, whatever file and environment say; "": as they say
}

// loadConfig merges file, environment and the flags that were given, and asks
// the machine for what is left open.
func (a *app) loadConfig(flags *pflag.FlagSet, from settings) (config.Config, error) {
	given, err := from.flags(flags)
	if err != nil {
		return config.Config{}, err
	}
	host, err := os.Hostname()
	if err != nil {
		return config.Config{}, fmt.Errorf("find the host's name: %w", err)
	}
	c, err := config.Load(config.Sources{
		File: firstOf(from.file, a.getenv("STARLING_CONFIG")), Environ: a.environ(), Flags: given, Host: host, Serve: from.serve,
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

// flags turns the flags that were given into settings, --set first: a flag of
// its own says it louder.
func (from settings) flags(flags *pflag.FlagSet) ([]config.Flag, error) {
	var given []config.Flag
	for _, s := range from.set {
		key, value, found := strings.Cut(s, "=")
		if !found {
			return nil, usage("--set: %q is not KEY=VALUE", s)
		}
		given = append(given, config.Flag{Name: "--set", Key: key, Value: value})
	}
	flags.Visit(func(f *pflag.Flag) {
		if key, ok := from.keys[f.Name]; ok {
			given = append(given, config.Flag{Name: "--" + f.Name, Key: key, Value: f.Value.String()})
		}
	})
	if from.data != "" {
		given = append(given, config.Flag{Name: "--data", Key: "data", Value: from.data})
	}
	if from.capacity == "" {
		return given, nil
	}
	amounts, err := config.CapacityFlags("--capacity", from.capacity)
	return append(given, amounts...), err
}

// newLogger writes what an operator should know.
func newLogger(w io.Writer, c config.Log) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.Level)) // the configuration has checked it
	options := &slog.HandlerOptions{Level: level}
	if c.Format == "json" {
		return slog.New(tracing.Handler(slog.NewJSONHandler(w, options)))
	}
	return slog.New(tracing.Handler(slog.NewTextHandler(w, options)))
}
