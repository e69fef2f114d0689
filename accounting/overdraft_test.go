package accounting_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	. "starling/accounting"
)

// explained is a user's budget with why it is overdrawn.
func (l *ledger) explained(owner Owner) Budget {
	budgets := []Budget{l.budget(owner)}
	require.NoError(l.t, Explain(l.tx, budgets))
	return budgets[0]
}

func TestAnOverdraftSaysWhoTookWhatAndWhy(t *testing.T) {
	u := User("u")
	apart := paid(place(t, 2, "u", "3"), func(c *PlaceHold) { c.Node, c.Apart = "b", noon-60_000 })
	l := newLedger(t)
	l.apply(allocate(t, 1, u, Soft, "5"))
	l.apply(place(t, 1, "u", "4"))
	assert.Empty(t, l.explained(u).Overdrafts)
	l.apply(apart)
	l.apply(place(t, 3, "u", "1"))
	list := l.explained(u).Overdrafts
	require.Len(t, list, 2)
	assert.Equal(t, Overdraft{
		Session: session(3), Node: "a", Time: noon, Amount: "1", Left: "-3", Reason: "accepted at a; the limit is a soft one",
	}, list[0], "the newest first")
	assert.Equal(t, Overdraft{
		Session: session(2), Node: "b", Time: noon, Amount: "3", Left: "-2", Apart: noon - 60_000,
		Reason: "accepted at b while that had heard nothing from the federation since " + (noon - 60_000).String() + "; it could not know what others took",
	}, list[1])

	l.apply(VoidHold{Hold: hold(3), Time: noon})
	assert.Len(t, l.explained(u).Overdrafts, 1, "a cancelled session is no reason")
	l.apply(paid(open(2, "u"), func(c *OpenAttempt) { c.Node = "b" }))
	l.apply(paid(complete(t, 2, "3.5"), func(c *CompleteAttempt) { c.Hold = hold(2) }))
	list = l.explained(u).Overdrafts
	require.Len(t, list, 1, "what was held is charged now")
	assert.Equal(t, ref(2), list[0].HistoryRef)
	assert.Equal(t, Decimal("3.5"), list[0].Amount)
	assert.Equal(t, noon-60_000, list[0].Apart)
	l.audit()

	l.apply(allocate(t, 2, u, Soft, "5"))
	assert.Empty(t, l.explained(u).Overdrafts, "it is not overdrawn any more")
	statement, err := MakeStatement(l.tx, StatementFilter{Caller: Everyone(), Owner: u, Period: "2026B"}, "", 10)
	require.NoError(t, err)
	require.Len(t, statement.Budgets, 1)
}

func TestAHardLimitHasNoOverdrafts(t *testing.T) {
	l := newLedger(t)
	l.apply(allocate(t, 1, User("u"), Hard, "1"))
	l.refused(place(t, 1, "u", "4"), ErrFunds)
	assert.Empty(t, l.explained(User("u")).Overdrafts)
	l.refused(paid(place(t, 1, "u", "1"), func(c *PlaceHold) { c.Apart = -1 }), ErrInvalid)
}
