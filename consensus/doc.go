// Package consensus carries the node's commands into the record that all nodes
// share: the state of package accounting, on disk.
//
// A command begins in the node's own [Outbox], which lives in the node's session
// store, so that it is durable in the very transaction of the session change
// that caused it. From there a log takes it in order, exactly once, and applies
// it to state.db, a bbolt file that holds the state and, in the same transactions,
// how far each outbox was applied. There are two logs behind the same methods:
//
//   - [Local] is the log of a node by itself.
//   - [Raft] is a node's part of the log that all nodes of a federation share. Its
//     leader makes entries of what all outboxes hand it, raft carries them to every
//     node, and each applies them to a state.db of its own.
//
// A record's name is (store id, sequence). Sequences have no gaps; a log skips
// what it has and refuses what it can't have yet ([GapError]).
//
// A command that accounting refuses does not stop the log: it is kept as a
// [Rejection], logged and counted. Whatever else goes wrong (a full disk, no
// leader) is tried again until it works, and Err says so meanwhile; a broken
// store stops the log, and is not served: state.db has a sum of all of its rows.
//
// DESIGN.md tells why.
package consensus
