package load

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"starling/accounting"
)

// purseLife is for how long a purse is written to before the next is: what is written
// to one is few enough that one order of it can be looked for.
const purseLife = 2 * time.Second

// allocation is an order for the ledger.
func allocation(owner, resource, unit, amount, limit string) object {
	amountOf := object{"name": resource, "amount": amount}
	if unit != "" {
		amountOf["unit"] = unit
	}
	return object{"owner": owner, "amount": amountOf, "limit": limit, "reason": "a load", "period": string(accounting.PeriodAt(time.Now()))}
}

// grant gives every fourth user a budget with a hard limit that is soon spent.
func (l *Load) grant(ctx context.Context) error {
	const most = "0.001" // some dozens of sessions, at the tariff that is the default
	for i, who := range l.users {
		if i%4 != 3 {
			continue
		}
		r := l.ask(ctx, question{
			kind: Allocate, who: Accountant, method: "POST", path: "/allocations", body: allocation("user:"+who.Name, "monetary", "", most, "hard"),
			key: fmt.Sprintf("grant-%x-%s", l.options.Seed, who.Name), at: l.from(0), persists: true,
		})
		if !r.ok() {
			return errors.New("grant " + who.Name + " a budget: " + r.Error + string(r.Answer))
		}
		l.journal.note(func(record *Record) { record.Limits[who.Name] = most })
	}
	return nil
}

// openTreasury has treasurers write and read at every site.
func (l *Load) openTreasury() {
	for site := range l.options.Sites {
		for number := range l.options.Treasurers {
			draw := rand.New(rand.NewPCG(l.options.Seed, uint64(site*1000+number)<<32))
			l.crowd.Go(func() { l.writesStrongly(draw, site) })
		}
		draw := rand.New(rand.NewPCG(l.options.Seed, uint64(site)<<48|1))
		l.crowd.Go(func() { l.readsStrongly(draw, site) })
	}
}

// purse is the one that is written to now.
func (l *Load) purse() string {
	return fmt.Sprintf("load-%x-%d", l.options.Seed, l.journal.now()/purseLife)
}

// writesStrongly adds one to the purse, again and again. Every order has a key, and is
// given until there is an answer, at one site after the other.
func (l *Load) writesStrongly(draw *rand.Rand, site int) {
	for l.coming.Err() == nil {
		purse := l.purse()
		r := l.does(l.coming, question{
			kind: Allocate, who: Accountant, method: "POST", path: "/allocations", body: allocation("proposal:"+purse, "core-seconds", "s", "1", "soft"),
			key: fmt.Sprintf("purse-%x-%x", l.options.Seed, draw.Uint64()), object: purse, at: l.from(site), persists: true,
		})
		if r.ok() {
			l.journal.note(func(record *Record) { record.Purses[purse]++ })
		}
		pause(l.coming, l.options.Pace)
	}
}

// readsStrongly asks what is in the purse.
func (l *Load) readsStrongly(draw *rand.Rand, site int) {
	for pause(l.coming, l.options.Pace*2) {
		purse := l.purse()
		r := l.ask(l.coming, question{
			kind: Allocated, who: Accountant, method: "GET", path: "/budgets?consistency=strong&owner=proposal:" + purse, object: purse, at: []int{site},
		})
		var told struct{ Budgets []struct{ Allocated string } }
		if r.ok() && r.into(&told) {
			r.Seen = []string{"0"}
			if len(told.Budgets) > 0 {
				r.Seen[0] = told.Budgets[0].Allocated
			}
		}
		l.journal.wrote(r.Op)
	}
}
