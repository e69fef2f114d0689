package config

// Site is what offers say of this site, beside its costs.
type Site struct {
	// How fast a core computes, in GFLOP/s; 0 leaves the metric out of offers.
	ComputePerformance float64 `key:"computePerformance" min:"0" max:"1e9"`
	// How fast a session reads and writes, in MB/s; 0 leaves the metric out.
	IOThroughput float64 `key:"ioThroughput" min:"0" max:"1e9"`
}

// Tariff is what using the site costs. Its numbers are decimals that stay
// exact; it has the shape of accounting.TariffConfig.
type Tariff struct {
	// The currency of the prices.
	Currency string `key:"currency"`
	// What usage costs, by its name: core-seconds, memory-gib-seconds,
	// storage-gib-seconds, gpu-seconds, or whatever else executors report.
	// Usage that is not named costs nothing. Each has price (money), energy
	// (kWh) and carbon (kg), for so many units as per says; per is 1 unless
	// given. With 3600, core-seconds are priced by the core hour.
	Rates map[string]Rate `key:"rates"`
	// Times of every day (UTC) at which prices are multiplied by a factor, as
	// {from: "22:00", to: "06:00", factor: 0.5} halves them at night.
	Daily []Daily `key:"daily"`
}

// Rate is what one kind of usage costs. Absent numbers are "".
type Rate struct {
	// How many units the others are for; 1 where absent.
	Per Decimal `key:"per" optional:"yes"`
	// Money, in the tariff's currency.
	Price Decimal `key:"price" optional:"yes"`
	// Energy in kWh.
	Energy Decimal `key:"energy" optional:"yes"`
	// Carbon dioxide equivalent in kg.
	Carbon Decimal `key:"carbon" optional:"yes"`
}

// Daily is a time of every day, UTC, over midnight where to is not after from.
type Daily struct {
	// The first minute, HH:MM.
	From Clock `key:"from"`
	// The minute at which it is over, HH:MM.
	To Clock `key:"to"`
	// What prices are multiplied by.
	Factor Decimal `key:"factor"`
}
