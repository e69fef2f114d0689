package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"starling/api/ivoa"
	"starling/cmd/starling/internal/client"
	"starling/cmd/starling/internal/request"
	"starling/cmd/starling/internal/words"
	"starling/scheduling/placement"
)

// asking is what `offers` and `run` have in common: a request, from a file or
// from flags.
type asking struct {
	file  string
	print bool
	// placement is the policy by which offers are ranked.
	placement string
	wish      request.Wish
}

// flags declares the flags of a request.
func (q *asking) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.SetInterspersed(false) // flags after the command are the command's own
	f.StringVarP(&q.file, "file", "f", "", "the request: YAML, JSON or XML; - is the standard input")
	f.BoolVar(&q.print, "print-request", false, "print the request and don't send it")
	f.StringVar(&q.placement, "placement", "", "what the best offer is: "+strings.Join(placement.Names(), ", ")+" (default: as the node is configured)")
	f.StringVar(&q.wish.Name, "name", "", "what to call it")
	f.StringVar(&q.wish.Image, "image", "", "run in this container image, rather than as a process of the node")
	f.StringVar(&q.wish.Cores, "cores", "", "cores, N or MIN:MAX")
	f.StringVar(&q.wish.Memory, "memory", "", "memory in GiB, N or MIN:MAX")
	f.StringVar(&q.wish.Storage, "storage", "", "size of the first --output in GiB, N or MIN:MAX")
	f.StringVar(&q.wish.For, "for", "", "how long it may take: 10m, 2h, PT30M")
	f.StringVar(&q.wish.Start, "start", "", "when to start, an ISO 8601 interval: 2026-12-01T00:00Z/P1D")
	f.StringArrayVar(&q.wish.Data, "data", nil, "data to fetch, URL[#sha256=…&size=BYTES][:/path] (path: /input)")
	f.StringArrayVar(&q.wish.Outputs, "output", nil, "a directory that it may write to, kept afterwards: /output")
	f.StringArrayVarP(&q.wish.Env, "env", "e", nil, "NAME=VALUE for its environment")
	f.Float64Var(&q.wish.MaxCost, "max-cost", 0, "the most that it may cost")
	_ = cmd.MarkFlagFilename("file", "yaml", "yml", "json", "xml")
	_ = cmd.RegisterFlagCompletionFunc("placement", cobra.FixedCompletions(placement.Names(), cobra.ShellCompDirectiveNoFileComp))
}

// request reads or builds the request.
func (q *asking) request(a *app, cmd *cobra.Command, command []string) (client.Request, error) {
	if q.file == "" {
		if cmd.Flags().Changed("max-cost") && q.wish.MaxCost <= 0 {
			return client.Request{}, usage("--max-cost: %v is no cost; leave it out for no limit", q.wish.MaxCost)
		}
		if err := forgotten(command, cmd.ArgsLenAtDash() == 0); err != nil {
			return client.Request{}, err
		}
		q.wish.Command = command
		built, err := q.wish.Build()
		if err != nil {
			return built, usage("%v", err)
		}
		return built, nil
	}
	if len(command) > 0 {
		return client.Request{}, usage("either -f %s or a command, not both", q.file)
	}
	for _, name := range []string{"name", "image", "cores", "memory", "storage", "for", "start", "data", "output", "env", "max-cost"} {
		if cmd.Flags().Changed(name) {
			return client.Request{}, usage("--%s builds a request; it changes nothing in that of -f %s", name, q.file)
		}
	}
	return request.Read(q.file, a.in)
}

// forgotten says so where a command can only be a request of which -f was forgotten:
// a file that nobody could run, or, unless it stands after --, one that isn't there.
func forgotten(command []string, meant bool) error {
	if len(command) != 1 || !slices.Contains([]string{".yaml", ".yml", ".json", ".xml"}, filepath.Ext(command[0])) {
		return nil
	}
	name := command[0]
	switch file, err := os.Stat(name); {
	case err == nil && file.Mode().IsRegular() && file.Mode()&0o111 == 0:
		return usage("%s is a request, not a program to run: -f %s asks for it", name, name)
	case errors.Is(err, fs.ErrNotExist) && !meant:
		return usage("there is no file %s here; a request is asked for with -f FILE, a program of that name with -- %s", name, name)
	}
	return nil
}

// ask sends the request. With --print-request it prints it, and returns nil.
func (q *asking) ask(ctx context.Context, a *app, cmd *cobra.Command, command []string) (*ivoa.OfferSet, error) {
	if _, err := placement.ByName(q.placement); err != nil {
		return nil, usage("--placement: %v", err)
	}
	req, err := q.request(a, cmd, command)
	if err != nil {
		return nil, err
	}
	req.Placement = q.placement
	if q.print {
		_, err := a.out.Write(req.Body)
		return nil, err
	}
	c, err := a.connect()
	if err != nil {
		return nil, err
	}
	set, err := c.Ask(ctx, req)
	if q.file != "" && client.Unfit(err) {
		return nil, fmt.Errorf("%s: %w", q.file, err)
	}
	return set, err
}

// printNo says why the answer is NO.
func (a *app) printNo(set *ivoa.OfferSet) {
	messages := messagesOf(&set.Component)
	say(a.err, "NO: nothing can be offered%s", map[bool]string{true: ".", false: ", because"}[len(messages) == 0])
	a.printMessages(messages)
}

// printOffers shows the offers of a set, the best first.
func (a *app) printOffers(set *ivoa.OfferSet) error {
	now := a.now()
	if len(set.Offers) > 0 && !set.Offers[0].Expires.IsZero() {
		until := set.Offers[0].Expires.Time
		say(a.out, "%s, good until %s (%s)", words.Many(len(set.Offers), "offer"), words.Instant(until, now), words.In(until, now))
	}
	if err := offerTable(set.Offers, now).Write(a.out, a.outWidth); err != nil {
		return err
	}
	a.printMessages(messagesOf(&set.Component))
	return nil
}
