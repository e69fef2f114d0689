package accounting

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/big"
	"strings"
	"time"
)

// TariffConfig is a tariff as the configuration writes it. Numbers are decimal
// strings, so that none is rounded on its way.
type TariffConfig struct {
	// Currency is the unit of money, such as "EUR".
	Currency string `json:"currency"`
	// Rates are by the name of the usage: "core-seconds". Usage without a rate
	// costs nothing.
	Rates map[string]RateConfig `json:"rates,omitempty"`
	// Daily are the times of the week at which money costs are multiplied,
	// without overlap. Outside of them the factor is 1.
	Daily []DailyConfig `json:"daily,omitempty"`
}

// RateConfig is what one kind of usage costs. An empty number is 0.
type RateConfig struct {
	// Per is how many units of usage the prices are for; empty is 1. With 3600,
	// core-seconds are priced by the core-hour.
	Per    string `json:"per,omitempty"`
	Price  string `json:"price,omitempty"`  // money
	Energy string `json:"energy,omitempty"` // kWh
	Carbon string `json:"carbon,omitempty"` // kg
}

// DailyConfig is a time of every day, or of some, with its factor.
type DailyConfig struct {
	Hours
	Factor string `json:"factor"`
}

// A Tariff is a list of prices by usage and time of day. It never changes, and
// may be used by any number of goroutines.
type Tariff struct {
	currency Unit
	rates    map[Resource]rate
	calendar Calendar
	factors  []*big.Rat // by the calendar's bands
	hash     TariffHash
}

var _ CostModel = (*Tariff)(nil)

// rate is the cost of one unit of usage, exactly.
type rate struct {
	price, energy, carbon *big.Rat
}

// Bounds of a tariff.
const (
	maxRates = 256
	maxDaily = 48
)

// NewTariff checks a configuration. The error names the key that is wrong.
func NewTariff(config TariffConfig) (*Tariff, error) {
	t := &Tariff{currency: Unit(config.Currency), rates: make(map[Resource]rate, len(config.Rates))}
	if err := validateName("tariff", "currency", config.Currency, maxUnitName); err != nil {
		return nil, err
	}
	if len(config.Rates) > maxRates || len(config.Daily) > maxDaily {
		return nil, invalid("tariff", "more than %d rates or %d daily periods", maxRates, maxDaily)
	}
	for name, c := range config.Rates {
		if err := validateName("tariff", "rates", name, maxResourceName); err != nil {
			return nil, err
		}
		r, err := newRate(c)
		if err != nil {
			return nil, fmt.Errorf("tariff: rates.%s.%w", name, err)
		}
		t.rates[Resource(name)] = r
	}
	var err error
	if err = t.setHours(config.Daily); err != nil {
		return nil, fmt.Errorf("tariff: %w", err)
	}
	text, err := encodeJSON(config) // maps are written in order of their keys
	if err != nil {
		return nil, fmt.Errorf("tariff: %w", err)
	}
	sum := sha256.Sum256(text)
	t.hash = TariffHash(hex.EncodeToString(sum[:8]))
	return t, nil
}

func (t *Tariff) setHours(daily []DailyConfig) (err error) {
	hours := make([]Hours, len(daily))
	for i, c := range daily {
		factor, err := configNumber("factor", c.Factor, nil)
		if err != nil || factor == nil {
			return invalid(fmt.Sprintf("daily[%d].factor", i), "%.40q is not a decimal number of at least 0", c.Factor)
		}
		hours[i], t.factors = c.Hours, append(t.factors, factor)
	}
	t.factors = append(t.factors, big.NewRat(1, 1)) // outside of all
	if t.calendar, err = NewCalendar(hours); err != nil {
		return fmt.Errorf("daily%w", err)
	}
	return nil
}

func newRate(c RateConfig) (rate, error) {
	per, err := configNumber("per", c.Per, big.NewRat(1, 1))
	if err != nil {
		return rate{}, err
	}
	if per.Sign() == 0 {
		return rate{}, invalid("per", "nothing costs something per 0")
	}
	var r rate
	for _, part := range []struct {
		name, text string
		to         **big.Rat
	}{{"price", c.Price, &r.price}, {"energy", c.Energy, &r.energy}, {"carbon", c.Carbon, &r.carbon}} {
		n, err := configNumber(part.name, part.text, new(big.Rat))
		if err != nil {
			return rate{}, err
		}
		*part.to = n.Quo(n, per)
	}
	return r, nil
}

