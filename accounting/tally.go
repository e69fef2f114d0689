package accounting

import (
	"cmp"
	"slices"
)

// tally sums what lines say of each resource.
type tally map[Quantity]*sums // by name and unit; the amount is not used

// sums are the columns of a statement's line. Of adjustments they are what each
// kind of them changed of what is owed.
type sums struct {
	estimated, held, used, charged, unbilled column
	corrected, discounted, refunded          column
}

// column is one sum, and whether anything was counted in it.
type column struct {
	total   Total
	counted bool
}

func (c *column) add(a Amount) (err error) {
	c.counted = true
	c.total, err = c.total.Add(a)
	return err
}

func (c column) format(unit Unit) Decimal {
	if !c.counted {
		return ""
	}
	return c.total.Format(unit)
}

func (t tally) addRow(row lineRow, hasHold bool) error {
	// A session's estimate is that of its hold; without one, its attempts'.
	estimate := row.Estimate
	if hasHold && !row.Placed || row.Voided {
		estimate = nil
	}
	held := estimate
	if !row.Placed || row.Settled {
		held = nil
	}
	for _, part := range []struct {
		quantities []Quantity
		column     func(*sums) *column
	}{
		{estimate, func(s *sums) *column { return &s.estimated }},
		{held, func(s *sums) *column { return &s.held }},
		{row.Resources, func(s *sums) *column { return &s.used }},
		{row.Charges, func(s *sums) *column { return &s.charged }},
		{row.Unbilled, func(s *sums) *column { return &s.unbilled }},
		{row.Corrected, func(s *sums) *column { return &s.corrected }},
		{row.Discounted, func(s *sums) *column { return &s.discounted }},
		{row.Refunded, func(s *sums) *column { return &s.refunded }},
	} {
		for _, q := range part.quantities {
			if err := part.column(t.of(q)).add(q.Amount); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t tally) of(q Quantity) *sums {
	q.Amount = 0
	s, found := t[q]
	if !found {
		s = new(sums)
		t[q] = s
	}
	return s
}

// lines are the sums in order of their resources.
func (t tally) lines() ([]StatementLine, error) {
	lines := make([]StatementLine, 0, len(t))
	for q, s := range t {
		priced, err := s.priced()
		if err != nil {
			return nil, err
		}
		lines = append(lines, StatementLine{
			Resource: q.Name, Unit: q.Unit,
			Estimated: s.estimated.format(q.Unit), Held: s.held.format(q.Unit), Used: s.used.format(q.Unit),
			Charged: s.charged.format(q.Unit), Unbilled: s.unbilled.format(q.Unit), Priced: priced.format(q.Unit),
			Corrected: s.corrected.format(q.Unit), Discounted: s.discounted.format(q.Unit), Refunded: s.refunded.format(q.Unit),
		})
	}
	slices.SortFunc(lines, func(a, b StatementLine) int {
		return cmp.Or(cmp.Compare(a.Resource, b.Resource), cmp.Compare(a.Unit, b.Unit))
	})
	return lines, nil
}

// priced is what would be owed without the adjustments, if there are any.
func (s *sums) priced() (p column, err error) {
	p.counted = s.corrected.counted || s.discounted.counted || s.refunded.counted
	if !p.counted {
		return p, nil
	}
	p.total = s.charged.total
	for _, more := range []column{s.unbilled, s.discounted, s.refunded} {
		if p.total, err = p.total.plus(more.total); err != nil {
			return p, err
		}
	}
	p.total, err = p.total.Minus(s.corrected.total)
	return p, err
}
