package accounting_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

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
	assert.Contains(t, lines, StatementLine{Resource: Monetary, Unit: "EUR", Charged: "9.5"})
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
