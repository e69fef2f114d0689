// Package node is one broker: it answers requests with offers, keeps sessions
// from offer to end, hands them to executors and takes their reports.
//
// The story runs in this order:
//
//   - question.go understands a request; elsewhere.go asks other nodes what they
//     offer, ask.go looks for offers on the timelines, choose.go ranks all of them
//     and keeps the best; direct.go asks and accepts in one step, wherever the best
//     is (take.go).
//   - siblings.go and courier.go tell other nodes what became of their offers;
//     foreign.go shows how those stand.
//   - accept.go changes a session as its owner asks; phase.go has the table of
//     what may follow what.
//   - funds.go weighs what it costs against the limits of those who pay;
//     allowance.go spends what the record entrusts the node with; orders.go
//     takes what operators order of the ledger.
//   - pool.go keeps what is booked together; executors.go registers who works
//     there; despatch.go hands out what is due.
//   - report.go and complete.go take what executors say; lease.go acts when
//     they say nothing, or take too long.
//   - timing.go reads when and how often; repeat.go and pay.go book and pay for
//     the next execution of a session that is executed again and again.
//   - agenda.go does things when their time comes; recover.go reads everything
//     back after a restart or a failure of the disk.
//   - trail.go puts on record who did what, and who was refused.
//   - access.go looks up what clients name, on their behalf; view.go, read.go,
//     files.go and events.go show what there is.
//
// Decisions are made in memory under one lock, which is never held across I/O,
// and go to disk in the order they were made; nothing is answered before it is
// durable, and what is read is what is durable. See DESIGN.md.
//
// The broker takes the caller's identity with every call, and decides in one
// place who may have what (access.go). It locks nothing while it waits.
package node
