package node

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"starling/accounting"
	"starling/api/ivoa"
	"starling/node/store"
)

// funds is what the record says of those who pay for a session: all limits on
// its path, in the order of the path, and what this node is entrusted with of
// the hard ones. It is read before a decision, without the lock; what the node
// has spent since then is in its own count of its allowances.
type funds struct {
	budgets    []accounting.Budget
	allowances map[accounting.BudgetID]accounting.Allowance
	// apart is since when others may have spent what this node doesn't know of; 0 if
	// it hears them.
	apart store.Millis
}

// fundsOf reads what the record says of those who pay.
func (b *Broker) fundsOf(ctx context.Context, o accounting.Owners) (funds, error) {
	f := funds{allowances: map[accounting.BudgetID]accounting.Allowance{}, apart: b.apart()}
	if o.User.ID == "" {
		return f, nil
	}
	err := b.options.Record.View(ctx, func(view accounting.View) error {
		for _, owner := range o.Path() {
			filter := accounting.BudgetFilter{Caller: accounting.Everyone(), Owner: owner, Limited: true}
			budgets, _, err := accounting.Budgets(view, filter, "", accounting.MaxLimit)
			if err != nil {
				return err
			}
			f.budgets = append(f.budgets, budgets...)
		}
		for _, budget := range f.budgets {
			if budget.Limit != accounting.Hard {
				continue
			}
			a, err := accounting.FindAllowance(view, accounting.NodeName(b.options.Name), budget.BudgetID)
			if err != nil {
				return err
			}
			f.allowances[budget.BudgetID] = a
		}
		return nil
	})
	return f, err
}

// maxApart is for how long a node that has a leader may have heard nothing new.
const maxApart = 10 * time.Second

// apart is since when the node has heard nothing from the federation, 0 if it does.
func (b *Broker) apart() store.Millis {
	status := b.options.Record.Status()
	age := time.Duration(status.AgeSeconds * float64(time.Second))
	if status.Leader != "" && age <= maxApart {
		return 0
	}
	return b.now() - age.Milliseconds()
}

// A verdict is what limits mean for one estimate.
type verdict struct {
	period    accounting.Period
	hard      []accounting.BudgetID // of the period: a hold must be drawn from each
	short     *shortage             // a hard limit forbids it
	overdrawn *shortage             // a soft limit would be overdrawn
}

// A shortage is a budget that has too little.
type shortage struct {
	budget  accounting.Budget
	asked   accounting.Quantity
	outside bool // its period doesn't contain the session's start
}

// weigh chooses the period in which a session that begins at a time is charged,
// and says what the limits on its path mean for it; b.mu is held. Of the periods
// that contain the time it is the one that ends first and has funds: first
// where no limit is passed, then where soft ones are only. A session that
// nobody's allocations speak of is charged in the semester of its start. Whoever
// has a hard limit of some period has nothing outside of it.
func (b *Broker) weigh(f funds, estimate []accounting.Quantity, at time.Time) verdict {
	var best *verdict
	for _, period := range f.periods(accounting.At(at)) {
		v := b.weighPeriod(f, period, estimate, accounting.At(at))
		if v.short == nil && v.overdrawn == nil {
			return v
		}
		if best == nil || best.short != nil && v.short == nil {
			best = &v
		}
	}
	if best == nil {
		v := b.weighPeriod(f, accounting.PeriodAt(at), estimate, accounting.At(at))
		best = &v
	}
	return *best
}

// periods are those that contain a time, the one that ends first before others.
func (f funds) periods(at accounting.Instant) []accounting.Period {
	ends := map[accounting.Period]accounting.Instant{}
	var periods []accounting.Period
	for _, budget := range f.budgets {
		if !budget.Contains(at) {
			continue
		}
		end, known := ends[budget.Period]
		if !known {
			periods = append(periods, budget.Period)
		}
		if !known || budget.End < end {
			ends[budget.Period] = budget.End
		}
	}
	slices.SortFunc(periods, func(x, y accounting.Period) int {
		return cmp.Or(cmp.Compare(ends[x], ends[y]), cmp.Compare(x, y))
	})
	return periods
}

