package flock

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/stretchr/testify/require"
)

// attempt is what these tests read of a history entry.
type attempt struct {
	HistoryRef, Session, Phase, Node string
	Attempt                          int
	Opened, Ended                    time.Time
	Pending                          bool
}

// account is a ledger account, entry one amount in it.
type (
	account struct{ ID, Owner, Resource, Unit, Side, Balance string }
	entry   struct{ Kind, Amount, HistoryRef string }
)

// tryAll reads a list, page by page, under its plural name.
func tryAll[T any](n *node, u user, path, plural string) (all []T, err error) {
	for path != "" {
		a, err := n.try(context.Background(), u, "GET", path, nil)
		if err != nil {
			return nil, err
		}
		if a.status != 200 {
			return nil, fmt.Errorf("%s: %d: %s", path, a.status, a.body)
		}
		var page map[string]json.RawMessage
		if err := json.Unmarshal(a.body, &page); err != nil {
			return nil, err
		}
		var some []T
		if items := page[plural]; items != nil { // an empty list is left out of an answer
			if err := json.Unmarshal(items, &some); err != nil {
				return nil, err
			}
		}
		all, path = append(all, some...), ""
		if next := page["next"]; next != nil {
			if err := json.Unmarshal(next, &path); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}

// all is tryAll at a node that is there, for an operator.
func all[T any](n *node, path, plural string) []T {
	n.t.Helper()
	list, err := tryAll[T](n, operator, path, plural)
	require.NoError(n.t, err, n.name)
	return list
}

func (n *node) history() []attempt {
	n.t.Helper()
	return all[attempt](n, "/history?limit=1000", "history")
}

func (n *node) accounts() []account {
	n.t.Helper()
	return all[account](n, "/accounts?limit=1000", "accounts")
}

// sessions are those of the node itself, in some phases: "" is any.
func (n *node) sessions(phases ...string) []session {
	n.t.Helper()
	path := "/sessions?here=true&limit=1000"
	for _, phase := range phases {
		path += "&phase=" + phase
	}
	return all[session](n, path, "sessions")
}
