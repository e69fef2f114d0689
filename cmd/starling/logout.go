package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"starling/cmd/starling/internal/login"
	"starling/cmd/starling/internal/words"
)

func newLogout(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "logout",
		Short: "Forget the login for a node, and end it at its issuer",
		Long: `Forget the login for the node that is asked (--node), and tell its issuer, where that
can be told. A node that doesn't ask the issuer takes a token until it ends.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.logOut(cmd.Context()) },
	}
}

func (a *app) logOut(ctx context.Context) error {
	origin, err := login.Origin(a.nodeURL())
	if err != nil {
		return usage("--node: %v", err)
	}
	logins, err := a.logins()
	if err != nil {
		return err
	}
	kept, err := logins.Find(origin)
	if errors.Is(err, login.ErrNone) {
		say(a.err, "there is no login for %s", origin)
		return nil
	}
	// One that can't be read is forgotten, too.
	told := false
	var untold error
	if err == nil && kept.Issuer != "" {
		told, untold = a.revoke(ctx, kept)
	}
	if err := logins.Forget(ctx, origin); err != nil {
		return err
	}
	switch {
	case untold != nil:
		say(a.err, "the login for %s is forgotten here, but the issuer has not been told: %s", origin, words.Clean(untold.Error()))
	case told:
		say(a.err, "the login for %s is forgotten, and over at %s", origin, kept.Issuer)
	default:
		say(a.err, "the login for %s is forgotten", origin)
	}
	if !kept.Expires.IsZero() && a.now().Before(kept.Expires) {
		say(a.err, "nodes may take its token until %s, if somebody else has it", words.Instant(kept.Expires, a.now()))
	}
	return nil
}

func (a *app) revoke(ctx context.Context, kept login.Login) (bool, error) {
	issuers, err := a.issuers()
	if err != nil {
		return false, err
	}
	issuer, err := issuers.Discover(ctx, kept.Issuer)
	if err != nil {
		return false, err
	}
	return issuer.Revoke(ctx, kept)
}
