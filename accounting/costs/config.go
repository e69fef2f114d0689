package costs

import (
	"time"

	"starling/accounting"
)

// Config is all of a site's prices.
type Config struct {
	// Tariff has the rates, and the currency of everything.
	Tariff accounting.TariffConfig
	// Usage names what executors report beside what every node measures, so
	// that expressions may use it.
	Usage []string
	// Models charge for resources in the place of rates.
	Models []ModelConfig
	// Discounts are taken off charges, as lines of their own.
	Discounts []DiscountConfig
	// Suggest returns "; did you mean …?" where a name is near to a known one,
	// and "" otherwise; nil never suggests.
	Suggest func(name string, known []string) string `json:"-"`
}

// ModelConfig is one model: what it charges for, when, and how much.
type ModelConfig struct {
	Name     string
	Resource accounting.Resource // "" is monetary
	Unit     accounting.Unit     // "" is the one that goes with the resource
	Validity
	Cost  string       // outside of the bands; "" is nothing
	Bands []BandConfig // without overlap
}

// BandConfig is a time of the week in which another expression counts.
type BandConfig struct {
	accounting.Hours
	Cost string
}

// DiscountConfig is what is taken off a resource's charge: a percentage or an
// amount. Each is of the full charge, and no charge falls below 0.
type DiscountConfig struct {
	Name     string
	Resource accounting.Resource // "" is monetary
	Owner    accounting.Owner    // whom it is for: anyone in the session's line of owners; zero is everybody
	Validity                     // by the session's start
	Percent  string              // decimal, 0 to 100
	Amount   string              // an expression, which may use charge
}

// Validity is from when to when something counts; zero is always.
type Validity struct {
	From, Until time.Time // until is not included
}

func (v Validity) covers(t time.Time) bool {
	return !t.Before(v.From) && (v.Until.IsZero() || t.Before(v.Until))
}