func (b *Broker) weighPeriod(f funds, period accounting.Period, estimate []accounting.Quantity, at accounting.Instant) verdict {
	v := verdict{period: period}
	for _, q := range estimate {
		covered := map[accounting.Owner]bool{}
		for _, budget := range f.budgets {
			if budget.Resource == q.Name && budget.Unit == q.Unit && budget.Period == period && budget.Contains(at) {
				covered[budget.Owner] = true
				b.weighBudget(&v, f, budget, q)
			}
		}
		for _, budget := range f.budgets {
			if budget.Resource == q.Name && budget.Unit == q.Unit && budget.Limit == accounting.Hard && !covered[budget.Owner] && v.short == nil {
				v.short = &shortage{budget: budget, asked: q, outside: true}
			}
		}
	}
	return v
}

// weighBudget notes what one budget means for a quantity. What the record has
// granted to this node is there for it, even if it isn't credited yet because
// another command is under way.
func (b *Broker) weighBudget(v *verdict, f funds, budget accounting.Budget, q accounting.Quantity) {
	left, err := budget.Left()
	if err == nil && budget.Limit == accounting.Hard {
		a := b.allowance(budget.BudgetID, f)
		left, err = left.Add(a.Remaining + max(0, f.allowances[budget.BudgetID].Granted-a.Credited))
		if !slices.Contains(v.hard, budget.BudgetID) {
			v.hard = append(v.hard, budget.BudgetID)
		}
	}
	if err == nil && left.Cmp(accounting.TotalOf(q.Amount)) >= 0 {
		return
	}
	lacks := &shortage{budget: budget, asked: q}
	switch {
	case budget.Limit == accounting.Hard && v.short == nil:
		v.short = lacks
	case budget.Limit == accounting.Soft && v.overdrawn == nil:
		v.overdrawn = lacks
	}
}

// afford says what forbids to offer a session, nil if nothing does, and warns of
// a soft limit that it would overdraw.
func (b *Broker) afford(q *question, s *store.Session) *shortage {
	if len(q.funds.budgets) == 0 {
		return nil
	}
	v := b.weigh(q.funds, b.estimateOf(s), wall(s.Plan.Start+s.Plan.Preparing))
	if v.short == nil && v.overdrawn != nil {
		s.Messages = appendMessage(s.Messages, v.overdrawn.message(s.Created, ivoa.LevelWarn))
	}
	return v.short
}

// messageFunds is the kind of what is said about money.
const messageFunds = "urn:starling:message:funds"

// templates of a shortage, for people.
const (
	shortTemplate     = "{account} can't pay {asked}: of {allocated} allocated for {period}, {charged} are charged, {held} held and {entrusted} entrusted to nodes, and the limit is a hard one"
	outsideTemplate   = "{account} can't pay {asked}: its allocation for {period} is good from {start} to {end}, and this begins outside of that"
	overdrawnTemplate = "{account} would be overdrawn by {asked}: of {allocated} allocated for {period}, {charged} are charged and {held} held; the limit is a soft one"
)

// message says what a shortage is.
func (x shortage) message(now store.Millis, level ivoa.Level) ivoa.Message {
	unit := string(x.budget.Unit)
	template := shortTemplate
	switch {
	case x.outside:
		template = outsideTemplate
	case x.budget.Limit == accounting.Soft:
		template = overdrawnTemplate
	}
	amount := func(t accounting.Total) string { return fmt.Sprintf("%s %s", t.Format(x.budget.Unit), unit) }
	return ivoa.NewMessage(wall(now), level, messageFunds, template,
		"account", x.budget.Owner.String(), "resource", string(x.budget.Resource), "period", string(x.budget.Period),
		"asked", amount(accounting.TotalOf(x.asked.Amount)), "allocated", amount(x.budget.Allocated), "charged", amount(x.budget.Charged),
		"held", amount(x.budget.Held), "entrusted", amount(x.budget.Entrusted),
		"start", x.budget.Start.String(), "end", x.budget.End.String())
}

// problem is a shortage as the reason why an offer can't be accepted.
func (x shortage) problem(now store.Millis) *Problem {
	return &Problem{Code: CodeFunds, Detail: x.message(now, ivoa.LevelError).Text}
}
