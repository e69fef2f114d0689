package accounting_test

import (
	"bytes"
	"encoding/json"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	. "starling/accounting"
	"starling/accounting/accountingtest"
)

func TestAHoldIsReleasedOrVoidedOnce(t *testing.T) {
	l := newLedger(t)
	l.apply(place(t, 1, "u", "2.5"))
	assert.Equal(t, Decimal("2.5"), l.balance(User("u"), Monetary, Held))
	assert.Equal(t, Decimal("-2.5"), l.balance(Node("a"), Monetary, Reserved))
	l.refused(place(t, 1, "u", "3"), ErrConflict)

	void := VoidHold{Hold: hold(1), Time: noon + 1}
	assert.False(t, l.apply(void).Duplicate)
	assert.True(t, l.apply(void).Duplicate)
	assert.Equal(t, Decimal("0"), l.balance(User("u"), Monetary, Held))

	l.apply(place(t, 2, "u", "4"))
	l.apply(open(2, "u"))
	end := complete(t, 2, "5")
	end.Hold = hold(2)
	l.apply(end)
	assert.Equal(t, Decimal("0"), l.balance(User("u"), Monetary, Held))
	l.refused(VoidHold{Hold: hold(2), Time: noon}, ErrConflict)

	// Work that was done is recorded although its hold had been voided.
	late := open(1, "u")
	l.apply(late)
	end = complete(t, 1, "1")
	end.Hold = hold(1)
	l.apply(end)
	assert.Equal(t, Decimal("6"), l.balance(User("u"), Monetary, Charged))
	l.audit()
}

func TestAHoldOfAnotherSessionIsNotReleased(t *testing.T) {
	l := newLedger(t)
	l.apply(place(t, 1, "u", "2.5"))
	l.apply(open(2, "u"))
	end := complete(t, 2, "5")
	end.Hold = hold(1)
	l.refused(end, ErrConflict)
}

func TestAProposalPaysForItsUsers(t *testing.T) {
	l := newLedger(t)
	c := open(1, "u")
	c.Owners = ownersOf("u", "p1")
	l.apply(c)
	l.apply(complete(t, 1, "3"))
	assert.Equal(t, Decimal("3"), l.balance(Proposal("p1"), Monetary, Charged))
	assert.Equal(t, Decimal(""), l.balance(User("u"), Monetary, Charged))
	known, err := FindOwner(l.tx, Proposal("p1"))
	require.NoError(t, err)
	assert.Equal(t, Owner{KindTAG, "tag"}, known.Parent)
}

func TestBalancesMayPassWhatOneAmountHolds(t *testing.T) {
	l := newLedger(t)
	for n := range 3 {
		l.apply(open(n, "u"))
		c := complete(t, n, "0")
		c.Resources = []Quantity{{Name: BytesStaged, Amount: math.MaxInt64, Unit: Bytes}}
		l.apply(c)
	}
	assert.Equal(t, Decimal("27670116110564327421"), l.balance(User("u"), BytesStaged, Used))
	l.audit()
}

// The used resources are posted before the charge that does not fit.
func TestACommandRefusedHalfWayLeavesNothingBehind(t *testing.T) {
	l := newLedger(t)
	l.apply(open(1, "u"))
	l.apply(complete(t, 1, "1"))
	list, _, err := Accounts(l.tx, AccountFilter{Caller: Everyone(), Owner: User("u"), Side: Charged}, "", 0)
	require.NoError(t, err)
	full := append([]byte{0x7f}, bytes.Repeat([]byte{0xff}, 15)...) // 2^127 - 1
	require.NoError(t, l.tx.Put(append([]byte("b"), list[0].ID[:]...), append(full, 0, 0, 0, 0, 0, 0, 0, 1)))
	l.apply(open(2, "u"))
	l.refused(complete(t, 2, "1"), ErrOverflow)
	assert.Equal(t, Despatched, l.history(ref(2)).Phase)
}

func TestAnEntrySaysWhereItCameFrom(t *testing.T) {
	l := newLedger(t)
	l.apply(place(t, 1, "u", "2.5"))
	l.apply(open(1, "u"))
	end := complete(t, 1, "1.25")
	end.Hold = hold(1)
	l.apply(end)
	list, _, err := Accounts(l.tx, AccountFilter{Caller: Everyone(), Owner: User("u"), Side: Held}, "", 0)
	require.NoError(t, err)
	require.Len(t, list, 1)
	entries, next, err := Entries(l.tx, Everyone(), list[0].ID, "", 0)
	require.NoError(t, err)
	assert.Empty(t, next)
	require.Len(t, entries, 2)
	release, placed := entries[0], entries[1]
	assert.Equal(t, EntryRelease, release.Kind)
	assert.Equal(t, ref(1), release.HistoryRef)
	assert.Equal(t, Decimal("-2.5"), release.Amount)
	assert.Equal(t, Entry{
		Account: list[0].ID, Number: 1, Time: noon, Amount: "2.5", Unit: "EUR", Kind: EntryHold,
		Session: session(1), Hold: hold(1), Tariff: "t1", Counter: placed.Counter,
	}, placed)
	counter, err := FindAccount(l.tx, Everyone(), placed.Counter)
	require.NoError(t, err)
	assert.Equal(t, Node("a"), counter.Owner)

	text, err := json.Marshal(list[0])
	require.NoError(t, err)
	assert.JSONEq(t, `{"id":"`+list[0].ID.String()+`","owner":"user:u","resource":"monetary","unit":"EUR",
		"period":"2026B","side":"held","balance":"0","entries":2}`, string(text))
}

