package accounting_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	. "starling/accounting"
)

// charged is a ledger with one completed attempt that was charged so much.
func charged(t *testing.T, amount string) *ledger {
	l := newLedger(t)
	l.apply(open(1, "u"))
	l.apply(complete(t, 1, amount))
	return l
}

func TestACorrectionPostsTheDifferenceToTheNewestWord(t *testing.T) {
	l := charged(t, "10")
	first := correct(t, 1, 1, "600", "8") // 612.5 s, and 300 s of dark time, were reported
	l.apply(first)
	assert.Equal(t, Decimal("8"), l.balance(User("u"), Monetary, Charged))
	assert.Equal(t, Decimal("600"), l.balance(User("u"), TotalTime, Used))
	assert.Equal(t, Decimal("0"), l.balance(User("u"), "dark-time", Used))
	assert.True(t, l.apply(first).Duplicate)
	l.refused(correct(t, 1, 1, "601", "8"), ErrConflict)
	second := correct(t, 2, 1, "700", "9.5")
	l.apply(second)
	assert.Equal(t, Decimal("9.5"), l.balance(User("u"), Monetary, Charged))
	assert.Equal(t, Decimal("700"), l.balance(User("u"), TotalTime, Used))
	assert.True(t, l.apply(first).Duplicate, "an old correction comes into force again")

	h := l.history(ref(1))
	assert.Equal(t, complete(t, 1, "10").Resources, h.Resources, "what was reported is gone")
	assert.Len(t, h.Adjustments, 2)
	assert.Equal(t, second.ID, h.Corrected.ID)
	assert.Equal(t, second.Resources, h.Corrected.Resources)
	lines := statement(t, l, User("u"), "", 0).Totals
	assert.Contains(t, lines, StatementLine{Resource: Monetary, Unit: "EUR", Charged: "9.5", Priced: "10", Corrected: "-0.5"})
	assert.Contains(t, lines, StatementLine{Resource: TotalTime, Unit: "s", Used: "700"})
	l.audit()
}

func TestNoMoreIsGivenBackThanWasCharged(t *testing.T) {
	l := charged(t, "10")
	l.refused(credit(t, 1, 1, EntryRefund, "10.000001"), ErrConflict)
	l.apply(credit(t, 1, 1, EntryRefund, "6"))
	assert.True(t, l.apply(credit(t, 1, 1, EntryRefund, "6")).Duplicate)
	l.refused(credit(t, 2, 1, EntryRefund, "6"), ErrConflict)
	l.apply(credit(t, 2, 1, EntryDiscount, "4"))
	l.refused(credit(t, 3, 1, EntryDiscount, "0.000001"), ErrConflict)
	assert.Equal(t, Decimal("0"), l.balance(User("u"), Monetary, Charged))

	// What was given back is not given back again by a correction ...
	l.apply(correct(t, 4, 1, "300", "5"))
	assert.Equal(t, Decimal("0"), l.balance(User("u"), Monetary, Charged))
	// ... and what is due beyond it is charged.
	l.apply(correct(t, 5, 1, "900", "12"))
	assert.Equal(t, Decimal("2"), l.balance(User("u"), Monetary, Charged))
	l.audit()
}

func TestACorrectionDownwardsTakesWhatWasNeverBilledFirst(t *testing.T) {
	l := newLedger(t)
	l.apply(allocate(t, 1, User("u"), Hard, "7"))
	l.apply(open(1, "u"))
	l.apply(complete(t, 1, "10"))
	l.apply(correct(t, 2, 1, "500", "8"))
	assert.Equal(t, Decimal("7"), l.balance(User("u"), Monetary, Charged))
	assert.Equal(t, Decimal("1"), l.balance(User("u"), Monetary, Unbilled))
	l.apply(credit(t, 3, 1, EntryRefund, "2"))
	assert.Equal(t, Decimal("5"), l.balance(User("u"), Monetary, Charged))
	assert.Equal(t, Decimal("1"), l.balance(User("u"), Monetary, Unbilled))
	l.apply(correct(t, 4, 1, "100", "4"))
	assert.Equal(t, Decimal("2"), l.balance(User("u"), Monetary, Charged))
	assert.Equal(t, Decimal("0"), l.balance(User("u"), Monetary, Unbilled))
	l.audit()
}

