package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"starling/accounting"
	"starling/node/store"
)

// allowanceIdle is how long an allowance is kept that nothing is spent of, in
// milliseconds. Others can't have it meanwhile.
const allowanceIdle = 10 * 60 * 1000

// allowance is the node's own count of what it may spend of a hard-limited
// budget, with what the record has granted as far as that was read; b.mu is
// held. Nothing is credited while a command of the node about it is under way:
// it might be one that returns what it doesn't know of.
func (b *Broker) allowance(id accounting.BudgetID, f funds) store.Allowance {
	a, known := b.state.allowances[id]
	if !known {
		a = store.Allowance{Budget: id}
	}
	recorded := f.allowances[id]
	switch {
	case recorded.Number > a.Number: // a session store from a backup has forgotten some
		a.Number, a.Credited = recorded.Number, recorded.Granted
		a.Remaining = min(a.Remaining, recorded.Remaining)
	case recorded.Number == a.Number && recorded.Granted > a.Credited:
		a.Remaining += recorded.Granted - a.Credited
		a.Credited = recorded.Granted
		a.Asked = false
		a.Used = b.now()
	case recorded.Number == a.Number:
		a.Asked = false
	}
	return a
}

// lacking says that the node has to ask the record for allowances before it can
// accept: so much more at least of each.
type lacking struct {
	shares []share
}

type share struct {
	id    accounting.BudgetID
	has   accounting.Amount // the node, of what it was entrusted with
	least accounting.Amount
	most  accounting.Amount
}

// Error implements error; nobody but funded is to see it.
func (l *lacking) Error() string {
	return fmt.Sprintf("allowances of %d accounts are missing", len(l.shares))
}

// aheadOf is how many times what is needed now a node asks for, so that it can
// accept more without asking; and which part of what is left it takes at most
// for that.
const (
	aheadOf = 4
	aheadAt = 4
)

// draw works out what a session's hold takes from the allowances of a verdict;
// b.mu is held. They are spent when the result is submitted with the booking. The
// error is lacking.
func (b *Broker) draw(f funds, v verdict, estimate []accounting.Quantity) ([]accounting.Draw, []store.Allowance, error) {
	var draws []accounting.Draw
	var changed []store.Allowance
	var missing lacking
	now := b.now()
	for _, id := range v.hard {
		need := amountOf(estimate, id)
		if need == 0 {
			continue
		}
		a := b.allowance(id, f)
		if a.Remaining < need {
			missing.shares = append(missing.shares, share{id: id, has: a.Remaining, least: need - a.Remaining, most: b.ahead(f, id, need)})
			continue
		}
		a.Remaining -= need
		a.Used = now
		changed = append(changed, a)
		draws = append(draws, accounting.Draw{Owner: id.Owner, Amount: quantityOf(id, need)})
	}
	if len(missing.shares) > 0 {
		return nil, nil, &missing
	}
	return draws, changed, nil
}

// ahead is how much a node asks for at most where it needs so much.
func (b *Broker) ahead(f funds, id accounting.BudgetID, need accounting.Amount) accounting.Amount {
	i := slices.IndexFunc(f.budgets, func(x accounting.Budget) bool { return x.BudgetID == id })
	left, err := f.budgets[i].Left()
	most := need
	for range aheadOf - 1 {
		more, overflows := most.Add(need)
		// That it takes no more than its part is asked without a division.
		part, tooMuch := accounting.Total{}, error(nil)
		for range aheadAt {
			part, tooMuch = part.Add(more)
		}
		if err != nil || overflows != nil || tooMuch != nil || part.Cmp(left) > 0 {
			break
		}
		most = more
	}
	return most
}

// amountOf is how much of a budget's resource a list of quantities has.
func amountOf(list []accounting.Quantity, id accounting.BudgetID) (sum accounting.Amount) {
	for _, q := range list {
		if q.Name == id.Resource && q.Unit == id.Unit {
			sum += q.Amount
		}
	}
	return sum
}

// drawExcess spends of the node's allowances what an attempt costs more than is
// held for it; b.mu is held. What it doesn't have, the record charges of what is
// left to all, or not at all.
func (b *Broker) drawExcess(s *store.Session, charges, held []accounting.Quantity) (draws []accounting.Draw, changed []store.Allowance) {
	for _, q := range charges {
		for _, owner := range s.Owners.Path() {
			id := accounting.BudgetID{Owner: owner, Period: b.period(s), Resource: q.Name, Unit: q.Unit}
			a, known := b.state.allowances[id]
			excess := min(q.Amount-amountOf(held, id), a.Remaining)
			if !known || excess <= 0 {
				continue
			}
			a.Remaining -= excess
			a.Used = b.now()
			changed = append(changed, a)
			b.state.allowances[id] = a
			draws = append(draws, accounting.Draw{Owner: owner, Amount: quantityOf(id, excess)})
		}
	}
	return draws, changed
}