func TestAuditFindsWhatDoesNotBalance(t *testing.T) {
	make := func() *ledger {
		l := newLedger(t)
		l.apply(place(t, 1, "u", "2.5"))
		l.apply(open(2, "u"))
		l.apply(complete(t, 2, "1"))
		return l
	}
	for _, tag := range []string{"b", "e", "p"} {
		l := make()
		l.audit()
		for k := range l.tx.Scan(Prefix([]byte(tag))) {
			if tag == "b" { // a balance that is off by one
				value := append([]byte{}, l.tx.Get(k)...)
				value[15]++
				require.NoError(t, l.tx.Put(k, value))
				break
			}
			require.NoError(t, l.tx.Delete(k))
			break
		}
		assert.Error(t, Audit(l.tx), tag)
	}
}

// Promises 3 and 4. Property: in whatever order commands come, however often
// and interleaved, the ledger balances, and no attempt is charged twice.
func TestPromise4TheLedgerBalancesWhateverHappens(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		l := newLedger(rt)
		due := make(map[OwnerID]Amount)
		ended := make(map[int]bool)
		user := func(n int) OwnerID { return OwnerID([]string{"u", "v"}[n%2]) }
		draw := rapid.IntRange(0, 5)
		amount := rapid.Int64Range(0, 3)
		try := func(c Command) bool {
			before := l.dump()
			result, err := Apply(l.tx, c)
			if err != nil {
				require.True(rt, Refused(err))
			}
			if err != nil || result.Duplicate {
				require.Equal(rt, before, l.dump())
			}
			return err == nil && !result.Duplicate
		}
		rt.Repeat(map[string]func(*rapid.T){
			"place": func(rt *rapid.T) {
				n := draw.Draw(rt, "n")
				c := place(rt, n, user(n), "0")
				c.Estimate[0].Amount = Amount(amount.Draw(rt, "estimate"))
				try(c)
			},
			"void": func(rt *rapid.T) { try(VoidHold{Hold: hold(draw.Draw(rt, "n")), Time: noon}) },
			"open": func(rt *rapid.T) {
				n := draw.Draw(rt, "n")
				try(open(n, user(n)))
			},
			"stall": func(rt *rapid.T) { try(StallAttempt{Ref: ref(draw.Draw(rt, "n")), Time: noon}) },
			"update": func(rt *rapid.T) {
				try(updates(draw.Draw(rt, "n"), Update{Key: Key(rapid.SampledFrom([]string{"a", "b"}).Draw(rt, "key")), Type: LogWritten}))
			},
			"complete": func(rt *rapid.T) {
				n := draw.Draw(rt, "n")
				c := complete(rt, n, "0")
				c.Charges[0].Amount = Amount(amount.Draw(rt, "charge"))
				c.Resources[0].Amount = Amount(amount.Draw(rt, "used"))
				if rapid.Bool().Draw(rt, "hold") {
					c.Hold = hold(n)
				}
				if try(c) {
					require.False(rt, ended[n], "attempt %d was completed twice", n)
					ended[n] = true
					due[user(n)] += c.Charges[0].Amount
				}
			},
			"": func(rt *rapid.T) {
				l.audit()
				for id, amount := range due {
					if amount > 0 {
						require.Equal(rt, amount.Format("EUR"), l.balance(User(id), Monetary, Charged))
					}
				}
			},
		})
	})
}

// Promise 5. Property: what two nodes apply in the same order is the same state,
// byte for byte, also when one decodes it and the other gets some of it twice.
func TestPromise5TheSameCommandsMakeTheSameState(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		a, b := accountingtest.NewMap(), accountingtest.NewMap()
		commands := all(t)
		for range rapid.IntRange(1, 30).Draw(rt, "length") {
			c := commands[rapid.IntRange(0, len(commands)-1).Draw(rt, "command")]
			data, err := Encode(c)
			require.NoError(rt, err)
			_, errA := Apply(a, c)
			_, errB := ApplyEncoded(b, data)
			require.Equal(rt, errA, errB)
			require.Equal(rt, string(accountingtest.Dump(a)), string(accountingtest.Dump(b)))
		}
	})
}

// failing is a store that fails at the n-th write.
type failing struct {
	*accountingtest.Map
	left int
}

func (f *failing) Put(key, value []byte) error {
	if f.left--; f.left < 0 {
		return assert.AnError
	}
	return f.Map.Put(key, value)
}

func TestAStoreThatFailsIsNotARefusal(t *testing.T) {
	for n := range 10 {
		tx := &failing{accountingtest.NewMap(), n}
		_, err := Apply(tx, place(t, 1, "u", "1"))
		if err != nil {
			assert.ErrorIs(t, err, assert.AnError)
			assert.False(t, Refused(err))
		}
	}
}
