package costs_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"starling/accounting"
	. "starling/accounting/costs"
)

// rates are 0.36 EUR and 0.01 kWh an hour and core.
var rates = accounting.TariffConfig{Currency: "EUR", Rates: map[string]accounting.RateConfig{
	"core-seconds": {Per: "3600", Price: "0.36", Energy: "0.01"},
}}

func models(t require.TestingT, c Config) *Models {
	c.Tariff = rates
	m, err := New(c)
	require.NoError(t, err)
	return m
}

// clock is an hour of November 2026, whose first day is a Sunday.
func clock(day int, hour float64) time.Time {
	return time.Date(2026, 11, day, 0, 0, 0, 0, time.UTC).Add(time.Duration(hour * float64(time.Hour)))
}

// work is eight cores of alice's, for proposal P-7, from start to end.
func work(t require.TestingT, start, end time.Time) accounting.Work {
	w := accounting.Work{
		Kind: "urn:test", Site: "uksrc", Pool: "lt-1", Start: start, End: end,
		Owners: accounting.Owners{
			TAG: accounting.Party{ID: "T"}, Programme: accounting.Party{ID: "survey"},
			Proposal: accounting.Party{ID: "P-7"}, User: accounting.Party{ID: "alice"},
		},
		Size: accounting.Footprint{Cores: 8, MemoryGiB: 32},
	}
	var err error
	w.Usage, err = w.Size.Usage(end.Sub(start))
	require.NoError(t, err)
	return w
}

// text writes quantities as "0.36 EUR, 1 kWh".
func text(list []accounting.Quantity) string {
	var parts []string
	for _, q := range list {
		parts = append(parts, string(q.Amount.Format(q.Unit))+" "+string(q.Unit))
	}
	return strings.Join(parts, ", ")
}

func TestAnExpressionIsWhatItCosts(t *testing.T) {
	for expression, want := range map[string]string{
		`usage["core-seconds"] / 3600.0 * 0.03`:                                     "0.24 EUR",
		`usage["dark-time"] * 1.0`:                                                  "",
		`usage["gpu-seconds"] * 2.0 + 0.1`:                                          "0.1 EUR",
		`session.cores * hours`:                                                     "8 EUR",
		`session.memory > 16 ? 2 : 1`:                                               "2 EUR",
		`session.proposal in ["P-6", "P-7"] ? 0.5 : 1.0`:                            "0.5 EUR",
		`session.user == "alice" && session.tag == "T" ? 3 : 0`:                     "3 EUR",
		`session.programme.startsWith("surv") ? 1u : 0u`:                            "1 EUR",
		`session.kind + session.site + session.pool == "urn:testuksrclt-1" ? 1 : 0`: "1 EUR",
		`timeOfDay >= "12:00" && weekday == "sun" ? 4 : 5`:                          "4 EUR",
		`start.getHours() == 12 && end > start ? 6 : 0`:                             "6 EUR",
		`duration > duration("30m") ? 7 : 0`:                                        "7 EUR",
		`math.ceil(hours * 1.2) * 1.5`:                                              "3 EUR",
		`math.greatest(usage["core-seconds"] * 0.0, 0.25)`:                          "0.25 EUR",
		`0.0000005`: "", // half to even
		`0.0000015`: "0.000002 EUR",
		`0.0000025`: "0.000002 EUR",
		`0.1 + 0.2`: "0.3 EUR",
	} {
		m := models(t, Config{
			Usage:  []string{"dark-time"},
			Models: []ModelConfig{{Name: "m", Cost: expression}},
		})
		bill, err := m.Charge(work(t, clock(1, 12), clock(1, 13)))
		require.NoError(t, err, expression)
		assert.Equal(t, strings.TrimPrefix(want+", 0.08 kWh", ", "), text(bill.Charges), expression)
	}
}

func TestModelsOfOneResourceAddUpAndOthersKeepTheirRates(t *testing.T) {
	m := models(t, Config{Models: []ModelConfig{
		{Name: "cores", Cost: `session.cores * hours`},
		{Name: "base", Cost: `0.5`},
		{Name: "water", Resource: "water", Unit: "l", Cost: `hours * 3.0`},
	}})
	bill, err := m.Charge(work(t, clock(1, 12), clock(1, 13)))
	require.NoError(t, err)
	assert.Equal(t, "8.5 EUR, 0.08 kWh, 3 l", text(bill.Charges))
	assert.Equal(t, "0 EUR, 0 kWh, 0 kg, 0 l", text(m.Units()))
}

