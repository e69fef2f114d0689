package node

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"

	"starling/accounting"
	"starling/federation/identity"
	"starling/node/store"
)

// What operators and accountants order of the ledger: allocations, corrections,
// discounts and refunds. The answer is given when the record has decided, and is
// durable. With a key, the same caller's same order again changes nothing and
// says so; another order under that key is a conflict.

// AllocationAnswer is an allocation as it was made, and where its budget stands
// with it.
type AllocationAnswer struct {
	accounting.Allocate
	Budget    accounting.Budget `json:"budget"`
	Duplicate bool              `json:"duplicate,omitempty"`
}

// Allocate grants, raises or lowers what an owner may be charged. Of the order
// the broker fills in who, where, when and the id; where the start and end of
// the period are left out, they are those that the budget has, or those of the
// semester that the period is named for.
func (b *Broker) Allocate(ctx context.Context, caller identity.Caller, order accounting.Allocate, key string) (AllocationAnswer, error) {
	var answer AllocationAnswer
	did, err := b.mayOrder(caller, ActionAllocate, "budget:"+order.Budget().String())
	if err != nil {
		return answer, err
	}
	order.Amount = b.withUnit(order.Amount)
	order.ID, order.Node = b.orderID(caller, key), accounting.NodeName(b.options.Name)
	order.By, order.Time = accounting.OwnerID(caller.User), accounting.Instant(b.now())
	if order.Start == 0 && order.End == 0 {
		var err error
		if order.Start, order.End, err = b.spanOf(ctx, order.Budget()); err != nil {
			return answer, err
		}
	}
	duplicate, err := b.order(ctx, did, order, order.ID, key)
	if err != nil {
		return answer, err
	}
	answer = AllocationAnswer{Allocate: order, Duplicate: duplicate}
	err = b.options.Record.View(ctx, func(view accounting.View) (err error) {
		answer.Budget, err = accounting.FindBudget(view, order.Budget())
		return err
	})
	return answer, err
}

// spanOf is when a budget's period starts and ends.
func (b *Broker) spanOf(ctx context.Context, id accounting.BudgetID) (start, end accounting.Instant, err error) {
	err = b.onRecord(ctx, func(view accounting.View) error {
		budget, err := accounting.FindBudget(view, id)
		start, end = budget.Start, budget.End
		return err
	})
	if err != nil || end != 0 {
		return start, end, err
	}
	from, until, known := id.Period.Semester()
	if !known {
		return 0, 0, &Problem{Code: CodeInvalid, Field: "/start", Detail: fmt.Sprintf(
			"period %q is no semester such as 2026B, and new: say when it starts and ends", id.Period)}
	}
	return accounting.At(from), accounting.At(until), nil
}

// Correct replaces what a completed attempt is said to have used. The broker
// evaluates what that costs, at the attempt's times, and fills in the rest.
func (b *Broker) Correct(ctx context.Context, caller identity.Caller, order accounting.Correct, key string) (CompletionAnswer, error) {
	did, err := b.mayOrder(caller, ActionCorrect, "attempt:"+string(order.Ref))
	if err != nil {
		return CompletionAnswer{}, err
	}
	ref, err := identity.ParseUUID(string(order.Ref))
	if err != nil {
		return CompletionAnswer{}, &Problem{Code: CodeInvalid, Field: "/historyRef", Detail: err.Error()}
	}
	order.Ref = accounting.Ref(ref.String())
	entry, err := b.entryOnRecord(ctx, ref)
	if err != nil {
		return CompletionAnswer{}, err
	}
	order.ID, order.By, order.Time = b.orderID(caller, key), accounting.OwnerID(caller.User), accounting.Instant(b.now())
	work, err := b.workOf(entry)
	if err != nil {
		return CompletionAnswer{}, err
	}
	work.Usage = order.Resources
	bill, err := b.options.Costs.Charge(work)
	if err != nil {
		return CompletionAnswer{}, &Problem{Code: CodeInvalid, Field: "/resources", Detail: fmt.Sprintf("this can't be charged: %v", err)}
	}
	order.Charges, order.Tariff = due(bill, entry), b.options.Costs.Hash()
	return b.adjust(ctx, did, order, order.ID, ref, key)
}

