package main

import (
	"context"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"starling/api/auth"
	"starling/api/auth/issuer"
	"starling/cmd/starling/internal/login"
	"starling/federation/identity"
)

// tokenFlags are what the flags of `starling token` say.
type tokenFlags struct {
	user               string
	groups, roles      []string
	data               string
	issuer, secretFile string
	audience           string
	scopes             []string
	lifetime           time.Duration
	save               bool
}

func newToken(a *app) *cobra.Command {
	var f tokenFlags
	cmd := &cobra.Command{
		Use:   "token --user NAME [--data DIR | --issuer DIR|URL]",
		Short: "Issue a development token of a node, or of `starling issuer`",
		Long: `Issue a token for the user named, for development: of the node that has its data in
--data, which takes it as it is, or of a ` + "`starling issuer`" + `, which nodes take that
name it in their configuration, and give what roles they like.

Whoever can read the directory of either can issue tokens; the issuer need not run.
Where only its URL is at hand, it issues to whoever has its administrator's secret:
the file ` + issuer.SecretFile + ` of its directory.`,
		Example: `  starling token --user alice --groups ska --data ./starling-data --save
  starling token --user alice --groups ska/pulsars --issuer ./starling-issuer
  starling token --user alice --issuer http://127.0.0.1:7780 \
      --issuer-secret-file ` + issuer.SecretFile + ` --audience https://broker.example.org`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.user == "" {
				return usage("--user: whose token? A name is wanted")
			}
			if err := f.fit(cmd.Flags().Changed); err != nil {
				return err
			}
			token, err := a.issueToken(cmd.Context(), f)
			if err != nil {
				return err
			}
			if !f.save {
				say(a.out, "%s", token)
				return nil
			}
			return a.saveToken(cmd.Context(), token)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.user, "user", "", "who bears it")
	flags.StringSliceVar(&f.groups, "groups", nil, "groups of the user")
	flags.StringSliceVar(&f.roles, "roles", nil, "user, executor, operator, auditor, accountant (default: user); of a node's token")
	flags.StringVar(&f.data, "data", "./starling-data", "data directory of the node")
	flags.StringVar(&f.issuer, "issuer", "", "directory or URL of an issuer (starling issuer)")
	flags.StringVar(&f.secretFile, "issuer-secret-file", "", "file with its administrator's secret, for a URL")
	flags.StringVar(&f.audience, "audience", "", "whom it is for (default: the URL of --node); of an issuer's token")
	flags.StringSliceVar(&f.scopes, "scope", nil, "what it allows; of an issuer's token")
	flags.DurationVar(&f.lifetime, "for", 24*time.Hour, "how long it is good")
	flags.BoolVar(&f.save, "save", false, "keep it for the node that is asked (--node), rather than print it")
	_ = cmd.MarkFlagRequired("user")
	cmd.MarkFlagsMutuallyExclusive("data", "issuer")
	_ = cmd.MarkFlagDirname("data")
	return cmd
}

// fit finds flags that are for tokens of the other kind.
func (f tokenFlags) fit(given func(string) bool) error {
	if f.issuer != "" && given("roles") {
		return usage("--roles: an issuer says who somebody is; what roles that gives, the node's configuration says (auth.roles)")
	}
	if f.issuer != "" {
		return nil
	}
	for _, name := range []string{"audience", "scope", "issuer-secret-file"} {
		if given(name) {
			return usage("--%s is for tokens of --issuer; those of a node's directory are for that node", name)
		}
	}
	return nil
}

// issueToken makes the token that the flags ask for.
func (a *app) issueToken(ctx context.Context, f tokenFlags) (string, error) {
	if f.issuer == "" {
		return a.nodeToken(f)
	}
	audience := firstOf(f.audience, strings.TrimRight(a.nodeURL(), "/"))
	if strings.HasPrefix(f.issuer, "http://") || strings.HasPrefix(f.issuer, "https://") {
		return a.remoteToken(ctx, f, audience)
	}
	dir, err := issuer.OpenDirectory(f.issuer, a.now)
	if err != nil {
		return "", err
	}
	return dir.Issue(issuer.Grant{
		User: f.user, Groups: f.groups, Audience: []string{audience}, Scope: f.scopes, Client: issuer.PublicClient,
	}, f.lifetime)
}

// nodeToken signs one with the key of a node's directory.
func (a *app) nodeToken(f tokenFlags) (string, error) {
	// The key is made where there is none, but not just anywhere.
	if info, err := os.Stat(f.data); err != nil || !info.IsDir() {
		return "", usage("--data: there is no directory %s; give the data directory of the node that is to take the token", f.data)
	}
	own, err := auth.LoadIssuer(f.data)
	if err != nil {
		return "", err
	}
	grant := auth.Grant{User: f.user, Groups: f.groups, Proposal: a.proposal}
	for _, role := range f.roles {
		grant.Roles = append(grant.Roles, identity.Role(role))
	}
	return own.Issue(grant, a.now(), f.lifetime)
}

// remoteToken asks an issuer for one, as its administrator.
func (a *app) remoteToken(ctx context.Context, f tokenFlags, audience string) (string, error) {
	if f.secretFile == "" {
		return "", usage("--issuer-secret-file: an issuer's URL isn't enough; give the file %s of its directory, or --issuer DIR", issuer.SecretFile)
	}
	secret, err := issuer.ReadSecret(f.secretFile)
	if err != nil {
		return "", err
	}
	issuers, err := a.issuers()
	if err != nil {
		return "", err
	}
	found, err := issuers.Discover(ctx, f.issuer)
	if err != nil {
		return "", err
	}
	token, err := found.ByName(ctx, issuer.GrantName, issuer.AdminClient, identity.NewSecret(secret), login.Name{
		User: f.user, Groups: f.groups, Audience: audience, Scope: strings.Join(f.scopes, " "), For: f.lifetime,
	})
	return token.Access.Reveal(), err
}

// saveToken keeps a token for the chosen node.
func (a *app) saveToken(ctx context.Context, token string) error {
	origin, err := login.Origin(a.nodeURL())
	if err != nil {
		return usage("--node: %v", err)
	}
	logins, err := a.logins()
	if err != nil {
		return err
	}
	_, expires := login.Peek(token)
	path, err := logins.Keep(ctx, login.Login{Node: origin, Access: identity.NewSecret(token), Since: a.now(), Expires: expires})
	if err != nil {
		return err
	}
	say(a.err, "saved in %s; the commands send it to %s, and to no other node", path, origin)
	return nil
}
