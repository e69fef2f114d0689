// Package shortlist chooses whom to ask: from what is known of each node (package
// digest), it estimates how a request would fare there, and picks the few that are
// worth asking. Gossip chooses the short list; live offers decide.
package shortlist
