package systemtest

import (
	"encoding/json"
	"fmt"
	"math/big"
	"strings"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// attempt is what these tests read of a history entry.
type attempt struct {
	HistoryRef, Session, Phase string
	Attempt                    int
	Opened, Started, Ended     string
	Charges, Resources         []struct{ Name, Amount, Unit string }
	Failure                    *struct{ Message string }
	Pending                    bool
}

// allOf reads a list, page by page, under its plural name.
func allOf[T any](n *Node, path, plural string) (all []T, err error) {
	for path != "" {
		a, err := n.try("GET", path, nil)
		if err != nil {
			return nil, err
		}
		if a.Status != 200 {
			return nil, fmt.Errorf("%s: %d: %s", path, a.Status, a.Body)
		}
		var page map[string]json.RawMessage
		if err := json.Unmarshal(a.Body, &page); err != nil {
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

// mustAllOf is allOf at a node that is there.
func mustAllOf[T any](n *Node, path, plural string) []T {
	n.t.Helper()
	all, err := allOf[T](n, path, plural)
	require.NoError(n.t, err)
	return all
}

// history lists the attempts of a session, or all.
func (n *Node) history(session string) []attempt {
	n.t.Helper()
	path := "/history?limit=1000"
	if session != "" {
		path += "&session=" + session
	}
	return mustAllOf[attempt](n, path, "history")
}

// account is a ledger account.
type account struct{ ID, Owner, Resource, Unit, Side, Balance string }

// holds reports whether the account counts what is held for sessions.
func (a account) holds() bool { return a.Side == "held" || a.Side == "reserved" }

func (n *Node) accounts() []account {
	n.t.Helper()
	return mustAllOf[account](n, "/accounts?limit=1000", "accounts")
}

// entry is one signed amount in an account.
type entry struct{ Kind, Amount, Session, HistoryRef string }

func (n *Node) entries(account string) []entry {
	n.t.Helper()
	return mustAllOf[entry](n, "/accounts/"+account+"/entries?limit=1000", "entries")
}

// phases lists the phases that a session that has ended went through.
func (n *Node) phases(id string) []string {
	n.t.Helper()
	var phases []string
	for line := range strings.Lines(string(n.do("GET", "/sessions/"+id+"/events", nil).Body)) {
		if _, after, found := strings.Cut(line, `"type":"phase","phase":"`); found {
			phase, _, _ := strings.Cut(after, `"`)
			phases = append(phases, phase)
		}
	}
	return phases
}

// ranOnce checks what must hold of a session that has run, and is the only one
// of its node: it has one terminal phase (promise 2), one attempt that did
// something, with one charge (promise 3), the ledger balances and holds nothing
// (promise 4), and everything is free again. An attempt that was despatched in
// the instant of a crash, before the program began, is charged nothing.
func (n *Node) ranOnce(id, phase string) attempt {
	n.t.Helper()
	n.await(id, phase)
	n.settled()
	assert.Equal(n.t, 1, countFunc(n.phases(id), terminal), "%v", n.phases(id))
	var done []attempt
	for _, a := range n.history(id) {
		if len(a.Charges) > 0 || a.Phase == "COMPLETED" {
			done = append(done, a)
		}
	}
	require.Len(n.t, done, 1, "attempts: %+v", n.history(id))
	n.chargedOnce(done[0])
	return done[0]
}

// chargedOnce checks that an attempt has one charge of each resource that is
// charged, in the record as in the ledger.
func (n *Node) chargedOnce(a attempt) {
	n.t.Helper()
	assert.Len(n.t, a.Charges, 3, "money, energy and carbon")
	for _, account := range n.accounts() {
		if account.Side != "charged" {
			continue
		}
		charges := countFunc(n.entries(account.ID), func(e entry) bool { return e.Kind == "charge" && e.HistoryRef == a.HistoryRef })
		assert.Equal(n.t, 1, charges, "charges of %s for attempt %s", account.Resource, a.HistoryRef)
	}
}

// settled waits until nothing is booked or held any more, and checks that the
// ledger balances.
func (n *Node) settled() {
	n.t.Helper()
	eventually(n.t, "everything to be free again", func() bool {
		free, all := n.cores()
		return free == all
	})
	// What is free is what has been decided; the ledger follows when that is
	// durable.
	eventually(n.t, "nothing to be held", func() bool {
		return countFunc(n.accounts(), func(a account) bool { return a.holds() && a.Balance != "0" }) == 0
	})
	sums := map[string]*big.Rat{}
	for _, a := range n.accounts() {
		balance, ok := new(big.Rat).SetString(a.Balance)
		require.True(n.t, ok, "balance %q", a.Balance)
		key := a.Resource + " in " + a.Unit
		if sums[key] == nil {
			sums[key] = new(big.Rat)
		}
		sums[key].Add(sums[key], balance)
	}
	for resource, sum := range sums {
		assert.Zero(n.t, sum.Sign(), "the sum of all %s is %s", resource, sum.RatString())
	}
}

func countFunc[T any](all []T, fits func(T) bool) int {
	n := 0
	for _, one := range all {
		if fits(one) {
			n++
		}
	}
	return n
}
