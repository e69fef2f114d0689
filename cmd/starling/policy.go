package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"starling/api/ivoa"
	"starling/cmd/starling/internal/table"
	"starling/cmd/starling/internal/words"
	"starling/federation/identity"
	"starling/node"
	"starling/node/policy"
)

func newPolicy(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "policy", Short: "What a site's policy says of a request"}
	cmd.AddCommand(newPolicyCheck(a))
	return cmd
}

// checking is what `policy check` is told.
type checking struct {
	asking
	config string
	whom   node.PolicySubject
	at     string
}

func newPolicyCheck(a *app) *cobra.Command {
	q := &checking{}
	cmd := &cobra.Command{
		Use:   "check (-f FILE | [flags] -- COMMAND…)",
		Short: "Explain what the policy makes of a request, rule by rule",
		Long: `Explain what the policy makes of a request, rule by rule, without asking for
offers. Operators may check for others; with --config the policy is that of a
configuration file, before any node has it, and what is used of quotas is not
known. The exit status is 1 where the answer is NO.`,
		Example: `  starling policy check -f request.yaml
  starling policy check -f request.yaml --as alice --groups ska/pulsars
  starling policy check --config starling.yaml --as bob --image debian -- true`,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			check, err := q.check(cmd.Context(), a, cmd, args)
			if err != nil || check == nil {
				return err
			}
			if a.forPrograms() {
				err = a.writeDocument(check)
			} else {
				err = a.printCheck(check)
			}
			if err == nil && check.Result != ivoa.Yes {
				return errSaid
			}
			return err
		},
	}
	q.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&q.config, "config", "", "a configuration file, the policy of which is tried out offline")
	f.StringVar(&q.whom.User, "as", "", "on whose behalf, for operators (default: yours)")
	f.StringSliceVar(&q.whom.Groups, "groups", nil, "groups of that user's")
	f.StringVar(&q.whom.Issuer, "issuer", "", "the issuer that knows that user")
	f.StringVar(&q.at, "at", "", "when an offer would begin, 2026-12-01T22:00:00Z (default: now)")
	_ = cmd.MarkFlagFilename("config", "yaml", "yml")
	return cmd
}

// check has a node decide or, with --config, decides here.
func (q *checking) check(ctx context.Context, a *app, cmd *cobra.Command, command []string) (*node.PolicyCheck, error) {
	req, err := q.request(a, cmd, command)
	if err != nil {
		return nil, err
	}
	if q.print {
		_, err := a.out.Write(req.Body)
		return nil, err
	}
	var at time.Time
	if q.at != "" {
		if at, err = time.Parse(time.RFC3339, q.at); err != nil {
			return nil, usage("--at: %q is no date and time, as 2026-12-01T22:00:00Z is", q.at)
		}
	}
	if q.config != "" {
		return q.offline(a, cmd, req.Media, req.Body, at)
	}
	c, err := a.connect()
	if err != nil {
		return nil, err
	}
	whom := q.whom
	if whom.User != "" { // another's proposal is what is said, not what pays for the call
		whom.Proposal, c.Proposal = c.Proposal, ""
	}
	return c.CheckPolicy(ctx, req, whom, at)
}

// offline tries the policy of a configuration file.
func (q *checking) offline(a *app, cmd *cobra.Command, media ivoa.Media, body []byte, at time.Time) (*node.PolicyCheck, error) {
	c, err := a.loadConfig(cmd.Flags(), settings{file: q.config})
	if err != nil {
		return nil, err
	}
	costs, err := c.Tariff.Costs()
	if err != nil {
		return nil, err
	}
	rules, err := c.Policy.Compile(c.Name, costs.Units())
	if err != nil {
		return nil, err
	}
	var req ivoa.ExecutionRequest
	notices, err := ivoa.Decode(media, body, ivoa.DefaultLimits(), &req)
	if err != nil {
		return nil, fmt.Errorf("read the request: %w", err)
	}
	if at.IsZero() {
		at = a.now()
	}
	as := identity.Caller{
		User: firstOf(q.whom.User, "nobody"), Groups: q.whom.Groups, Roles: []identity.Role{identity.RoleUser},
		Proposal: firstOf(a.proposal, a.getenv("STARLING_PROPOSAL")), Subject: identity.Subject{Issuer: q.whom.Issuer},
	}
	return node.Explainer{Name: identity.NodeName(c.Name), Policy: rules, Costs: costs, Offers: c.Offers}.Explain(as, &req, notices, at.UTC())
}

