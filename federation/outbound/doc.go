// Package outbound makes the HTTP requests that others cause a node to make: to
// where users say that data is, to the issuers of tokens, to catalogues. There
// is one client for them all, since every other one would be a way around it.
//
// Where a request leads is judged when the connection is made, by the address
// that is dialled: the name has been resolved by then, once, so that no spelling
// of an address, no answer of a name server that changes and no redirect leads
// into the node's own network. Some addresses are never reached, whatever the
// configuration says: link-local ones, where clouds keep their credentials,
// multicast and the like. The environment's proxies are not used, which would
// resolve names for themselves.
//
// What comes back is bounded in time and size, and taken as it is: nothing is
// decompressed.
package outbound
