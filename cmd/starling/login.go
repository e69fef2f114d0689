package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"starling/cmd/starling/internal/client"
	"starling/cmd/starling/internal/login"
	"starling/cmd/starling/internal/words"
)

// loginFlags are what the flags of `starling login` say.
type loginFlags struct {
	issuer, client, audience string
	scopes                   []string
}

func newLogin(a *app) *cobra.Command {
	var f loginFlags
	cmd := &cobra.Command{
		Use:   "login",
		Short: "Log in at an issuer that the node believes",
		Long: `Log in for the node that is asked (--node): it names the issuer, which shows a page
where you say yes, in any browser. What the issuer gives is kept in your configuration
directory, in starling/logins (mode 0600), and refreshed by itself. It is sent to this
node and to no other: log in for each node that you ask yourself. Nodes pass on among
themselves who asks.`,
		Example: `  starling login --node https://broker.example.org
  starling login --issuer https://iam.example.org/`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.logIn(cmd.Context(), f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.issuer, "issuer", "", "URL of the issuer, where the node believes several or names none")
	flags.StringVar(&f.client, "client", "", "client to log in as (default: as the node says)")
	flags.StringVar(&f.audience, "audience", "", "whom the token is to be for, where the node wants another audience than its URL")
	flags.StringSliceVar(&f.scopes, "scope", nil, "what the token is to allow (default: as the node says)")
	return cmd
}

// usualScopes are asked for where nobody has said: who somebody is, and a login
// that can be refreshed.
var usualScopes = []string{"openid", "profile", "offline_access"}

// logIn gets and keeps a login for the chosen node.
func (a *app) logIn(ctx context.Context, f loginFlags) error {
	c, err := client.New(a.nodeURL(), a.timeout)
	if err != nil {
		return usage("--node: %v", err)
	}
	if err := login.Secure(c.Base); err != nil {
		return usage("--node: %v", err)
	}
	origin, err := login.Origin(c.Base)
	if err != nil {
		return usage("--node: %v", err)
	}
	logins, err := a.logins()
	if err != nil {
		return err
	}
	issuers, err := a.issuers()
	if err != nil {
		return err
	}
	offer, resource, err := findOffer(ctx, issuers, c.Base, f)
	if err != nil {
		return err
	}
	issuer, err := issuers.Discover(ctx, offer.Issuer)
	if err != nil {
		return err
	}
	a.warnOfSkew(issuer.Skew)
	device, err := issuer.Begin(ctx, login.Want{Client: offer.Client, Scopes: offer.Scopes, Resource: resource})
	if err != nil {
		return err
	}
	a.showCode(device)
	token, err := issuer.Wait(ctx, device)
	if err != nil {
		return err
	}
	if _, err := logins.Keep(ctx, login.Login{
		Node: origin, Issuer: issuer.URL, Client: offer.Client,
		Access: token.Access, Refresh: token.Refresh, Since: a.now(), Expires: token.Expires,
	}); err != nil {
		return err
	}
	// Whether it is any good, the node says.
	found, err := a.connect()
	if err != nil {
		return err
	}
	who, err := found.Whoami(ctx)
	if err != nil {
		return errors.Join(errors.New("the issuer has let you in, but the node has not taken its token"), err)
	}
	say(a.err, "logged in as %s at %s", words.Clean(who.User), words.Clean(firstOf(who.Node, origin)))
	if token.Refresh.IsZero() && !token.Expires.IsZero() {
		say(a.err, "it ends %s: the issuer has given nothing to refresh it with", words.Instant(token.Expires, a.now()))
	}
	return nil
}

// findOffer finds where to log in, and for which resource: what the node says, or
// the flags where it says nothing.
func findOffer(ctx context.Context, issuers login.Caller, node string, f loginFlags) (login.Offer, string, error) {
	said, err := issuers.Named(ctx, node)
	resource := node
	var offer login.Offer
	switch {
	case errors.Is(err, login.ErrNoIssuers) && f.issuer != "" && f.client != "":
		offer = login.Offer{Issuer: f.issuer, Client: f.client}
	case err != nil:
		return offer, "", err
	default:
		resource = said.URL
		if offer, err = said.Choose(f.issuer, f.client); err != nil {
			return offer, "", err
		}
	}
	if len(f.scopes) > 0 {
		offer.Scopes = f.scopes
	}
	if len(offer.Scopes) == 0 {
		offer.Scopes = usualScopes
	}
	return offer, firstOf(f.audience, resource), nil
}

// showCode tells the user what to do.
func (a *app) showCode(d *login.Device) {
	say(a.err, "open   %s", d.Page)
	say(a.err, "enter  %s", d.UserCode)
	if d.WholePage != "" {
		say(a.err, "or     %s", d.WholePage)
	}
	say(a.err, "and say yes; the code is good until %s (%s)", words.Instant(d.Expires, a.now()), words.In(d.Expires, a.now()))
}

// muchSkew is by how much clocks may differ before somebody is told: nodes allow
// for half a minute.
const muchSkew = 30 * time.Second

func (a *app) warnOfSkew(ahead time.Duration) {
	switch {
	case ahead > muchSkew:
		say(a.err, "this machine's clock is %s behind the issuer's", words.Duration(ahead))
	case ahead < -muchSkew:
		say(a.err, "this machine's clock is %s ahead of the issuer's", words.Duration(-ahead))
	}
}
