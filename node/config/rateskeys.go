package config

import "time"

// Rates bound how often requests may come. 0 is no bound.
type Rates struct {
	// Requests a second of one user. What pages of her sessions ask for (notebooks)
	// counts by itself, by the same rate.
	PerUser int `key:"perUser" min:"0" max:"1000000"`
	// Requests a second of one executor's token. It polls and reports for all of
	// its sessions.
	PerExecutor int `key:"perExecutor" min:"0" max:"1000000"`
	// Requests a second of another node, which asks on behalf of its users.
	PerPeer int `key:"perPeer" min:"0" max:"1000000"`
	// Requests a second from one address (of IPv6, one /64) without a token, or
	// with a bad one. Proxies in front of the node must be known to it (proxies),
	// or all that comes through them counts as theirs.
	PerAddress int `key:"perAddress" min:"0" max:"1000000"`
	// Bad tokens a minute from one address, before they are no more answered than
	// by 429. A good one is answered all the while.
	FailedLogins int `key:"failedLogins" min:"0" max:"1000000"`
	// After how long a silence the most may come at once: the requests of so much
	// time.
	Burst time.Duration `key:"burst" min:"1s" max:"1h"`
}
