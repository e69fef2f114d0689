package accounting_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	. "starling/accounting"
)

// paid is a session that a proposal of the TAG "tag" pays for.
func paid[C Command](c C, edit func(*C)) C {
	edit(&c)
	return c
}

func placeFor(t require.TestingT, n int, proposal OwnerID, amount string, draws ...Draw) PlaceHold {
	return paid(place(t, n, "u", amount), func(c *PlaceHold) { c.Owners, c.Draws = ownersOf("u", proposal), draws })
}

func TestALimitHoldsForAllBeneathIt(t *testing.T) {
	tag := Owner{KindTAG, "tag"}
	l := newLedger(t)
	l.apply(allocate(t, 1, tag, Hard, "10"))
	l.apply(allocate(t, 2, Proposal("p1"), Hard, "9"))
	l.apply(placeFor(t, 1, "p1", "6"))
	l.apply(placeFor(t, 2, "p2", "3")) // has no limit of its own
	assert.Equal(t, Decimal("9"), l.budget(tag).Held.Format("EUR"))
	assert.Equal(t, Decimal("6"), l.budget(Proposal("p1")).Held.Format("EUR"))
	l.refused(placeFor(t, 3, "p2", "1.5"), ErrFunds) // the TAG's
	l.refused(placeFor(t, 3, "p1", "3.5"), ErrFunds) // its own
	l.apply(placeFor(t, 3, "p1", "1"))
	l.apply(place(t, 4, "u", "1000")) // who pays herself is not the TAG's
	l.audit()
}

func TestARefusalForFundsNamesTheAccountAndTheAmounts(t *testing.T) {
	l := newLedger(t)
	l.apply(allocate(t, 1, User("u"), Hard, "10"))
	l.apply(place(t, 1, "u", "6"))
	l.apply(grant(t, 1, User("u"), "1", "1"))
	_, err := Try(l.tx, place(t, 2, "u", "4"))
	require.ErrorIs(t, err, ErrFunds)
	assert.EqualError(t, err, "user:u, monetary of 2026B: not enough funds: of 10 EUR allocated, 0 are charged, 6 held and 1 entrusted to nodes; "+
		"4 EUR more would pass its hard limit")
}

func TestASoftLimitMayBeOverdrawn(t *testing.T) {
	l := newLedger(t)
	l.apply(allocate(t, 1, User("u"), Soft, "1"))
	l.apply(place(t, 1, "u", "6"))
	left, err := l.budget(User("u")).Left()
	require.NoError(t, err)
	assert.Equal(t, Decimal("-5"), left.Format("EUR"))
	l.refused(allocate(t, 2, User("u"), Hard, "1"), ErrFunds)
	l.apply(allocate(t, 2, User("u"), Hard, "5"))
	l.audit()
}

func TestAnAllocationIsRaisedAndLoweredButNotBelowWhatIsTaken(t *testing.T) {
	l := newLedger(t)
	u := User("u")
	l.apply(allocate(t, 1, u, Hard, "10"))
	assert.True(t, l.apply(allocate(t, 1, u, Hard, "10")).Duplicate)
	l.refused(allocate(t, 1, u, Hard, "11"), ErrConflict)
	l.apply(allocate(t, 2, u, Hard, "5"))
	l.apply(place(t, 1, "u", "12"))
	l.refused(allocate(t, 3, u, Hard, "-4"), ErrFunds)
	l.apply(allocate(t, 3, u, Hard, "-3"))
	l.refused(allocate(t, 4, u, Soft, "-13"), ErrConflict) // less than nothing
	assert.Equal(t, Decimal("12"), l.balance(u, Monetary, Allocated))
	assert.Equal(t, Decimal("-12"), l.balance(Node("a"), Monetary, Granted))
	list, next, err := Allocations(l.tx, Caller{User: "u"}, u, "", 2)
	require.NoError(t, err)
	assert.NotEmpty(t, next)
	assert.Equal(t, []Allocate{allocate(t, 3, u, Hard, "-3"), allocate(t, 2, u, Hard, "5")}, list)
	list, next, err = Allocations(l.tx, Caller{User: "u"}, u, next, 2)
	require.NoError(t, err)
	assert.Empty(t, next)
	assert.Len(t, list, 1)
	_, _, err = Allocations(l.tx, Caller{User: "v"}, u, "", 2)
	assert.ErrorIs(t, err, ErrNotFound)
	l.audit()
}

