package config

import (
	"fmt"
	"time"

	"starling/accounting"
	"starling/accounting/costs"
	"starling/accounting/expression"
	"starling/api/ivoa/spelling"
)

// Costs compiles the tariff. The error joins one *expression.Error for each thing
// that is wrong with a model or a discount.
func (t Tariff) Costs() (*costs.Models, error) {
	c := costs.Config{
		Tariff: accounting.TariffConfig{Currency: t.Currency, Rates: map[string]accounting.RateConfig{}},
		Usage:  t.Usage, Suggest: spelling.Guess,
	}
	for name, r := range t.Rates {
		c.Tariff.Rates[name] = accounting.RateConfig{Per: string(r.Per), Price: string(r.Price), Energy: string(r.Energy), Carbon: string(r.Carbon)}
	}
	for _, d := range t.Daily {
		c.Tariff.Daily = append(c.Tariff.Daily, accounting.DailyConfig{Hours: hours(d.From, d.To, d.Days), Factor: string(d.Factor)})
	}
	for _, m := range t.Models {
		model := costs.ModelConfig{
			Name: m.Name, Resource: accounting.Resource(m.Resource), Unit: accounting.Unit(m.Unit),
			Validity: costs.Validity{From: m.From.Time(), Until: m.Until.Time()}, Cost: m.Cost,
		}
		for _, b := range m.Bands {
			model.Bands = append(model.Bands, costs.BandConfig{Hours: hours(b.From, b.To, b.Days), Cost: b.Cost})
		}
		c.Models = append(c.Models, model)
	}
	for i, d := range t.Discounts {
		discount := costs.DiscountConfig{
			Name: d.Name, Resource: accounting.Resource(d.Resource),
			Validity: costs.Validity{From: d.From.Time(), Until: d.Until.Time()}, Percent: string(d.Percent), Amount: d.Amount,
		}
		if d.Owner != "" {
			if err := discount.Owner.UnmarshalText([]byte(d.Owner)); err != nil {
				return nil, &expression.Error{Key: fmt.Sprintf("discounts[%d].owner", i), Problem: fmt.Sprintf("%q is not one of proposal:ID, programme:ID, tag:ID, group:ID, user:NAME", d.Owner)}
			}
		}
		c.Discounts = append(c.Discounts, discount)
	}
	return costs.New(c)
}

func hours(from, to Clock, days []string) accounting.Hours {
	return accounting.Hours{From: string(from), To: string(to), Days: days}
}

// Moment is a day, at its beginning (UTC), or an instant, as it was written: ""
// is none.
type Moment string

func parseMoment(text string) (Moment, error) {
	if _, err := time.Parse(time.DateOnly, text); err == nil {
		return Moment(text), nil
	}
	if _, err := time.Parse(time.RFC3339, text); err != nil {
		return "", fmt.Errorf("%q is neither a day, as 2026-08-01, nor an instant, as 2026-08-01T12:00:00Z", text)
	}
	return Moment(text), nil
}

// Time is the instant; zero where there is none.
func (m Moment) Time() time.Time {
	at, err := time.Parse(time.DateOnly, string(m))
	if err != nil {
		at, _ = time.Parse(time.RFC3339, string(m))
	}
	return at.UTC()
}