// due is what an attempt is to be charged by a corrected bill, before what was
// given back of it: the discounts that the tariff gave at the end count as given
// back, so that they come on top of what is left to pay by the new ones.
func due(bill accounting.Bill, entry accounting.HistoryEntry) []accounting.Quantity {
	charges := bill.Net()
	for _, a := range entry.Adjustments {
		if a.By != tariffAuthor || a.Kind != accounting.EntryDiscount {
			continue
		}
		for _, off := range a.Amounts {
			i := slices.IndexFunc(charges, func(q accounting.Quantity) bool { return q.Name == off.Name && q.Unit == off.Unit })
			if i < 0 {
				charges = append(charges, off)
				continue
			}
			charges[i].Amount += off.Amount
		}
	}
	return charges
}

// workOf is what a cost model is told of an attempt that has ended. Of a session
// that is not kept any more, or is another node's, the record knows less.
func (b *Broker) workOf(entry accounting.HistoryEntry) (accounting.Work, error) {
	work := accounting.Work{Site: entry.Node, Owners: entry.Owners}
	id, err := identity.ParseUUID(string(entry.Session))
	if err != nil {
		return work, err
	}
	var s *store.Session
	if err := b.store.View(func(tx *store.Tx) (err error) {
		s, err = tx.Session(id)
		return err
	}); err != nil {
		return work, err
	}
	if s != nil {
		b.mu.Lock()
		work = b.work(s)
		b.mu.Unlock()
	}
	work.Start, work.End = entry.Started.Time(), max(entry.Started, entry.Ended).Time()
	return work, nil
}

// Credit gives back, as a discount or a refund, what an attempt was charged.
func (b *Broker) Credit(ctx context.Context, caller identity.Caller, order accounting.Credit, key string) (CompletionAnswer, error) {
	did, err := b.mayOrder(caller, ActionCredit, "attempt:"+string(order.Ref))
	if err != nil {
		return CompletionAnswer{}, err
	}
	ref, err := identity.ParseUUID(string(order.Ref))
	if err != nil {
		return CompletionAnswer{}, &Problem{Code: CodeInvalid, Field: "/historyRef", Detail: err.Error()}
	}
	order.Ref = accounting.Ref(ref.String())
	for i, q := range order.Amounts {
		order.Amounts[i] = b.withUnit(q)
	}
	order.ID, order.By, order.Time = b.orderID(caller, key), accounting.OwnerID(caller.User), accounting.Instant(b.now())
	return b.adjust(ctx, did, order, order.ID, ref, key)
}

// Enrol gives an owner a name and a place in the tree.
func (b *Broker) Enrol(ctx context.Context, caller identity.Caller, order accounting.EnrolOwner) (accounting.OwnerRecord, error) {
	none := accounting.OwnerRecord{}
	did, err := b.mayOrder(caller, ActionEnrol, order.Owner.String())
	if err != nil {
		return none, err
	}
	order.By, order.Time = accounting.OwnerID(caller.User), accounting.Instant(b.now())
	if err := b.record(ctx, did, order, "give it again to learn what came of it"); err != nil {
		return none, err
	}
	return accounting.OwnerRecord{Owner: order.Owner, Name: order.Name, Parent: order.Parent}, nil
}

// Revoke records that a node's certificate is good for nothing any more. The nodes'
// cluster enforces it.
func (b *Broker) Revoke(ctx context.Context, caller identity.Caller, order accounting.RevokeCertificate) error {
	did, err := b.mayRevoke(caller, "certificate:"+string(order.Fingerprint))
	if err != nil {
		return err
	}
	order.By, order.Time = accounting.OwnerID(caller.User), accounting.Instant(b.now())
	return b.record(ctx, did, order, "nothing more need be done for that")
}