// configNumber reads a decimal number that is not below zero.
func configNumber(name, text string, otherwise *big.Rat) (*big.Rat, error) {
	if text == "" {
		return otherwise, nil
	}
	if _, err := splitDecimal(text); err != nil {
		return nil, invalid(name, "%.40q is not a decimal number", text)
	}
	n, ok := new(big.Rat).SetString(text)
	if !ok || n.Sign() < 0 {
		return nil, invalid(name, "%.40q is not a decimal number of at least 0", text)
	}
	return n, nil
}

// Hash is described at CostModel.
func (t *Tariff) Hash() TariffHash { return t.hash }

// Units is described at CostModel.
func (t *Tariff) Units() []Quantity {
	return []Quantity{{Name: Monetary, Unit: t.currency}, {Name: Energy, Unit: KilowattHours}, {Name: Carbon, Unit: Kilograms}}
}

// Charge prices each part of the usage at the factor of its time. It is exact:
// rounded once, half to even, in the millionth of the unit. What costs nothing
// is left out. Who uses it makes no difference.
func (t *Tariff) Charge(w Work) (Bill, error) {
	if w.End.Before(w.Start) {
		return Bill{}, invalid("charge", "it ends %v before it starts", w.Start.Sub(w.End))
	}
	var money, energy, carbon big.Rat
	for _, q := range w.Usage {
		r, priced := t.rates[q.Name]
		if !priced {
			continue
		}
		amount := big.NewRat(int64(q.Amount), pow10(q.Unit.places()))
		for _, part := range []struct{ sum, rate *big.Rat }{{&money, r.price}, {&energy, r.energy}, {&carbon, r.carbon}} {
			if part.rate.Sign() != 0 {
				part.sum.Add(part.sum, new(big.Rat).Mul(amount, part.rate))
			}
		}
	}
	if len(t.factors) > 1 {
		money.Mul(&money, t.factor(w.Start, w.End))
	}
	var bill Bill
	for _, part := range []struct {
		name Resource
		unit Unit
		sum  *big.Rat
	}{{Monetary, t.currency, &money}, {Energy, KilowattHours, &energy}, {Carbon, Kilograms, &carbon}} {
		amount, err := roundRat(part.sum, part.unit)
		if err != nil {
			return Bill{}, fmt.Errorf("charge %s: %w", part.name, err)
		}
		if amount != 0 {
			bill.Charges = append(bill.Charges, Quantity{part.name, amount, part.unit})
		}
	}
	return bill, nil
}

// factor is the mean over a span, weighted by time.
func (t *Tariff) factor(start, end time.Time) *big.Rat {
	sum, total := new(big.Rat), int64(0)
	for band, part := range t.calendar.Split(start, end) {
		sum.Add(sum, new(big.Rat).Mul(big.NewRat(int64(part), 1), t.factors[band]))
		total += int64(part)
	}
	return sum.Quo(sum, big.NewRat(total, 1))
}

// Changes is described at CostModel.
func (t *Tariff) Changes(from, until time.Time) []time.Time {
	return t.calendar.Changes(from, until)
}

// roundRat is the nearest amount of the unit, half to even.
func roundRat(r *big.Rat, unit Unit) (Amount, error) {
	num := new(big.Int).Mul(r.Num(), big.NewInt(pow10(unit.places())))
	whole, rest := new(big.Int).DivMod(num, r.Denom(), new(big.Int))
	switch rest.Lsh(rest, 1).Cmp(r.Denom()) {
	case 1:
		whole.Add(whole, big.NewInt(1))
	case 0:
		whole.Add(whole, big.NewInt(int64(whole.Bit(0))))
	}
	if !whole.IsInt64() {
		return 0, overflow("", strings.TrimSuffix(r.FloatString(0), "."))
	}
	return Amount(whole.Int64()), nil
}

func pow10(places int) int64 {
	n := int64(1)
	for range places {
		n *= 10
	}
	return n
}
