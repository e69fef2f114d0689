// Package load is a federation's users and executors, who never rest, and the record
// of all that they were told. It knows sites by their names and URLs alone, so that it
// is the same for processes, containers and machines far away; whatever befalls the
// sites meanwhile is somebody else's doing. Package check holds the sites to what the
// record says.
//
// A Load begins with Start, which registers executors at every site and grants what
// users may spend. From then on users come in an open loop: so many operations a
// second, drawn from a seed, whether or not the sites keep up. Each of them makes a
// trip: she asks for offers and takes one, at any site, twice, at two sites at once,
// too late, or not at all; looks at what is hers, lists it, cancels it; or pries into
// what isn't. Beside them a few treasurers write what only a majority can (allocations),
// at a steady pace, so that a gap in it can be told; and executors poll, work for a
// moment, send files and reports, and complete. Whoever gets no answer goes on to
// another site, with the same Idempotency-Key where there is one.
//
// Stop sends the users home, lets the executors finish what was accepted, and returns
// the Record: every operation with when it was called and answered (by a clock that
// never leaps), by whom, at which sites, and what came of it: acknowledged, refused, or
// unknown. Unknown is what may have been done or may yet be: no answer is no promise.
//
//	record.go     what is remembered       figures.go   what it comes to
//	load.go       the open loop            capacity.go  how much the sites can take
//	trip.go       the kinds of trips       offers.go, sessions.go, reads.go   what users do
//	treasury.go   strong writes and reads  executor.go, attempt.go   who does the work
//	asking.go     one request, at one site or another
package load
