package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// newRoot returns the program's command, with all others below it.
func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "starling",
		Short: "A federated execution broker: ask where and when, accept, run",
		Long: `Starling answers one question: where, and when, can I run this, and what will it
cost? It gives firm, timed, priced offers; you accept one, and it runs.

  starling run -f request.yaml      ask, accept the best offer, watch it run
  starling run -- echo hello        the same for a command, without a file
  starling serve --dev              a whole broker on this machine, to try out`,
		Version:           version(),
		SilenceErrors:     true,
		SilenceUsage:      true,
		PersistentPreRunE: a.begin,
	}
	flags := root.PersistentFlags()
	flags.StringVar(&a.node, "node", "", "URL of the node to ask (STARLING_NODE; default "+defaultNode+")")
	flags.StringVar(&a.token, "token", "", "bearer token (STARLING_TOKEN; default: that of starling login)")
	flags.StringVar(&a.tokenFile, "token-file", "", "file with the token, mode 0600")
	flags.StringVar(&a.proposal, "proposal", "", "proposal that pays (STARLING_PROPOSAL; default: as the token says)")
	flags.StringVar(&a.ca, "ca", "", "PEM file of a CA to believe beside this machine's, of nodes and issuers (STARLING_CA)")
	flags.DurationVar(&a.timeout, "timeout", 30*time.Second, "how long to wait for an answer")
	flags.StringVarP(&a.output, "format", "o", "", "table, or json or yaml for programs; csv for statements, history and audit, jsonl for history and audit")
	_ = root.MarkPersistentFlagFilename("ca", "pem", "crt")
	root.MarkFlagsMutuallyExclusive("token", "token-file")
	root.SetUsageTemplate(strings.ReplaceAll(root.UsageTemplate(), ".FlagUsages", fmt.Sprintf(".FlagUsagesWrapped %d", a.helpWidth())))

	root.AddGroup(
		&cobra.Group{ID: groupRun, Title: "Run something:"},
		&cobra.Group{ID: groupSession, Title: "Sessions:"},
		&cobra.Group{ID: groupLogin, Title: "Who you are:"},
		&cobra.Group{ID: groupRecord, Title: "The record:"},
		&cobra.Group{ID: groupLedger, Title: "For operators and accountants:"},
		&cobra.Group{ID: groupNode, Title: "A node:"},
	)
	add := func(group string, commands ...*cobra.Command) {
		for _, c := range commands {
			c.GroupID = group
			root.AddCommand(c)
		}
	}
	add(groupRun, newRun(a), newOffers(a), newAccept(a), newReject(a))
	add(groupSession, newWatch(a), newCancel(a), newLogs(a), newFiles(a), newConnect(a), newSessions(a), newExplain(a))
	add(groupRecord, newHistory(a), newStatement(a), newBudgets(a), newAccounts(a), newAudit(a))
	add(groupLedger, newAllocate(a), newCorrect(a), newRefund(a), newDiscount(a), newEnrol(a))
	add(groupNode, newServe(a), newHealth(a), newNodes(a), newLeave(a), newExecutor(a), newExecutors(a), newConfig(a), newPolicy(a), newToken(a), newIssuer(a), newKeygen(a), newDebug(a))
	add(groupLogin, newLogin(a), newLogout(a), newWhoami(a))
	root.AddCommand(newVersion(a))
	return root
}

const (
	groupRun     = "run"
	groupSession = "session"
	groupLogin   = "login"
	groupRecord  = "record"
	groupLedger  = "ledger"
	groupNode    = "node"
)
