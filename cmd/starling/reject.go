package main

import (
	"errors"

	"github.com/spf13/cobra"

	"starling/api/ivoa"
	"starling/cmd/starling/internal/client"
	"starling/cmd/starling/internal/words"
)

func newReject(a *app) *cobra.Command {
	return &cobra.Command{
		Use:               "reject UUID",
		Short:             "Give back an offer, or all of an offer set",
		Args:              one("an offer or an offer set"),
		ValidArgsFunction: a.completeSessions(ivoa.SessionOffered),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.connect()
			if err != nil {
				return err
			}
			session, err := c.SetPhase(cmd.Context(), args[0], ivoa.SessionRejected)
			if err == nil {
				return a.printPhase(session)
			}
			if !client.NotFound(err) {
				return err
			}
			set, err := c.OfferSet(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			given := 0
			for _, offer := range set.Offers {
				_, err := c.SetPhase(cmd.Context(), offer.UUID(), ivoa.SessionRejected)
				var conflict *client.Conflict
				switch {
				case err == nil:
					given++
				case !errors.As(err, &conflict): // one that is taken or gone stays as it is
					return err
				}
			}
			say(a.err, "%s given back", words.Many(given, "offer"))
			return nil
		},
	}
}

// printPhase says what has become of a session.
func (a *app) printPhase(session *ivoa.Session) error {
	if a.forPrograms() {
		return a.writeIVOA(session)
	}
	say(a.out, "%s is %s", session.UUID(), session.Phase)
	return nil
}