// keepAllowances puts allowances in place, and sees to it that what nobody needs
// is returned.
func (b *Broker) keepAllowances(changed []store.Allowance) {
	for _, a := range changed {
		b.state.allowances[a.Budget] = a
	}
	if len(changed) > 0 && !b.state.returning {
		b.state.returning = true
		b.at(b.now()+allowanceIdle, b.returnIdle)
	}
}

// funded carries out what may need allowances that the node has to ask for
// first. It refuses only on the strength of a record that has all that was
// decided before the call, where that can be had.
func (b *Broker) funded(ctx context.Context, o accounting.Owners, do func(funds) error) error {
	fresh := false
	for range maxAsks {
		f, err := b.fundsOf(ctx, o)
		if err != nil {
			return err
		}
		err = do(f)
		var missing *lacking
		var refused *Problem
		switch {
		case errors.As(err, &missing):
			if err := b.ask(ctx, f, missing); err != nil {
				return err
			}
			fresh = true
		case !fresh && errors.As(err, &refused) && refused.Code == CodeFunds:
			_ = b.catchUp(ctx) // a record that can't keep up is read as it is
			fresh = true
		default:
			return err
		}
	}
	return problem(CodeFunds, "others have taken what was left on the account meanwhile; try again")
}

// catchUp waits for the record to have all that was decided before the call.
func (b *Broker) catchUp(ctx context.Context) error {
	if err := b.settle(); err != nil { // what isn't committed yet, the record doesn't wait for
		return err
	}
	patience, cancel := context.WithTimeout(ctx, recordPatience)
	defer cancel()
	return b.barrier(patience)
}

// maxAsks is how often an accept asks for allowances while others take them.
const maxAsks = 256

// ask asks the record for allowances and waits for the answer, which fundsOf
// then reads. Where another asks already, it waits for that.
func (b *Broker) ask(ctx context.Context, f funds, missing *lacking) error {
	b.mu.Lock()
	var w write
	for _, x := range missing.shares {
		a := b.allowance(x.id, f)
		if a.Number > f.allowances[x.id].Number {
			continue
		}
		a.Number++
		a.Asked, a.Used = true, b.now()
		w.allowances = append(w.allowances, a)
		w.commands = append(w.commands, accounting.GrantAllowance{
			Node: accounting.NodeName(b.options.Name), Owner: x.id.Owner, Period: x.id.Period, Number: a.Number,
			Least: quantityOf(x.id, x.least), Most: quantityOf(x.id, max(x.least, x.most)), Time: accounting.Instant(b.now()),
		})
	}
	if len(w.commands) > 0 {
		b.submit(w)
	}
	b.mu.Unlock()
	if err := b.catchUp(ctx); err != nil {
		var unwritten *Problem
		if ctx.Err() != nil || errors.As(err, &unwritten) {
			return cmp.Or(ctx.Err(), err)
		}
		return &Problem{Code: CodeFunds, RetryAfter: 10 * time.Second, Detail: b.unasked(f, missing.shares[0], err)}
	}
	return nil
}

// unasked says why a session can't be paid for where the record can't be asked for
// an allowance.
func (b *Broker) unasked(f funds, x share, err error) string {
	i := slices.IndexFunc(f.budgets, func(budget accounting.Budget) bool { return budget.BudgetID == x.id })
	unit := x.id.Unit
	return fmt.Sprintf("%s can't pay %s %s here: the limit for %s is a hard one (by what this node knows, %s); of that this node itself may spend %s %s, and the record can't be asked for more: %s. Try again later, or at another node",
		x.id.Owner, (x.has + x.least).Format(unit), unit, x.id.Period, f.budgets[i].Words(), x.has.Format(unit), unit, b.whyBehind(err))
}

// whyBehind says why the record doesn't get on, as far as the node knows.
func (b *Broker) whyBehind(err error) string {
	switch status := b.options.Record.Status(); {
	case status.Leader == "":
		return "this node can't reach a majority of the federation's nodes"
	case status.Error != "":
		return status.Error
	}
	return err.Error()
}

func quantityOf(id accounting.BudgetID, a accounting.Amount) accounting.Quantity {
	return accounting.Quantity{Name: id.Resource, Amount: a, Unit: id.Unit}
}

// returnIdle gives back what nothing was spent of for a while, and goes on until
// there is nothing more.
func (b *Broker) returnIdle(now store.Millis) {
	var w write
	b.state.returning = false
	for id, a := range b.state.allowances {
		if a.Remaining == 0 && !a.Asked {
			continue
		}
		if now-a.Used < allowanceIdle {
			if !b.state.returning {
				b.state.returning = true
				b.at(now+allowanceIdle, b.returnIdle)
			}
			continue
		}
		a.Number++
		w.commands = append(w.commands, accounting.ReturnAllowance{
			Node: accounting.NodeName(b.options.Name), Owner: id.Owner, Period: id.Period, Number: a.Number,
			Credited: quantityOf(id, a.Credited), Time: accounting.Instant(now),
		})
		a.Remaining, a.Asked = 0, false
		w.allowances = append(w.allowances, a)
	}
	if len(w.commands) > 0 {
		b.submit(w)
	}
}
