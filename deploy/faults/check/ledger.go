package check

import (
	"math/big"
	"slices"
)

// ledger checks promises 3 and 4 by what every site tells.
func (c *checker) ledger() {
	for _, t := range c.told {
		c.balances(t)
		c.limits(t)
		c.charges(t)
	}
}

func number(text string) *big.Rat {
	n, ok := new(big.Rat).SetString(text)
	if !ok {
		return new(big.Rat)
	}
	return n
}

// balances checks that every account has what its entries come to, and all accounts
// of one unit nothing.
func (c *checker) balances(t *testimony) {
	sums := map[string]*big.Rat{}
	for id, a := range t.accounts {
		c.looked("accounts", 1)
		balance, sum := number(a.Balance), new(big.Rat)
		for _, e := range t.entries[id] {
			sum.Add(sum, number(e.Amount))
		}
		if sum.Cmp(balance) != 0 {
			c.broken(4, "account "+id, "%s of %s has %s at %s, and its entries come to %s", a.Side, a.Owner, a.Balance, t.site.Name, sum.FloatString(6))
		}
		unit := a.Resource + " in " + a.Unit
		if sums[unit] == nil {
			sums[unit] = new(big.Rat)
		}
		sums[unit].Add(sums[unit], balance)
	}
	for unit, sum := range sums {
		if sum.Sign() != 0 {
			c.broken(4, unit, "at %s the sum over all accounts is %s", t.site.Name, sum.FloatString(6))
		}
	}
}

// limits checks that no hard limit was passed.
func (c *checker) limits(t *testimony) {
	for name, b := range t.budgets {
		if b.Limit != "hard" {
			continue
		}
		c.looked("hard limits", 1)
		took := new(big.Rat).Add(number(b.Charged), number(b.Held))
		if took.Cmp(number(b.Allocated)) > 0 {
			c.broken(4, "budget of "+name, "at %s %s are charged and %s held, of %s", t.site.Name, b.Charged, b.Held, b.Allocated)
		}
	}
}

// charges checks that every attempt was charged once, and what its record says.
func (c *checker) charges(t *testimony) {
	type charge struct{ ref, resource string }
	charged, times := map[charge]*big.Rat{}, map[charge]map[string]int{}
	for id, a := range t.accounts {
		if a.Side != "charged" {
			continue
		}
		for _, e := range t.entries[id] {
			if e.Kind != "charge" {
				continue
			}
			key := charge{e.HistoryRef, a.Resource}
			if charged[key] == nil {
				charged[key], times[key] = new(big.Rat), map[string]int{}
			}
			charged[key].Add(charged[key], number(e.Amount))
			if times[key][id]++; times[key][id] > 1 {
				c.broken(3, "attempt "+e.HistoryRef, "at %s account %s was charged %d times for it", t.site.Name, id, times[key][id])
			}
		}
	}
	for key := range charged {
		if _, known := t.history[key.ref]; !known {
			c.broken(3, "attempt "+key.ref, "at %s it is charged, and isn't on record", t.site.Name)
		}
	}
	for ref, a := range t.history {
		for _, q := range a.Charges {
			c.looked("charges", 1)
			want, has := number(q.Amount), charged[charge{ref, q.Name}]
			if has == nil {
				has = new(big.Rat)
			}
			if want.Cmp(has) != 0 && len(a.Bill) == 0 {
				c.broken(3, "attempt "+ref, "at %s its record says that it costs %s %s of %s, and its accounts were charged %s", t.site.Name, q.Amount, q.Unit, q.Name, has.FloatString(6))
			}
		}
		if len(a.Charges) > 0 && !slices.Contains([]string{"COMPLETED", "PARTIAL", "FAILED", "ABANDONED"}, a.Phase) {
			c.broken(3, "attempt "+ref, "at %s it is charged, and %s", t.site.Name, a.Phase)
		}
	}
}
