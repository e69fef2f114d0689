// Package changeling is a node that isn't what it seems: it has a real certificate, a
// place in the log and users of its own, and does evil when it is told to. The program
// (program, below) is wired as `starling serve` is, out of package site, with another
// clock and something of ours between the node and the others; the program that sites
// run has neither.
//
// What it is to do stands in a file in its data directory (Orders), which it reads
// again and again, so that a fault begins and ends while it runs. A mind (minds.go,
// lies.go) answers other nodes in its stead; an attack (attacks.go) calls them. Its own
// users, and the log, it serves as ever: the federation promises nothing to the users
// of a site that lies to them, and Raft stands crashes and cuts, not liars.
package changeling
