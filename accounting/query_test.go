package accounting_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	. "starling/accounting"
)

// busy is a ledger of thirty attempts by three users, one of whom works under
// a proposal.
func busy(t *testing.T) *ledger {
	l := newLedger(t)
	for n := range 30 {
		c := open(n, []OwnerID{"u", "v", "w"}[n%3])
		if n%3 == 2 {
			c.Owners = ownersOf("w", "p1")
		}
		c.Node = []NodeName{"a", "b"}[n%2]
		c.Owners.Group.ID = OwnerID(fmt.Sprint("g", n))
		l.apply(c)
		if n < 20 {
			l.apply(complete(t, n, "1"))
		}
	}
	return l
}

// refs pages through a query.
func refs(t *testing.T, l *ledger, filter HistoryFilter, limit int) (list []Ref) {
	var next Cursor
	for range 100 {
		page, cursor, err := Histories(l.tx, filter, next, limit)
		require.NoError(t, err)
		require.LessOrEqual(t, len(page), limit)
		for _, h := range page {
			list = append(list, h.HistoryRef)
		}
		if next = cursor; next == "" {
			return list
		}
	}
	t.Fatal("the cursor never ends")
	return nil
}

func TestHistoriesAreFilteredInOrderAndPaged(t *testing.T) {
	l := busy(t)
	want := func(keep func(n int) bool) (list []Ref) {
		for n := range 30 {
			if keep(n) {
				list = append(list, ref(n))
			}
		}
		return list
	}
	cases := []struct {
		name   string
		filter HistoryFilter
		keep   func(n int) bool
	}{
		{"all", HistoryFilter{}, func(int) bool { return true }},
		{"user", HistoryFilter{User: "u"}, func(n int) bool { return n%3 == 0 }},
		{"proposal", HistoryFilter{Proposal: "p1"}, func(n int) bool { return n%3 == 2 }},
		{"session", HistoryFilter{Session: session(4)}, func(n int) bool { return n == 4 }},
		{"node", HistoryFilter{Node: "b"}, func(n int) bool { return n%2 == 1 }},
		{"executor", HistoryFilter{Executor: "nobody"}, func(int) bool { return false }},
		{"phase", HistoryFilter{Phase: Despatched}, func(n int) bool { return n >= 20 }},
		{"since", HistoryFilter{Since: noon + 10}, func(n int) bool { return n >= 10 }},
		{"until", HistoryFilter{Until: noon + 10}, func(n int) bool { return n < 10 }},
		{"owner: a user", HistoryFilter{Owner: User("u")}, func(n int) bool { return n%3 == 0 }},
		{"owner: a proposal", HistoryFilter{Owner: Proposal("p1")}, func(n int) bool { return n%3 == 2 }},
		{"owner: a TAG", HistoryFilter{Owner: Owner{KindTAG, "tag"}}, func(n int) bool { return n%3 == 2 }},
		{"owner: a programme", HistoryFilter{Owner: Owner{KindProgramme, "tag"}}, func(int) bool { return false }},
		{"owner: a group", HistoryFilter{Owner: Owner{KindGroup, "g4"}}, func(n int) bool { return n == 4 }},
		{"owner: a node", HistoryFilter{Owner: Node("b")}, func(n int) bool { return n%2 == 1 }},
		{"owner and another user", HistoryFilter{Owner: User("u"), User: "v"}, func(int) bool { return false }},
		{"owner and user", HistoryFilter{Owner: Owner{KindTAG, "tag"}, User: "w"}, func(n int) bool { return n%3 == 2 }},
		{"several", HistoryFilter{User: "u", Node: "a", Since: noon + 3, Until: noon + 25}, func(n int) bool {
			return n%6 == 0 && n >= 3 && n < 25
		}},
	}
	for _, c := range cases {
		for _, limit := range []int{1, 7, 100} {
			c.filter.Caller, c.filter.Oldest = Everyone(), true
			ascending := want(c.keep)
			assert.Equal(t, ascending, refs(t, l, c.filter, limit), c.name)
			c.filter.Oldest = false
			slices.Reverse(ascending)
			assert.Equal(t, ascending, refs(t, l, c.filter, limit), "%s, newest first", c.name)
		}
	}
}

