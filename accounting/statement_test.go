package accounting_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	. "starling/accounting"
)

func statement(t *testing.T, l *ledger, owner Owner, cursor Cursor, limit int) Statement {
	s, err := MakeStatement(l.tx, StatementFilter{Caller: Everyone(), Owner: owner, Period: "2026B"}, cursor, limit)
	require.NoError(t, err)
	return s
}

func TestAStatementHasEstimateUsedAndChargedSideBySide(t *testing.T) {
	l := newLedger(t)
	l.apply(place(t, 1, "u", "2.5")) // runs twice, and is over
	l.apply(open(1, "u"))
	failed := complete(t, 1, "0.5")
	failed.Outcome, failed.Estimate = Failed, euros(t, "2.5")
	l.apply(failed)
	again := open(4, "u")
	again.Session, again.Attempt = session(1), 2
	l.apply(again)
	end := complete(t, 4, "1.5")
	end.Hold, end.Estimate = hold(1), euros(t, "2.5")
	l.apply(end)
	l.apply(place(t, 2, "u", "4")) // waits
	l.apply(place(t, 3, "u", "8")) // was cancelled
	l.apply(VoidHold{Hold: hold(3), Time: noon})

	s := statement(t, l, User("u"), "", 0)
	text, err := json.Marshal(s)
	require.NoError(t, err)
	assert.JSONEq(t, `{"owner": "user:u", "name": "u", "period": "2026B",
		"totals": [
			{"resource": "dark-time", "unit": "s", "used": "600"},
			{"resource": "monetary", "unit": "EUR", "estimated": "6.5", "held": "4", "charged": "2"},
			{"resource": "total-time", "unit": "s", "used": "1225"}],
		"sessions": [
			{"session": "`+string(session(1))+`", "user": "u", "attempts": 2, "phase": "COMPLETED", "ended": "2026-11-18T12:01:00.000Z", "lines": [
				{"resource": "dark-time", "unit": "s", "used": "600"},
				{"resource": "monetary", "unit": "EUR", "estimated": "2.5", "charged": "2"},
				{"resource": "total-time", "unit": "s", "used": "1225"}]},
			{"session": "`+string(session(2))+`", "user": "u", "attempts": 0, "lines": [
				{"resource": "monetary", "unit": "EUR", "estimated": "4", "held": "4"}]}]}`, string(text))
}

// A session that is executed again and again has a hold for each execution.
func TestAStatementAddsUpTheHoldsOfASeries(t *testing.T) {
	l := newLedger(t)
	first := place(t, 1, "u", "2.5")
	first.Hold = HoldID(first.Session)
	l.apply(first)
	l.apply(open(1, "u"))
	end := complete(t, 1, "0.5")
	end.Hold, end.Estimate = first.Hold, euros(t, "2.5")
	l.apply(end)
	second := place(t, 1, "u", "3")
	second.Hold = hold(7)
	l.apply(second)
	third := place(t, 1, "u", "100") // its window was missed
	third.Hold = hold(8)
	l.apply(third)
	l.apply(VoidHold{Hold: third.Hold, Time: noon})

	s := statement(t, l, User("u"), "", 0)
	require.Len(t, s.Sessions, 1)
	assert.Equal(t, 1, s.Sessions[0].Attempts)
	assert.Contains(t, s.Sessions[0].Lines, StatementLine{Resource: "monetary", Unit: "EUR", Estimated: "5.5", Held: "3", Charged: "0.5"})
}

func TestAStatementAgreesWithTheBalances(t *testing.T) {
	l := busy(t)
	for _, owner := range []Owner{User("u"), User("v"), Proposal("p1")} {
		for _, line := range statement(t, l, owner, "", 0).Totals {
			used, charged := l.balance(owner, line.Resource, Used), l.balance(owner, line.Resource, Charged)
			assert.Equal(t, used, line.Used)
			assert.Equal(t, charged, line.Charged)
		}
	}
	// Whoever paid, it is in the statement of her who ran it.
	assert.Equal(t, statement(t, l, Proposal("p1"), "", 0).Totals, statement(t, l, User("w"), "", 0).Totals)
}

