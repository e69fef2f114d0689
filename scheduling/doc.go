// Package scheduling decides where and when work fits.
//
// A pool of resources has one [Timeline]: how much is free at every instant, cut by the [Window]s in which the pool
// works. Everything that takes part of a pool is one entry of its timeline. A question is answered by [Propose],
// which looks for the earliest, larger, smaller and cheaper slots that a [Demand] could have on several timelines.
// Work that is wanted at certain times, or again and again, has a [Timing]; its windows bound the starts of a demand.
// What is offered is held with [Timeline.Hold], as a group: of the alternatives in one offer set only one can ever
// run, so a group takes their pointwise maximum and no more. Accepting an offer turns one alternative into a booking
// and frees the others in the same step ([Timeline.Accept]). When work ends early ([Timeline.End]), later bookings
// move forward ([Timeline.Compress]), and never back: that is conservative backfill.
//
// No operation ever takes more than is free. It either does the whole of what it was asked or changes nothing and
// says why (the errors in errors.go).
//
// The package is pure. It reads no clock, starts no goroutine and locks nothing: whoever shares a Timeline between
// goroutines guards it with a mutex, queries included, since searches leave notes in the timeline for later ones.
package scheduling
