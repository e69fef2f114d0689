package costs

import (
	"fmt"
	"math/bits"
	"time"

	"starling/accounting"
	"starling/accounting/expression"
)

// A model charges for one resource while it is valid.
type model struct {
	name string
	unit accounting.Quantity // what it charges for, at 0
	Validity
	calendar accounting.Calendar
	costs    []*expression.Expression // by the calendar's bands; nil costs nothing
}

func (l *language) model(key string, c ModelConfig, unit accounting.Quantity) (*model, error) {
	m := &model{name: c.Name, unit: unit, Validity: c.Validity}
	if !c.Until.IsZero() && !c.From.Before(c.Until) {
		return nil, expression.Wrong(key+".until", "%s is not after from", c.Until.Format(time.RFC3339))
	}
	if c.Cost == "" && len(c.Bands) == 0 {
		return nil, expression.Wrong(key+".cost", "is missing: write an expression, as usage[\"core-seconds\"] / 3600.0 * 0.03 is, or bands that have one")
	}
	hours := make([]accounting.Hours, len(c.Bands))
	for i, band := range c.Bands {
		hours[i] = band.Hours
		e, err := l.models.Compile(fmt.Sprintf("%s.bands[%d].cost", key, i), band.Cost, cost)
		if err != nil {
			return nil, err
		}
		m.costs = append(m.costs, e)
	}
	var err error
	if m.calendar, err = accounting.NewCalendar(hours); err != nil {
		return nil, expression.Wrong(key+".bands", "%v", err)
	}
	if c.Cost == "" {
		m.costs = append(m.costs, nil)
		return m, nil
	}
	e, err := l.models.Compile(key+".cost", c.Cost, cost)
	m.costs = append(m.costs, e)
	return m, err
}

// charge is what a model makes of a part of the work: the sum of what its bands
// make of theirs.
func (m *model) charge(l *language, w accounting.Work, of Validity) (accounting.Amount, error) {
	var sum accounting.Amount
	whole := w.End.Sub(w.Start)
	for band, part := range m.calendar.Split(of.From, of.Until) {
		if part == 0 || m.costs[band] == nil {
			continue
		}
		amount, err := amountOf(m.costs[band], &scope{language: l, work: w, part: min(part, whole)}, m.unit.Unit)
		if err == nil {
			sum, err = sum.Add(amount)
		}
		if err != nil {
			return 0, fmt.Errorf("model %s: %w", m.name, err)
		}
	}
	return sum, nil
}

// share is the part of evenly spread usage that falls into a part of the time.
func share(usage []accounting.Quantity, part, whole time.Duration) []accounting.Quantity {
	if part >= whole {
		return usage
	}
	shared := make([]accounting.Quantity, len(usage))
	for i, q := range usage {
		high, low := bits.Mul64(uint64(max(0, q.Amount)), uint64(part))
		n, rest := bits.Div64(high, low, uint64(whole))
		if rest >= uint64(whole)-rest {
			n++
		}
		q.Amount = accounting.Amount(n)
		shared[i] = q
	}
	return shared
}
