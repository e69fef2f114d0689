package accounting_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	. "starling/accounting"
	"starling/accounting/accountingtest"
)

// provisional is a state of which the record has only what an older one holds.
type provisional struct {
	*accountingtest.Map
	recorded *accountingtest.Map
}

func (p provisional) Pending(key []byte) bool {
	return string(p.Get(key)) != string(p.recorded.Get(key)) || (p.Get(key) == nil) != (p.recorded.Get(key) == nil)
}

// What one node alone knows of is marked as pending in each answer, and nothing
// else is.
func TestWhatIsNotOnRecordYetIsPending(t *testing.T) {
	recorded, now := newLedger(t), newLedger(t)
	for _, l := range []*ledger{recorded, now} {
		l.apply(allocate(t, 1, User("u"), Soft, "100"))
		l.apply(allocate(t, 2, User("v"), Soft, "100"))
		for n, user := range []OwnerID{"u", "v"} {
			l.apply(place(t, n, user, "2"))
			l.apply(open(n, user))
			l.apply(complete(t, n, "1"))
		}
		l.apply(open(2, "u"))
	}
	now.apply(complete(t, 2, "1"))
	now.apply(open(3, "u"))
	view := provisional{now.tx, recorded.tx}

	page, _, err := Histories(view, HistoryFilter{Caller: Everyone(), Oldest: true}, "", 0)
	require.NoError(t, err)
	want := []bool{false, false, true, true}
	require.Len(t, page, len(want))
	for i, h := range page {
		assert.Equal(t, want[i], h.Pending, h.HistoryRef)
		one, err := History(view, Everyone(), h.HistoryRef)
		require.NoError(t, err)
		assert.Equal(t, want[i], one.Pending, h.HistoryRef)
	}
	for owner, changed := range map[Owner]bool{User("u"): true, User("v"): false, Node("a"): true} {
		list, _, err := Accounts(view, AccountFilter{Caller: Everyone(), Owner: owner, Side: chargeSide(owner)}, "", 0)
		require.NoError(t, err)
		require.Len(t, list, 1)
		assert.Equal(t, changed, list[0].Pending, owner)
		entries, _, err := Entries(view, Everyone(), list[0].ID, "", 0)
		require.NoError(t, err)
		assert.Equal(t, changed, entries[0].Pending, "the newest entry of %s", owner)
		assert.False(t, entries[len(entries)-1].Pending, "the oldest")
		if owner.Kind == KindNode {
			continue
		}
		budgets, _, err := Budgets(view, BudgetFilter{Caller: Everyone(), Owner: owner}, "", 0)
		require.NoError(t, err)
		assert.Equal(t, changed, budgets[0].Pending, owner)
		statement, err := MakeStatement(view, StatementFilter{Caller: Everyone(), Owner: owner, Period: "2026B"}, "", 0)
		require.NoError(t, err)
		assert.False(t, statement.Sessions[0].Pending)
		assert.Equal(t, changed, statement.Sessions[len(statement.Sessions)-1].Pending)
	}

	page, _, err = Histories(now.tx, HistoryFilter{Caller: Everyone()}, "", 0)
	require.NoError(t, err)
	for _, h := range page {
		assert.False(t, h.Pending, "on record is on record")
	}
}

func chargeSide(owner Owner) Side {
	if owner.Kind == KindNode {
		return Income
	}
	return Charged
}
