package costs

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"starling/accounting"
	"starling/accounting/expression"
)

// Bounds of a configuration.
const (
	maxModels = 64 // and as many discounts
	maxUsage  = 64
)

// Models is a site's prices: the rates of a tariff, the models that charge in
// their place, and discounts. It never changes, and may be used by any number of
// goroutines.
type Models struct {
	rates     *accounting.Tariff
	language  *language
	units     []accounting.Quantity
	models    []*model
	discounts []*discount
	hash      accounting.TariffHash
}

var _ accounting.CostModel = (*Models)(nil)

// New compiles a configuration. The error joins one *expression.Error for each expression,
// name or time that is wrong.
func New(config Config) (*Models, error) {
	rates, err := accounting.NewTariff(config.Tariff)
	if err != nil {
		return nil, err
	}
	m := &Models{rates: rates, units: rates.Units(), hash: rates.Hash()}
	if len(config.Models) > maxModels || len(config.Discounts) > maxModels || len(config.Usage) > maxUsage {
		return nil, expression.Wrong("models", "more than %d models or discounts, or %d names of usage", maxModels, maxUsage)
	}
	if m.language, err = newLanguage(config.Usage, config.Suggest); err != nil {
		return nil, err
	}
	var bad []error
	for i, c := range config.Models {
		bad = append(bad, m.addModel(fmt.Sprintf("models[%d]", i), c))
	}
	for i, c := range config.Discounts {
		bad = append(bad, m.addDiscount(fmt.Sprintf("discounts[%d]", i), c))
	}
	if err := errors.Join(bad...); err != nil {
		return nil, err
	}
	if len(config.Models)+len(config.Discounts) == 0 {
		return m, nil
	}
	text, err := json.Marshal(config) // maps are written in order of their keys
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(text)
	m.hash = accounting.TariffHash(hex.EncodeToString(sum[:8]))
	return m, nil
}

func (m *Models) addModel(key string, c ModelConfig) error {
	if slices.ContainsFunc(m.models, func(other *model) bool { return other.name == c.Name }) {
		return expression.Wrong(key+".name", "another model is called %s too", c.Name)
	}
	unit, err := m.unit(key, c.Resource, c.Unit)
	if err != nil {
		return err
	}
	one, err := m.language.model(key, c, unit)
	if err == nil {
		m.models = append(m.models, one)
	}
	return err
}

func (m *Models) addDiscount(key string, c DiscountConfig) error {
	if slices.ContainsFunc(m.discounts, func(other *discount) bool { return other.name == c.Name }) {
		return expression.Wrong(key+".name", "another discount is called %s too", c.Name)
	}
	if c.Resource == "" {
		c.Resource = accounting.Monetary
	}
	i := slices.IndexFunc(m.units, func(q accounting.Quantity) bool { return q.Name == c.Resource })
	if i < 0 {
		return expression.Wrong(key+".resource", "nothing is charged for %s here", c.Resource)
	}
	one, err := m.language.discount(key, c, m.units[i])
	if err == nil {
		m.discounts = append(m.discounts, one)
	}
	return err
}

// unit is what a model charges for. A resource has one unit, so that its
// charges can be added up.
func (m *Models) unit(key string, name accounting.Resource, unit accounting.Unit) (accounting.Quantity, error) {
	if name == "" {
		name = accounting.Monetary
	}
	for _, known := range m.units {
		switch {
		case known.Name != name:
		case unit == "" || unit == known.Unit:
			return known, nil
		default:
			return known, expression.Wrong(key+".unit", "%s is counted in %s here, not in %s", name, known.Unit, unit)
		}
	}
	if unit == "" {
		return accounting.Quantity{}, expression.Wrong(key+".unit", "is missing: in what is %s counted?", name)
	}
	q, err := accounting.NewQuantity(name, "0", unit)
	if err == nil {
		err = q.Validate()
	}
	if err != nil {
		return q, expression.Wrong(key+".resource", "%v", err)
	}
	m.units = append(m.units, q)
	return q, nil
}

// Hash is described at accounting.CostModel.
func (m *Models) Hash() accounting.TariffHash { return m.hash }

// Units is described at accounting.CostModel.
func (m *Models) Units() []accounting.Quantity { return slices.Clone(m.units) }

// Changes is described at accounting.CostModel.
func (m *Models) Changes(from, until time.Time) []time.Time {
	times := m.rates.Changes(from, until)
	window := Validity{from, until}
	for _, one := range m.models {
		times = append(times, one.calendar.Changes(from, until)...)
		times = appendWithin(times, one.Validity, window)
	}
	for _, d := range m.discounts {
		times = appendWithin(times, d.Validity, window)
	}
	slices.SortFunc(times, time.Time.Compare)
	times = slices.CompactFunc(times, time.Time.Equal)
	return times[:min(len(times), accounting.MaxChanges)]
}

// appendWithin adds the ends of a validity that lie in a window.
func appendWithin(times []time.Time, v, window Validity) []time.Time {
	for _, at := range []time.Time{v.From, v.Until} {
		if !at.IsZero() && window.covers(at) {
			times = append(times, at)
		}
	}
	return times
}
