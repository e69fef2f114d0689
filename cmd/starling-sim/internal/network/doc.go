// Package network plays a federation of many nodes in virtual time, to see what a few in a room can't show: how long a
// digest takes to be known everywhere, what that costs, and how good the places are that jobs get by digests which are
// old when they are read.
//
// What is real: the digests and their codec (federation/digest, scheduling.Outline), the short list
// (federation/shortlist), the ranking (scheduling/placement) and the timelines of all sites. What is modelled: gossip
// ([Gossip] says how), that asking and accepting take no time, and people, who accept the best offer at once. A run
// depends on its options and its seed, and on nothing else.
package network
