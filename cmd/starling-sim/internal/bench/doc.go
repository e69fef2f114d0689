// Package bench measures how fast a node is on the machine at hand.
//
// Most figures are of a real node: `starling serve` in a process of its own, on loopback, with a data directory of its
// own and fsync on, asked over HTTP by clients in this process that keep their connections (client.go). What a promise
// costs at least is one fsync, so that the time of one is measured on the same directory beside every figure that
// depends on it. A few figures are of the timelines alone, in this process.
//
// An [Experiment] prepares a node, measures one or more [Figure]s, and ends what it has started. A figure that misses
// its target is a figure like any other; only what did not work is an error.
package bench
