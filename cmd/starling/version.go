package main

import (
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func newVersion(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Say which version this is",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			of := ""
			if at := built("vcs.time"); at != "" {
				of = " of " + at
			}
			say(a.out, "starling %s%s, %s, %s/%s", version(), of, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return nil
		},
	}
}

// version is the commit that the program was built of, or the module's version
// where it was built of a released one.
func version() string {
	commit := built("vcs.revision")
	commit = commit[:min(12, len(commit))]
	if commit != "" && built("vcs.modified") == "true" {
		commit += "+changes"
	}
	module := ""
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "(devel)" {
		module = info.Main.Version
	}
	return firstOf(commit, module, "development")
}

// built is what the compiler has noted of how the program was built, "" where it
// has not.
func built(key string) string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, s := range info.Settings {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
}