func TestWithoutModelsTheRatesAreAll(t *testing.T) {
	simple, err := accounting.NewTariff(rates)
	require.NoError(t, err)
	m := models(t, Config{})
	w := work(t, clock(1, 12), clock(1, 13))
	want, err := simple.Charge(w)
	require.NoError(t, err)
	got, err := m.Charge(w)
	require.NoError(t, err)
	assert.Equal(t, want, got)
	assert.Equal(t, simple.Hash(), m.Hash())
}

func TestRatesChargeUntilAModelIsValid(t *testing.T) {
	m := models(t, Config{Models: []ModelConfig{{
		Name: "new", Cost: `usage["core-seconds"] / 3600.0`, Validity: Validity{From: clock(2, 0), Until: clock(3, 0)},
	}}})
	for _, tt := range []struct {
		start, end time.Time
		want       string
	}{
		{clock(1, 12), clock(1, 13), "2.88 EUR, 0.08 kWh"},
		{clock(1, 23), clock(2, 1), "10.88 EUR, 0.16 kWh"},
		{clock(2, 12), clock(2, 13), "8 EUR, 0.08 kWh"},
		{clock(2, 23), clock(3, 1), "10.88 EUR, 0.16 kWh"},
		{clock(3, 0), clock(3, 1), "2.88 EUR, 0.08 kWh"},
	} {
		bill, err := m.Charge(work(t, tt.start, tt.end))
		require.NoError(t, err)
		assert.Equal(t, tt.want, text(bill.Charges), "from %s", tt.start)
	}
	assert.Equal(t, []time.Time{clock(2, 0), clock(3, 0)}, m.Changes(clock(1, 0), clock(9, 0)))
}

// weekly is dear on working days, cheap on weekend nights, and free otherwise.
var weekly = []BandConfig{
	{accounting.Hours{From: "09:00", To: "17:00", Days: []string{"mon", "tue", "wed", "thu", "fri"}}, `usage["core-seconds"] / 3600.0`},
	{accounting.Hours{From: "22:00", To: "06:00", Days: []string{"sat", "sun"}}, `hours * 0.1`},
}

func TestEachBandChargesItsPartOfTheTime(t *testing.T) {
	m := models(t, Config{Models: []ModelConfig{{Name: "weekly", Bands: weekly}}})
	bill, err := m.Charge(work(t, clock(1, 20), clock(2, 10)))
	require.NoError(t, err)
	assert.Equal(t, "8.8 EUR, 1.12 kWh", text(bill.Charges), "eight hours of Sunday night and one of Monday morning")
	assert.Equal(t, []time.Time{clock(2, 6), clock(2, 9), clock(2, 17)}, m.Changes(clock(2, 0), clock(3, 0)))
}

// Property: cut anywhere, the parts of a session cost what the whole does, to
// within the rounding of each band's part.
func TestACutAnywhereChangesNoPrice(t *testing.T) {
	m := models(t, Config{Models: []ModelConfig{
		{Name: "weekly", Bands: weekly},
		{Name: "later", Cost: `session.cores * hours * 0.01`, Validity: Validity{From: clock(5, 3)}},
	}})
	money := func(rt *rapid.T, start, end time.Time) accounting.Amount {
		bill, err := m.Charge(work(rt, start, end))
		require.NoError(rt, err)
		for _, q := range bill.Charges {
			if q.Name == accounting.Monetary {
				return q.Amount
			}
		}
		return 0
	}
	rapid.Check(t, func(rt *rapid.T) {
		minutes := func(name string) time.Duration {
			return time.Duration(rapid.IntRange(1, 20_000).Draw(rt, name)) * time.Minute
		}
		start := clock(1, 0).Add(minutes("start"))
		cut := start.Add(minutes("one"))
		end := cut.Add(minutes("two"))
		require.InDelta(rt, int64(money(rt, start, end)), int64(money(rt, start, cut)+money(rt, cut, end)), 10)
	})
}

