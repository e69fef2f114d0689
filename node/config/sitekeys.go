package config

// Site is what offers say of this site, beside its costs.
type Site struct {
	// How fast a core computes, in GFLOP/s; 0 leaves the metric out of offers.
	ComputePerformance float64 `key:"computePerformance" min:"0" max:"1e9"`
	// How fast a session reads and writes, in MB/s; 0 leaves the metric out.
	IOThroughput float64 `key:"ioThroughput" min:"0" max:"1e9"`
}

// Tariff is what using the site costs. Its numbers are decimals that stay
// exact. The simple form is rates, by the time of day; models are CEL
// expressions that charge in their place. See Costs.
type Tariff struct {
	// The currency of the prices.
	Currency string `key:"currency"`
	// What usage costs, by its name: core-seconds, memory-gib-seconds,
	// storage-gib-seconds, gpu-seconds, or whatever else executors report.
	// Usage that is not named costs nothing.
	Rates map[string]Rate `key:"rates"`
	// Times at which the prices of rates are multiplied by a factor, as
	// {from: "22:00", to: "06:00", factor: 0.5} halves them at night.
	Daily []Daily `key:"daily"`
	// Names of what executors report as used, beside what every node measures
	// (total-time, core-seconds, memory-gib-seconds, storage-gib-seconds,
	// gpu-seconds, bytes-staged): expressions may use these too, as
	// usage["dark-time"].
	Usage []string `key:"usage"`
	// Cost models in CEL (cel.dev): each charges for one resource, while it is
	// valid, in the place of rates; those of the same resource add up. An
	// expression sees usage["core-seconds"] and the like, start, end, duration,
	// hours, timeOfDay ("22:05"), weekday ("sat"), all UTC, and session.kind,
	// .cores, .memory, .storage (GiB), .gpus, .site, .pool, .user, .group,
	// .proposal, .programme and .tag. All numbers are decimals: write 3600.0,
	// not 3600. A result that is no amount (below 0, or divided by 0) charges
	// nothing, and a note in the history says so.
	Models []Model `key:"models"`
	// What is taken off a charge, as a line of its own in offers, history and
	// statement.
	Discounts []Discount `key:"discounts"`
}

// Model is one cost model.
type Model struct {
	// Its name, for messages.
	Name string `key:"name"`
	// What it charges for: monetary, energy, carbon or a name of your own;
	// monetary where absent.
	Resource string `key:"resource" optional:"yes"`
	// In what that is counted; only for a name of your own.
	Unit string `key:"unit" optional:"yes"`
	// The first day of its validity, or instant; always where absent.
	From Moment `key:"from" optional:"yes"`
	// The day, or instant, from which it is not valid any more.
	Until Moment `key:"until" optional:"yes"`
	// The expression that makes the cost, outside of the bands.
	Cost string `key:"cost" optional:"yes"`
	// Times of the week with expressions of their own. Usage, duration and
	// hours are the part that falls into the band. Write times here and not
	// into expressions: offers that start later for less are looked for where
	// bands change.
	Bands []Band `key:"bands" optional:"yes"`
}

// Band is a time of the week at which another expression counts, UTC.
type Band struct {
	// The first minute, HH:MM.
	From Clock `key:"from"`
	// The minute at which it is over, HH:MM; the next day, where that is not
	// after from.
	To Clock `key:"to"`
	// The days on which it begins; every day where absent.
	Days []string `key:"days" optional:"yes" oneof:"mon tue wed thu fri sat sun"`
	// The expression.
	Cost string `key:"cost"`
}

// Discount is what is taken off a charge.
type Discount struct {
	// Its name, which stands on statements.
	Name string `key:"name"`
	// Off which charge; monetary where absent.
	Resource string `key:"resource" optional:"yes"`
	// Whom it is for, as proposal:P-7, programme:surveys, tag:UK, group:ID or
	// user:alice; everybody where absent.
	Owner string `key:"owner" optional:"yes"`
	// The first day, or instant, on which sessions start that get it.
	From Moment `key:"from" optional:"yes"`
	// The day, or instant, from which on they don't.
	Until Moment `key:"until" optional:"yes"`
	// How much of the charge, from 0 to 100.
	Percent Decimal `key:"percent" optional:"yes"`
	// Or an expression of how much; it sees charge beside what models see.
	Amount string `key:"amount" optional:"yes"`
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

// Daily is a time of the day, UTC.
type Daily struct {
	// The first minute, HH:MM.
	From Clock `key:"from"`
	// The minute at which it is over, HH:MM; the next day, where that is not
	// after from.
	To Clock `key:"to"`
	// The days on which it begins; every day where absent.
	Days []string `key:"days" optional:"yes" oneof:"mon tue wed thu fri sat sun"`
	// What prices are multiplied by.
	Factor Decimal `key:"factor"`
}
