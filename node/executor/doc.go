// Package executor is what every built-in executor shares: it speaks the
// despatch protocol with a node and leaves the work itself to a Backend.
//
// An Executor registers and keeps itself registered, holds a few long polls
// open for work, and runs each despatch in a goroutine of its own. An attempt's
// events are gathered and sent in groups, one request at a time; an attempt
// that has run for a moment holds a heartbeat open, by whose answer the node
// stops it at once; and the completion is repeated until it is answered. What
// could not be sent when the executor ends waits in the spool, a directory, for
// the next one.
//
// The node paces the work: a despatch means that its resources are booked, so
// the executor never refuses one for want of room.
//
// DESIGN.md beside this file tells the path of a despatch and the orderings
// that matter.
package executor
