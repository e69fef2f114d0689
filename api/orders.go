package api

import (
	"net/http"

	"github.com/go-json-experiment/json"

	"starling/accounting"
	"starling/node"
)

type budgetList struct {
	Budgets []accounting.Budget `json:"budgets"`
	Next    string              `json:"next,omitempty"`
}

// budgets answers GET /budgets: what was allocated, and what is left of it.
func (s *Server) budgets(v *visit) error {
	if err := v.onlyJSON(); err != nil {
		return err
	}
	q := v.query("owner", "resource", "period", "limited", "limit", "cursor", consistency)
	filter := accounting.BudgetFilter{
		Owner: q.owner(), Resource: accounting.Resource(q.text("resource")), Period: q.period(), Limited: q.flag("limited"),
	}
	limit, cursor, look := q.limit(s.Limits.Page), accounting.Cursor(q.text("cursor")), q.look()
	if q.err != nil {
		return q.err
	}
	page, next, err := s.Broker.Budgets(v.Request().Context(), v.caller, look, filter, cursor, limit)
	if err != nil {
		return err
	}
	v.tell(look)
	return v.answerJSON(http.StatusOK, budgetList{Budgets: page, Next: v.next(q, string(next))})
}

type allocationList struct {
	Allocations []accounting.Allocate `json:"allocations"`
	Next        string                `json:"next,omitempty"`
}

// allocations answers GET /allocations: what was allocated to one owner, the
// caller where nobody else is asked for, newest first.
func (s *Server) allocations(v *visit) error {
	if err := v.onlyJSON(); err != nil {
		return err
	}
	q := v.query("owner", "limit", "cursor", consistency)
	owner := q.owner()
	if owner.IsZero() {
		owner = accounting.User(accounting.OwnerID(v.caller.User))
	}
	limit, cursor, look := q.limit(s.Limits.Page), accounting.Cursor(q.text("cursor")), q.look()
	if q.err != nil {
		return q.err
	}
	page, next, err := s.Broker.Allocations(v.Request().Context(), v.caller, look, owner, cursor, limit)
	if err != nil {
		return err
	}
	v.tell(look)
	return v.answerJSON(http.StatusOK, allocationList{Allocations: page, Next: v.next(q, string(next))})
}

// allocate answers POST /allocations: 201, or 200 for the same order again.
func (s *Server) allocate(v *visit) error {
	var order accounting.Allocate
	key, err := v.order(&order)
	if err != nil {
		return err
	}
	answer, err := s.Broker.Allocate(v.Request().Context(), v.caller, order, key)
	if err != nil {
		return err
	}
	return v.answerJSON(made(answer.Duplicate), answer)
}

// enrol answers POST /owners, which gives an owner a name and a place in the
// tree. It may be repeated.
func (s *Server) enrol(v *visit) error {
	var order accounting.EnrolOwner
	if _, err := v.order(&order); err != nil {
		return err
	}
	answer, err := s.Broker.Enrol(v.Request().Context(), v.caller, order)
	if err != nil {
		return err
	}
	return v.answerJSON(http.StatusOK, answer)
}

// correct answers POST /history/{ref}/corrections.
func (s *Server) correct(v *visit) error {
	var order accounting.Correct
	return s.adjust(v, &order, func(ref accounting.Ref, key string) (node.CompletionAnswer, error) {
		order.Ref = ref
		return s.Broker.Correct(v.Request().Context(), v.caller, order, key)
	})
}

// refund answers POST /history/{ref}/refunds.
func (s *Server) refund(v *visit) error { return s.credit(v, accounting.EntryRefund) }

// discount answers POST /history/{ref}/discounts.
func (s *Server) discount(v *visit) error { return s.credit(v, accounting.EntryDiscount) }

func (s *Server) credit(v *visit, kind accounting.EntryKind) error {
	var order accounting.Credit
	return s.adjust(v, &order, func(ref accounting.Ref, key string) (node.CompletionAnswer, error) {
		order.Ref, order.Kind = ref, kind
		return s.Broker.Credit(v.Request().Context(), v.caller, order, key)
	})
}

// adjust reads an order about an attempt and answers with what the history says
// of it then.
func (s *Server) adjust(v *visit, order any, carryOut func(accounting.Ref, string) (node.CompletionAnswer, error)) error {
	ref, err := v.uuid("ref")
	if err != nil {
		return err
	}
	key, err := v.order(order)
	if err != nil {
		return err
	}
	answer, err := carryOut(accounting.Ref(ref.String()), key)
	if err != nil {
		return err
	}
	return v.answerJSON(made(answer.Duplicate), answer)
}

// order reads the body of an order, and the key by which it may be repeated.
// Money is at stake: what isn't understood is refused.
func (v *visit) order(into any) (key string, err error) {
	if err := v.onlyJSON(); err != nil {
		return "", err
	}
	if key, err = v.idempotencyKey(); err != nil {
		return "", err
	}
	return key, v.decodeJSON(into, json.RejectUnknownMembers(true))
}

// made is the status of an order that was carried out, now or before.
func made(duplicate bool) int {
	if duplicate {
		return http.StatusOK
	}
	return http.StatusCreated
}
