package main

import (
	"fmt"
	"net/url"
	"path"
	"strings"

	"github.com/spf13/cobra"

	"starling/api/ivoa"
)

func newConnect(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "connect UUID [NAME]",
		Short: "Print a link by which a browser enters what runs in a session",
		Long: `Prints a link by which a browser enters a notebook, or whatever else a session
offers. It works once, within a minute; the browser is let in as long as the
session lasts. NAME says which, where a session has several. The link leads by way
of the node that is asked, whichever runs the session.`,
		Args:              sessionAndName,
		ValidArgsFunction: a.completeSessions(ivoa.SessionRunning),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.connect()
			if err != nil {
				return err
			}
			name := ""
			if len(args) == 2 {
				name = args[1]
			} else {
				session, err := c.Session(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				if name, err = onlyConnector(session); err != nil {
					return err
				}
			}
			link, err := c.Link(cmd.Context(), args[0], name)
			if err != nil {
				return err
			}
			if a.forPrograms() {
				return a.writeDocument(link)
			}
			say(a.out, "%s", link.URL)
			if link.Sandboxed {
				say(a.err, "this node shows pages in a sandbox: programs that need cookies, as notebooks do, won't work; its operator can give them a host with connect.url")
			}
			return nil
		},
	}
}

// sessionAndName wants a session, and takes a connector's name.
func sessionAndName(cmd *cobra.Command, args []string) error {
	if len(args) == 2 {
		args = args[:1]
	}
	return one("a session")(cmd, args)
}

// onlyConnector is the name of the one connector that a browser can enter, or
// says which there are.
func onlyConnector(session *ivoa.Session) (string, error) {
	var open, all []string
	for _, c := range session.Connectors {
		name, ok := connectorName(c.Location)
		switch {
		case c.Protocol == "TCP":
			all = append(all, fmt.Sprintf("%s (TCP, from within the site's network)", c.Location))
		case ok:
			all = append(all, fmt.Sprintf("%s (%s)", name, c.Status))
			if c.Status == ivoa.ConnectorAvailable {
				open = append(open, name)
			}
		}
	}
	switch {
	case len(open) == 1:
		return open[0], nil
	case len(open) > 1:
		return "", fmt.Errorf("session %s has several connectors; name one: %s", session.UUID(), strings.Join(open, ", "))
	case len(all) > 0:
		return "", fmt.Errorf("session %s is %s, and a browser can enter none of its connectors: %s", session.UUID(), session.Phase, strings.Join(all, ", "))
	}
	return "", fmt.Errorf("session %s is %s and has no connector for a browser", session.UUID(), session.Phase)
}

// connectorName reads a connector's name from where it is:
// …/sessions/{uuid}/connect/{name}/.
func connectorName(location string) (string, bool) {
	u, err := url.Parse(location)
	if err != nil || path.Base(path.Dir(path.Clean(u.Path))) != "connect" {
		return "", false
	}
	return path.Base(u.Path), true
}
