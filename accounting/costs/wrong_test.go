package costs_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/accounting"
	. "starling/accounting/costs"
	"starling/accounting/expression"
)

func TestWhatIsWrongWithAnExpressionIsSaidWhereItStands(t *testing.T) {
	for text, want := range map[string]string{
		``:                                    "is missing",
		`hours *`:                             "column 8: Syntax error",
		"hours *\n  hourz":                    "line 2, column 3: nothing is called hourz; did you mean hours?",
		`usage["core-second"] * 1.0`:          `column 7: usage has no "core-second"; did you mean core-seconds?`,
		`usage.sky * 1.0`:                     `column 6: usage has no "sky"; there are bytes-staged, core-seconds,`,
		`"gpu-second" in usage ? 1 : 2`:       `column 1: usage has no "gpu-second"; did you mean gpu-seconds?`,
		`session.core * 2.0`:                  "column 8: session has no core; did you mean cores?",
		`cores * 2.0`:                         "column 1: nothing is called cores; there are duration, end, hours, session.cores",
		`usage["core-seconds"] / 3600 * 0.03`: "column 23: / doesn't mix decimals and whole numbers: write 3600.0 for 3600",
		`session.user * 2.0`:                  "column 14: * can't be applied to (string, double)",
		`session.user`:                        "makes a value of type string; a cost is a number",
		`usage`:                               "makes a value of type map(string, double); a cost is a number",
		`charge * 0.5`:                        "nothing is called charge",
		`duration`:                            "makes a value of type google.protobuf.Duration",
		`usage.map(a, usage.map(b, usage[a] * usage[b])).size()`: "could take more than 20000 steps",
		strings.Repeat("1+", 3000) + "1":                         "expression code point size exceeds limit",
		strings.Repeat("(", 80) + "1" + strings.Repeat(")", 80):  "recursion",
	} {
		_, err := New(Config{Tariff: rates, Suggest: suggest, Models: []ModelConfig{{Name: "ok", Cost: "1.0"}, {Name: "m", Cost: text}}})
		require.Error(t, err, text)
		var at *expression.Error
		require.ErrorAs(t, err, &at)
		assert.Equal(t, "models[1].cost", at.Key)
		assert.Contains(t, at.Detail(), want)
	}
}

func TestWhatIsWrongWithAModelNamesItsKey(t *testing.T) {
	ok := ModelConfig{Name: "ok", Cost: "1.0"}
	for want, c := range map[string]Config{
		"models[1].name: another model is called ok":   {Models: []ModelConfig{ok, ok}},
		"models[0].unit: is missing: in what is water": {Models: []ModelConfig{{Name: "m", Resource: "water", Cost: "1.0"}}},
		"models[0].unit: monetary is counted in EUR":   {Models: []ModelConfig{{Name: "m", Unit: "GBP", Cost: "1.0"}}},
		"models[0].resource: ":                         {Models: []ModelConfig{{Name: "m", Resource: "a\x00b", Unit: "l", Cost: "1.0"}}},
		"models[0].until: 2026-11-01T00:00:00Z is not after from": {Models: []ModelConfig{
			{Name: "m", Cost: "1.0", Validity: Validity{From: clock(2, 0), Until: clock(1, 0)}}}},
		"models[0].bands[1].cost: column 1: nothing is called x": {Models: []ModelConfig{{Name: "m", Bands: []BandConfig{
			{accounting.Hours{From: "00:00", To: "01:00"}, "1.0"}, {accounting.Hours{From: "02:00", To: "03:00"}, "x"}}}}},
		"models[0].bands: [1]: hours: invalid: two of the times overlap on mon, 00:30": {Models: []ModelConfig{{Name: "m", Bands: []BandConfig{
			{accounting.Hours{From: "00:00", To: "01:00"}, "1.0"}, {accounting.Hours{From: "00:30", To: "03:00"}, "1.0"}}}}},
		"discounts[0]: must have one of percent and amount":      {Discounts: []DiscountConfig{{Name: "d", Percent: "1", Amount: "1.0"}}},
		"discounts[0].percent: \"101\" is not a decimal":         {Discounts: []DiscountConfig{{Name: "d", Percent: "101"}}},
		"discounts[0].amount: column 1: nothing is called charg": {Discounts: []DiscountConfig{{Name: "d", Amount: "charg"}}},
		"discounts[0].resource: nothing is charged for water":    {Discounts: []DiscountConfig{{Name: "d", Resource: "water", Percent: "1"}}},
	} {
		c.Tariff = rates
		_, err := New(c)
		assert.ErrorContains(t, err, want)
	}
}

func TestAllThatIsWrongIsSaidAtOnce(t *testing.T) {
	_, err := New(Config{Tariff: rates, Models: []ModelConfig{{Name: "a", Cost: "x"}, {Name: "b", Cost: "y"}}})
	assert.ErrorContains(t, err, "models[0].cost")
	assert.ErrorContains(t, err, "models[1].cost")
}

// suggest takes names for near that begin alike.
func suggest(name string, known []string) string {
	for _, k := range known {
		if len(name) > 3 && strings.HasPrefix(k, name[:4]) {
			return "; did you mean " + k + "?"
		}
	}
	return ""
}
