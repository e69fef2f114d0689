package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"starling/cmd/starling/internal/client"
	"starling/cmd/starling/internal/login"
	"starling/cmd/starling/internal/words"
)

func newWhoami(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "whoami",
		Short: "Say whom the node takes you for, and for how long",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.connect()
			if err != nil {
				return err
			}
			who, err := c.Whoami(cmd.Context())
			if err != nil {
				return err
			}
			token, err := a.tokenOf(cmd.Context(), c)
			if err != nil {
				return err
			}
			if a.forPrograms() {
				return a.writeDocument(struct {
					*client.Who
					Token *tokenFacts `json:"token,omitempty"`
				}{who, token})
			}
			a.showWho(c, who, token)
			return nil
		},
	}
}

// tokenFacts are what is known of the token that is sent.
type tokenFacts struct {
	Issuer    string    `json:"issuer,omitempty"`
	Expires   time.Time `json:"expires,omitzero"`
	Refreshed bool      `json:"refreshed"` // by itself
}

// tokenOf tells of the token that was sent, nil if none was.
func (a *app) tokenOf(ctx context.Context, c *client.Client) (*tokenFacts, error) {
	if c.Token == nil {
		return nil, nil
	}
	text, err := c.Token(ctx)
	if err != nil || text == "" {
		return nil, err
	}
	facts := &tokenFacts{}
	facts.Issuer, facts.Expires = login.Peek(text)
	logins, err := a.logins()
	if err != nil {
		return facts, nil
	}
	origin, err := login.Origin(c.Base)
	if err != nil {
		return facts, nil
	}
	// A login is what is sent only if nothing else is.
	if kept, err := logins.Find(origin); err == nil && kept.Access.Reveal() == text {
		facts.Refreshed = kept.Lasts()
		facts.Issuer = firstOf(kept.Issuer, facts.Issuer)
		if !kept.Expires.IsZero() {
			facts.Expires = kept.Expires
		}
	}
	return facts, nil
}

func (a *app) showWho(c *client.Client, who *client.Who, token *tokenFacts) {
	line := func(name, text string) { labelled(a.out, a.outWidth, 10, name, text) }
	line("user", who.User)
	line("node", strings.TrimSpace(who.Node+" "+c.Base))
	line("roles", strings.Join(who.Roles, ", "))
	line("groups", strings.Join(who.Groups, ", "))
	line("paid by", who.Proposal)
	line("may use", strings.Join(who.Proposals, ", "))
	if token == nil {
		line("token", "none is sent")
		return
	}
	line("issuer", token.Issuer)
	switch {
	case token.Refreshed:
		line("token", "refreshed by itself; this one ends "+words.Instant(token.Expires, a.now()))
	case !token.Expires.IsZero():
		line("token", "ends "+words.Instant(token.Expires, a.now())+" ("+words.In(token.Expires, a.now())+")")
	}
}
