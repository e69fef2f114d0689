// Package fanout asks other nodes what they can offer, and tells them what has
// become of it.
//
// Peers.Ask puts one question to several nodes at once, on behalf of who asked, and
// waits no longer than it is told. What they answer is theirs to say and this
// node's to check (check.go): an offer that is for something else, out of bounds,
// of another owner, or with URLs that lead elsewhere is a lie or a mistake, and its
// node is left out with the reason, as is one that is slow, broken or refuses.
// URLs of what is taken become paths, for whoever shows it to put a base before.
//
// Peers.Sessions asks them likewise for the sessions that the caller has there.
//
// Peers.Offers reads again how offers stand, and Peers.Accept takes one. Peers.Tell
// says to a node, as a node and on nobody's behalf, which of its offers are still
// wanted, or that one of its own was accepted (tell.go); Listener is the other end.
package fanout
