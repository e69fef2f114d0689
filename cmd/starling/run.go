package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"starling/api/ivoa"
	"starling/cmd/starling/internal/client"
	"starling/cmd/starling/internal/words"
)

func newRun(a *app) *cobra.Command {
	q := &asking{}
	var pick, dir string
	var quiet bool
	cmd := &cobra.Command{
		Use:   "run (-f FILE | [flags] -- COMMAND…)",
		Short: "Ask, accept the best offer and watch it run",
		Long: `Ask where something can be run, accept the best offer, and follow it to its end.
What it prints appears on the standard output; everything else is said on the
standard error. The exit status is 0 if it was completed.

Ctrl-C leaves a session that has been accepted to itself, and says how to
follow or cancel it.`,
		Example: `  starling run -f request.yaml --download results
  starling run -- echo hello
  starling run --cores 2 --memory 4 --for 10m --output /output \
      --data https://example.org/table.vot#sha256=… \
      -- sort -o /output/sorted /input/table.vot`,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			set, err := q.ask(cmd.Context(), a, cmd, args)
			if err != nil || set == nil {
				return err
			}
			return a.run(cmd.Context(), set, pick, dir, !quiet)
		},
	}
	q.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&pick, "pick", "", "accept the earliest, the cheapest or the Nth offer, rather than the best")
	f.StringVar(&dir, "download", "", "fetch its files into this directory when it has ended")
	f.BoolVarP(&quiet, "quiet", "q", false, "don't show what it prints")
	_ = cmd.MarkFlagDirname("download")
	_ = cmd.RegisterFlagCompletionFunc("pick", cobra.FixedCompletions([]string{"earliest", "cheapest", "1", "2"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// run accepts one of the offers and follows it.
func (a *app) run(ctx context.Context, set *ivoa.OfferSet, pick, dir string, tail bool) error {
	if set.Result != ivoa.Yes {
		return a.runNo(set)
	}
	c, err := a.connect()
	if err != nil {
		return err
	}
	if !a.forPrograms() {
		if err := a.withTables(a.err, a.errWidth).printOffers(set); err != nil {
			return err
		}
	}
	offer, err := choose(set.Offers, pick)
	if err != nil {
		return errors.Join(err, a.giveBack(ctx, c, set))
	}
	session, err := c.SetPhase(ctx, offer.UUID(), ivoa.SessionAccepted)
	var conflict *client.Conflict
	var refused *client.Problem // for want of funds, say: what is held would be held in vain
	switch {
	case errors.Is(err, context.Canceled), errors.As(err, &refused):
		return errors.Join(err, a.giveBack(ctx, c, set))
	case errors.As(err, &conflict) && conflict.Session.Phase == ivoa.SessionExpired:
		return errors.New("the offer expired before it was accepted; ask again")
	case err != nil:
		return err
	}
	f := factsOf(session)
	say(a.err, "accepted %s: starts %s%s", session.UUID(), words.Start(f.start, a.now()), at(f.site))
	return a.watch(ctx, c, session, tail && !a.forPrograms(), dir)
}

func (a *app) runNo(set *ivoa.OfferSet) error {
	if a.forPrograms() {
		if err := a.writeIVOA(set); err != nil {
			return err
		}
		return errSaid
	}
	a.printNo(set)
	return errSaid
}

// withTables is the same app with tables written elsewhere: what a session
// prints has the standard output to itself.
func (a *app) withTables(to interface{ Write([]byte) (int, error) }, width int) *app {
	other := *a
	other.out, other.outWidth = to, width
	return &other
}

// givingBack bounds what is still done after Ctrl-C.
const givingBack = 5 * time.Second

// giveBack rejects all offers of a set, so that others can have what they hold.
// One that was accepted in the same instant goes on, and that is said.
func (a *app) giveBack(ctx context.Context, c *client.Client, set *ivoa.OfferSet) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), givingBack)
	defer cancel()
	for _, offer := range set.Offers {
		_, err := c.SetPhase(ctx, offer.UUID(), ivoa.SessionRejected)
		var conflict *client.Conflict
		switch {
		case errors.As(err, &conflict) && !client.Terminal(conflict.Session.Phase):
			id := offer.UUID()
			say(a.err, "session %s was accepted already and goes on: `starling cancel %s` stops it", id, id)
			return nil
		case err != nil && conflict == nil:
			return err // expiry will free them
		}
	}
	say(a.err, "the offers are given back")
	return nil
}
