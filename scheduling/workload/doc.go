// Package workload replays logs of real machines through the timelines of package scheduling.
//
// A log in the Standard Workload Format is read with [Read] and replayed in virtual time with [Replay]: jobs arrive,
// wait, run and end as they did, but a [Policy] of ours decides when they start, with nothing but a
// scheduling.Timeline to keep the books. Where others have published what a policy gives on a log, the replay must give
// the same; that is how we know that the timeline is right on more than our own examples.
package workload
