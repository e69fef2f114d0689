package accounting

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Audit checks the whole ledger: in each unit all balances sum to zero; each
// balance is the sum of its entries, which are numbered without a gap; accounts,
// budgets and statements are what attempts, holds, allocations and allowances
// say; no hard limit is passed. It reads everything, in memory that grows with
// the accounts, and reports every discrepancy.
func Audit(view View) error {
	var errs []error
	sums := make(map[Unit]Total)
	balances := make(map[AccountID]Total)
	for k := range view.Scan(Prefix([]byte{tagAccount})) {
		id := AccountID(k[1:])
		account, err := readAccount(view, id)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		b, err := auditAccount(view, id)
		if err != nil {
			errs = append(errs, err)
		}
		if sums[account.Unit], err = sums[account.Unit].plus(b.total); err != nil {
			errs = append(errs, fmt.Errorf("unit %q: %w", account.Unit, err))
		}
		if _, owners := counterpart[account.Side]; owners {
			balances[id] = b.total
		}
	}
	for unit, sum := range sums {
		if !sum.IsZero() {
			errs = append(errs, fmt.Errorf("unit %q: the balances sum to %s, not 0", unit, sum.Format(unit)))
		}
	}
	return errors.Join(append(errs, auditRecords(view, balances))...)
}

func auditAccount(view View, id AccountID) (balance, error) {
	b, err := readBalance(view.Get(key(tagBalance, id)))
	if err != nil {
		return b, fmt.Errorf("account %s: %w", id, err)
	}
	var sum balance
	for k, value := range view.Scan(Prefix(key(tagEntry, id))) {
		row, err := readEntryRow(value)
		if err != nil {
			return b, fmt.Errorf("account %s: %w", id, err)
		}
		sum.entries++
		if number := binary.BigEndian.Uint64(k[len(k)-8:]); number != sum.entries {
			return b, fmt.Errorf("account %s: entry %d stands in place of %d", id, number, sum.entries)
		}
		if sum.total, err = sum.total.Add(row.Amount); err != nil {
			return b, fmt.Errorf("account %s: %w", id, err)
		}
	}
	if sum != b {
		return b, fmt.Errorf("account %s: balance %v over %d entries, but they are %d and sum to %v",
			id, b.total.int(), b.entries, sum.entries, sum.total.int())
	}
	return b, nil
}
