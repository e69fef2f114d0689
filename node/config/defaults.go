package config

import (
	"time"

	"starling/scheduling/transfer"
)

// Default is the configuration of an empty file. A development node (dev) is
// open where a real one is careful. The name and the URL stay empty here, the
// capacity zero: they depend on more than this package's taste.
func Default(dev bool) Config {
	c := Config{
		HTTP: "127.0.0.1:7733",
		Data: "./starling-data",
		Dev:  dev,
		Log:  Log{Level: "info", Format: "text"},
		// Sites that want spans have some requests a second.
		Tracing: Tracing{Sample: 1},
		// The largest campaigns known had requests of some hundred kilobytes.
		Limits: Limits{
			Body: 1 * MiB, List: 10_000, Depth: 32, Page: 1000,
			// A connection costs some 20 KiB.
			Sockets: 10_000, SocketsPerAddress: 1000, Rates: defaultRates(),
		},
		Offers: Offers{
			HoldTime:          300 * time.Second, // as the reference implementation holds them
			PerRequest:        4,
			HoldGroupsPerUser: 64,
			HoldShare:         0.5,
			Horizon:           14 * 24 * time.Hour,
			DefaultDuration:   time.Hour,
			MaxDuration:       30 * 24 * time.Hour,
			// A quarter, in which people write up what they have found.
			MaxStorageLifetime: 90 * 24 * time.Hour,
		},
		// Three beside this one are as good as all, where load is known to some seconds;
		// a node that takes longer than two of them is one that users would wait for later.
		Placement: Placement{Policy: "balanced", Ask: 3, Deadline: 2 * time.Second, Offers: 8},
		Sessions: Sessions{
			Lease: time.Minute, LeaseMin: 10 * time.Second, LeaseMax: time.Hour,
			Attempts: 3, Lapse: 2 * time.Hour, OfferRetention: 24 * time.Hour,
		},
		Uploads: Uploads{Space: 100 * GiB, Retention: 7 * 24 * time.Hour},
		Executor: Executor{
			Process: Process{Bubblewrap: "auto", OutputRetention: 7 * 24 * time.Hour, Network: true},
			Docker:  Docker{Pull: true, Network: "open", Connectors: true, Processes: 4096, OutputRetention: 7 * 24 * time.Hour},
			Staging: Staging{MaxBytes: 100 * GiB, Timeout: time.Hour, AllowPrivate: dev},
		},
		Transfers: Transfers{
			Bandwidth: Bandwidth(transfer.DefaultRate), Start: transfer.DefaultStart.Duration(), Size: Size(transfer.DefaultSize),
		},
		Tariff: defaultTariff(),
		// A site's planned work is over in minutes; a skew of more than some of them
		// is a clock that nobody looks after.
		Federation: Federation{Network: "wan", Voters: 7, ReplaceAfter: 10 * time.Minute, ClockSkew: 10 * time.Minute},
		// Half a minute is what clocks that are looked after may differ.
		Auth: Auth{Leeway: 30 * time.Second, Payer: "personal", Delegation: "auto"},
	}
	if dev {
		c.Limits.Sockets, c.Limits.SocketsPerAddress = 0, 0
		c.Limits.Rates = Rates{Burst: c.Limits.Rates.Burst}
		c.Federation.Network = "lan"
		c.Executors = []string{"process", "simulator"}
		c.Connect.Networks = []string{"127.0.0.0/8", "::1", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"}
	}
	return c
}

// defaultRates stop who runs wild, and nobody who works: a script that asks for
// offers one after the other does some hundred a second at best. An executor of
// ten thousand sessions, each heard of every ten seconds, is the largest known.
func defaultRates() Rates {
	return Rates{
		PerUser: 200, PerExecutor: 2000, PerPeer: 2000, PerAddress: 100,
		FailedLogins: 60, Burst: 10 * time.Second,
	}
}

// defaultTariff has prices of the order that research computing centres
// publish: two cents for a core hour, half a euro for a GPU hour. A busy core
// draws some 8 W, a GiB of memory 0.4 W, a GPU 250 W; electricity comes with
// 0.25 kg of CO2-equivalent per kWh.
func defaultTariff() Tariff {
	return Tariff{
		Currency: "EUR",
		Rates: map[string]Rate{
			"core-seconds":       {Per: "3600", Price: "0.02", Energy: "0.008", Carbon: "0.002"},
			"memory-gib-seconds": {Per: "3600", Price: "0.002", Energy: "0.0004", Carbon: "0.0001"},
			"gpu-seconds":        {Per: "3600", Price: "0.5", Energy: "0.25", Carbon: "0.0625"},
		},
	}
}
