package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"starling/api/ivoa"
	"starling/cmd/starling/internal/client"
	"starling/cmd/starling/internal/words"
)

// completionTime is how long a shell waits for completions: a little longer than a
// node waits for others.
const completionTime = 3 * time.Second

// completeSessions completes the UUID of a session in one of some phases; no
// phases, any.
func (a *app) completeSessions(phases ...ivoa.SessionPhase) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		c, err := a.connect()
		if err != nil || len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		ctx, cancel := context.WithTimeout(context.Background(), completionTime)
		defer cancel()
		list, err := c.Sessions(ctx, client.SessionFilter{Limit: 100}, false)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var found []string
		for _, s := range list.Sessions {
			if strings.HasPrefix(s.UUID(), typed) && (len(phases) == 0 || slices.Contains(phases, s.Phase)) {
				found = append(found, s.UUID()+"\t"+string(s.Phase)+" "+words.Clean(s.Name()))
			}
		}
		return found, cobra.ShellCompDirectiveNoFileComp
	}
}

// active are the phases of sessions that can be cancelled.
var active = []ivoa.SessionPhase{
	ivoa.SessionAccepted, ivoa.SessionWaiting, ivoa.SessionPreparing,
	ivoa.SessionAvailable, ivoa.SessionRunning, ivoa.SessionReleasing,
}
