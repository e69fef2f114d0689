// Package api is the node's face: ExecutionBroker 1.0, what Starling adds to
// it, the despatch protocol, the record, VOSI and operation, all over HTTP.
//
// A request meets four stations, and each has a file. It is observed: given an
// id, timed, counted, and its panics caught (observe.go). It is admitted: the
// host it names, the site it comes from and the caller on whose behalf it is
// made are checked in one place (admit.go). Its body is read within bounds and
// decoded (body.go). Then its handler asks the [Broker], which this package
// only knows by the small interfaces of broker.go, and writes the answer in the
// form that the client prefers (answer.go), every URL on this node's base
// (urls.go). Whatever goes wrong on the way becomes one kind of document, an
// RFC 9457 problem (problem.go).
//
// Handlers decide nothing: whether a caller may see a session, whether an offer
// still stands, what a cursor means is the broker's to say. They bound, decode,
// ask, encode.
//
// [Server] is an http.Handler; [Listener] serves it on a port. [Server.Local]
// is a way in that needs no port, for the executors inside the node.
package api