// withUnit fills in what may be left out of an amount: money is meant, and what
// this site charges in.
func (b *Broker) withUnit(q accounting.Quantity) accounting.Quantity {
	if q.Name == "" {
		q.Name = accounting.Monetary
	}
	if q.Unit == "" {
		q.Unit = accounting.Unit(unitOf(b.options.Costs, costType(q.Name)))
	}
	return q
}

// orderID names an order: by the caller's key, so that the same again has the
// same name, or else anew.
func (b *Broker) orderID(caller identity.Caller, key string) accounting.AdjustmentID {
	if key == "" {
		return accounting.AdjustmentID(b.mint.New(b.now()).String())
	}
	sum := sha256.Sum256([]byte("order\x00" + caller.User + "\x00" + key))
	id := identity.UUID(sum[:16])
	id[6], id[8] = 0x80|id[6]&0x0f, 0x80|id[8]&0x3f // version 8 of RFC 9562
	return accounting.AdjustmentID(id.String())
}

// adjust makes an adjustment and answers with the history entry that it is of.
func (b *Broker) adjust(ctx context.Context, did deed, order accounting.Command, id accounting.AdjustmentID, ref identity.UUID, key string) (CompletionAnswer, error) {
	duplicate, err := b.order(ctx, did, order, id, key)
	if err != nil {
		return CompletionAnswer{}, err
	}
	entry, err := b.entryOnRecord(ctx, ref)
	return CompletionAnswer{HistoryEntry: entry, Duplicate: duplicate}, err
}

// order records an adjustment. That it would be refused is found out before it
// is written; that another has come before it, afterwards.
func (b *Broker) order(ctx context.Context, did deed, c accounting.Command, id accounting.AdjustmentID, key string) (duplicate bool, err error) {
	var result accounting.Result
	try := func(view accounting.View) (err error) {
		result, err = accounting.Try(view, c)
		return err
	}
	if err := b.onRecord(ctx, try); err != nil || result.Duplicate {
		return result.Duplicate, err
	}
	advice := "ask again, at any node, with the same Idempotency-Key to learn what came of it"
	if key == "" {
		advice = "do not give it again: without an Idempotency-Key it would be done twice"
	}
	if err := b.record(ctx, did, c, advice); err != nil {
		return false, err
	}
	made := false
	if err := b.options.Record.View(ctx, func(view accounting.View) error {
		made = accounting.Adjusted(view, id)
		return nil
	}); err != nil || made {
		return false, err
	}
	if err := b.onRecord(ctx, try); err != nil {
		return false, err
	}
	return false, problem(CodeConflict, "another order came first; try again")
}

// record writes a command, and who gave it, and waits until it is applied. Where that takes too
// long, the caller is advised what to do.
func (b *Broker) record(ctx context.Context, did deed, c accounting.Command, advice string) error {
	if err := c.Validate(); err != nil {
		return &Problem{Code: CodeInvalid, Detail: err.Error()}
	}
	if err := b.writable(); err != nil {
		return err
	}
	defer b.guard()
	b.mu.Lock()
	ticket := b.submit(write{commands: []accounting.Command{c, b.allowed(did)}})
	b.mu.Unlock()
	if err := durable(ctx, ticket); err != nil {
		return err
	}
	if err := b.catchUp(ctx); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return &Problem{Code: CodeUnavailable, RetryAfter: 5 * time.Second, Detail: fmt.Sprintf(
			"the order is written and will be carried out once the record gets on, unless something else forbids it by then; for now, %s; %s", b.whyBehind(err), advice)}
	}
	return nil
}

// recordPatience is how long a call waits for the record to catch up.
const recordPatience = 10 * time.Second

// refusedByRecord says what the record refuses in the API's terms.
func refusedByRecord(err error) error {
	for kind, code := range map[error]Code{
		accounting.ErrNotFound: CodeNotFound, accounting.ErrInvalid: CodeInvalid, accounting.ErrOverflow: CodeInvalid,
		accounting.ErrConflict: CodeConflict, accounting.ErrFunds: CodeFunds,
	} {
		if errors.Is(err, kind) {
			return &Problem{Code: code, Detail: err.Error()}
		}
	}
	return err
}
