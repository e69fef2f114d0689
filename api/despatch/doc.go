// Package despatch is the protocol between a broker and its executors: the
// wire types, and a client for programs written in Go.
//
// An executor registers, saying what it can run; asks for work and waits; gets
// a Despatch, which is one attempt at one session: whose it is, the sequence of
// actions to perform, a reference to the history entry that is already open for
// it, a lease and a fencing token. It reports Updates while it works and one
// Completion when it ends. Everything is JSON over HTTP, so that an executor
// can be written in any language; the built-in ones use this same client.
//
//	POST /executors                            Registration -> 201 or 200 Registered
//	POST /executors/{uuid}/despatch?wait=30s   -> 200 Despatch, or 204 with Starling-Reasons
//	POST /history/{ref}/updates?wait=20s       Updates -> 200 UpdatesAnswer
//	POST /history/{ref}/completion             Completion -> 200, the history entry
//	PUT  /history/{ref}/files/{name}?fence=7   a Piece of a file -> 200 Received
//
// All want a bearer token with the role executor, and an executor belongs
// to the user of the token that registered it. It stays registered as long as
// it is heard of: it registers again, polls or reports within
// Registered.RenewSeconds. A node answers no request later than a minute, and
// holds a report back for half a lease at most.
//
// A 204 counts, by reason, all that may come to the executor some time: not-yet
// (booked for later, or others must end first), vetoed, outside-window (while it
// doesn't work), too-large and wrong-kind. Its windows are replaced by those of
// the next registration, at any time: what is booked outside of them is moved, or
// fails, and whoever it belongs to is told. What has been due for long without a
// sign of its executor goes to another.
//
// The sequence of every despatch is a stage-data action for each data resource,
// then what it is all for, then save and release. What it is for is one action
// run with the executable as the user wrote it (Run.Executable); or, where she
// wrote a sequence of her own (urn:starling:executable:sequence-1.0), each of her
// actions in its place, under the kind that she gave it, verbatim in Value, with
// the ids action-1, action-2 and so on. There is no run action then. Only kinds,
// schemes and sizes that an executor has registered are ever despatched to it.
//
// A stage-data action may bear an Authorization: the token with which its server
// gives the data, for that resource alone. Only executors that have registered
// KindDataToken get such work, and only over TLS or on the node's own machine. The
// token goes to the origin of the location and nowhere else, whatever redirects
// say; it is kept in memory, away from the user's program, from logs and files.
//
// The reports move the session: that of an action's start makes it PREPARING
// (stage-data) or RUNNING (run, or one of the user's own), the completion ends
// it. An executor reports what it cares to; a completion alone will do.
//
// Where the work has something to talk to, a notebook say, the executor reports
// a Connector, and the node leads the user's browser to it.
//
// Files may lie anywhere: the node lists them all, and serves those that it has.
// Of a built-in executor these are the files at file:// locations in its work
// directory; every other executor sends its files, before the completion, which
// then lists them without a location. A Piece says where in its file it belongs,
// the answer how much of the file the node has, without a gap: the sender goes on
// from there, whatever it remembers. (An empty piece asks.) With the whole file's
// bytes and sha256 it is whole when it is all there; one that turns out to differ
// is thrown away and 400, and may be sent anew. What a program prints is sent
// without them while it grows (role stdout or stderr), and with them at last. The
// node takes as much as the session has booked storage, and 1 GiB at least; 413
// says that it takes no more. Sending renews the lease, and goes on for an hour
// at most after the work has ended.
//
// COMPLETED and PARTIAL make the session COMPLETED; FAILED and ABANDONED make it
// FAILED, or have it tried again where the failure says so, after the veto. The
// node decides how often, and never later than the user lets it begin. A
// completion is believed, also after an order to stop. Everything that was
// reported can be read again: GET /history/{ref}, and /history/{ref}/updates.
//
// Three rules make it safe to retry anything at any time. Every update and
// completion bears a key: the same again is a duplicate and changes nothing.
// Every report bears the fence of its despatch: when a lease was lost and the
// session despatched anew, the old holder is refused with 409. And any report
// renews the lease; an executor with nothing to report sends a heartbeat.
//
// No answer, 408, 429 and 5xx mean: the same again, a little later. Any other
// 4xx is a refusal, and the same again is useless. 409 says that the attempt is
// lost: stop the work and forget it. 404 for a poll says that the node has
// forgotten the executor: register again. A despatch whose answer got lost is
// despatched again when its lease has ended; or at once, when the executor
// registers with the list of the attempts that it is Holding.
//
// The broker stops work by the answer to a report: UpdatesAnswer.Stop. With
// ?wait= an answer is held back until there is an order, or the time is up, so
// that a stop arrives at once. An executor that is told to stop stops the work,
// then sends its completion as always: ABANDONED, or what it is.
//
// deploy/examples/executor.py is a whole executor in a page of Python.
//
// The protocol follows the Liverpool Telescope's despatch protocol: exposures,
// resource consumption and failure context are its terms.
package despatch
