package main

import (
	"time"

	"github.com/spf13/cobra"

	"starling/api/auth/issuer"
	"starling/cmd/starling/internal/table"
	"starling/cmd/starling/internal/words"
)

func newIssuerKeys(a *app, data *string) *cobra.Command {
	return &cobra.Command{
		Use:   "keys",
		Short: "List the keys that a development issuer publishes",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			dir, err := issuer.OpenDirectory(*data, a.now)
			if err != nil {
				return err
			}
			return a.showIssuerKeys(dir)
		},
	}
}

func newIssuerRotate(a *app, data *string) *cobra.Command {
	var algorithm string
	var ahead time.Duration
	cmd := &cobra.Command{
		Use:   "rotate",
		Short: "Let a development issuer sign with a new key",
		Long: `Let a development issuer sign with a new key, whether it runs or not. The key is
published at once, and signs a minute later (--ahead), when nodes have had the time
to fetch it. The old keys stay published until whatever they have signed is over.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			dir, err := issuer.OpenDirectory(*data, a.now)
			if err != nil {
				return err
			}
			next, err := algorithmOf(algorithm)
			if err != nil {
				return err
			}
			if err := dir.Rotate(next, ahead); err != nil {
				return err
			}
			return a.showIssuerKeys(dir)
		},
	}
	cmd.Flags().StringVar(&algorithm, "key", "es256", "its algorithm: es256, rs256 or eddsa")
	cmd.Flags().DurationVar(&ahead, "ahead", time.Minute, "for how long it is published before it signs")
	return cmd
}

func newIssuerWithdraw(a *app, data *string) *cobra.Command {
	return &cobra.Command{
		Use:   "withdraw KEY",
		Short: "Take a key of a development issuer back, and all that it has signed",
		Long: `Take a key of a development issuer back at once, whether it runs or not, and with it
all tokens that it has signed: nodes refuse them when they have fetched the keys
anew. If it is the one that signs, another one takes its place.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage("which key? `starling issuer keys` lists them")
			}
			dir, err := issuer.OpenDirectory(*data, a.now)
			if err != nil {
				return err
			}
			if err := dir.Withdraw(args[0]); err != nil {
				return err
			}
			return a.showIssuerKeys(dir)
		},
	}
}

func (a *app) showIssuerKeys(dir *issuer.Directory) error {
	keys, err := dir.Keys()
	if err != nil {
		return err
	}
	if a.forPrograms() {
		return a.writeDocument(struct {
			Keys []issuer.Key `json:"keys"`
		}{keys})
	}
	t := table.New(table.Column{Name: "key"}, table.Column{Name: "algorithm"}, table.Column{Name: "made"}, table.Column{Name: ""})
	for _, k := range keys {
		state := "signs"
		switch {
		case !k.From.IsZero():
			state = "signs from " + words.Instant(k.From, a.now())
		case !k.Signs:
			state = "verifies until " + words.Instant(k.Until, a.now())
		}
		t.Add(k.ID, string(k.Algorithm), words.Instant(k.Made, a.now()), state)
	}
	return a.writeTable(t, "")
}