// printCheck shows a decision and how it was come to.
func (a *app) printCheck(c *node.PolicyCheck) error {
	who := words.Clean(c.As.User)
	if len(c.As.Groups) > 0 {
		who += ", in " + words.Clean(strings.Join(c.As.Groups, " "))
	}
	if c.As.Proposal != "" {
		who += ", for " + words.Clean(c.As.Proposal)
	}
	decided := "no rule forbids it"
	if c.Rule != "" {
		decided = "by " + words.Clean(c.Rule)
	}
	say(a.out, "%s at %s for %s: %s", c.Result, words.Clean(string(c.Node)), who, decided)
	for _, text := range c.Messages {
		labelled(a.out, a.outWidth, 2, "", text)
	}
	o := c.Offer
	labelled(a.out, a.outWidth, 2, "", fmt.Sprintf("judged for an offer that begins %s: %s, %d GiB memory%s",
		words.Start(o.Start, a.now()), words.Many(int(o.Cores), "core"), o.Memory, priceText(o.Price)))
	if len(c.Rules) > 0 {
		say(a.out, "")
		if err := a.writeTable(stepTable(c.Rules), ""); err != nil {
			return err
		}
	}
	if len(c.Caps) > 0 {
		say(a.out, "")
		if err := a.writeTable(capTable(c.Caps), ""); err != nil {
			return err
		}
	}
	if len(c.Quotas) == 0 {
		return nil
	}
	say(a.out, "")
	if err := a.writeTable(quotaTable(c.Quotas, c.Offline), ""); err != nil {
		return err
	}
	if c.Offline {
		say(a.err, "what is used of quotas only a node knows: leave --config out to ask one")
	}
	return nil
}

func priceText(price map[string]float64) string {
	if value, known := price[monetaryName]; known {
		return ", for " + words.Amount(value)
	}
	return ""
}

// monetaryName is the resource that money is.
const monetaryName = "monetary"

func stepTable(steps []policy.Step) *table.Table {
	t := table.New(table.Column{Name: "rule", Flexible: true}, table.Column{Name: "then"}, table.Column{Name: "result"})
	for _, s := range steps {
		t.Add(s.Rule, string(s.Then), s.Result.String())
		if s.Detail != "" {
			t.Below(s.Detail)
		}
	}
	return t
}

func capTable(caps []policy.Ceiling) *table.Table {
	t := table.New(table.Column{Name: "cap"}, table.Column{Name: "most", Right: true}, table.Column{Name: "by rule", Flexible: true})
	for _, c := range caps {
		t.Add(c.What, c.String(), c.Rule)
	}
	return t
}

func quotaTable(list []policy.Standing, offline bool) *table.Table {
	t := table.New(
		table.Column{Name: "quota", Flexible: true}, table.Column{Name: "of"}, table.Column{Name: "used", Right: true},
		table.Column{Name: "asked", Right: true}, table.Column{Name: "limit", Right: true}, table.Column{Name: "", Optional: true},
	)
	number := func(v float64) string { return strconv.FormatFloat(v, 'g', 6, 64) }
	for _, s := range list {
		used, note := number(s.Used), ""
		if offline {
			used = "?"
		}
		if s.Used+s.Asked > s.Limit {
			note = "over"
		}
		t.Add(strings.TrimSpace(string(s.For)+" "+s.Name), s.What, used, number(s.Asked), number(s.Limit), note)
	}
	return t
}
