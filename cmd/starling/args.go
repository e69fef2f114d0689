package main

import (
	"github.com/spf13/cobra"

	"starling/federation/identity"
)

// exampleUUID shows what is wanted.
const exampleUUID = "01a204df-c7e0-8000-8001-6e4425ba0cc2"

// one wants exactly one UUID, and says of what where there is none.
func one(what string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		switch len(args) {
		case 0:
			return usage("UUID of %s is missing", what)
		case 1:
			return areUUIDs(what, args)
		}
		return usage("one UUID of %s at a time, not %d", what, len(args))
	}
}

// oneOrNone wants one UUID at most.
func oneOrNone(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		return one(what)(cmd, args)
	}
}

// some wants at least one UUID.
func some(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return one(what)(cmd, args)
		}
		return areUUIDs(what, args)
	}
}

// areUUIDs finds a mistyped UUID before a node is asked for it.
func areUUIDs(what string, args []string) error {
	for _, arg := range args {
		if _, err := identity.ParseUUID(arg); err != nil {
			return usage("%q is not the UUID of %s, which looks like %s", arg, what, exampleUUID)
		}
	}
	return nil
}
