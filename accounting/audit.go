package accounting

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Audit checks the whole ledger: in each unit all balances sum to zero; each
// balance is the sum of its entries, which are numbered without a gap; what is
// held is what the pending holds say. It reads everything, in memory that
// grows with the accounts, and reports every discrepancy.
func Audit(view View) error {
	var errs []error
	sums := make(map[Unit]Total)
	held := make(map[AccountID]Total)
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
		if account.Side == Held {
			held[id] = b.total
		}
	}
	for unit, sum := range sums {
		if !sum.IsZero() {
			errs = append(errs, fmt.Errorf("unit %q: the balances sum to %s, not 0", unit, sum.Format(unit)))
		}
	}
	errs = append(errs, auditHolds(view, held)...)
	return errors.Join(errs...)
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

// auditHolds takes the pending holds from what is held; nothing may be left.
func auditHolds(view View, held map[AccountID]Total) (errs []error) {
	for _, value := range view.Scan(Prefix([]byte{tagHold})) {
		var h Hold
		if err := decodeJSON(value, &h); err != nil {
			return []error{fmt.Errorf("decode hold: %w", err)}
		}
		if h.State != Pending {
			continue
		}
		for _, q := range h.Estimate {
			head := accountHead{Owner: h.Owners.Payer(), Resource: q.Name, Unit: q.Unit, Period: h.Period, Side: Held}
			var err error
			if held[head.id()], err = held[head.id()].Add(-q.Amount); err != nil {
				errs = append(errs, fmt.Errorf("hold %s: %w", h.ID, err))
			}
		}
	}
	for id, rest := range held {
		if !rest.IsZero() {
			errs = append(errs, fmt.Errorf("account %s: holds %v more than the pending holds say", id, rest.int()))
		}
	}
	return errs
}
