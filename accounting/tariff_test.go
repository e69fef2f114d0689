package accounting_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	. "starling/accounting"
)

// night is a tariff of 0.36 EUR an hour and core, half of it by night.
var night = TariffConfig{
	Currency: "EUR",
	Rates: map[string]RateConfig{
		"core-seconds": {Per: "3600", Price: "0.36", Energy: "0.01", Carbon: "0.002"},
		"bytes-staged": {Per: "1e9", Price: "0.05"},
	},
	Daily: []DailyConfig{{Hours{From: "22:00", To: "06:00"}, "0.5"}},
}

func tariff(t require.TestingT, config TariffConfig) *Tariff {
	made, err := NewTariff(config)
	require.NoError(t, err)
	return made
}

func clock(day int, hour float64) time.Time {
	return time.Date(2026, 11, day, 0, 0, 0, 0, time.UTC).Add(time.Duration(hour * float64(time.Hour)))
}

func TestChargesFollowThePriceOfTheTime(t *testing.T) {
	tr := tariff(t, night)
	cases := []struct {
		name       string
		start, end time.Time
		want       string
	}{
		{"by day", clock(1, 10), clock(1, 11), "0.36"},
		{"by night", clock(1, 23), clock(1, 24), "0.18"},
		{"over midnight", clock(1, 23), clock(2, 1), "0.18"},
		{"half and half", clock(1, 21), clock(1, 23), "0.27"},
		{"a quarter by night", clock(1, 19), clock(1, 23), "0.315"},
		{"into the morning", clock(2, 5), clock(2, 7), "0.27"},
		{"a whole day", clock(1, 10), clock(2, 10), "0.3"},
		{"ten days", clock(1, 10), clock(11, 10), "0.3"},
		{"ten days and a night hour", clock(1, 22), clock(11, 23), "0.299502"},
		{"no time by night", clock(1, 23), clock(1, 23), "0.18"},
		{"no time by day", clock(1, 22), clock(1, 22), "0.18"},
		{"the last moment of the day", clock(1, 21.999999), clock(1, 21.999999), "0.36"},
	}
	usage := []Quantity{quantity(t, CoreSeconds, "3600", "s"), quantity(t, "unpriced", "1", "s")}
	for _, c := range cases {
		bill, err := tr.Charge(Work{Usage: usage, Start: c.start, End: c.end})
		require.NoError(t, err)
		want := []Quantity{
			quantity(t, Monetary, c.want, "EUR"), quantity(t, Energy, "0.01", "kWh"), quantity(t, Carbon, "0.002", "kg"),
		}
		assert.Equal(t, want, bill.Charges, c.name)
	}
	bill, err := tr.Charge(Work{Usage: []Quantity{quantity(t, BytesStaged, "3e9", Bytes)}, Start: clock(1, 10), End: clock(1, 11)})
	require.NoError(t, err)
	assert.Equal(t, euros(t, "0.15"), bill.Charges)
	_, err = tr.Charge(Work{Usage: usage, Start: clock(1, 11), End: clock(1, 10)})
	assert.ErrorIs(t, err, ErrInvalid)
}

// Property: what is used evenly costs the same in one piece and cut in two, to
// within the rounding of each.
func TestACutAnywhereChangesNoPrice(t *testing.T) {
	tr := tariff(t, night)
	rapid.Check(t, func(rt *rapid.T) {
		start := clock(1, 0).Add(time.Duration(rapid.Int64Range(0, int64(48*time.Hour)).Draw(rt, "start")))
		one := time.Duration(rapid.Int64Range(1, int64(72*time.Hour)).Draw(rt, "one")).Truncate(time.Millisecond)
		two := time.Duration(rapid.Int64Range(1, int64(72*time.Hour)).Draw(rt, "two")).Truncate(time.Millisecond)
		cost := func(from time.Time, d time.Duration) Amount {
			usage, err := Footprint{Cores: 7}.Usage(d)
			require.NoError(rt, err)
			bill, err := tr.Charge(Work{Usage: usage, Start: from, End: from.Add(d)})
			require.NoError(rt, err)
			for _, q := range bill.Charges {
				if q.Name == Monetary {
					return q.Amount
				}
			}
			return 0
		}
		whole := cost(start, one+two)
		parts := cost(start, one) + cost(start.Add(one), two)
		require.InDelta(rt, int64(whole), int64(parts), 2)
	})
}

