package accounting_test

import (
	"fmt"

	"github.com/stretchr/testify/require"

	. "starling/accounting"
	"starling/accounting/accountingtest"
)

// noon is when everything happens, unless a test says otherwise.
const noon Instant = 1_795_003_200_000

// ledger is a state and the commands applied to it.
type ledger struct {
	t  require.TestingT
	tx *accountingtest.Map
}

func newLedger(t require.TestingT) *ledger {
	return &ledger{t: t, tx: accountingtest.NewMap()}
}

func (l *ledger) apply(c Command) Result {
	result, err := Apply(l.tx, c)
	require.NoError(l.t, err)
	return result
}

// refused applies a command that must be refused, and must change nothing.
func (l *ledger) refused(c Command, kind error) {
	before := accountingtest.Dump(l.tx)
	_, err := Apply(l.tx, c)
	require.ErrorIs(l.t, err, kind)
	require.True(l.t, Refused(err))
	require.Equal(l.t, string(before), string(accountingtest.Dump(l.tx)))
}

func (l *ledger) dump() string { return string(accountingtest.Dump(l.tx)) }

func (l *ledger) history(ref Ref) HistoryEntry {
	h, err := History(l.tx, Everyone(), ref)
	require.NoError(l.t, err)
	return h
}

func (l *ledger) audit() { require.NoError(l.t, Audit(l.tx)) }

// balance is that of an owner's account of the period 2026B; "" if there is none.
func (l *ledger) balance(owner Owner, resource Resource, side Side) Decimal {
	list, _, err := Accounts(l.tx, AccountFilter{
		Caller: Everyone(), Owner: owner, Resource: resource, Period: "2026B", Side: side,
	}, "", 0)
	require.NoError(l.t, err)
	require.LessOrEqual(l.t, len(list), 1)
	if len(list) == 0 {
		return ""
	}
	return list[0].Balance
}

func uuid(kind byte, n int) string {
	return fmt.Sprintf("0195%02x00-0000-8000-8000-%012x", kind, n)
}

func ref(n int) Ref           { return Ref(uuid(1, n)) }
func session(n int) SessionID { return SessionID(uuid(2, n)) }
func hold(n int) HoldID       { return HoldID(uuid(2, n)) }

func ownersOf(user OwnerID, proposal OwnerID) Owners {
	o := Owners{User: Party{ID: user, Name: string(user)}}
	if proposal != "" {
		o.TAG = Party{ID: "tag", Name: "the committee"}
		o.Proposal = Party{ID: proposal}
	}
	return o
}

func quantity(t require.TestingT, name Resource, amount string, unit Unit) Quantity {
	q, err := NewQuantity(name, amount, unit)
	require.NoError(t, err)
	return q
}

func euros(t require.TestingT, amount string) []Quantity {
	return []Quantity{quantity(t, Monetary, amount, "EUR")}
}

func open(n int, user OwnerID) OpenAttempt {
	return OpenAttempt{
		Ref: ref(n), Session: session(n), Attempt: 1, Node: "a", Executor: ExecutorID(uuid(3, 1)),
		Owners: ownersOf(user, ""), Period: "2026B", Time: noon + Instant(n),
	}
}

func place(t require.TestingT, n int, user OwnerID, amount string) PlaceHold {
	return PlaceHold{
		Hold: hold(n), Session: session(n), Node: "a", Owners: ownersOf(user, ""), Period: "2026B",
		Estimate: euros(t, amount), Tariff: "t1", Time: noon,
	}
}

func complete(t require.TestingT, n int, charge string) CompleteAttempt {
	return CompleteAttempt{
		Ref: ref(n), Key: "end", Time: noon + 60_000, Recorded: noon + 60_100, Outcome: Completed,
		Resources: []Quantity{quantity(t, TotalTime, "612.5", "s"), quantity(t, "dark-time", "300", "s")},
		Charges:   euros(t, charge), Tariff: "t1",
	}
}

func updates(n int, list ...Update) RecordUpdates {
	for i := range list {
		if list[i].Key == "" {
			list[i].Key = Key(fmt.Sprintf("k%d", i))
		}
		if list[i].Time == 0 {
			list[i].Time = noon + Instant(i)
		}
	}
	return RecordUpdates{Ref: ref(n), Updates: list}
}

func adjustment(n int) AdjustmentID { return AdjustmentID(uuid(4, n)) }

func allocate(t require.TestingT, n int, owner Owner, limit Limit, amount string) Allocate {
	return Allocate{
		ID: adjustment(n), Node: "a", Owner: owner, Period: "2026B", Start: noon - 1e9, End: noon + 1e9,
		Limit: limit, Amount: euros(t, amount)[0], Reason: "the committee says so", By: "oscar", Time: noon,
	}
}

func grant(t require.TestingT, number uint64, owner Owner, least, most string) GrantAllowance {
	return GrantAllowance{
		Node: "a", Owner: owner, Period: "2026B", Number: number, Least: euros(t, least)[0], Most: euros(t, most)[0], Time: noon,
	}
}

func correct(t require.TestingT, id, n int, used, charge string) Correct {
	return Correct{
		ID: adjustment(id), Ref: ref(n), Resources: []Quantity{quantity(t, TotalTime, used, "s")}, Charges: euros(t, charge),
		Tariff: "t2", Reason: "the clock was wrong", By: "oscar", Time: noon + 90_000,
	}
}

func credit(t require.TestingT, id, n int, kind EntryKind, amount string) Credit {
	return Credit{
		ID: adjustment(id), Ref: ref(n), Kind: kind, Amounts: euros(t, amount), Reason: "the weather", By: "oscar", Time: noon + 95_000,
	}
}

// budget is where an owner stands with euros in 2026B.
func (l *ledger) budget(owner Owner) Budget {
	b, err := FindBudget(l.tx, BudgetID{Owner: owner, Period: "2026B", Resource: Monetary, Unit: "EUR"})
	require.NoError(l.t, err)
	return b
}
