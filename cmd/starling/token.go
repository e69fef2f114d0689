package main

import (
	"os"
	"time"

	"github.com/spf13/cobra"

	"starling/api/auth"
	"starling/federation/identity"
)

func newToken(a *app) *cobra.Command {
	var grant auth.Grant
	var roles []string
	var data string
	var lifetime time.Duration
	var save bool
	cmd := &cobra.Command{
		Use:   "token --user NAME --data DIR",
		Short: "Issue a development token with a node's own key",
		Long: `Issue a token that the node with this data directory takes for the user named.
Whoever can read the directory can issue tokens: this is for development.`,
		Example: `  starling token --user alice --groups ska --data ./starling-data --save`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if grant.User == "" {
				return usage("--user: whose token? A name is wanted")
			}
			// The key is made where there is none, but not just anywhere.
			if info, err := os.Stat(data); err != nil || !info.IsDir() {
				return usage("--data: there is no directory %s; give the data directory of the node that is to take the token", data)
			}
			issuer, err := auth.LoadIssuer(data)
			if err != nil {
				return err
			}
			for _, role := range roles {
				grant.Roles = append(grant.Roles, identity.Role(role))
			}
			grant.Proposal = a.proposal
			token, err := issuer.Issue(grant, a.now(), lifetime)
			if err != nil {
				return err
			}
			if !save {
				say(a.out, "%s", token)
				return nil
			}
			path, err := a.tokenPath()
			if err != nil {
				return err
			}
			if err := writeToken(path, token); err != nil {
				return err
			}
			say(a.err, "saved in %s; the commands use it from now on", path)
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&grant.User, "user", "", "who bears it")
	f.StringSliceVar(&grant.Groups, "groups", nil, "groups of the user")
	f.StringSliceVar(&roles, "roles", nil, "user, executor, operator, auditor, accountant (default: user)")
	f.StringVar(&data, "data", "./starling-data", "data directory of the node")
	f.DurationVar(&lifetime, "for", 24*time.Hour, "how long it is good")
	f.BoolVar(&save, "save", false, "keep it in your token file, rather than print it")
	_ = cmd.MarkFlagRequired("user")
	_ = cmd.MarkFlagDirname("data")
	return cmd
}
