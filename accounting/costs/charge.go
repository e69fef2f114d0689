package costs

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"starling/accounting"
)

// pricing is the making of one bill.
type pricing struct {
	*Models
	work  accounting.Work
	rated map[Validity]accounting.Bill // what the rates make of a part
}

// Charge is described at accounting.CostModel. A resource of which a model or a
// discount can't be evaluated is left out altogether.
func (m *Models) Charge(w accounting.Work) (accounting.Bill, error) {
	if w.End.Before(w.Start) {
		return accounting.Bill{}, fmt.Errorf("%w: it ends before it starts", accounting.ErrInvalid)
	}
	p := pricing{m, w, make(map[Validity]accounting.Bill, 1)}
	var bill accounting.Bill
	var bad []error
	for _, unit := range m.units {
		charge, err := p.charge(unit)
		if err != nil || charge.Amount == 0 {
			bad = append(bad, err)
			continue
		}
		discounts, err := p.discounts(charge)
		if err != nil {
			bad = append(bad, err)
			continue
		}
		bill.Charges = append(bill.Charges, charge)
		bill.Discounts = append(bill.Discounts, discounts...)
	}
	return bill, errors.Join(bad...)
}

// charge is what the work costs of one resource.
func (p *pricing) charge(unit accounting.Quantity) (accounting.Quantity, error) {
	charge := unit
	for _, part := range p.parts(unit.Name) {
		amount, err := p.partly(unit.Name, part)
		if err == nil {
			charge.Amount, err = charge.Amount.Add(amount)
		}
		if err != nil {
			return charge, fmt.Errorf("%s can't be charged: %w", unit.Name, err)
		}
	}
	return charge, nil
}

// parts cuts the time where models of a resource begin or end to be valid.
func (p *pricing) parts(name accounting.Resource) []Validity {
	parts := []Validity{{p.work.Start, p.work.End}}
	for _, one := range p.models {
		if one.unit.Name != name {
			continue
		}
		for _, at := range []time.Time{one.From, one.Until} {
			i := slices.IndexFunc(parts, func(v Validity) bool { return at.After(v.From) && at.Before(v.Until) })
			if i >= 0 {
				parts = slices.Insert(parts, i+1, Validity{at, parts[i].Until})
				parts[i].Until = at
			}
		}
	}
	return parts
}

// partly is what a part of the work costs, in which the same models are valid:
// what they make of it or, where there are none, the rates.
func (p *pricing) partly(name accounting.Resource, part Validity) (sum accounting.Amount, err error) {
	modelled := false
	for _, one := range p.models {
		if one.unit.Name != name || !one.covers(part.From) {
			continue
		}
		modelled = true
		amount, err := one.charge(p.language, p.work, part)
		if err == nil {
			sum, err = sum.Add(amount)
		}
		if err != nil {
			return 0, err
		}
	}
	if modelled {
		return sum, nil
	}
	bill, done := p.rated[part]
	if !done {
		w := p.work
		w.Usage, w.Start, w.End = share(w.Usage, part.Until.Sub(part.From), w.End.Sub(w.Start)), part.From, part.Until
		if bill, err = p.rates.Charge(w); err != nil {
			return 0, err
		}
		p.rated[part] = bill
	}
	for _, q := range bill.Charges {
		if q.Name == name {
			return q.Amount, nil
		}
	}
	return 0, nil
}

// discounts are what is taken off a charge.
func (p *pricing) discounts(charge accounting.Quantity) ([]accounting.Discount, error) {
	var discounts []accounting.Discount
	left := charge.Amount
	for _, d := range p.Models.discounts {
		if d.unit.Name != charge.Name || !d.isFor(p.work) {
			continue
		}
		off := charge
		var err error
		if off.Amount, err = d.off(p.language, p.work, charge, left); err != nil {
			return nil, fmt.Errorf("%s can't be charged: %w", charge.Name, err)
		}
		if off.Amount > 0 {
			left -= off.Amount
			discounts = append(discounts, accounting.Discount{Name: d.name, Off: off})
		}
	}
	return discounts, nil
}
