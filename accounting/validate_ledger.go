package accounting

import "math"

// Validate is described at Command.
func (c Allocate) Validate() error {
	subject := "allocation " + clip(string(c.ID))
	return firstOf(
		validateAdjustment(subject, c.ID, c.Reason, c.By, c.Time),
		validateName(subject, "node", string(c.Node), maxShort),
		c.Budget().validate(subject),
		check(c.Amount.Amount != math.MinInt64, subject, "the amount is too small"),
		check(c.Limit == Soft || c.Limit == Hard, subject, `limit is neither "soft" nor "hard"`),
		validateTime(subject, "start of the period", c.Start),
		validateTime(subject, "end of the period", c.End),
		check(c.Start < c.End, subject, "the period ends before it starts"),
	)
}

// Validate is described at Command.
func (c EnrolOwner) Validate() error {
	subject := "owner " + clip(c.Owner.String())
	err := firstOf(
		c.Owner.validate(subject),
		optionalName(subject, "name", c.Name, maxOwnerName),
		validateName(subject, "by", string(c.By), maxOwnerName),
		validateTime(subject, "time", c.Time),
	)
	if err != nil || c.Parent.IsZero() {
		return err
	}
	return firstOf(
		c.Parent.validate(subject),
		check(c.Owner.mayBelongTo(c.Parent), subject, "a "+string(c.Owner.Kind)+" is no part of a "+string(c.Parent.Kind)+
			": a TAG has programmes, those have proposals, those groups"),
	)
}

// mayBelongTo holds the tree to its levels.
func (o Owner) mayBelongTo(parent Owner) bool {
	switch o.Kind {
	case KindProgramme:
		return parent.Kind == KindTAG
	case KindProposal:
		return parent.Kind == KindProgramme || parent.Kind == KindTAG
	case KindGroup:
		return parent.Kind == KindProposal
	}
	return false
}

// Validate is described at Command.
func (c GrantAllowance) Validate() error {
	subject := "allowance of " + clip(string(c.Node))
	return firstOf(
		validateAllowance(subject, c.Node, budgetOf(c.Owner, c.Period, c.Most), c.Number, c.Time),
		check(c.Least.Name == c.Most.Name && c.Least.Unit == c.Most.Unit, subject, "least and most are of two resources"),
		check(c.Least.Amount > 0 && c.Most.Amount >= c.Least.Amount, subject, "least and most are not 0 < least <= most"),
	)
}

// Validate is described at Command.
func (c ReturnAllowance) Validate() error {
	subject := "allowance of " + clip(string(c.Node))
	return firstOf(
		validateAllowance(subject, c.Node, budgetOf(c.Owner, c.Period, c.Credited), c.Number, c.Time),
		validateQuantities(subject, "credited", []Quantity{c.Credited}),
	)
}

func validateAllowance(subject string, node NodeName, budget BudgetID, number uint64, at Instant) error {
	return firstOf(
		validateName(subject, "node", string(node), maxShort),
		budget.validate(subject),
		check(number > 0, subject, "numbers count from 1"),
		validateTime(subject, "time", at),
	)
}

// Validate is described at Command.
func (c Correct) Validate() error {
	subject := "correction " + clip(string(c.ID))
	return firstOf(
		validateAdjustment(subject, c.ID, c.Reason, c.By, c.Time),
		validateUUID(subject, "historyRef", string(c.Ref)),
		validateQuantities(subject, "resources", c.Resources),
		validateQuantities(subject, "charges", c.Charges),
		optionalName(subject, "tariff", string(c.Tariff), maxShort),
	)
}

// Validate is described at Command.
func (c Credit) Validate() error {
	subject := "credit " + clip(string(c.ID))
	err := firstOf(
		validateAdjustment(subject, c.ID, c.Reason, c.By, c.Time),
		validateUUID(subject, "historyRef", string(c.Ref)),
		check(c.Kind == EntryDiscount || c.Kind == EntryRefund, subject, `kind is neither "discount" nor "refund"`),
		check(len(c.Amounts) > 0, subject, "nothing is given back"),
		validateQuantities(subject, "amounts", c.Amounts),
	)
	for i := 0; err == nil && i < len(c.Amounts); i++ {
		err = check(c.Amounts[i].Amount > 0, subject, "nothing is given back of "+string(c.Amounts[i].Name))
	}
	return err
}

// validateAdjustment: what an operator does has a reason and a name to it.
func validateAdjustment(subject string, id AdjustmentID, reason string, by OwnerID, at Instant) error {
	return firstOf(
		validateUUID(subject, "id", string(id)),
		check(reason != "", subject, "the reason is missing"),
		validateText(subject, "reason", reason),
		validateName(subject, "by", string(by), maxOwnerName),
		validateTime(subject, "time", at),
	)
}

func (id BudgetID) validate(subject string) error {
	return firstOf(
		id.Owner.validate(subject),
		check(id.Owner.Kind != KindNode && id.Owner.Kind != KindGroup, subject, "a "+string(id.Owner.Kind)+
			" has no budget: allocate to a user, a proposal, a programme or a TAG"),
		id.Period.validate(subject),
		validateName(subject, "resource", string(id.Resource), maxResourceName),
		check(len(id.Unit) <= maxUnitName && printable(string(id.Unit)), subject, "the unit is too long or has characters that do not print"),
	)
}

func (o Owner) validate(subject string) error {
	return firstOf(
		check(o.known(), subject, "owner is of no kind that there is: tag, programme, proposal, group, user"),
		validateName(subject, "owner id", string(o.ID), maxOwnerName),
	)
}

// maxDraws is room for each level of the tree and every resource that is charged.
const maxDraws = 64

func validateDraws(subject string, draws []Draw) error {
	if len(draws) > maxDraws {
		return invalid(subject, "%d draws on allowances; at most %d", len(draws), maxDraws)
	}
	for _, d := range draws {
		if err := firstOf(d.Owner.validate(subject), validateQuantities(subject, "draws", []Quantity{d.Amount})); err != nil {
			return err
		}
	}
	return nil
}