func TestAnAllowanceIsTakenFromEverybodyElse(t *testing.T) {
	l := newLedger(t)
	l.apply(allocate(t, 1, User("u"), Hard, "10"))
	allowance := func() Amount {
		a, err := FindAllowance(l.tx, "a", l.budget(User("u")).BudgetID)
		require.NoError(t, err)
		return a.Remaining
	}
	l.apply(grant(t, 1, User("u"), "4", "8"))
	assert.Equal(t, euros(t, "8")[0].Amount, allowance())
	assert.True(t, l.apply(grant(t, 1, User("u"), "4", "8")).Duplicate)
	elsewhere := paid(grant(t, 1, User("u"), "3", "8"), func(c *GrantAllowance) { c.Node = "b" })
	l.apply(elsewhere) // only 2 are left: less than it can do with
	assert.Equal(t, Decimal("8"), l.budget(User("u")).Entrusted.Format("EUR"))
	l.refused(paid(place(t, 1, "u", "3"), func(c *PlaceHold) { c.Node = "b" }), ErrFunds)

	draw := Draw{User("u"), euros(t, "3")[0]}
	l.apply(paid(place(t, 1, "u", "3"), func(c *PlaceHold) { c.Draws = []Draw{draw} }))
	assert.Equal(t, euros(t, "5")[0].Amount, allowance())
	back := ReturnAllowance{Node: "a", Owner: User("u"), Period: "2026B", Number: 2, Credited: euros(t, "8")[0], Time: noon}
	l.apply(back)
	assert.True(t, l.apply(back).Duplicate)
	assert.Zero(t, allowance())
	elsewhere.Number = 2
	l.apply(elsewhere)
	assert.Equal(t, Decimal("7"), l.budget(User("u")).Entrusted.Format("EUR"))

	// What a node was granted and never took up, it gives back unseen.
	lost := paid(back, func(c *ReturnAllowance) {
		c.Node, c.Number, c.Credited.Amount = "b", 3, 0
	})
	l.apply(lost)
	assert.Equal(t, Decimal("0"), l.budget(User("u")).Entrusted.Format("EUR"))
	l.audit()
}

// What was used is recorded in full; what the limit does not allow to charge is
// written elsewhere.
func TestWhatAHardLimitForbidsToChargeIsUnbilled(t *testing.T) {
	l := newLedger(t)
	l.apply(allocate(t, 1, User("u"), Hard, "10"))
	l.apply(place(t, 1, "u", "6"))
	l.apply(place(t, 2, "u", "3"))
	l.apply(open(1, "u"))
	end := complete(t, 1, "12.5")
	end.Hold = hold(1)
	l.apply(end) // 6 were held for it, 1 is left
	assert.Equal(t, Decimal("7"), l.balance(User("u"), Monetary, Charged))
	assert.Equal(t, Decimal("5.5"), l.balance(User("u"), Monetary, Unbilled))
	assert.Equal(t, Decimal("-5.5"), l.balance(Node("a"), Monetary, Waived))
	assert.Equal(t, Decimal("612.5"), l.balance(User("u"), TotalTime, Used))
	bill, err := json.Marshal(l.history(ref(1)).Bill)
	require.NoError(t, err)
	assert.JSONEq(t, `[{"resource": "monetary", "unit": "EUR", "due": "12.5", "billed": "7", "unbilled": "5.5"}]`, string(bill))
	totals := statement(t, l, User("u"), "", 0).Totals
	assert.Contains(t, totals, StatementLine{Resource: Monetary, Unit: "EUR", Estimated: "9", Held: "3", Charged: "7", Unbilled: "5.5"})
	l.audit()
}

