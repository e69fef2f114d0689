package costs

import (
	"fmt"
	"math/big"
	"time"

	"starling/accounting"
	"starling/accounting/expression"
)

// A discount is taken off the charge for one resource.
type discount struct {
	name  string
	unit  accounting.Quantity
	owner accounting.Owner // zero is everybody
	Validity
	share  *big.Rat               // of the charge, or nil
	amount *expression.Expression // or this
}

func (l *language) discount(key string, c DiscountConfig, unit accounting.Quantity) (*discount, error) {
	d := &discount{name: c.Name, unit: unit, owner: c.Owner, Validity: c.Validity}
	if !c.Until.IsZero() && !c.From.Before(c.Until) {
		return nil, expression.Wrong(key+".until", "%s is not after from", c.Until.Format(time.RFC3339))
	}
	if (c.Percent == "") == (c.Amount == "") {
		return nil, expression.Wrong(key, "must have one of percent and amount")
	}
	if c.Amount != "" {
		var err error
		d.amount, err = l.discounts.Compile(key+".amount", c.Amount, cost)
		return d, err
	}
	percent, ok := new(big.Rat).SetString(c.Percent)
	if !ok || percent.Sign() < 0 || percent.Cmp(big.NewRat(100, 1)) > 0 {
		return nil, expression.Wrong(key+".percent", "%.40q is not a decimal number from 0 to 100", c.Percent)
	}
	d.share = percent.Quo(percent, big.NewRat(100, 1))
	return d, nil
}

// isFor reports whether a session gets the discount.
func (d *discount) isFor(w accounting.Work) bool {
	return d.covers(w.Start) && (d.owner.IsZero() || w.Owners.Has(d.owner))
}

// off is what is taken off a charge, if that leaves so much of it.
func (d *discount) off(l *language, w accounting.Work, charge accounting.Quantity, left accounting.Amount) (accounting.Amount, error) {
	var off accounting.Amount
	var err error
	if d.share != nil {
		off, err = charge.Times(d.share)
	} else {
		off, err = amountOf(d.amount, &scope{language: l, work: w, part: w.End.Sub(w.Start), charge: &charge}, d.unit.Unit)
	}
	if err != nil {
		return 0, fmt.Errorf("discount %s: %w", d.name, err)
	}
	return min(off, left), nil
}