func TestChangesAreTheInstantsOfAnotherPrice(t *testing.T) {
	tr := tariff(t, night)
	assert.Equal(t, []time.Time{clock(1, 22), clock(2, 6), clock(2, 22)}, tr.Changes(clock(1, 10), clock(3, 6)))
	assert.Equal(t, []time.Time{clock(1, 22)}, tr.Changes(clock(1, 22), clock(1, 23)))
	assert.Empty(t, tr.Changes(clock(1, 23), clock(2, 5)), "midnight changes nothing")
	assert.Empty(t, tr.Changes(clock(3, 0), clock(1, 0)))
	assert.Len(t, tr.Changes(clock(1, 0), clock(1, 0).AddDate(10, 0, 0)), MaxChanges)
	flat := night
	flat.Daily = []DailyConfig{{Hours{From: "00:00", To: "00:00"}, "2"}}
	assert.Empty(t, tariff(t, flat).Changes(clock(1, 0), clock(9, 0)))
}

func TestAHashNamesTheTariff(t *testing.T) {
	assert.Equal(t, tariff(t, night).Hash(), tariff(t, night).Hash())
	dearer := night
	dearer.Rates = map[string]RateConfig{"core-seconds": {Price: "1"}}
	assert.NotEqual(t, tariff(t, night).Hash(), tariff(t, dearer).Hash())
	assert.Equal(t, Quantity{Name: Monetary, Unit: "EUR"}, tariff(t, night).Units()[0])
}

func TestABadTariffNamesItsKey(t *testing.T) {
	cases := []struct {
		config TariffConfig
		want   string
	}{
		{TariffConfig{}, "currency"},
		{TariffConfig{Currency: "EUR", Rates: map[string]RateConfig{"x": {Price: "-1"}}}, "rates.x.price"},
		{TariffConfig{Currency: "EUR", Rates: map[string]RateConfig{"x": {Energy: "1/2"}}}, "rates.x.energy"},
		{TariffConfig{Currency: "EUR", Rates: map[string]RateConfig{"x": {Per: "0"}}}, "rates.x.per"},
		{TariffConfig{Currency: "EUR", Daily: []DailyConfig{{Hours{From: "6", To: "07:00"}, "1"}}}, "daily[0].from"},
		{TariffConfig{Currency: "EUR", Daily: []DailyConfig{{Hours{From: "06:00", To: "24:00"}, "1"}}}, "daily[0].to"},
		{TariffConfig{Currency: "EUR", Daily: []DailyConfig{{Hours{From: "06:00", To: "07:00"}, ""}}}, "daily[0].factor"},
		{TariffConfig{Currency: "EUR", Daily: []DailyConfig{
			{Hours{From: "22:00", To: "06:00"}, "1"}, {Hours{From: "05:00", To: "07:00"}, "2"}}}, "overlap on mon, 05:00"},
	}
	for _, c := range cases {
		_, err := NewTariff(c.config)
		assert.ErrorIs(t, err, ErrInvalid)
		assert.ErrorContains(t, err, c.want)
	}
}

func TestAFootprintIsWhatItOccupiesOverTime(t *testing.T) {
	usage, err := Footprint{Cores: 2, MemoryGiB: 4, BytesStaged: 10}.Usage(90 * time.Second)
	require.NoError(t, err)
	assert.Equal(t, []Quantity{
		quantity(t, TotalTime, "90", "s"), quantity(t, CoreSeconds, "180", "s"),
		quantity(t, MemoryGiBSeconds, "360", "GiB s"), quantity(t, BytesStaged, "10", Bytes),
	}, usage)
	_, err = Footprint{Cores: 1 << 60}.Usage(time.Hour)
	assert.ErrorIs(t, err, ErrOverflow)
	_, err = Footprint{Cores: -1}.Usage(time.Hour)
	assert.ErrorIs(t, err, ErrInvalid)
	_, err = Footprint{}.Usage(-1)
	assert.ErrorIs(t, err, ErrInvalid)
}

func TestPeriodsAreSemesters(t *testing.T) {
	for date, want := range map[string]Period{
		"2026-01-31T23:59:59Z": "2025B", "2026-02-01T00:00:00Z": "2026A", "2026-07-31T23:59:59Z": "2026A",
		"2026-08-01T00:00:00Z": "2026B", "2026-12-31T23:59:59Z": "2026B", "2027-01-01T00:00:00Z": "2026B",
		"2026-08-01T01:00:00+02:00": "2026A",
	} {
		at, err := time.Parse(time.RFC3339, date)
		require.NoError(t, err)
		assert.Equal(t, want, PeriodAt(at), date)
	}
}

func ExampleTariff_Charge() {
	tr, _ := NewTariff(TariffConfig{Currency: "EUR", Rates: map[string]RateConfig{
		"core-seconds": {Per: "3600", Price: "0.03"}, // by the core-hour
	}})
	start := time.Date(2026, 11, 18, 12, 0, 0, 0, time.UTC)
	usage, _ := Footprint{Cores: 8}.Usage(30 * time.Minute)
	bill, _ := tr.Charge(Work{Usage: usage, Start: start, End: start.Add(30 * time.Minute)})
	for _, c := range bill.Charges {
		fmt.Println(c.Name, c.Amount.Format(c.Unit), c.Unit)
	}
	// Output: monetary 0.12 EUR
}