func TestAnExcessIsDrawnFromTheAllowance(t *testing.T) {
	l := newLedger(t)
	l.apply(allocate(t, 1, User("u"), Hard, "10"))
	l.apply(grant(t, 1, User("u"), "10", "10"))
	l.apply(paid(place(t, 1, "u", "6"), func(c *PlaceHold) { c.Draws = []Draw{{User("u"), euros(t, "6")[0]}} }))
	l.apply(open(1, "u"))
	end := complete(t, 1, "9")
	end.Hold, end.Draws = hold(1), []Draw{{User("u"), euros(t, "3")[0]}}
	l.apply(end)
	assert.Equal(t, Decimal("9"), l.balance(User("u"), Monetary, Charged))
	assert.Empty(t, l.history(ref(1)).Bill)
	assert.Equal(t, Decimal("1"), l.budget(User("u")).Entrusted.Format("EUR"))
	l.audit()
}

// A hold that a limit forbade must not cost the record of the work.
func TestACompletionIsRecordedWithoutItsHold(t *testing.T) {
	l := newLedger(t)
	l.apply(open(1, "u"))
	end := complete(t, 1, "1")
	end.Hold = hold(1)
	l.apply(end)
	assert.Equal(t, Decimal("1"), l.balance(User("u"), Monetary, Charged))
}

func TestBudgetsAreListedForThoseWhoMaySeeThem(t *testing.T) {
	l := newLedger(t)
	l.apply(allocate(t, 1, User("u"), Hard, "10"))
	l.apply(allocate(t, 2, Proposal("p1"), Soft, "20"))
	l.apply(place(t, 1, "v", "6"))
	list := func(filter BudgetFilter, limit int) (owners []Owner) {
		var next Cursor
		for {
			page, cursor, err := Budgets(l.tx, filter, next, limit)
			require.NoError(t, err)
			for _, b := range page {
				owners = append(owners, b.Owner)
			}
			if next = cursor; next == "" {
				return owners
			}
		}
	}
	for _, limit := range []int{1, 2, 10} {
		assert.Equal(t, []Owner{Proposal("p1"), User("u"), User("v")}, list(BudgetFilter{Caller: Everyone()}, limit))
	}
	assert.Equal(t, []Owner{Proposal("p1"), User("u")}, list(BudgetFilter{Caller: Everyone(), Limited: true}, 10))
	assert.Equal(t, []Owner{Proposal("p1"), User("u")}, list(BudgetFilter{Caller: Caller{User: "u", Proposals: []OwnerID{"p1"}}}, 1))
	assert.Empty(t, list(BudgetFilter{}, 10))
	assert.Empty(t, list(BudgetFilter{Caller: Caller{User: "v"}, Owner: User("u")}, 10))

	text, err := json.Marshal(l.budget(User("u")))
	require.NoError(t, err)
	assert.JSONEq(t, `{"owner": "user:u", "period": "2026B", "resource": "monetary", "unit": "EUR", "limit": "hard",
		"start": "2026-11-06T22:13:20.000Z", "end": "2026-11-30T01:46:40.000Z",
		"allocated": "10", "charged": "0", "held": "0", "entrusted": "0", "left": "10"}`, string(text))
}

func TestAnEnrolledOwnerKeepsItsPlace(t *testing.T) {
	l := newLedger(t)
	enrol := EnrolOwner{Owner: Proposal("p1"), Name: "Pulsars", Parent: Owner{KindProgramme, "pg"}, By: "oscar", Time: noon}
	l.apply(enrol)
	assert.True(t, l.apply(enrol).Duplicate)
	c := open(1, "u")
	c.Owners = Owners{User: Party{ID: "u"}, Proposal: Party{ID: "p1"}}
	l.apply(c)
	known, err := FindOwner(l.tx, Proposal("p1"))
	require.NoError(t, err)
	assert.Equal(t, OwnerRecord{Owner: Proposal("p1"), Name: "Pulsars", Parent: Owner{KindProgramme, "pg"}}, known)
}
