// Package shortlist chooses whom to ask: from what is known of each node (package digest), it estimates how a request
// would fare there, and picks the few that are worth asking. Gossip chooses the short list; live offers decide.
//
// A digest is old when it is read, by seconds at least, and all nodes read the same ones: if each asked those that look
// best, all would ask the same few at the same time (Mitzenmacher, How Useful Is Old Information?, 2000). So the older
// digests are, the more nodes the short list is drawn from. How many follows from what may have happened meanwhile
// (Dahlin, Interpreting Stale Load Information, 2000): Little's law says how many jobs have begun in the age of the
// digests, if n run and each runs as long as this one; so many may have taken the best places before this one comes.
// The list is therefore drawn from the best nodes that have room for all of those together, each with the chance of
// its share of that room. If nothing can have happened the best are asked; if all may have changed, any that could do
// it. Of those that are asked the best live offer is taken, which is the power of choices (Mitzenmacher, The Power of
// Two Choices in Randomized Load Balancing, 2001): chance on the short list costs little, as long as there are several.
//
// What this node has sent to a site itself, and the site's digest can't show yet, is known better than by chance: it
// is taken off the profile ([Unconfirmed]).
package shortlist
