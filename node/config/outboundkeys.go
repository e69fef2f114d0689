package config

import "starling/federation/address"

// Outbound is what a node connects to on behalf of others: users, whose data it
// fetches, and the issuers of their tokens.
type Outbound struct {
	// Addresses and networks of the site's own to which it may all the same, with
	// or without a port (10.7.0.0/16:443, 10.7.1.2, [fd00::]/64:8080). Everybody who
	// may ask for a session can make the node fetch from there. Without it only
	// public addresses are reached, and of the ports below 1024 only 80 and 443.
	// Link-local addresses, where clouds keep their credentials, never are.
	Allow []string `key:"allow" example:"[10.7.0.0/16:443]"`
}

// Ranges are those addresses. They have been checked by Load.
func (o Outbound) Ranges() address.Ranges {
	ranges, _, _ := address.ParseRanges(o.Allow)
	return ranges
}