// Promise 8: nobody sees what is not theirs.
func TestPromise8HistoryIsSeenByItsUserOnly(t *testing.T) {
	l := busy(t)
	assert.Empty(t, refs(t, l, HistoryFilter{}, 100), "the zero caller")
	own := HistoryFilter{Caller: Caller{User: "u"}}
	assert.Len(t, refs(t, l, own, 100), 10)
	own.User = "v"
	assert.Empty(t, refs(t, l, own, 100), "asking for somebody else's")
	for _, owner := range []Owner{User("v"), Proposal("p1"), Node("b"), {KindGroup, "g1"}} {
		for _, r := range refs(t, l, HistoryFilter{Caller: Caller{User: "u"}, Owner: owner}, 100) {
			assert.Equal(t, OwnerID("u"), l.history(r).Owners.User.ID, "%s", owner)
		}
	}
	bySession := HistoryFilter{Caller: Caller{User: "u"}, Session: session(1)}
	assert.Empty(t, refs(t, l, bySession, 100), "by a session that is v's")
	byProposal := HistoryFilter{Caller: Caller{User: "u", Proposals: []OwnerID{"p1"}}, Proposal: "p1"}
	assert.Empty(t, refs(t, l, byProposal, 100), "a colleague's")

	_, err := History(l.tx, Caller{User: "u"}, ref(0))
	assert.NoError(t, err)
	for _, caller := range []Caller{{}, {User: "v"}} {
		_, err := History(l.tx, caller, ref(0))
		assert.ErrorIs(t, err, ErrNotFound)
	}
	for _, bad := range []Ref{"", "x", ref(999)} {
		_, err = History(l.tx, Everyone(), bad)
		assert.ErrorIs(t, err, ErrNotFound)
	}
}

func accounts(t *testing.T, l *ledger, filter AccountFilter, limit int) (list []Account) {
	var next Cursor
	for range 100 {
		page, cursor, err := Accounts(l.tx, filter, next, limit)
		require.NoError(t, err)
		require.LessOrEqual(t, len(page), limit)
		list = append(list, page...)
		if next = cursor; next == "" {
			return list
		}
	}
	t.Fatal("the cursor never ends")
	return nil
}

// Promise 8: and nobody else's account.
func TestPromise8AccountsAreSeenByTheirOwnersOnly(t *testing.T) {
	l := busy(t)
	everything := accounts(t, l, AccountFilter{Caller: Everyone()}, 100)
	assert.Len(t, everything, 15, "three payers and two nodes, three resources each")
	member := Caller{User: "u", Proposals: []OwnerID{"p1", "p9"}}
	for _, limit := range []int{1, 2, 3, 100} {
		assert.Equal(t, everything, accounts(t, l, AccountFilter{Caller: Everyone()}, limit))
		assert.Empty(t, accounts(t, l, AccountFilter{}, limit))
		own := accounts(t, l, AccountFilter{Caller: Caller{User: "u"}}, limit)
		assert.Len(t, own, 3)
		both := accounts(t, l, AccountFilter{Caller: member}, limit)
		assert.Len(t, both, 6)
		assert.Empty(t, accounts(t, l, AccountFilter{Caller: member, Owner: User("v")}, limit))
		assert.Empty(t, accounts(t, l, AccountFilter{Caller: member, Owner: Node("a")}, limit))
		assert.Len(t, accounts(t, l, AccountFilter{Caller: member, Resource: Monetary}, limit), 2)
	}
	for _, a := range everything {
		_, _, err := Entries(l.tx, Caller{User: "u"}, a.ID, "", 0)
		if a.Owner == User("u") {
			assert.NoError(t, err)
			continue
		}
		assert.ErrorIs(t, err, ErrNotFound)
	}
}

func TestEntriesAreNewestFirstAndPaged(t *testing.T) {
	l := busy(t)
	a := accounts(t, l, AccountFilter{Caller: Everyone(), Owner: User("u"), Resource: Monetary}, 10)[0]
	var numbers []uint64
	var next Cursor
	for {
		page, cursor, err := Entries(l.tx, Everyone(), a.ID, next, 3)
		require.NoError(t, err)
		for _, e := range page {
			numbers = append(numbers, e.Number)
		}
		if next = cursor; next == "" {
			break
		}
	}
	assert.Equal(t, []uint64{7, 6, 5, 4, 3, 2, 1}, numbers)
}

func TestACursorOfAnotherListIsRefused(t *testing.T) {
	l := busy(t)
	_, cursor, err := Histories(l.tx, HistoryFilter{Caller: Everyone()}, "", 1)
	require.NoError(t, err)
	for _, bad := range []Cursor{cursor, "%%%", "AAAA", "_____w"} {
		_, _, err = Histories(l.tx, HistoryFilter{Caller: Everyone(), User: "u"}, bad, 1)
		assert.ErrorIs(t, err, ErrInvalid, bad)
		_, _, err = Accounts(l.tx, AccountFilter{Caller: Everyone()}, bad, 1)
		assert.ErrorIs(t, err, ErrInvalid, bad)
	}
}