func TestAStatementIsPagedWithItsTotalsWhole(t *testing.T) {
	l := busy(t)
	whole := statement(t, l, User("u"), "", 0)
	assert.Empty(t, whole.Next)
	assert.Len(t, whole.Sessions, 7)
	for _, limit := range []int{1, 2, 6, 7} {
		var sessions []SessionStatement
		var next Cursor
		for {
			page := statement(t, l, User("u"), next, limit)
			assert.Equal(t, whole.Totals, page.Totals)
			assert.LessOrEqual(t, len(page.Sessions), limit)
			sessions = append(sessions, page.Sessions...)
			if next = page.Next; next == "" {
				break
			}
		}
		assert.Equal(t, whole.Sessions, sessions)
	}
}

// Promise 8: a statement is for its owner.
func TestPromise8StatementsAreForTheirOwners(t *testing.T) {
	l := busy(t)
	ask := func(caller Caller, owner Owner) error {
		_, err := MakeStatement(l.tx, StatementFilter{Caller: caller, Owner: owner, Period: "2026B"}, "", 0)
		return err
	}
	assert.NoError(t, ask(Caller{User: "u"}, User("u")))
	assert.NoError(t, ask(Caller{User: "u", Proposals: []OwnerID{"p1"}}, Proposal("p1")))
	assert.ErrorIs(t, ask(Caller{}, User("u")), ErrNotFound)
	assert.ErrorIs(t, ask(Caller{User: "v"}, User("u")), ErrNotFound)
	assert.ErrorIs(t, ask(Caller{User: "v"}, Proposal("p1")), ErrNotFound)
	assert.ErrorIs(t, ask(Caller{User: "v"}, Node("a")), ErrNotFound)
}

func TestAStatementShowsWhatIsLeftOfAllocations(t *testing.T) {
	l := newLedger(t)
	l.apply(allocate(t, 1, User("u"), Hard, "10"))
	l.apply(place(t, 1, "u", "2.5"))
	l.apply(open(2, "u"))
	l.apply(complete(t, 2, "4"))
	budgets := statement(t, l, User("u"), "", 0).Budgets
	require.Len(t, budgets, 1)
	left, err := budgets[0].Left()
	require.NoError(t, err)
	assert.Equal(t, Decimal("3.5"), left.Format("EUR"))
	assert.Empty(t, statement(t, l, User("v"), "", 0).Budgets)
}

func TestAPeriodOfWhichNothingIsKnownIsNoEmptyStatement(t *testing.T) {
	l := newLedger(t)
	ask := func(period Period) error {
		_, err := MakeStatement(l.tx, StatementFilter{Caller: Everyone(), Owner: User("u"), Period: period}, "", 0)
		return err
	}
	assert.NoError(t, ask("2031A"))
	assert.ErrorContains(t, ask("2026C"), `a period "2026C"; semesters are written like 2026A`)
	assert.ErrorIs(t, ask("2026 B"), ErrInvalid)
	special := allocate(t, 1, User("u"), Soft, "10")
	special.Period = "commissioning"
	l.apply(special)
	assert.NoError(t, ask("commissioning"))
}

// A statement opens in a spreadsheet, and nobody's name is a formula there.
func TestAStatementAsCSVHasNoFormulas(t *testing.T) {
	l := newLedger(t)
	for i, name := range []OwnerID{`=HYPERLINK("http://x")`, "+1", "-1", "@a", `a,"b`} {
		l.apply(open(i+1, name))
		l.apply(complete(t, i+1, "1"))
		s := statement(t, l, User(name), "", 0)
		var text bytes.Buffer
		require.NoError(t, s.WriteCSV(&text, true))
		rows, err := csv.NewReader(&text).ReadAll()
		require.NoError(t, err)
		assert.Equal(t, "row", rows[0][0])
		assert.Equal(t, "total", rows[1][0])
		session := rows[len(rows)-1]
		assert.Equal(t, "session", session[0])
		assert.Contains(t, session[4], string(name))
		for _, cell := range session {
			assert.False(t, strings.HasPrefix(cell, "=") || strings.HasPrefix(cell, "+") || strings.HasPrefix(cell, "@") || strings.HasPrefix(cell, "-"), cell)
		}
	}
}
