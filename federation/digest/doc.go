// Package digest is what a node tells the others of what it has to give, and what
// they know of it.
//
// It has two parts. The fast one (Fast) changes with every booking and travels by
// gossip, so it is small; the slow one (Slow) changes with the configuration, or as
// links are learned, and is fetched from its node when its hash in the fast part
// has changed. Both are what the node says of itself: they help to choose whom to
// ask, and are never a promise. Offers are.
package digest
