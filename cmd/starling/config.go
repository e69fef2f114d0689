package main

import (
	"os"

	"github.com/spf13/cobra"

	"starling/node/config"
)

func newConfig(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Print the reference of all configuration keys, or check a file",
		Long: `Print a configuration file with every key at its default, each with its
description, its bounds and its environment variable.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := a.out.Write([]byte(config.Reference()))
			return err
		},
	}
	cmd.AddCommand(newConfigCheck(a))
	return cmd
}

func newConfigCheck(a *app) *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "check [-f FILE]",
		Short: "Say what is wrong with a configuration, the environment included",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			host, err := os.Hostname()
			if err != nil {
				return err
			}
			file = firstOf(file, a.getenv("STARLING_CONFIG"))
			from := config.Sources{File: file, Environ: a.environ(), Host: host}
			c, err := config.Load(from)
			if err != nil {
				return err
			}
			say(a.out, "good: node %s at %s, data in %s", c.Name, c.URL, c.Data)
			from.Serve = true
			if _, err := config.Load(from); err != nil {
				say(a.err, "`starling serve` wants more:\n%v", err)
			}
			return nil
		},
	}
	cmd.Flags().StringVarP(&file, "file", "f", "", "the file (STARLING_CONFIG)")
	_ = cmd.MarkFlagFilename("file", "yaml", "yml")
	return cmd
}