func TestOnlyWhatHasEndedIsAdjusted(t *testing.T) {
	l := newLedger(t)
	l.refused(correct(t, 1, 1, "1", "1"), ErrNotFound)
	l.apply(open(1, "u"))
	l.refused(correct(t, 1, 1, "1", "1"), ErrConflict)
	l.refused(credit(t, 1, 1, EntryRefund, "1"), ErrConflict)
	l.apply(complete(t, 1, "10"))
	l.apply(correct(t, 1, 1, "1", "1"))
}

// A price that fits into a limit only with its discount does fit.
func TestADiscountComesOffWhatALimitForbadeFirst(t *testing.T) {
	l := newLedger(t)
	l.apply(allocate(t, 1, User("u"), Hard, "7"))
	l.apply(open(1, "u"))
	l.apply(complete(t, 1, "10"))
	assert.Equal(t, Decimal("3"), l.balance(User("u"), Monetary, Unbilled))
	l.apply(credit(t, 2, 1, EntryDiscount, "4"))
	assert.Equal(t, Decimal("6"), l.balance(User("u"), Monetary, Charged))
	assert.Equal(t, Decimal("0"), l.balance(User("u"), Monetary, Unbilled))
	l.refused(credit(t, 3, 1, EntryDiscount, "6.000001"), ErrConflict)
	l.audit()
}

// Property: whatever was adjusted, in whatever order and under whatever limit, a
// statement adds up, line by line.
func TestAStatementAddsUp(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		l := newLedger(rt)
		cents := func(name string, most int) string {
			return fmt.Sprintf("%d.%02d", rapid.IntRange(0, most).Draw(rt, name), rapid.IntRange(1, 99).Draw(rt, name+" cents"))
		}
		if rapid.Bool().Draw(rt, "limited") {
			l.apply(allocate(rt, 1, User("u"), Hard, cents("limit", 12)))
		}
		l.apply(open(1, "u"))
		l.apply(complete(rt, 1, cents("charge", 10)))
		for i := range rapid.IntRange(0, 8).Draw(rt, "adjustments") {
			var c Command = correct(rt, i+2, 1, "600", cents("correction", 20))
			if kind := rapid.SampledFrom([]EntryKind{EntryCorrection, EntryDiscount, EntryRefund}).Draw(rt, "kind"); kind != EntryCorrection {
				c = credit(rt, i+2, 1, kind, cents("credit", 6))
			}
			if _, err := Apply(l.tx, c); err != nil {
				require.ErrorIs(rt, err, ErrConflict)
			}
			s, err := MakeStatement(l.tx, StatementFilter{Caller: Everyone(), Owner: User("u"), Period: "2026B"}, "", 0)
			require.NoError(rt, err)
			require.Equal(rt, s.Totals, s.Sessions[0].Lines)
			for _, line := range s.Totals {
				if line.Priced == "" {
					continue
				}
				sum := Amount(0)
				for _, part := range []struct {
					amount Decimal
					sign   Amount
				}{{line.Priced, 1}, {line.Corrected, 1}, {line.Discounted, -1}, {line.Refunded, -1}, {line.Charged, -1}, {line.Unbilled, -1}} {
					if part.amount != "" {
						n, err := ParseAmount(string(part.amount), line.Unit)
						require.NoError(rt, err)
						sum += part.sign * n
					}
				}
				require.Zero(rt, sum, "%+v", line)
				require.Equal(rt, l.history(ref(1)).Charges[0].Amount.Format("EUR"), line.Priced)
			}
		}
		l.audit()
	})
}