func TestADiscountIsALineOfItsOwn(t *testing.T) {
	m := models(t, Config{
		Models: []ModelConfig{{Name: "flat", Cost: `10.0`}},
		Discounts: []DiscountConfig{
			{Name: "commissioning", Owner: accounting.Proposal("P-7"), Percent: "12.5"},
			{Name: "others", Owner: accounting.Proposal("P-8"), Percent: "100"},
			{Name: "large", Amount: `session.cores >= 8 ? charge * 0.1 + 1.0 : 0.0`},
			{Name: "past", Percent: "50", Validity: Validity{Until: clock(1, 12)}},
			{Name: "green", Resource: accounting.Energy, Percent: "50"},
		},
	})
	bill, err := m.Charge(work(t, clock(1, 12), clock(1, 13)))
	require.NoError(t, err)
	assert.Equal(t, "10 EUR, 0.08 kWh", text(bill.Charges), "the price stays to be seen")
	var lines []string
	for _, d := range bill.Discounts {
		lines = append(lines, d.Name+" "+text([]accounting.Quantity{d.Off}))
	}
	assert.Equal(t, []string{"commissioning 1.25 EUR", "large 2 EUR", "green 0.04 kWh"}, lines)
	assert.Equal(t, "6.75 EUR, 0.04 kWh", text(bill.Net()))
	assert.Equal(t, []time.Time{clock(1, 12)}, m.Changes(clock(1, 0), clock(9, 0)))
}

func TestDiscountsLeaveNothingBelowZero(t *testing.T) {
	m := models(t, Config{Discounts: []DiscountConfig{
		{Name: "a", Percent: "70"}, {Name: "b", Amount: `charge`}, {Name: "c", Percent: "10"},
	}})
	bill, err := m.Charge(work(t, clock(1, 12), clock(1, 13)))
	require.NoError(t, err)
	assert.Equal(t, "0 EUR, 0.08 kWh", text(bill.Net()))
	assert.Len(t, bill.Discounts, 2)
}

// What only evaluation can find leaves that resource out, and says so.
func TestWhatCannotBeEvaluatedIsLeftOutAndSaid(t *testing.T) {
	for expression, want := range map[string]string{
		`1.0 / (session.gpus * 0.0)`:             "model m: the result is +Inf, which is no amount (was something divided by 0?)",
		`0.0 / session.gpus`:                     "model m: the result is NaN",
		`1.0 - session.cores`:                    "model m: the result is -7: nobody is paid for running",
		`1 / int(session.gpus)`:                  "model m: division by zero",
		`session.cores * 1e300`:                  "model m: amount overflows",
		`usage["core-" + session.pool] * 1.0`:    "model m: no such key: core-lt-1",
		`int(session.user) > 0 ? 1.0 : 2.0`:      "model m: type conversion error",
		`double(session.proposal.size()) * -1.0`: "nobody is paid",
	} {
		m := models(t, Config{Models: []ModelConfig{{Name: "m", Cost: expression}}})
		bill, err := m.Charge(work(t, clock(1, 12), clock(1, 13)))
		require.ErrorContains(t, err, want, expression)
		require.ErrorContains(t, err, "monetary can't be charged")
		assert.Equal(t, "0.08 kWh", text(bill.Charges), "energy is charged all the same")
	}
	m := models(t, Config{Discounts: []DiscountConfig{{Name: "d", Amount: `0.0 - 1.0`}}})
	bill, err := m.Charge(work(t, clock(1, 12), clock(1, 13)))
	require.ErrorContains(t, err, "discount d: the result is -1")
	assert.Equal(t, "0.08 kWh", text(bill.Charges))
}

func TestAHashNamesThePrices(t *testing.T) {
	one := Config{Models: []ModelConfig{{Name: "m", Cost: `1.0`, Bands: weekly}}}
	other := Config{Models: []ModelConfig{{Name: "m", Cost: `2.0`, Bands: weekly}}}
	assert.Equal(t, models(t, one).Hash(), models(t, one).Hash())
	assert.NotEqual(t, models(t, one).Hash(), models(t, other).Hash())
	assert.Len(t, string(models(t, one).Hash()), 16)
}

func BenchmarkCharge(b *testing.B) {
	m := models(b, Config{Models: []ModelConfig{
		{Name: "cores", Cost: `usage["core-seconds"] / 3600.0 * 0.03`, Bands: []BandConfig{
			{accounting.Hours{From: "22:00", To: "06:00"}, `usage["core-seconds"] / 3600.0 * 0.02`}}},
	}})
	w := work(b, clock(1, 12), clock(1, 13))
	for b.Loop() {
		if _, err := m.Charge(w); err != nil {
			b.Fatal(err)
		}
	}
}
